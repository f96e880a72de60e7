//! A planned move: the estate names another place for production.

use super::backups::BackupMachine;
use super::draft::{Pen, because_of};
use super::fencing::{no_way_to_fence, quarantine, waiver_remedy, way_to_fence};
use super::newcomer::{Filling, newcomer, restore};
use super::opening::open_and_resume;
use super::situation::Writer;
use super::view::View;
use crate::model::desired::Placement;
use crate::model::plan::{Action, Effect, Source};

/// A planned move: the old machine writes until the last moment, then never again.
pub(super) fn move_away(
    view: &View<'_>,
    writer: &Writer<'_>,
    placement: &Placement,
    pen: &mut Pen<'_>,
) {
    let stack = view.at.stack;
    let wanted = format!(
        "moving {} to {} {}",
        stack.shown, placement.hoster, placement.site
    );
    let Some(old) = writer.seen else { return };
    let Some(by) = way_to_fence(view, old) else {
        pen.hold(wanted, no_way_to_fence(old), waiver_remedy(old));
        return;
    };
    let BackupMachine::Ready {
        name: to, serves, ..
    } = view.backup
    else {
        if let BackupMachine::NotNow { gap } = view.backup {
            pen.hold_unseen(
                wanted,
                gap,
                "a move needs a last recovery point; mend the backup machine first",
            );
        }
        return;
    };
    if let Err(gap) = &view.at.points {
        pen.hold_unseen(
            wanted,
            gap,
            "a move needs a last recovery point; look at the backup machine",
        );
        return;
    }
    let Some(machine) = newcomer(
        view,
        &[placement],
        Filling::Coming,
        &wanted,
        "production was moved here",
        pen,
    ) else {
        return;
    };
    let why = || because_of(&placement.place, "production was moved to another place");
    let closed = pen.step(
        Action::Close {
            machine: old.name.clone(),
        },
        Effect::Disruptive,
        why(),
        &[Some(&machine.installed), serves.as_ref()],
    );
    let last = pen.step(
        Action::Backup {
            machine: old.name.clone(),
            to: to.clone(),
        },
        Effect::Safe,
        why(),
        &[Some(&closed)],
    );
    let fenced = pen.step(
        Action::Fence {
            machine: old.name.clone(),
            by,
        },
        Effect::Destructive,
        why(),
        &[Some(&last)],
    );
    let source = Source::Step { step: last.clone() };
    let loaded = restore(&machine, source, Some(&last), Some(&fenced), pen);
    let opened = open_and_resume(
        view,
        &machine,
        &loaded,
        std::slice::from_ref(&old.name),
        &[fenced],
        pen,
    );
    quarantine(&[old], &opened, pen);
}
