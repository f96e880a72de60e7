//! Whether what users wrote on a machine lies in a recovery point, once it may write no more.
//!
//! A machine that was closed for a move gave its last point before it was fenced. One that was lost
//! gave none; when it comes back, that is made up for before it is switched off (S3).

use crate::model::ids::{MachineName, StackId, StepId};
use crate::model::journal::{Entry, Event};
use crate::model::point::Rung;
use std::collections::BTreeMap;

/// Steps of saving that may be begun before it is given up for this time; the data stays where it is.
const TRIES: u8 = 6;

/// What the journal tells, by machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asides(BTreeMap<MachineName, Standing>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Standing {
    stack: Option<StackId>,
    closed: bool,
    fenced: bool,
    saved: bool,
    tries: u8,
}

/// Whether a machine that came back is saved first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Saving {
    /// What it holds lies in a point.
    Done,
    /// It was tried again and again: first it may not go on as it is.
    GivenUp,
    /// Not yet.
    Needed,
}

impl Asides {
    /// Takes in the next entry of the journal.
    pub(super) fn take_in(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Opened { machine, .. } => {
                self.0.remove(machine);
            }
            // A cold point of its disk is no longer all that it holds: it lives on.
            Event::Answered { machine } => {
                if let Some(standing) = self.0.get_mut(machine) {
                    standing.saved = false;
                }
            }
            Event::Closed { machine } => {
                let standing = self.0.entry(machine.clone()).or_default();
                standing.closed = true;
                standing.stack.clone_from(&entry.stack);
            }
            Event::Fenced { machine, .. } => {
                let standing = self.0.entry(machine.clone()).or_default();
                (standing.fenced, standing.tries) = (true, 0);
            }
            Event::Proven { rung, .. } if *rung == Rung::Shipped => {
                let last = |of: &&mut Standing| of.closed && !of.fenced && of.stack == entry.stack;
                for standing in self.0.values_mut().filter(last) {
                    standing.saved = true;
                }
            }
            Event::SavedAside { machine, .. } => {
                self.0.entry(machine.clone()).or_default().saved = true;
            }
            Event::Started { step, .. } => self.tried(step),
            _ => {}
        }
    }

    fn tried(&mut self, step: &StepId) {
        let mut parts = step.as_str().splitn(3, '.');
        let (_, verb, object) = (parts.next(), parts.next(), parts.next());
        let (Some("close" | "save-aside"), Some(object)) = (verb, object) else {
            return;
        };
        if let Some(standing) = self.0.get_mut(&MachineName::new(object)) {
            standing.tries = standing.tries.saturating_add(u8::from(standing.fenced));
        }
    }

    /// What is to be done for a machine whose epoch is over; one that is open was written to since.
    pub(super) fn of(&self, machine: &MachineName, open: bool) -> Saving {
        match self.0.get(machine) {
            Some(standing) if standing.tries >= TRIES => Saving::GivenUp,
            Some(standing) if standing.saved && !open => Saving::Done,
            _ => Saving::Needed,
        }
    }
}
