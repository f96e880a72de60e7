//! What is missing in a stack's history: points that went down with their backup machine, and
//! times in which none was read back. Only what the journal knows; the rest is not guessed.

use super::history::History;
use super::repositories::{listed, serving};
use crate::model::desired::{Desired, DesiredStack, InterfaceFamily};
use crate::model::gap::Gap;
use crate::model::ids::MachineName;
use crate::model::observed::Observed;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Points that are nowhere any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The backup machine that had them.
    pub machine: MachineName,
    /// How many of them the journal knows of.
    pub known: usize,
    /// When the first of those was read back.
    pub first_read_back: Option<Timestamp>,
    /// When the last of those was read back.
    pub last_read_back: Option<Timestamp>,
}

/// A time in which no point was read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// When the last one before was read back.
    pub from: Timestamp,
    /// When the first one after was.
    pub to: Timestamp,
}

/// A backup each day: after twice as long one was missed.
const MISSED: SignedDuration = SignedDuration::from_hours(48);

/// What a stack lost with backup machines, the latest first.
pub fn losses(stack: &DesiredStack, want: &Desired, seen: &Observed, past: &History) -> Vec<Loss> {
    let serving = serving(stack, seen, past);
    let elsewhere = seen.former.get(&stack.id).into_iter().flatten();
    let mut losses: Vec<Loss> = elsewhere
        .filter(|(machine, points)| **machine != serving && points.is_err())
        .filter_map(|(machine, _)| {
            let kept = past.repository(&stack.id, machine)?;
            let copied = copied_on(stack, &serving, seen, past, machine);
            (!copied && lost(stack, want, seen, past, machine)).then(|| Loss {
                machine: machine.clone(),
                known: kept.points.len(),
                first_read_back: kept.points.values().min().copied(),
                last_read_back: kept.points.values().max().copied(),
            })
        })
        .collect();
    losses.sort_by_key(|loss| std::cmp::Reverse(loss.last_read_back));
    losses
}

/// A former backup machine that answers, and shows points of this stack.
pub fn shows_points(stack: &DesiredStack, seen: &Observed, machine: &MachineName) -> bool {
    let former = seen.former.get(&stack.id).and_then(|of| of.get(machine));
    matches!(former, Some(Ok(points)) if !points.is_empty())
}

/// All that a machine held was copied to the one in use, or to one that answers, if need be from
/// machine to machine.
fn copied_on(
    stack: &DesiredStack,
    serving: &MachineName,
    seen: &Observed,
    past: &History,
    machine: &MachineName,
) -> bool {
    let mut copies = vec![(machine, Timestamp::MIN)];
    while let Some((from, since)) = copies.pop() {
        let kept = past.repository(&stack.id, from).into_iter();
        for (to, (at, _)) in kept.flat_map(|kept| &kept.copied) {
            // What was copied on before it came did not take it along.
            if *at <= since {
                continue;
            }
            if to == serving || shows_points(stack, seen, to) {
                return true;
            }
            copies.push((to, *at));
        }
    }
    false
}

/// Former backup machines that may have points which are nowhere else, and cannot be asked: a
/// rebuild waits for them.
pub fn unseen(
    stack: &DesiredStack,
    serving: &MachineName,
    want: &Desired,
    seen: &Observed,
    past: &History,
) -> Vec<Gap> {
    let elsewhere = seen.former.get(&stack.id).into_iter().flatten();
    let others = elsewhere.filter(|(machine, _)| *machine != serving);
    others
        .filter_map(|(machine, points)| {
            let gap = points.as_ref().err()?;
            let kept = past.repository(&stack.id, machine);
            let copied = kept.is_some_and(|kept| kept.copied.contains_key(serving));
            (!copied && !lost(stack, want, seen, past, machine)).then(|| gap.clone())
        })
        .collect()
}

/// Of a machine that does not answer: gone by its hoster's own word, or by that of people, who may
/// know of a disk what no list of machines says. An inventory that we keep ourselves is no hoster's
/// word, unless the machine answers blank.
pub fn lost(
    stack: &DesiredStack,
    want: &Desired,
    seen: &Observed,
    past: &History,
    machine: &MachineName,
) -> bool {
    if stack
        .waivers
        .iter()
        .any(|waiver| waiver.machine == *machine)
    {
        return true;
    }
    if listed(seen, machine).is_some() {
        return false;
    }
    let Some(past) = past.machines.get(machine) else {
        return false;
    };
    let Some(Ok(inventory)) = seen.hosters.get(&past.hoster) else {
        return false;
    };
    let interface = want.hosters.get(&past.hoster);
    match interface.map(|account| account.descriptor.interface) {
        Some(InterfaceFamily::HetznerCloud) => inventory.unseen(&past.provider_id).is_none(),
        Some(InterfaceFamily::Pool) | None => inventory
            .free
            .iter()
            .any(|m| m.name.as_str() == past.provider_id),
    }
}

/// The times since `since` in which a backup was missed. What retention has forgotten since was
/// read back all the same: thinned history is none of them.
pub fn pauses(stack: &DesiredStack, past: &History, since: Timestamp) -> Vec<Pause> {
    let read_back = past.read_back.get(&stack.id).into_iter().flatten();
    let all: Vec<Timestamp> = read_back.copied().collect();
    let pairs = all.iter().zip(all.iter().skip(1));
    pairs
        .filter(|(from, to)| to.duration_since(**from) > MISSED && **to > since)
        .map(|(from, to)| Pause {
            from: *from,
            to: *to,
        })
        .collect()
}
