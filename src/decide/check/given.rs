//! S2: never below the epoch that a name says users were led to.

use super::Court;
use crate::decide::given;
use crate::model::ids::{Epoch, MachineName};
use crate::model::machine::Role;
use crate::model::plan::{Action, Step};

type Problem = (&'static str, String);

impl Court<'_> {
    pub(super) fn not_below(&self, step: &Step) -> Option<Problem> {
        let (host, given) = given::highest(step.stack.as_ref()?, self.seen)?;
        let (machine, epoch) = match &step.action {
            // A new machine never takes the epoch that another was given.
            Action::Create {
                machine,
                role: Role::Production,
                epoch,
                ..
            } => (machine, (*epoch > given.epoch).then_some(*epoch)),
            Action::Open { machine, epoch, .. } => (machine, Some(*epoch)),
            Action::Name { machine, .. } => (machine, Some(self.made_for(machine)?)),
            Action::Initialise { machine } => (machine, None),
            _ => return None,
        };
        (epoch < Some(given.epoch)).then(|| {
            let problem = format!(
                "takes {machine} for the newest, and {host} was given to {} ({})",
                given.machine, given.epoch
            );
            ("S2", problem)
        })
    }

    /// The epoch that a machine was made for, or will be by this plan.
    fn made_for(&self, machine: &MachineName) -> Option<Epoch> {
        let made = |step: &Step| match &step.action {
            Action::Create {
                machine: new,
                epoch,
                ..
            } if new == machine => Some(*epoch),
            _ => None,
        };
        let listed = self.machines.get(machine).map(|seen| seen.epoch);
        listed.or_else(|| self.steps.values().find_map(|step| made(step)))
    }
}
