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
    let mut elsewhere = view.at.elsewhere.values();
    let unseen = elsewhere.find_map(|points| points.as_ref().err());
    // A name may tell of a machine that nothing else tells of.
    let hosts = stack.services.iter().map(|service| &service.host);
    let mut hosts = hosts.filter_map(|host| view.seen.names.get(host)?.as_ref().err());
    if let Some(gap) = view
        .at
        .points
        .as_ref()
        .err()
        .or(unseen)
        .or_else(|| hosts.next())
    {
        pen.hold_unseen(wanted, gap, remedy);
        return;
    }
    let here = view.at.points.as_ref().map_or(0, |points| points.len());
    let former = view.at.elsewhere.values().flatten();
    let exist = here + former.map(Vec::len).sum::<usize>();
    if exist > 0 {
        let reason = format!(
            "{exist} recovery points exist that were never read back, of a machine that nobody knows"
        );
        let hold = Hold::Forbidden {
            rule: "S15".into(),
            reason,
        };
        pen.hold(wanted, hold, "find out who wrote them (holdfast points)");
        return;
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
