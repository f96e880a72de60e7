//! Another size for production where it stands: in place where its hoster can, else by a move.
//!
//! In place it is the same machine with the same disk and epoch, so nothing is fenced. A last
//! point is taken once users are shut out: should the hoster lose the disk, nothing is lost.

use super::backups::BackupMachine;
use super::draft::{Pen, because, because_of};
use super::fencing::other_writers;
use super::situation::{Writer, WriterState};
use super::view::{View, suits};
use super::{keep, ttl};
use crate::decide::changes::changes;
use crate::decide::made::PastMachine;
use crate::model::desired::{InterfaceFamily, MachineType, Size};
use crate::model::ids::StepId;
use crate::model::machine::{Change, MachineFacts};
use crate::model::observed::SeenMachine;
use crate::model::plan::{Action, Cause, Effect, Hold};
use crate::model::units::Bytes;

/// What follows from the size that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nothing.
    Nothing,
    /// Something differs, and no commit asks for that to be mended: in words.
    Told(String),
    /// Another type for the same machine.
    InPlace { from: String, to: String },
    /// A new machine of that type at the same place, and why not in place.
    ByMove { to: String, reason: String },
}

/// What the estate asks of the size of a machine that stands where it should.
pub(super) fn asked(view: &View<'_>, machine: &SeenMachine) -> Asked {
    let placement = &view.at.stack.production;
    let Some(past) = view.past.machines.get(&machine.name) else {
        return Asked::Nothing;
    };
    if let Some(words) = ordered(view, machine, past) {
        return Asked::Told(words);
    }
    let (Some(is), Some(to)) = (&machine.hardware, &placement.machine_type) else {
        return Asked::Nothing; // It has no type, or nobody says which: no difference (S1).
    };
    let account = view.want.hosters.get(&placement.hoster);
    let family = account.map(|account| account.descriptor.interface);
    let kinds = account.map_or(&[][..], |account| &account.descriptor.machine_types);
    let kind = kinds.iter().find(|kind| kind.name == *to);
    let (Some(kind), Some(least), true) = (kind, placement.size, suits(view, machine, placement))
    else {
        return Asked::Nothing;
    };
    let from = &is.machine_type;
    let shown = &view.at.stack.shown;
    if from == to {
        let short = past.resized && is.size.disk < least.disk;
        return if short {
            Asked::ByMove {
                to: to.clone(),
                reason: format!(
                    "{} got its type in place and kept a disk of {}; {} is asked for",
                    machine.name,
                    gigabytes(is.size.disk),
                    gigabytes(least.disk)
                ),
            }
        } else {
            Asked::Nothing
        };
    }
    match &past.machine_type {
        None => return Asked::Nothing, // The next look writes it down.
        Some(made) if made == to => {
            return Asked::Told(format!(
                "{shown} runs on a {from} by its hoster's word, and {to} is asked for: somebody resized {} by hand; nothing is done about it until a commit asks for another size",
                machine.name
            ));
        }
        Some(_) => {}
    }
    let enough = is.size.has(&least);
    let less = lacks(kind, &is.size) && asks_for_less(past, &least);
    if past.asked == Some(least) || (enough && !less) {
        let has = if enough {
            "which has all that is asked for"
        } else {
            "and no commit asked for another size since"
        };
        return Asked::Told(format!(
            "{shown} runs on a {from}, {has}; {to} would be chosen now and comes with the next move or rebuild"
        ));
    }
    match why_not_in_place(machine, family, kind, &is.size, &least) {
        Some(reason) => Asked::ByMove {
            to: to.clone(),
            reason,
        },
        None => Asked::InPlace {
            from: from.clone(),
            to: to.clone(),
        },
    }
}

/// Whether something of what is there is more than the type has.
fn lacks(kind: &MachineType, is: &Size) -> bool {
    !kind.size().has(is)
}

/// Whether a commit asks for less of something than was asked for. Where nobody remembers what
/// that was, no commit is known that does: what a machine has is not taken from it (S5).
fn asks_for_less(past: &PastMachine, least: &Size) -> bool {
    past.asked.is_some_and(|asked| !least.has(&asked))
}

/// An ordered machine has the size that was ordered.
fn ordered(view: &View<'_>, machine: &SeenMachine, past: &PastMachine) -> Option<String> {
    let placement = &view.at.stack.production;
    let stays = placement.machine_type.is_none() && suits(view, machine, placement);
    let another = past.asked.is_some() && placement.size.is_some() && past.asked != placement.size;
    (stays && another).then(|| {
        format!(
            "another size is asked for than when {} was taken, and an ordered machine has no other: order one, and move {} to it",
            machine.name, view.at.stack.shown
        )
    })
}

