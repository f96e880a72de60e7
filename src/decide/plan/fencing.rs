//! One writer (S2): how an old machine is kept from writing, and what is done when it comes back.

use super::backups::BackupMachine;
use super::draft::{Pen, because};
use super::situation::without_receipt;
use super::view::View;
use crate::decide::asides::Saving;
use crate::model::desired::{InterfaceFamily, Waiver};
use crate::model::ids::{Epoch, MachineName, StepId};
use crate::model::machine::Stage;
use crate::model::observed::{Power, SeenMachine};
use crate::model::plan::{Action, Cause, Effect, FenceBy, Hold};

/// Machines of the stack, other than `name`, that could still write.
pub(super) fn other_writers<'a>(
    view: &View<'a>,
    name: &MachineName,
    epoch: Epoch,
) -> Vec<&'a SeenMachine> {
    view.at
        .machines
        .iter()
        .filter(|m| m.name != *name && m.power != Power::Off)
        .filter(|m| {
            // One of an older epoch has been open; it need not say so now to write.
            m.epoch < epoch
                || matches!(view.seen.machines.get(&m.name), Some(Ok(facts)) if facts.stage >= Stage::Opened)
                || !view.past.machines.contains_key(&m.name)
        })
        .copied()
        .collect()
}

pub(super) fn fence(view: &View<'_>, machine: &SeenMachine, pen: &mut Pen<'_>) -> Option<StepId> {
    if let Some(gap) = without_receipt(machine, view.past) {
        pen.hold_unseen(
            format!("fencing {}", machine.name),
            &gap,
            "find out who made it; nothing opens beside it meanwhile",
        );
        return None;
    }
    let Some(by) = way_to_fence(view, machine) else {
        pen.hold(
            format!("fencing {}", machine.name),
            no_way_to_fence(machine),
            waiver_remedy(machine),
        );
        return None;
    };
    // A waiver is a word of people, not an observation.
    let cause = match &by {
        FenceBy::Waiver { .. } => Cause::Intent,
        FenceBy::PowerOff | FenceBy::Gone => pen.cause,
    };
    Some(pen.set_off_by(cause).step(
        Action::Fence {
            machine: machine.name.clone(),
            by,
        },
        Effect::Destructive,
        because("an older machine of this stack must not write"),
        &[],
    ))
}

/// The signed waiver that names a machine.
pub(super) fn waiver_for(view: &View<'_>, machine: &MachineName) -> Option<FenceBy> {
    let waivers = &view.at.stack.waivers;
    let waiver: &Waiver = waivers.iter().find(|w| w.machine == *machine)?;
    Some(FenceBy::Waiver {
        place: waiver.place.clone(),
    })
}

pub(super) fn way_to_fence(view: &View<'_>, machine: &SeenMachine) -> Option<FenceBy> {
    let account = view.want.hosters.get(&machine.hoster)?;
    match account.descriptor.interface {
        InterfaceFamily::HetznerCloud => Some(FenceBy::PowerOff),
        InterfaceFamily::Pool => waiver_for(view, &machine.name),
    }
}

pub(super) fn no_way_to_fence(machine: &SeenMachine) -> Hold {
    Hold::Forbidden {
        rule: "S2".into(),
        reason: format!(
            "{} at {} has no power control, so nobody can be sure that it stops writing",
            machine.name, machine.hoster
        ),
    }
}

/// What a person signs, literally.
pub(super) fn waiver_text(machine: &MachineName) -> String {
    format!("\n\n[[waiver]]\nmachine = \"{machine}\"\nreason = \"who saw what\"\n")
}

pub(super) fn waiver_remedy(machine: &SeenMachine) -> String {
    format!(
        "sign a [[waiver]] with machine = \"{}\" and the reason in the stack's file; leave it on until its last recovery point is taken, then switch it off yourself",
        machine.name
    )
}

pub(super) fn quarantine(old: &[&SeenMachine], ready: &StepId, pen: &mut Pen<'_>) {
    for machine in old {
        pen.step(
            Action::Quarantine {
                machine: machine.name.clone(),
            },
            Effect::Safe,
            because("another machine has taken over; this one is kept, off"),
            &[Some(ready)],
        );
    }
}

/// Machines with an older epoch that are on again: closed and set aside (S2).
pub(super) fn zombies(view: &View<'_>, writer: &MachineName, epoch: Epoch, pen: &mut Pen<'_>) {
    // Without a receipt its label proves no epoch.
    if !view.past.machines.contains_key(writer) {
        return;
    }
    for machine in &view.at.machines {
        if machine.epoch >= epoch || machine.name == *writer {
            continue;
        }
        if let Some(gap) = without_receipt(machine, view.past) {
            pen.gap(&gap);
            continue;
        }
        let off = machine.power == Power::Off;
        if off && machine.quarantined {
            continue;
        }
        let saved = match save_aside(view, machine, pen) {
            Aside::Waits => continue,
            Aside::After(step) => step,
        };
        let fenced = match way_to_fence(view, machine) {
            Some(FenceBy::PowerOff) if !off => Some(pen.step(
                Action::Fence {
                    machine: machine.name.clone(),
                    by: FenceBy::PowerOff,
                },
                Effect::Destructive,
                because("its epoch is over and it is on"),
                &[saved.as_ref()],
            )),
            _ => saved,
        };
        if !machine.quarantined {
            pen.step(
                Action::Quarantine {
                    machine: machine.name.clone(),
                },
                Effect::Safe,
                because("its epoch is over"),
                &[fenced.as_ref()],
            );
        }
    }
}

/// What comes before a machine of an epoch that is over is switched off.
enum Aside {
    /// It is closed, and stays on until it can be saved.
    Waits,
    /// This step, if any.
    After(Option<StepId>),
}

/// Users are shut out at once, and what they wrote there is saved in a point of its own (S3). One
/// that nobody reaches keeps it on its disk.
fn save_aside(view: &View<'_>, machine: &SeenMachine, pen: &mut Pen<'_>) -> Aside {
    let Some(Ok(facts)) = view.seen.machines.get(&machine.name) else {
        return Aside::After(None);
    };
    let has_power = matches!(way_to_fence(view, machine), Some(FenceBy::PowerOff));
    let saving = match view.past.asides.of(&machine.name, facts.open) {
        _ if facts.stage < Stage::Opened => Saving::Done, // Nobody was ever let in.
        saving => saving,
    };
    // What cannot be closed is switched off.
    let closes = facts.open && (saving == Saving::Needed || !has_power);
    let closed = closes.then(|| {
        pen.step(
            Action::Close {
                machine: machine.name.clone(),
            },
            Effect::Disruptive,
            because("its epoch is over and it lets users in"),
            &[],
        )
    });
    if saving != Saving::Needed {
        return Aside::After(closed);
    }
    match (view.backup, &view.at.points) {
        (
            BackupMachine::Ready {
                name: to,
                created: None,
                serves,
            },
            Ok(_),
        ) => Aside::After(Some(pen.step(
            Action::SaveAside {
                machine: machine.name.clone(),
                to: to.clone(),
            },
            Effect::Safe,
            because("users wrote on it what its successor does not have"),
            &[closed.as_ref(), serves.as_ref()],
        ))),
        (BackupMachine::NotNow { gap }, _) | (_, Err(gap)) => {
            pen.hold_unseen(
                format!("saving what is on {} aside", machine.name),
                gap,
                "mend the backup machine; until then it stays closed, and on",
            );
            Aside::Waits
        }
        _ => Aside::Waits,
    }
}
