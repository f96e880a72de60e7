//! A machine that stands where it should: kept as the estate describes it, switched on if it is off.

use super::backups::{BackupMachine, clock};
use super::draft::{Pen, because, because_of};
use super::fencing::{fence, other_writers};
use super::former;
use super::opening::{point_names, repository};
use super::rebuild::ENOUGH;
use super::situation::{Writer, WriterState};
use super::view::{View, service_names};
use crate::decide::changes::changes;
use crate::decide::damage::reading;
use crate::decide::point;
use crate::model::desired::Repair;
use crate::model::ids::StepId;
use crate::model::machine::{MachineFacts, Stage};
use crate::model::plan::{Action, Cause, Drift, Effect, Hold};
use crate::model::point::RecoveryPoint;

/// The file that says where a machine's points go.
const WAY_TO_BACKUP: &str = "/etc/holdfast/backup.env";

/// A machine that runs where it should: mend drift, names, recovery points.
pub(super) fn keep(view: &View<'_>, writer: &Writer<'_>, facts: &MachineFacts, pen: &mut Pen<'_>) {
    missing_state(view, writer, facts, pen);
    clock(pen, &writer.name, facts.ahead_ms);
    let converged = mend(view, writer, facts, pen);
    let Ok(opened) = open_again(view, writer, facts, converged.as_ref(), pen) else {
        return;
    };
    point_names(
        view,
        &writer.name,
        writer.seen,
        opened.as_ref(),
        &mut pen.set_off_by(Cause::Difference),
    );
    back_up(
        view,
        writer,
        writes_elsewhere(view, writer, facts),
        &[converged.as_ref(), opened.as_ref()],
        pen,
    );
}

/// A machine that was shut for something that did not come about opens as it was: with its own
/// checks, which what was wanted may have changed. The rest is done when users are in.
pub(super) fn as_it_was(
    view: &View<'_>,
    writer: &Writer<'_>,
    facts: &MachineFacts,
    pen: &mut Pen<'_>,
) {
    if facts.open {
        keep(view, writer, facts, pen);
    } else if open_again(view, writer, facts, None, pen).is_err() {
        pen.note(format!("{} stays closed", writer.name));
    }
}

/// A recovery point by the schedule, whatever else is wanted of the machine and may not be done.
pub(super) fn protect(view: &View<'_>, writer: &Writer<'_>, pen: &mut Pen<'_>) {
    let WriterState::Answers(facts) = &writer.state else {
        return;
    };
    let ended = view.at.stack.ended(view.seen.at).is_some() && !facts.open;
    let aside = writer.seen.is_none_or(|machine| machine.quarantined);
    if writer.fenced.is_none() && !ended && !aside {
        let elsewhere = writes_elsewhere(view, writer, facts);
        back_up(view, writer, elsewhere, &[None], pen);
    }
}

/// Another was begun, because this one seemed lost or was to move, and nobody needs it any more:
/// it is set aside. It was never opened, by its own word, so it never held what users wrote.
pub(super) fn half_made(view: &View<'_>, pen: &mut Pen<'_>) {
    let Some(machine) = view.at.candidate else {
        return;
    };
    let wanted = format!("setting {} aside", machine.name);
    match view.seen.machines.get(&machine.name) {
        Some(Err(gap)) => pen.hold_unseen(wanted, gap, "look at the machine"),
        Some(Ok(facts)) if facts.stage >= Stage::Opened => {}
        _ => {
            pen.step(
                Action::Quarantine {
                    machine: machine.name.clone(),
                },
                Effect::Safe,
                because("it was begun in the place of one that serves, and was never opened"),
                &[],
            );
        }
    }
}

/// The machine still has the way to another backup machine than its points should go to.
pub(super) fn writes_elsewhere(view: &View<'_>, writer: &Writer<'_>, facts: &MachineFacts) -> bool {
    let Some(manifest) = view.manifests.get(&writer.name) else {
        return false;
    };
    let mut files = manifest.files.iter();
    files
        .find(|file| file.path == WAY_TO_BACKUP)
        .is_some_and(|file| {
            facts.files.get(&file.path).map(|fact| &fact.digest) != Some(&file.digest)
        })
}