/// The disk stays as it is, so that the type can be taken back.
fn why_not_in_place(
    machine: &SeenMachine,
    family: Option<InterfaceFamily>,
    kind: &MachineType,
    is: &Size,
    least: &Size,
) -> Option<String> {
    let (name, to) = (&machine.name, &kind.name);
    if family != Some(InterfaceFamily::HetznerCloud) {
        return Some(format!(
            "{to} is wanted, and {} cannot resize {name}",
            machine.hoster
        ));
    }
    if kind.disk < is.disk {
        return Some(format!(
            "{to} is wanted, whose disk of {} is smaller than that of {name}, {}",
            gigabytes(kind.disk),
            gigabytes(is.disk)
        ));
    }
    (least.disk > is.disk).then(|| {
        format!(
            "{to} is wanted, and {name} would keep its disk of {}; {} is asked for",
            gigabytes(is.disk),
            gigabytes(least.disk)
        )
    })
}

/// As hosters count disks.
fn gigabytes(disk: Bytes) -> String {
    format!("{} GB", disk.0 / 1_000_000_000)
}

/// In place, as far as it may be and has come. Whatever else is wanted of the machine is done
/// before, while users are in.
pub(super) fn in_place(
    view: &View<'_>,
    writer: &Writer<'_>,
    facts: &MachineFacts,
    (from, to): (&str, &str),
    pen: &mut Pen<'_>,
) {
    if view.stays || held_back(view, writer, (from, to), pen) {
        keep::as_it_was(view, writer, facts, pen);
        return;
    }
    let stack = view.at.stack;
    let in_vain = mended_in_vain(view, writer, facts);
    if facts.open {
        let steps = |pen: &Pen<'_>| pen.draft.steps_of(&stack.id).count();
        let before = steps(pen);
        if in_vain {
            pen.note(format!(
                "{}: what is wrong on {} was mended again and again in vain, so it gets another type, from {from} to {to}, as it is",
                stack.shown, writer.name
            ));
        } else {
            keep::keep(view, writer, facts, pen);
            ttl::as_usual(view, writer, pen);
        }
        if steps(pen) > before {
            pen.note(format!(
                "{}: once this is done, {} gets another type, from {from} to {to}",
                stack.shown, writer.name
            ));
            return;
        }
    }
    if has_rival(view, writer, (from, to), pen) {
        if in_vain || !facts.open {
            keep::as_it_was(view, writer, facts, pen);
        }
        return;
    }
    let mut asked = pen.set_off_by(Cause::Intent);
    let last = if last_word(view, writer) {
        None
    } else {
        match shut_out(view, writer, facts.open, (from, to), &mut asked) {
            Some(last) => Some(last),
            None if facts.open && !in_vain => return,
            None => return keep::as_it_was(view, writer, facts, pen),
        }
    };
    let off = asked.step(
        Action::ShutDown {
            machine: writer.name.clone(),
        },
        Effect::Disruptive,
        because("its hoster gives another type only to a machine that is off"),
        &[last.as_ref()],
    );
    resize(view, writer, (from, to), Some(&off), &mut asked);
}

/// It would be off, and then closed for as long as another cannot be kept from writing: that comes
/// first, and this one serves, or is let in again, as it is.
fn has_rival(view: &View<'_>, writer: &Writer<'_>, sizes: (&str, &str), pen: &mut Pen<'_>) -> bool {
    let rivals = other_writers(view, &writer.name, writer.epoch);
    if rivals.is_empty() {
        return false;
    }
    pen.hold(
        wanted(view, sizes),
        Hold::Forbidden {
            rule: "S2".into(),
            reason: "another machine of this stack may write".into(),
        },
        "it is resized once that one is fenced",
    );
    true
}

/// Only units are down, and each was started so often that once more will not help: they may lack
/// what the larger machine has, and would keep it away for ever.
fn mended_in_vain(view: &View<'_>, writer: &Writer<'_>, facts: &MachineFacts) -> bool {
    let (Some(manifest), Some(sickness)) = (
        view.manifests.get(&writer.name),
        view.past.sicknesses.of(&writer.name),
    ) else {
        return false;
    };
    let differing = changes(manifest, facts);
    let units = |change: &Change| matches!(change, Change::StartUnit { .. });
    let wrong: Vec<String> = differing.iter().map(Change::subject).collect();
    let stays = sickness.stays_wrong(&wrong, &view.at.stack.waits, view.seen.at);
    !wrong.is_empty() && differing.iter().all(units) && stays.len() == wrong.len()
}

