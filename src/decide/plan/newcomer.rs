//! A machine on its way up: rented, or found half-made by an earlier run (S6), then filled from a point.

use super::backups::BackupMachine;
use super::draft::{Pen, because};
use super::lost;
use super::machines::{self, PlaceFor, choose_place};
use super::situation::WriterState;
use super::view::{View, suits};
use crate::decide::names;
use crate::model::desired::Placement;
use crate::model::gap::GapKind;
use crate::model::ids::{Epoch, MachineName, PointId, StepId};
use crate::model::machine::{Role, Stage};
use crate::model::observed::{Power, SeenMachine};
use crate::model::plan::{Action, Effect, Hold, Source};

/// A machine on its way up.
pub(super) struct Newcomer {
    pub name: MachineName,
    pub epoch: Epoch,
    /// It answers and has the base tools.
    pub prepared: StepId,
    /// Packages and files are there.
    pub installed: StepId,
}

/// What a machine on its way up will be filled with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Filling<'a> {
    /// Empty state, which it may hold already.
    Empty,
    /// This point, which it may hold already.
    Point(&'a PointId),
    /// A point that is still to be made, so that it cannot hold it.
    Coming,
}

/// The candidate that is there already, or a new machine at the first place with room.
pub(super) fn newcomer(
    view: &View<'_>,
    places: &[&Placement],
    filling: Filling<'_>,
    wanted: &str,
    reason: &str,
    pen: &mut Pen<'_>,
) -> Option<Newcomer> {
    let backup_created = match view.backup {
        BackupMachine::Ready { created, .. } => created.as_ref(),
        BackupMachine::NotNow { gap } => {
            pen.hold_unseen(wanted, gap, "mend the backup machine first");
            return None;
        }
    };
    if let Some(gap) = view.at.unseen.first() {
        pen.hold_unseen(
            wanted,
            gap,
            "a second machine is never made while the first may be there; look again when it answers",
        );
        return None;
    }
    if let Some(candidate) = view.at.candidate {
        let reason = if holds_other_data(view, candidate, filling) {
            "it was filled from another recovery point and never opened"
        } else if let Some(place) =
            (places.iter()).find(|p| suits(view, candidate, p) && is_as_asked(view, candidate, p))
        {
            return resume(view, candidate, place, wanted, backup_created, pen);
        } else {
            "it was begun at a place, on an operating system or of a type that the estate no longer asks for"
        };
        // It never held users' data.
        pen.step(
            Action::Quarantine {
                machine: candidate.name.clone(),
            },
            Effect::Safe,
            because(reason),
            &[],
        );
    }
    if lost::is_missing_one(view, wanted, pen) {
        return None;
    }
    let epoch = view.at.next_epoch;
    let name = names::production_machine(&view.at.stack.id, epoch);
    if let Some(gap) = view.past.orders.open(&name, view.seen) {
        pen.hold_unseen(wanted, &gap, machines::ON_ITS_WAY);
        return None;
    }
    match choose_place(places, view.want, view.seen, view.past, &pen.draft.taken) {
        PlaceFor::Full(reason) => {
            pen.hold(
                wanted,
                Hold::Forbidden {
                    rule: "capacity".into(),
                    reason,
                },
                "order a machine, or add a fallback to the stack",
            );
            None
        }
        PlaceFor::At { placement, take } => {
            let created =
                machines::create(pen, &name, Role::Production, epoch, placement, take, reason);
            let road = machines::prepare(pen, &name, placement, Some(&created), backup_created);
            Some(Newcomer {
                name,
                epoch,
                prepared: road.prepared,
                installed: road.installed,
            })
        }
    }
}

/// A move waits for the machine that was asked for; who has lost theirs takes the one that is there.
/// The journal's word: what we asked for then.
fn is_as_asked(view: &View<'_>, candidate: &SeenMachine, place: &Placement) -> bool {
    let moves = (view.at.writer.as_ref())
        .is_some_and(|writer| matches!(writer.state, WriterState::Answers(_)));
    let made = view.past.machines.get(&candidate.name);
    let made = made.and_then(|made| made.machine_type.as_ref());
    !moves || made.is_none() || made == place.machine_type.as_ref()
}

/// Data is loaded into a fresh machine only (S4), so one that holds other data is of no use.
fn holds_other_data(view: &View<'_>, candidate: &SeenMachine, filling: Filling<'_>) -> bool {
    let Some(Ok(facts)) = view.seen.machines.get(&candidate.name) else {
        return false;
    };
    let held = facts.restored_from.as_deref();
    facts.stage >= Stage::Loaded
        && match filling {
            Filling::Empty => held.is_some(),
            Filling::Point(point) => held != Some(point.as_str()),
            Filling::Coming => true,
        }
}

/// Goes on with a machine that an earlier run began (S6): one server, not two.
fn resume(
    view: &View<'_>,
    candidate: &SeenMachine,
    place: &Placement,
    wanted: &str,
    backup_created: Option<&StepId>,
    pen: &mut Pen<'_>,
) -> Option<Newcomer> {
    let on = (candidate.power == Power::Off).then(|| {
        pen.step(
            Action::PowerOn {
                machine: candidate.name.clone(),
            },
            Effect::Safe,
            because("an earlier run began with it; its hoster says it is off"),
            &[],
        )
    });
    if on.is_none()
        && let Some(Err(gap)) = view.seen.machines.get(&candidate.name)
        && gap.kind == GapKind::ForeignHostKey
    {
        pen.hold_unseen(
            wanted,
            gap,
            "somebody may be in between; find out why before anything else is done to it",
        );
        return None;
    }
    let road = machines::prepare(pen, &candidate.name, place, on.as_ref(), backup_created);
    Some(Newcomer {
        name: candidate.name.clone(),
        epoch: candidate.epoch,
        prepared: road.prepared,
        installed: road.installed,
    })
}

/// Fetch beside the installation, load when both are there.
///
/// `made` is the step that makes the point.
pub(super) fn restore(
    machine: &Newcomer,
    source: Source,
    made: Option<&StepId>,
    pen: &mut Pen<'_>,
) -> StepId {
    let why = || because("state comes from a recovery point, never from nothing");
    let fetched = pen.step(
        Action::Fetch {
            machine: machine.name.clone(),
            source: source.clone(),
        },
        Effect::Safe,
        why(),
        &[Some(&machine.prepared), made],
    );
    pen.step(
        Action::Load {
            machine: machine.name.clone(),
            source,
        },
        Effect::Safe,
        why(),
        &[Some(&fetched), Some(&machine.installed)],
    )
}
