//! What a plan may not do with the machine of a drill: everything by which it would become a
//! second one of the customer's (S2), or outlive its drill (S6).

use super::Court;
use crate::model::ids::MachineName;
use crate::model::machine::{Role, Stage};
use crate::model::observed::Observed;
use crate::model::plan::{Action, Plan, Source, Step};
use crate::model::point::Rung;
use std::collections::BTreeSet;

type Problem = (&'static str, String);

/// Machines of drills: by their label, or as this plan makes them.
pub(super) fn machines<'a>(plan: &'a Plan, seen: &'a Observed) -> BTreeSet<&'a MachineName> {
    let labelled = seen.hosters.values().flatten().flat_map(|i| &i.machines);
    let labelled = labelled
        .filter(|machine| machine.role == Role::Drill)
        .map(|machine| &machine.name);
    let made = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Create {
            machine,
            role: Role::Drill,
            ..
        } => Some(machine),
        _ => None,
    });
    labelled.chain(made).collect()
}

impl Court<'_> {
    pub(super) fn is_drill(&self, machine: &MachineName) -> bool {
        self.drills.contains(machine)
    }

    /// A step on the machine of a drill.
    pub(super) fn of_a_drill(&self, step: &Step) -> Vec<Problem> {
        let machine = step.action.machine();
        let mut problems: Vec<Problem> = Vec::new();
        match &step.action {
            Action::Open { .. } => {
                problems.push(("S15", format!("lets users in to {machine}, which is of a drill")));
            }
            Action::Name { host, .. } | Action::Ttl { host, .. } => problems.push((
                "S2",
                format!("points {host} at {machine}, which is of a drill"),
            )),
            Action::Backup { .. } => problems.push((
                "S2",
                format!("takes a recovery point of {machine}, which is of a drill"),
            )),
            Action::Initialise { .. } => problems.push((
                "S15",
                format!("starts {machine} empty, which is there to show what comes back"),
            )),
            Action::Create { .. } if !self.ends(machine) => {
                problems.push(("S6", format!("makes {machine} and never destroys it")));
            }
            Action::Load { .. }
                if !self.follows(step, |before| {
                    matches!(before, Action::Isolate { machine: cut_off } if cut_off == machine)
                }) =>
            {
                problems.push((
                    "S2",
                    format!("loads {machine} while it can still talk to others"),
                ));
            }
            _ => {}
        }
        problems
    }

    /// S3, S7: only the machine of a drill is ever destroyed, and only if no user was let in.
    pub(super) fn may_end(&self, machine: &MachineName) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self.must_be_ours(machine).into_iter().collect();
        if !self.is_drill(machine) {
            problems.push(("S3", format!("destroys {machine}, which is of no drill")));
        }
        let opened = matches!(self.seen.machines.get(machine), Some(Ok(facts)) if facts.stage >= Stage::Opened)
            || self.past.writers.values().any(|(_, name)| name == machine);
        if opened {
            problems.push(("S3", format!("destroys {machine}, which let users in")));
        }
        problems
    }

    /// S11: an older point may be asked for, since nobody is ever let in to it; not one of which
    /// nobody knows what arrived.
    pub(super) fn may_be_tried(&self, step: &Step, source: &Source) -> Option<Problem> {
        let (Source::Point { point, on, .. }, Some(stack)) = (source, &step.stack) else {
            return Some(("S11", "tries a point that is not there yet".into()));
        };
        let Some(points) = self.points_on(stack, on) else {
            let unseen = "restores although recovery points could not be listed";
            return Some(("S1", unseen.into()));
        };
        let there = points
            .iter()
            .any(|p| p.id == *point && p.rung >= Rung::Shipped);
        (!there).then(|| ("S11", format!("takes {point}, which was never read back")))
    }

    fn ends(&self, machine: &MachineName) -> bool {
        self.steps
            .values()
            .any(|step| matches!(&step.action, Action::Destroy { machine: m } if m == machine))
    }
}