/// Declared state that is not there is never made anew: it would start empty (S15).
fn missing_state(view: &View<'_>, writer: &Writer<'_>, facts: &MachineFacts, pen: &mut Pen<'_>) {
    let Some(manifest) = view.manifests.get(&writer.name) else {
        return;
    };
    for service in &manifest.services {
        for state in &service.state {
            if !facts.directories.contains_key(&state.path) {
                pen.hold(
                    format!("{} of {}", state.path, service.name),
                    Hold::Forbidden {
                        rule: "S15".into(),
                        reason: format!("declared state is missing on {}", writer.name),
                    },
                    "find out who removed it; it is in the recovery points (holdfast points)",
                );
            }
        }
    }
}

/// Drift is shown, and mended where the repair policy allows it.
pub(super) fn mend(
    view: &View<'_>,
    writer: &Writer<'_>,
    facts: &MachineFacts,
    pen: &mut Pen<'_>,
) -> Option<StepId> {
    let stack = view.at.stack;
    let name = &writer.name;
    let differing = view
        .manifests
        .get(name)
        .map(|manifest| changes(manifest, facts))
        .filter(|differing| !differing.is_empty())?;
    pen.draft.drift.extend(differing.iter().map(|change| Drift {
        stack: Some(stack.id.clone()),
        machine: name.clone(),
        change: change.clone(),
    }));
    if !stack.repair.contains(&Repair::Reinstall) && !stack.repair.contains(&Repair::Restart) {
        pen.hold(
            format!("converging {name}"),
            Hold::Forbidden {
                rule: "repair policy".into(),
                reason: "[repair] automatic names neither restart nor reinstall".into(),
            },
            "add \"reinstall\" to [repair] automatic",
        );
        return None;
    }
    Some(pen.set_off_by(Cause::Difference).step(
        Action::Converge {
            machine: name.clone(),
            changes: differing,
        },
        Effect::Disruptive,
        because("the machine differs from what the estate describes"),
        &[],
    ))
}

/// A rival of the machine cannot be fenced, so that it stays closed; why stands in the plan.
pub(super) struct StaysClosed;

/// A closed machine is checked and opened again; so is one whose opening the journal missed (S6).
fn open_again(
    view: &View<'_>,
    writer: &Writer<'_>,
    facts: &MachineFacts,
    converged: Option<&StepId>,
    pen: &mut Pen<'_>,
) -> Result<Option<StepId>, StaysClosed> {
    let name = &writer.name;
    let written = view.past.writers.get(&view.at.stack.id);
    let known = written.is_some_and(|(_, machine)| machine == name);
    let (checking, opening) = match (facts.open, known) {
        (true, true) => return Ok(None),
        (true, false) => (
            "the journal does not know that it was opened",
            "users are let in, and the journal must say so",
        ),
        (false, _) => (
            "the machine is closed; it opens only after its checks passed",
            "users are shut out",
        ),
    };
    match let_in(view, writer, (checking, opening), converged, pen) {
        Ok(opened) => Ok(Some(opened)),
        // Shutting users out would not stop the rival.
        Err(_) if facts.open => Ok(None),
        Err(closed) => Err(closed),
    }
}

/// Checks a machine that users were on before, fences its rivals, and lets users in again.
pub(super) fn let_in(
    view: &View<'_>,
    writer: &Writer<'_>,
    (checking, opening): (&str, &str),
    after: Option<&StepId>,
    pen: &mut Pen<'_>,
) -> Result<StepId, StaysClosed> {
    let name = &writer.name;
    let checked = pen.step(
        Action::Check {
            machine: name.clone(),
            services: service_names(view),
        },
        Effect::Safe,
        because(checking),
        &[after],
    );
    let rivals = other_writers(view, name, writer.epoch);
    let fences: Vec<StepId> = rivals
        .iter()
        .filter_map(|rival| fence(view, rival, pen))
        .collect();
    if fences.len() < rivals.len() {
        return Err(StaysClosed);
    }
    let after: Vec<Option<&StepId>> = [Some(&checked)]
        .into_iter()
        .chain(fences.iter().map(Some))
        .collect();
    Ok(pen.step(
        Action::Open {
            machine: name.clone(),
            epoch: writer.epoch,
            fenced: rivals.iter().map(|m| m.name.clone()).collect(),
        },
        Effect::Disruptive,
        because(opening),
        &after,
    ))
}

