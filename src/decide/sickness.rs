//! Machines that answer, and on which the same things are wrong again and again: what was mended,
//! how often, and whether the machine was rebooted for it. From the journal alone, so that a restart
//! begins neither the count nor the ladder anew.

use crate::model::desired::Waits;
use crate::model::ids::MachineName;
use crate::model::journal::{Entry, Event, StepResult};
use crate::model::operation::FaultClass;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What was mended so often, and is wrong all the same, converging does not help.
pub const TRIES: usize = 3;

/// Within this time.
pub const WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// A reboot that nobody confirmed is tried so often, and then left.
pub const REBOOTS: u32 = 2;

/// One convergence.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Try {
    at: Timestamp,
    items: BTreeSet<String>,
    failed: bool,
}

/// What is known of one machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sickness {
    tries: Vec<Try>,
    /// What it was to be rebooted for.
    pub items: BTreeSet<String>,
    /// How often that was begun, whatever came of it; not, if certainly nothing did.
    pub begun: u32,
    /// When that was begun last.
    begun_at: Option<Timestamp>,
    /// When it was up again.
    pub rebooted: Option<Timestamp>,
}

/// All that were mended, and did not get well since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sicknesses(BTreeMap<MachineName, Sickness>);

/// What a step is, and which machine it is done to, by its id.
fn parts(step: &str) -> Option<(&str, MachineName)> {
    let mut parts = step.splitn(3, '.').skip(1);
    Some((parts.next()?, MachineName::new(parts.next()?)))
}

impl Sicknesses {
    /// What is known of this machine, if it was mended lately or rebooted.
    pub fn of(&self, machine: &MachineName) -> Option<&Sickness> {
        self.0.get(machine)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&MachineName, &Sickness)> {
        self.0.iter()
    }

    /// Takes in the next entry.
    pub(super) fn take_in(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Started { step, mends, .. } if !mends.is_empty() => {
                let Some((verb, machine)) = parts(step.as_str()) else {
                    return;
                };
                let of = self.0.entry(machine).or_default();
                of.begin(verb, mends, entry.at);
            }
            Event::Ended { step, result, .. } => {
                let Some((verb, machine)) = parts(step.as_str()) else {
                    return;
                };
                if let Some(of) = self.0.get_mut(&machine) {
                    of.end(verb, result);
                }
            }
            Event::Rebooted { machine } => {
                if let Some(of) = self.0.get_mut(machine) {
                    of.rebooted = Some(entry.at);
                }
            }
            Event::Healed { machine }
            | Event::Fenced { machine, .. }
            | Event::Quarantined { machine }
            | Event::Destroyed { machine } => {
                self.0.remove(machine);
            }
            _ => {}
        }
    }
}

impl Sickness {
    fn begin(&mut self, verb: &str, items: &[String], at: Timestamp) {
        let items: BTreeSet<String> = items.iter().cloned().collect();
        if verb == "reboot" {
            self.items = items;
            self.begun += 1;
            self.begun_at = Some(at);
            return;
        }
        self.tries.retain(|other| is_recent(other.at, at));
        let failed = false;
        self.tries.push(Try { at, items, failed });
    }

    fn end(&mut self, verb: &str, result: &StepResult) {
        let nothing_was_done = matches!(
            result,
            StepResult::Refused {
                class: FaultClass::Retry,
                ..
            }
        );
        match (verb, result) {
            ("converge", _) if nothing_was_done => drop(self.tries.pop()),
            ("converge", StepResult::Refused { .. } | StepResult::Unknown { .. }) => {
                if let Some(last) = self.tries.last_mut() {
                    last.failed = true;
                }
            }
            ("reboot", StepResult::Refused { .. }) => self.begun = self.begun.saturating_sub(1),
            _ => {}
        }
    }

