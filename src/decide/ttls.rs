//! Names that others may remember for a short time only, because what they lead to is to change.

use crate::model::ids::HostName;
use crate::model::journal::{Entry, Event};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// What the journal knows of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ttls {
    lowered: BTreeMap<HostName, Lowered>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Lowered {
    at: Timestamp,
    before: u32,
}

impl Ttls {
    /// Takes in the next entry.
    pub(super) fn take_in(&mut self, entry: &Entry) {
        let Event::TtlSet {
            host,
            seconds,
            before,
        } = &entry.event
        else {
            return;
        };
        if seconds < before {
            let lowered = Lowered {
                at: entry.at,
                before: *before,
            };
            self.lowered.insert(host.clone(), lowered);
        } else {
            self.lowered.remove(host);
        }
    }

    /// From when on nobody goes by what was said before a name's TTL was lowered; `None`: it was
    /// not, or is as usual again.
    pub fn faded_at(&self, host: &HostName) -> Option<Timestamp> {
        let lowered = self.lowered.get(host)?;
        Some(lowered.at + SignedDuration::from_secs(lowered.before.into()))
    }
}
