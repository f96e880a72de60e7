//! What must be so before a machine in use is switched off for another type: nobody is on it, what
//! users wrote lies elsewhere (S3), and it is switched on again whatever comes of it.

use super::Court;
use crate::model::ids::{MachineName, StackId, StepId};
use crate::model::machine::Role;
use crate::model::observed::Power;
use crate::model::plan::{Action, Step};
use std::collections::BTreeSet;

type Problem = (&'static str, String);

impl Court<'_> {
    /// A step that shuts such a machine down, or gives it its type.
    pub(super) fn may_be_resized(&self, step: &Step) -> Vec<Problem> {
        let machine = step.action.machine();
        let mut problems: Vec<Problem> = self.must_be_ours(machine).into_iter().collect();
        let Some(stack) = &step.stack else {
            problems.push(("S5", format!("resizes {machine}, which is of no stack")));
            return problems;
        };
        let seen = self.machines.get(machine);
        let production = seen.is_some_and(|m| m.role == Role::Production && !m.quarantined);
        let writer = self.past.writers.get(stack).map(|(_, name)| name);
        if !production || writer != Some(machine) {
            let problem = format!("resizes {machine}, which is not what {stack} runs on");
            problems.push(("S2", problem));
        }
        let off = seen.is_some_and(|m| m.power == Power::Off);
        if matches!(step.action, Action::Resize { .. })
            && !off
            && !self.follows(
                step,
                |a| matches!(a, Action::ShutDown { machine: m } if m == machine),
            )
        {
            problems.push(("S2", format!("resizes {machine} while it runs")));
        }
        if !self.is_shut(step, machine, off) {
            problems.push(("S2", format!("switches {machine} off under its users")));
        }
        if !self.is_saved(step, stack, machine) {
            let problem = format!("resizes {machine} before what users wrote is saved elsewhere");
            problems.push(("S3", problem));
        }
        if !self.is_switched_on(&step.id, machine) {
            let problem = format!("switches {machine} off and never on again");
            problems.push(("S6", problem));
        }
        problems
    }

    /// Users are shut out by then.
    fn is_shut(&self, step: &Step, machine: &MachineName, off: bool) -> bool {
        let shut = matches!(self.seen.machines.get(machine), Some(Ok(facts)) if !facts.open);
        off || shut
            || self.follows(
                step,
                |a| matches!(a, Action::Close { machine: m } if m == machine),
            )
    }

    /// A point was taken and read back after users were shut out.
    fn is_saved(&self, step: &Step, stack: &StackId, machine: &MachineName) -> bool {
        let closes = |a: &Action| matches!(a, Action::Close { machine: m } if m == machine);
        let saves = |saving: &Step| {
            let last = matches!(&saving.action, Action::Backup { machine: m, ahead: false, .. } if m == machine);
            last && self.follows(saving, closes)
        };
        let open = matches!(self.seen.machines.get(machine), Some(Ok(facts)) if facts.open);
        let before = self.past.windows.last_word(stack, machine);
        (before.is_some() && !open) || self.all_before(step).into_iter().any(saves)
    }

    fn all_before(&self, step: &Step) -> Vec<&Step> {
        let mut open: Vec<&StepId> = step.after.iter().collect();
        let mut found = BTreeSet::new();
        while let Some(id) = open.pop() {
            if let Some(before) = self.steps.get(id)
                && found.insert(id)
            {
                open.extend(&before.after);
            }
        }
        let steps = found.into_iter().filter_map(|id| self.steps.get(id));
        steps.copied().collect()
    }

    /// A step that waits for this one switches it on.
    fn is_switched_on(&self, id: &StepId, machine: &MachineName) -> bool {
        let on =
            |step: &&Step| matches!(&step.action, Action::PowerOn { machine: m } if m == machine);
        let behind = |step: &Step| self.all_before(step).iter().any(|before| before.id == *id);
        self.steps.values().copied().filter(on).any(behind)
    }
}
