//! Machines that a stack's file names and nobody knows: a misspelling must not read like a thing done.

use super::draft::{Draft, Pen};
use super::view::View;
use crate::decide::document::suggest;
use crate::decide::repositories::named;
use crate::model::ids::MachineName;
use crate::model::machine::Role;
use crate::model::plan::Cause;
use std::collections::BTreeSet;

/// Says which `[[waiver]]` and `[[discard]]` do nothing, because no machine has their name.
pub(super) fn tell(view: &View<'_>, draft: &mut Draft) {
    let stack = view.at.stack;
    // Without the journal nobody knows what there was.
    if view.past.repository_in_use(&stack.id).is_none() {
        return;
    }
    let mut pen = Pen {
        draft,
        stack: Some(&stack.id),
        cause: Cause::Intent,
    };
    let waivers = stack.waivers.iter().map(|w| ("[[waiver]]", &w.machine));
    let discards = stack.discards.iter().map(|d| ("[[discard]]", &d.machine));
    for (block, machine) in waivers.chain(discards) {
        if is_known(view, machine) {
            continue;
        }
        let near = suggest(machine.as_str(), known(view).map(MachineName::as_str));
        pen.note(format!(
            "no machine named {machine} is known, neither to the journal nor to a hoster, so its {block} in {} does nothing{}",
            stack.file(),
            near.map_or_else(String::new, |near| format!("; {near}"))
        ));
    }
}

/// Whether a machine of this name keeps or kept anything of the stack, or ran it.
pub(super) fn is_known(view: &View<'_>, machine: &MachineName) -> bool {
    *machine == named(view.at.stack) || known(view).any(|name| name == machine)
}

/// Its production machines, and all backup machines.
fn known<'a>(view: &'a View<'_>) -> impl Iterator<Item = &'a MachineName> {
    let (seen, past, stack) = (view.seen, view.past, &view.at.stack.id);
    let made = past
        .machines
        .iter()
        .filter(move |(_, made)| match made.role {
            Role::Backup => true,
            _ => made.stack.as_ref() == Some(stack),
        });
    let listed = seen.hosters.values().flatten().flat_map(|i| &i.machines);
    let listed = listed.filter(move |listed| match listed.role {
        Role::Backup => true,
        _ => listed.stack.as_ref() == Some(stack),
    });
    let kept = past.repositories.get(stack).into_iter().flatten();
    let all: BTreeSet<&MachineName> = made
        .map(|(name, _)| name)
        .chain(listed.map(|listed| &listed.name))
        .chain(kept.map(|(name, _)| name))
        .chain(past.discarded.keys())
        .collect();
    all.into_iter()
}
