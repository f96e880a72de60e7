//! Rebuilds that nobody signed for by name, as the journal tells of them: how many were begun, and
//! how often in a row one was tried in vain (S8).

use super::names;
use crate::model::ids::{MachineName, StackId, StepId};
use crate::model::journal::{Entry, Event, StepResult};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The window of the daily caps.
pub const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A rebuild that was tried in vain so often waits for a person. It takes no place from others (S16).
pub const IN_VAIN: u32 = 3;

/// The rebuilds of one stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastRebuilds {
    /// When each was begun, the latest last.
    pub begun: Vec<Timestamp>,
    /// The latest has not come to its end.
    pub under_way: bool,
    /// How often in a row it was tried in vain.
    pub failed: u32,
    /// When that was last.
    pub failed_at: Option<Timestamp>,
    /// A step was begun since.
    trying: bool,
}

/// Those of all stacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilds {
    of: BTreeMap<StackId, PastRebuilds>,
    /// Steps of theirs that were begun.
    steps: BTreeSet<StepId>,
}

impl Rebuilds {
    /// What is known of this stack's, if there was one.
    pub fn get(&self, stack: &StackId) -> Option<&PastRebuilds> {
        self.of.get(stack)
    }

    /// Of every stack that had one.
    pub fn values(&self) -> impl Iterator<Item = &PastRebuilds> {
        self.of.values()
    }

    /// Takes in the next entry; `writer` is the machine in use before it.
    pub(super) fn take_in(&mut self, entry: &Entry, writer: Option<&MachineName>) {
        let Some(stack) = &entry.stack else { return };
        match &entry.event {
            Event::Started {
                step, repair: true, ..
            } if is_of_one(stack, step, writer) => {
                self.steps.insert(step.clone());
                let of = self.of.entry(stack.clone()).or_default();
                of.start(entry.at);
            }
            Event::Ended { step, result, .. } if self.steps.remove(step) => {
                let of = self.of.entry(stack.clone()).or_default();
                of.end(result, entry.at);
            }
            Event::Opened { .. } => {
                if let Some(of) = self.of.get_mut(stack) {
                    of.opened();
                }
            }
            _ => {}
        }
    }
}

impl PastRebuilds {
    /// A step of one is begun.
    fn start(&mut self, at: Timestamp) {
        let fresh = |begun: &Timestamp| at.duration_since(*begun) < DAY;
        // What was begun long ago and left alone since is not what is begun now.
        if !self.under_way || !self.begun.last().is_some_and(fresh) {
            self.begun.push(at);
        }
        (self.under_way, self.trying) = (true, true);
    }

    /// A step of one came to an end.
    fn end(&mut self, result: &StepResult, at: Timestamp) {
        if *result != StepResult::Done && self.trying {
            self.failed += 1;
            self.failed_at = Some(at);
            self.trying = false;
        }
    }

    /// Users were let in.
    fn opened(&mut self) {
        let begun = std::mem::take(&mut self.begun);
        *self = Self {
            begun,
            ..Self::default()
        };
    }

    /// Those begun in the day before.
    pub fn today(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let young = move |begun: &Timestamp| now.duration_since(*begun) < DAY;
        self.begun.iter().copied().filter(young)
    }
}

/// Is this step, a repair, one of a rebuild? Not what is mended on the machine in use.
fn is_of_one(stack: &StackId, step: &StepId, writer: Option<&MachineName>) -> bool {
    let mut parts = step.as_str().splitn(3, '.');
    let (Some(owner), Some(verb), Some(object)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let machine = MachineName::new(object);
    let in_use = writer == Some(&machine);
    let ours = owner == stack.as_str() && names::drill_number(stack, &machine).is_none();
    ours && match verb {
        // Of an older machine it is the word against a zombie.
        "fence" => in_use,
        "create" | "prepare" | "install" | "fetch" | "load" | "check" | "open" => !in_use,
        _ => false,
    }
}
