//! Machines in use that say nothing: since when, how often it was looked, and what was tried.
//! From the journal alone, so that a restart begins neither the wait nor the ladder anew.

use crate::model::desired::Waits;
use crate::model::ids::{MachineName, PointId};
use crate::model::journal::{Entry, Event, Remedy, StepResult};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// So many looks, each some time after the other, at a machine that counts as lost.
pub const LOOKS: u32 = 3;

/// A silence that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// When it was found first.
    pub since: Timestamp,
    /// What was seen then.
    pub seen: String,
    /// How often it was looked, as far as it was told.
    pub looks: u32,
    /// When last, of those.
    pub looked: Timestamp,
    /// What was done about it, by the hoster's word, and when.
    pub tried: BTreeMap<Remedy, Timestamp>,
    /// How often it was begun, whatever came of it.
    pub begun: BTreeMap<Remedy, u32>,
    /// How far its hoster's rescue system was tried.
    pub rescue: Rescue,
}

/// How far the rescue system was tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Rescue {
    /// Not yet.
    #[default]
    Untried,
    /// It was begun, and may be what runs there now.
    Begun,
    /// It is over; what came of it.
    Over(Result<PointId, String>),
}

/// All that last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Silences(BTreeMap<MachineName, Silence>);

impl Silences {
    /// The silence of this machine, if it lasts.
    pub fn of(&self, machine: &MachineName) -> Option<&Silence> {
        self.0.get(machine)
    }

    /// Takes in the next entry.
    pub(super) fn take_in(&mut self, entry: &Entry) {
        match &entry.event {
            Event::FellSilent { machine, seen } => {
                let mut silence = Silence::new(entry.at, seen);
                // Where its rescue system may be what runs there, the wait begins anew and the
                // ladder does not: until that is ended, nothing else can come of it.
                if let Some(before) = self.0.remove(machine).filter(Silence::in_rescue) {
                    silence.tried = before.tried;
                    silence.begun = before.begun;
                    silence.rescue = before.rescue;
                }
                self.0.insert(machine.clone(), silence);
            }
            Event::StillSilent { machine } => {
                if let Some(silence) = self.0.get_mut(machine) {
                    silence.looks += 1;
                    silence.looked = entry.at;
                }
            }
            Event::Tried { machine, remedy } => {
                if let Some(silence) = self.0.get_mut(machine) {
                    silence.tried.insert(*remedy, entry.at);
                }
            }
            Event::Started { step, .. } => {
                let mut parts = step.as_str().splitn(3, '.').skip(1);
                let (Some(verb), Some(machine)) = (parts.next(), parts.next()) else {
                    return;
                };
                let remedy = [Remedy::Reset, Remedy::PowerCycle]
                    .into_iter()
                    .find(|remedy| remedy.verb() == verb);
                let silence = self.0.get_mut(&MachineName::new(machine));
                if let ("last-chance", Some(silence)) = (verb, silence) {
                    silence.rescue = Rescue::Begun;
                    return;
                }
                let silence = self.0.get_mut(&MachineName::new(machine));
                if let (Some(remedy), Some(silence)) = (remedy, silence) {
                    *silence.begun.entry(remedy).or_default() += 1;
                }
            }
            Event::LastChance {
                machine,
                point,
                why,
            } => {
                if let Some(silence) = self.0.get_mut(machine) {
                    silence.rescue = Rescue::Over(point.clone().ok_or_else(|| why.clone()));
                }
            }
            // It was looked whether it is silent, and it was not: nothing was begun there.
            Event::Ended {
                step,
                result: StepResult::Refused { .. },
                ..
            } => {
                let mut parts = step.as_str().splitn(3, '.').skip(1);
                if let (Some("last-chance"), Some(machine)) = (parts.next(), parts.next())
                    && let Some(silence) = self.0.get_mut(&MachineName::new(machine))
                    && silence.rescue == Rescue::Begun
                {
                    silence.rescue = Rescue::Untried;
                }
            }
            Event::Answered { machine }
            | Event::Opened { machine, .. }
            | Event::Fenced { machine, .. }
            | Event::Destroyed { machine } => {
                self.0.remove(machine);
            }
            _ => {}
        }
    }
}

impl Silence {
    /// Found silent for the first time.
    pub fn new(at: Timestamp, seen: &str) -> Self {
        Self {
            since: at,
            seen: seen.to_owned(),
            looks: 1,
            looked: at,
            tried: BTreeMap::new(),
            begun: BTreeMap::new(),
            rescue: Rescue::Untried,
        }
    }

    /// Its hoster's rescue system may be what answers there.
    pub fn in_rescue(&self) -> bool {
        self.rescue == Rescue::Begun
    }

    /// When another look counts.
    pub fn next_look(&self, waits: &Waits) -> Timestamp {
        self.looked + between(waits)
    }

    /// From when on it has lasted long enough, if nothing else is heard.
    pub fn lasts_from(&self, waits: &Waits) -> Timestamp {
        let looks = i32::try_from(LOOKS.saturating_sub(self.looks)).unwrap_or(0);
        let by_looks = self.looked + between(waits) * looks;
        (self.since + waits.lost_after).max(by_looks)
    }
}

/// Looks that follow at once are one look.
fn between(waits: &Waits) -> SignedDuration {
    waits.lost_after / 3
}