/// A recovery point, when the schedule says so.
fn back_up(
    view: &View<'_>,
    writer: &Writer<'_>,
    elsewhere: bool,
    after: &[Option<&StepId>],
    pen: &mut Pen<'_>,
) {
    let stack = view.at.stack;
    let BackupMachine::Ready {
        name: to,
        created: None,
        serves,
    } = view.backup
    else {
        return; // Where it answers must be known before production can be told.
    };
    if elsewhere && after.first() == Some(&None) {
        pen.hold(
            format!("recovery points of {} on {to}", stack.shown),
            Hold::Forbidden {
                rule: "repair policy".into(),
                reason: format!("{} still knows another backup machine", writer.name),
            },
            "it converges once [repair] automatic names \"reinstall\"",
        );
        return;
    }
    let points = match &view.at.points {
        Ok(points) => points,
        Err(gap) => {
            let wanted = format!("backup of {}", stack.shown);
            pen.hold_unseen(wanted, gap, "look at the backup machine");
            return;
        }
    };
    // A point that was found damaged is made up for at once, and once: what comes after that
    // goes by the schedule, whatever it rests on.
    let reading = reading(&stack.id, to, view.seen, view.past);
    let damaged_since = reading.and_then(|reading| reading.damaged_since);
    let made_up = |p: &&RecoveryPoint| damaged_since.is_some_and(|since| p.taken_at >= since);
    let last = points
        .iter()
        .filter(|p| p.rung >= ENOUGH && p.epoch == writer.epoch)
        .filter(|p| p.damaged.is_none() || made_up(p))
        .map(point::moment)
        .max();
    // Older points wait elsewhere until there is a first one here.
    let first = view.at.answering_elsewhere().next().is_some() && !former::begun(view, to);
    if !first && !point::backup_due(&stack.backup.schedule, last, view.seen.at) {
        return;
    }
    let repository = repository(&view.at, view.past, to, serves.as_ref(), pen);
    let mut waits = vec![repository.as_ref(), serves.as_ref()];
    waits.extend(after);
    pen.step(
        Action::Backup {
            machine: writer.name.clone(),
            to: to.clone(),
            ahead: false,
        },
        Effect::Safe,
        because_of(&stack.backup.placement.place, "a recovery point is due"),
        &waits,
    );
}

/// Off by the hoster's word and not tried yet: the cheapest rung of the ladder first.
pub(super) fn power_on(view: &View<'_>, writer: &Writer<'_>, pen: &mut Pen<'_>) {
    let repair = &view.at.stack.repair;
    // What was switched off in order to be switched on again is not left off.
    let switched_off = view.past.windows.switched_off(&view.at.stack.id) == Some(&writer.name);
    if !switched_off && !repair.contains(&Repair::Restart) && !repair.contains(&Repair::Reboot) {
        pen.hold(
            format!("switching {} on", writer.name),
            Hold::Forbidden {
                rule: "repair policy".into(),
                reason: "[repair] automatic does not name restart".into(),
            },
            "add \"restart\" to [repair] automatic, or switch it on by hand",
        );
        return;
    }
    pen.step(
        Action::PowerOn {
            machine: writer.name.clone(),
        },
        Effect::Safe,
        because(if switched_off {
            "it was shut down for another type, and is switched on again whatever came of it"
        } else {
            "its hoster says it is off; its data may be whole"
        }),
        &[],
    );
}