    /// Of what is wrong now: what was mended so often that mending it once more will not help.
    /// A unit that must be started again and again is ill; a file that is written again and again is
    /// somebody else's work, unless writing it fails.
    pub fn stays_wrong<'a>(
        &self,
        wrong: &'a [String],
        waits: &Waits,
        now: Timestamp,
    ) -> Vec<&'a String> {
        let often = |item: &&String| self.count(item, waits.lost_after, now) >= TRIES;
        wrong.iter().filter(often).collect()
    }

    /// How often it was mended lately, in vain. Tries that follow at once are one try.
    pub(super) fn count(&self, item: &str, between: SignedDuration, now: Timestamp) -> usize {
        let unit = item.starts_with("unit ");
        let of_it = |other: &&Try| {
            is_recent(other.at, now) && other.items.contains(item) && (unit || other.failed)
        };
        let mut last: Option<Timestamp> = None;
        let mut count = 0;
        for this in self.tries.iter().filter(of_it) {
            if last.is_none_or(|last| this.at >= last + between) {
                last = Some(this.at);
                count += 1;
            }
        }
        count
    }

    /// Whether something on it was mended so often, or it was rebooted for that within the hour.
    pub fn is_sick(&self, waits: &Waits, now: Timestamp) -> bool {
        let items = self.tries.iter().flat_map(|of| &of.items);
        let often = |item: &String| self.count(item, waits.lost_after, now) >= TRIES;
        self.was_rebooted_lately(now) || (self.begun == 0 && items.into_iter().any(often))
    }

    /// Whether that was begun within the hour, and may have come about.
    pub(super) fn was_rebooted_lately(&self, now: Timestamp) -> bool {
        self.begun > 0 && self.begun_at.is_some_and(|at| is_recent(at, now))
    }

    /// Whether it may be rebooted for this sickness, or was already.
    pub fn may_be_rebooted(&self) -> bool {
        self.rebooted.is_none() && self.begun < REBOOTS
    }

    /// Of what is wrong now: what a reboot and a convergence after it did not help.
    pub fn not_helped<'a>(
        &self,
        wrong: &'a [String],
        waits: &Waits,
        now: Timestamp,
    ) -> Vec<&'a String> {
        let Some(at) = self.rebooted.or(self.begun_at) else {
            return Vec::new();
        };
        let tried = |item: &String| {
            let mut after = self.tries.iter().filter(|of| of.at > at);
            after.any(|of| of.items.contains(item))
        };
        if self.may_be_rebooted() || now < at + waits.answers_within {
            return Vec::new();
        }
        let ours = |item: &&String| self.items.contains(*item) && tried(item);
        wrong.iter().filter(ours).collect()
    }

    /// Whether it was to be rebooted, and nothing was done about it for an hour.
    pub(super) fn is_quiet(&self, now: Timestamp) -> bool {
        let tried = self.tries.last().map(|of| of.at);
        let last = tried.max(self.begun_at).max(self.rebooted);
        self.begun > 0 && last.is_none_or(|last| !is_recent(last, now))
    }

    /// What was done about it, in words.
    pub fn words(&self, machine: &MachineName, waits: &Waits, now: Timestamp) -> Vec<String> {
        let recent = |of: &&Try| is_recent(of.at, now);
        let tries = self.tries.iter().filter(recent);
        let items: BTreeSet<&String> = tries.flat_map(|of| &of.items).collect();
        let mut said: Vec<String> = items
            .into_iter()
            .map(|item| (item, self.count(item, waits.lost_after, now)))
            .filter(|(_, count)| *count > 1)
            .map(|(item, count)| format!("{item} on {machine} was mended {count} times in an hour"))
            .collect();
        let items: Vec<&str> = self.items.iter().map(String::as_str).collect();
        let items = items.join(", ");
        match (self.rebooted, self.begun_at) {
            (Some(at), _) => said.push(format!(
                "{machine} was rebooted at {} for {items}, and is not rebooted again before it was well for an hour",
                moment(at)
            )),
            (None, Some(at)) if self.begun > 0 => said.push(format!(
                "a reboot of {machine} for {items} was begun at {}, and no good end of it is known",
                moment(at)
            )),
            _ => {}
        }
        said
    }
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < WITHIN
}

/// In words.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
