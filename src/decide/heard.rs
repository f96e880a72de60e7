//! What a look hears of machines in use, as far as it is news: that one fell silent, that it
//! still is, that it answers again; that one is well again. What follows from it is not decided here.

use super::changes::changes;
use super::history::History;
use super::made::PastMachine;
use super::sickness::Sickness;
use super::silence::{LOOKS, Silence};
use crate::model::desired::{Desired, InterfaceFamily};
use crate::model::gap::GapKind;
use crate::model::ids::{MachineName, StackId};
use crate::model::journal::Event;
use crate::model::machine::{MachineManifest, Role};
use crate::model::observed::{Observed, Power, SeenMachine};
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// A silence that lasts is told again after so long.
const TOLD_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// A silence of which nobody has told for so long is a new one.
const UNWATCHED: SignedDuration = SignedDuration::from_hours(3);

/// How it is told that an interface does not know a machine any more.
const UNLISTED: &str = "no longer lists it";

/// What a look says of the machine.
enum Heard {
    Something,
    Nothing(String),
}

/// What was heard of the machines in use, and is new.
pub fn news(want: &Desired, seen: &Observed, past: &History) -> Vec<(Option<StackId>, Event)> {
    let listed: BTreeMap<&MachineName, &SeenMachine> = seen
        .hosters
        .values()
        .flatten()
        .flat_map(|inventory| &inventory.machines)
        .map(|machine| (&machine.name, machine))
        .collect();
    let since = |silence: &Silence| seen.at.duration_since(silence.looked);
    let mut news = Vec::new();
    let in_use = in_use(past).map(|of| (of, false));
    for ((stack, machine), begun) in in_use.chain(begun(past).map(|of| (of, true))) {
        let listed = listed.get(machine).copied();
        let heard = match listed {
            // One on its way up has nothing to say yet.
            Some(_) if begun => Some(Heard::Something),
            listed => heard(machine, listed, want, seen, past),
        };
        let Some(heard) = heard else {
            continue;
        };
        let waits = want.stacks.get(stack).map(|stack| stack.waits);
        let waits = waits.unwrap_or_default();
        let machine = machine.clone();
        let event = match (past.silences.of(&machine), heard) {
            (None, Heard::Nothing(words)) => Event::FellSilent {
                machine,
                seen: words,
            },
            // Nobody looked for long: what was between, nobody knows.
            (Some(silence), Heard::Nothing(words)) if since(silence) > UNWATCHED => {
                Event::FellSilent {
                    machine,
                    seen: words,
                }
            }
            // What one list leaves out was not gone as long as it only said nothing.
            (Some(silence), Heard::Nothing(words))
                if silence.seen.ends_with(UNLISTED) != words.ends_with(UNLISTED) =>
            {
                Event::FellSilent {
                    machine,
                    seen: words,
                }
            }
            (Some(silence), Heard::Nothing(_))
                if (silence.looks < LOOKS && seen.at >= silence.next_look(&waits))
                    || since(silence) >= TOLD_EVERY =>
            {
                Event::StillSilent { machine }
            }
            (Some(_), Heard::Something) => Event::Answered { machine },
            (None, Heard::Something) | (Some(_), Heard::Nothing(_)) => continue,
        };
        news.push((Some(stack.clone()), event));
    }
    news
}

/// Machines that were rebooted, and of which nothing of that was wrong any more for an hour: one
/// that runs at one look, and not at the next, is not well.
pub fn healed(
    manifests: &BTreeMap<MachineName, MachineManifest>,
    seen: &Observed,
    past: &History,
) -> Vec<(Option<StackId>, Event)> {
    let well = |(machine, of): &(&MachineName, &Sickness)| {
        let (Some(manifest), Some(Ok(facts))) =
            (manifests.get(*machine), seen.machines.get(*machine))
        else {
            return false;
        };
        let mut wrong = changes(manifest, facts).into_iter();
        of.is_quiet(seen.at) && !wrong.any(|change| of.items.contains(&change.subject()))
    };
    let well = past.sicknesses.iter().filter(well);
    well.filter_map(|(machine, _)| {
        let made = past.machines.get(machine)?;
        let in_use = made.role == Role::Production && !made.set_aside;
        let machine = machine.clone();
        in_use.then(|| (made.stack.clone(), Event::Healed { machine }))
    })
    .collect()
}

