//! Stacks that were there and that the commit does not have any more. A missing file is no wish
//! to destroy anything (S1, S3): what belongs to them is left as it is, and the plan says so.

use super::draft::{Draft, Pen};
use crate::decide::history::History;
use crate::model::desired::Desired;
use crate::model::ids::{MachineName, StackId};
use crate::model::machine::Role;
use crate::model::observed::Observed;
use crate::model::plan::{Cause, Hold};
use std::collections::{BTreeMap, BTreeSet};

/// What is left of a stack.
#[derive(Default)]
struct Remains<'a> {
    /// Machines that nobody set aside.
    standing: BTreeSet<&'a MachineName>,
    /// Machines that are set aside and still with their hoster.
    aside: BTreeSet<&'a MachineName>,
}

/// A hold for each of them.
pub(super) fn hold(want: &Desired, seen: &Observed, past: &History, draft: &mut Draft) {
    for (id, remains) in &left_behind(want, seen, past) {
        let mut pen = Pen {
            draft,
            stack: Some(id),
            cause: Cause::Reality,
        };
        if !remains.standing.is_empty() {
            pen.hold(
                format!("stack {id}"),
                Hold::Forbidden {
                    rule: "S3".into(),
                    reason: format!(
                        "its file is gone and it was not retired; {} and its recovery points stay as they are, and nobody looks after them",
                        list(&remains.standing)
                    ),
                },
                format!(
                    "bring {} back; to rename it, delete that in the same commit that adds the new file with moved_from = \"{id}\"; to end it, sign retired = \"YYYY-MM-DD\" first",
                    id.file()
                ),
            );
        } else if !remains.aside.is_empty() {
            pen.hold(
                format!("what is left of stack {id}"),
                Hold::Forbidden {
                    rule: "S3".into(),
                    reason: format!(
                        "{} is kept, set aside, and costs money",
                        list(&remains.aside)
                    ),
                },
                "delete it at its hoster yourself, once nobody needs it",
            );
        }
    }
}

fn left_behind<'a>(
    want: &Desired,
    seen: &'a Observed,
    past: &'a History,
) -> BTreeMap<&'a StackId, Remains<'a>> {
    let missing = |id: &StackId| !want.stacks.contains_key(id) && !want.broken.contains_key(id);
    let mut left: BTreeMap<&StackId, Remains<'_>> = BTreeMap::new();
    let listed = seen
        .hosters
        .values()
        .flatten()
        .flat_map(|inventory| &inventory.machines);
    for machine in listed.filter(|m| m.role == Role::Production) {
        let Some(stack) = machine.stack.as_ref().filter(|id| missing(id)) else {
            continue;
        };
        let remains = left.entry(stack).or_default();
        if machine.quarantined {
            remains.aside.insert(&machine.name);
        } else {
            remains.standing.insert(&machine.name);
        }
    }
    // What no hoster lists, or could be asked about, may stand all the same.
    let remembered = past
        .machines
        .iter()
        .filter(|(_, m)| !m.set_aside && m.fenced.is_none());
    for (name, machine) in remembered.filter(|(_, m)| m.role == Role::Production) {
        if let Some(stack) = machine.stack.as_ref().filter(|id| missing(id)) {
            left.entry(stack).or_default().standing.insert(name);
        }
    }
    left
}

fn list(names: &BTreeSet<&MachineName>) -> String {
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    names.join(", ")
}
