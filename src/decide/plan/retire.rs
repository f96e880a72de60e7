//! The end of a stack, as its file declares it: the gate closed, a last recovery point, the
//! machine off and set aside. Nothing is deleted (S3); nothing is repaired or rebuilt any more.

use super::backups::BackupMachine;
use super::draft::{Pen, Reason, because_of};
use super::fencing::{waiver_for, way_to_fence};
use super::keep::{mend, writes_elsewhere};
use super::opening::repository;
use super::situation::{Writer, WriterState};
use super::view::View;
use crate::model::desired::Retirement;
use crate::model::ids::StepId;
use crate::model::machine::MachineFacts;
use crate::model::observed::{Power, SeenMachine};
use crate::model::plan::{Action, Effect, Hold};

/// What is left to do for a stack whose last day has come.
pub(super) fn retire(view: &View<'_>, retirement: &Retirement, pen: &mut Pen<'_>) {
    let why = || because_of(&retirement.place, format!("retired on {}", retirement.on));
    if let Some(half_made) = view.at.candidate {
        // It never held users' data.
        set_aside(half_made, why(), None, pen);
    }
    let Some(writer) = &view.at.writer else {
        return; // Nobody was ever let in.
    };
    let wanted = format!("retirement of {}", view.at.stack.shown);
    match &writer.state {
        WriterState::Answers(facts) => close_down(view, writer, facts, &why, &wanted, pen),
        _ if aside(view, writer) => {}
        WriterState::Unseen(gap) => {
            let remedy = "it is looked at again on the next run; nothing is done to it meanwhile";
            pen.hold_unseen(wanted, gap, remedy);
        }
        WriterState::Silent(gap) => {
            let remedy = "reset it by hand at its hoster, and the rest is done once it answers";
            pen.hold_unseen(wanted, gap, remedy);
        }
        WriterState::Off if !may_stay_off(view, writer) => pen.hold(
            wanted,
            Hold::Forbidden {
                rule: "S3".into(),
                reason: format!(
                    "{} is off, and what was written since its last recovery point is on its disk alone",
                    writer.name
                ),
            },
            format!(
                "switch it on, and the rest is done; or sign a [[waiver]] with machine = \"{}\" to give that up",
                writer.name
            ),
        ),
        WriterState::Off
        | WriterState::OffForGood(_)
        | WriterState::Waived
        | WriterState::Gone => {
            if let Some(machine) = writer.seen {
                set_aside(machine, why(), None, pen);
            }
        }
    }
    names_to_remove(view, writer, pen);
}

/// Set aside already, by its hoster's word or the journal's.
fn aside(view: &View<'_>, writer: &Writer<'_>) -> bool {
    let remembered = view.past.machines.get(&writer.name);
    writer.seen.is_some_and(|machine| machine.quarantined)
        || remembered.is_some_and(|machine| machine.set_aside)
}

/// We switched it off after its last point, or somebody signed that it may stay as it is.
fn may_stay_off(view: &View<'_>, writer: &Writer<'_>) -> bool {
    let begun = format!(".fence.{}", writer.name);
    let unfinished = &view.past.unfinished;
    writer.fenced.is_some()
        || waiver_for(view, &writer.name).is_some()
        // A crash came before the journal heard of it.
        || unfinished.iter().any(|step| step.as_str().ends_with(&begun))
}

/// Close, save what was written until then, switch off, set aside: as in a move, with no successor.
fn close_down(
    view: &View<'_>,
    writer: &Writer<'_>,
    facts: &MachineFacts,
    why: &dyn Fn() -> Reason,
    wanted: &str,
    pen: &mut Pen<'_>,
) {
    let Some(machine) = writer.seen else { return };
    let fence = way_to_fence(view, machine);
    if machine.quarantined && !facts.open && fence.is_none() {
        return; // Without power control it is left as it is: closed, and labelled.
    }
    let BackupMachine::Ready {
        name: to, serves, ..
    } = view.backup
    else {
        if let BackupMachine::NotNow { gap } = view.backup {
            let remedy = "retiring needs a last recovery point; mend the backup machine first";
            pen.hold_unseen(wanted, gap, remedy);
        }
        return;
    };
    if let Err(gap) = &view.at.points {
        let remedy = "retiring needs a last recovery point; look at the backup machine";
        pen.hold_unseen(wanted, gap, remedy);
        return;
    }
    if writes_elsewhere(view, writer, facts) {
        mend(view, writer, facts, pen);
        return; // Its last point comes once it knows where to.
    }
    let closed = pen.step(
        Action::Close {
            machine: writer.name.clone(),
        },
        Effect::Destructive,
        why(),
        &[serves.as_ref()],
    );
    let repository = repository(&view.at, view.past, to, serves.as_ref(), pen);
    let saved = pen.step(
        Action::Backup {
            machine: writer.name.clone(),
            to: to.clone(),
            ahead: false,
        },
        Effect::Safe,
        why(),
        &[Some(&closed), repository.as_ref(), serves.as_ref()],
    );
    let fenced = fence.map(|by| {
        pen.step(
            Action::Fence {
                machine: writer.name.clone(),
                by,
            },
            Effect::Destructive,
            why(),
            &[Some(&saved)],
        )
    });
    set_aside(machine, why(), fenced.as_ref().or(Some(&saved)), pen);
}

fn set_aside(machine: &SeenMachine, why: Reason, after: Option<&StepId>, pen: &mut Pen<'_>) {
    if !machine.quarantined {
        let machine = machine.name.clone();
        pen.step(Action::Quarantine { machine }, Effect::Safe, why, &[after]);
    }
}

/// Records are never removed by us: a name may have another use by then.
fn names_to_remove(view: &View<'_>, writer: &Writer<'_>, pen: &mut Pen<'_>) {
    let Some(machine) = writer
        .seen
        .filter(|m| aside(view, writer) && m.power != Power::On)
    else {
        return;
    };
    for service in &view.at.stack.services {
        if let Some(Ok(name)) = view.seen.names.get(&service.host)
            && name.addresses.contains(&machine.address)
        {
            pen.hold(
                format!("removing the record of {}", service.host),
                Hold::Forbidden {
                    rule: "retirement".into(),
                    reason: format!("it still leads to {}, which is set aside", machine.name),
                },
                "remove the record at the name server yourself, or give the name to another stack",
            );
        }
    }
}