/// Who was opened last. Where a lost journal no longer knows, whatever was found of its machines.
fn in_use(past: &History) -> impl Iterator<Item = (&StackId, &MachineName)> {
    let opened = past.writers.iter();
    let found = past.machines.iter().filter_map(|(name, made)| {
        let stack = made.stack.as_ref()?;
        let found = made.role == Role::Production && made.wanted.is_none();
        (found && !past.writers.contains_key(stack)).then_some((stack, name))
    });
    opened.map(|(stack, (_, name))| (stack, name)).chain(found)
}

/// Machines on their way up, as far as the journal knows: what one list leaves out of them is looked
/// for again, as it is for one in use (S1).
fn begun(past: &History) -> impl Iterator<Item = (&StackId, &MachineName)> {
    past.machines.iter().filter_map(|(name, made)| {
        let stack = made.stack.as_ref()?;
        is_begun(past, made).then_some((stack, name))
    })
}

/// Made for production after the one that was opened last, and not set aside.
pub(super) fn is_begun(past: &History, made: &PastMachine) -> bool {
    let opened = made.stack.as_ref().and_then(|id| past.writers.get(id));
    made.role == Role::Production
        && made.wanted.is_some()
        && made.fenced.is_none()
        && !made.set_aside
        && opened.is_none_or(|(epoch, _)| made.epoch > *epoch)
}

/// `None`: nobody could look, or nobody expects it to say anything.
fn heard(
    name: &MachineName,
    listed: Option<&SeenMachine>,
    want: &Desired,
    seen: &Observed,
    past: &History,
) -> Option<Heard> {
    let made = past.machines.get(name)?;
    if made.fenced.is_some() || made.set_aside {
        return None;
    }
    let inventory = seen.hosters.get(&made.hoster)?.as_ref().ok()?;
    let silence = past.silences.of(name);
    let in_rescue = silence.is_some_and(Silence::in_rescue);
    let Some(listed) = listed else {
        if let Some(gap) = inventory.unseen(&made.provider_id) {
            // A line of its hoster's that cannot be read is no answer of the machine.
            return of_gap(gap.kind, &gap.reason)
                .filter(|heard| !in_rescue || matches!(heard, Heard::Nothing(_)));
        }
        let account = want.hosters.get(&made.hoster)?;
        // An inventory is a list that we keep ourselves; there only an empty disk says so.
        let pool = account.descriptor.interface == InterfaceFamily::Pool;
        let mut free = inventory.free.iter();
        let blank = free.any(|m| m.name.as_str() == made.provider_id);
        let words = format!("{} {UNLISTED}", made.hoster);
        return (!pool || blank).then_some(Heard::Nothing(words));
    };
    if listed.power == Power::Off {
        let words = format!("{} says that it is off", listed.hoster);
        return Some(Heard::Nothing(words));
    }
    match seen.machines.get(name)? {
        Ok(_) => Some(Heard::Something),
        // What answers with another key there is the rescue system that we began.
        Err(gap) if gap.kind == GapKind::ForeignHostKey && in_rescue => {
            Some(Heard::Nothing(gap.reason.clone()))
        }
        Err(gap) => of_gap(gap.kind, &gap.reason),
    }
}

/// Whoever refuses us, or answers what we cannot read, is not silent.
fn of_gap(kind: GapKind, reason: &str) -> Option<Heard> {
    match kind {
        GapKind::Unreachable => Some(Heard::Nothing(reason.to_owned())),
        GapKind::RateLimited => None,
        GapKind::Denied | GapKind::NotOurs | GapKind::Unreadable | GapKind::ForeignHostKey => {
            Some(Heard::Something)
        }
    }
}