/// The machine was shut down for it, and is off: it goes on, if it may. False: it does not.
pub(super) fn goes_on(view: &View<'_>, writer: &Writer<'_>, pen: &mut Pen<'_>) -> bool {
    let switched_off = view.past.windows.switched_off(&view.at.stack.id);
    let Some(machine) = writer.seen.filter(|m| Some(&m.name) == switched_off) else {
        return false;
    };
    let Asked::InPlace { from, to } = asked(view, machine) else {
        return false;
    };
    let sizes = (from.as_str(), to.as_str());
    if view.stays || held_back(view, writer, sizes, pen) || !last_word(view, writer) {
        return false;
    }
    if has_rival(view, writer, sizes, pen) {
        return false;
    }
    let mut pen = pen.set_off_by(Cause::Intent);
    resize(view, writer, (&from, &to), None, &mut pen);
    true
}

/// A point after which nobody has written.
fn last_word(view: &View<'_>, writer: &Writer<'_>) -> bool {
    let open = matches!(writer.state, WriterState::Answers(facts) if facts.open);
    let windows = &view.past.windows;
    !open && (windows.last_word(&view.at.stack.id, &writer.name)).is_some()
}

/// A fresh point while users go on, the gate, and a last point that has little to add.
fn shut_out(
    view: &View<'_>,
    writer: &Writer<'_>,
    open: bool,
    (from, to): (&str, &str),
    pen: &mut Pen<'_>,
) -> Option<StepId> {
    let remedy = "it needs a last recovery point; mend the backup machine first";
    let (on, serves) = match view.backup {
        BackupMachine::Ready {
            name,
            created: None,
            serves,
        } => (name, serves.as_ref()),
        BackupMachine::Ready { .. } => return None,
        BackupMachine::NotNow { gap } => {
            pen.hold_unseen(wanted(view, (from, to)), gap, remedy);
            return None;
        }
    };
    if let Err(gap) = &view.at.points {
        pen.hold_unseen(wanted(view, (from, to)), gap, remedy);
        return None;
    }
    let machine = &writer.name;
    let backup = |ahead| Action::Backup {
        machine: machine.clone(),
        to: on.clone(),
        ahead,
    };
    let ahead = open.then(|| {
        pen.step(
            backup(true),
            Effect::Safe,
            because("what is saved while users go on need not be saved while they wait"),
            &[serves],
        )
    });
    let closed = pen.step(
        Action::Close {
            machine: machine.clone(),
        },
        Effect::Disruptive,
        because_of(
            &view.at.stack.production.place,
            format!("{to} is wanted, and {machine} is a {from}"),
        ),
        &[serves, ahead.as_ref()],
    );
    Some(pen.step(
        backup(false),
        Effect::Safe,
        because("whatever its hoster does to the disk, nothing is lost"),
        &[Some(&closed)],
    ))
}

/// The machine is off, or will be: another type, on again, and in.
fn resize(
    view: &View<'_>,
    writer: &Writer<'_>,
    (from, to): (&str, &str),
    off: Option<&StepId>,
    pen: &mut Pen<'_>,
) {
    let machine = &writer.name;
    let resized = pen.step(
        Action::Resize {
            machine: machine.clone(),
            from: from.to_owned(),
            to: to.to_owned(),
        },
        Effect::Disruptive,
        because_of(
            &view.at.stack.production.place,
            format!("{to} is wanted, and {machine} is a {from}"),
        ),
        &[off],
    );
    let on = pen.step(
        Action::PowerOn {
            machine: machine.clone(),
        },
        Effect::Safe,
        because("whatever its size, it is switched on again"),
        &[Some(&resized)],
    );
    let reasons = (
        "nobody gets in before the functional checks passed",
        "checks passed, on the machine that users were on before",
    );
    // It opens in the same plan: no rival was seen in this very look.
    let _ = keep::let_in(view, writer, reasons, Some(&on), pen);
}

fn wanted(view: &View<'_>, (from, to): (&str, &str)) -> String {
    format!("resizing {} from {from} to {to}", view.at.stack.shown)
}

/// It was tried under this head and did not come to its end while users waited: the machine
/// serves again at the size that it has.
fn held_back(view: &View<'_>, writer: &Writer<'_>, sizes: (&str, &str), pen: &mut Pen<'_>) -> bool {
    let Some(given_up) = (view.past.windows).given_up(&view.at.stack.id, &view.want.commit) else {
        return false;
    };
    pen.hold(
        wanted(view, sizes),
        Hold::Forbidden {
            rule: "the way back".into(),
            reason: format!(
                "{} did not go well while users waited, so {} serves again as a {}: {}",
                given_up.step, writer.name, sizes.0, given_up.reason
            ),
        },
        "mend what is wrong, or ask for another size or site; or commit anything (git commit --allow-empty): the next commit tries again",
    );
    true
}
