//! First installation: the only road on which a stack starts empty (S15).

use super::backups::BackupMachine;
use super::draft::{Pen, because_of};
use super::newcomer::{Filling, newcomer};
use super::opening::open_and_resume;
use super::view::View;
use crate::model::plan::{Action, Effect, Hold};

/// No machine of this stack was ever opened and no recovery point exists: install into empty state.
pub(super) fn first_installation(view: &View<'_>, pen: &mut Pen<'_>) {
    let stack = view.at.stack;
    let wanted = format!("first installation of {}", stack.shown);
    let remedy =
        "it is looked at again on the next run; an empty machine is never put where data may be";
    match &view.at.points {
        Ok([]) => {}
        Ok(points) => {
            let reason = format!(
                "{} recovery points exist that were never read back, of a machine that nobody knows",
                points.len()
            );
            let hold = Hold::Forbidden {
                rule: "S15".into(),
                reason,
            };
            pen.hold(wanted, hold, "find out who wrote them (holdfast points)");
            return;
        }
        Err(gap) => {
            pen.hold_unseen(wanted, gap, remedy);
            return;
        }
    }
    if let BackupMachine::NotNow { gap } = view.backup {
        pen.hold_unseen(wanted, gap, "mend the backup machine first: production is not opened without a place for its recovery points");
        return;
    }
    let Some(machine) = newcomer(
        view,
        &[&stack.production],
        Filling::Empty,
        &wanted,
        "the stack asks for it",
        pen,
    ) else {
        return;
    };
    let initialised = pen.step(
        Action::Initialise {
            machine: machine.name.clone(),
        },
        Effect::Safe,
        because_of(
            &stack.production.place,
            "no state of this stack exists anywhere",
        ),
        &[Some(&machine.installed)],
    );
    open_and_resume(view, &machine, &initialised, &[], &[], pen);
}
