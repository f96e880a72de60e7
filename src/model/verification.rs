//! Reading repositories where they are kept: what was read, and what was found damaged.

use super::ids::PointId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the readings of a repository have come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Into how many parts its data is divided for reading.
    pub of: u32,
    /// When each part was last read, from 1.
    pub read: BTreeMap<u32, Timestamp>,
    /// When the last reading was.
    pub at: Timestamp,
    /// What is damaged, in words; empty: nothing that was read.
    pub findings: Vec<String>,
    /// Since when something is; `None`: nothing is.
    pub damaged_since: Option<Timestamp>,
}

impl Reading {
    /// What a first reading has come to.
    pub fn first(part: u32, of: u32, findings: &[String], at: Timestamp) -> Self {
        let mut reading = Self {
            of,
            read: BTreeMap::new(),
            at,
            findings: Vec::new(),
            damaged_since: None,
        };
        reading.take_in(part, of, findings, at);
        reading
    }

    /// Takes in the next one. One that reads everything (part 1 of 1) is a reading of each part.
    pub fn take_in(&mut self, part: u32, of: u32, findings: &[String], at: Timestamp) {
        if of == 1 {
            self.read = (1..=self.of).map(|part| (part, at)).collect();
        } else {
            if of != self.of {
                self.read.clear();
                self.of = of;
            }
            self.read.insert(part, at);
        }
        self.at = at;
        self.findings = findings.to_vec();
        self.damaged_since = match findings {
            [] => None,
            _ => self.damaged_since.or(Some(at)),
        };
    }
}

/// What a backup machine keeps beside a repository of its readings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Verification {
    /// What they have come to; `None`: it was never read.
    pub reading: Option<Reading>,
    /// Points that were there when it was last read: of these it is known whether they rest on
    /// what is damaged.
    #[serde(default)]
    pub judged: BTreeSet<PointId>,
    /// Points that rest on what is damaged, and why.
    pub points: BTreeMap<PointId, String>,
    /// What opens the repository and is not there any more: looked for now, not when it was read.
    pub lost: Vec<String>,
}

impl Verification {
    /// Why a point cannot be trusted; `None`: nothing is known against it. restic stores what it
    /// believes to be there already only once, so that a point that came after damage may rest on it.
    pub fn against(&self, point: &PointId) -> Option<String> {
        if let Some(why) = self.points.get(point) {
            return Some(why.clone());
        }
        let damaged = self
            .reading
            .as_ref()
            .is_some_and(|r| r.damaged_since.is_some());
        (damaged && !self.judged.contains(point)).then(|| {
            "it came after damage was found, and it was not read since whether it rests on that"
                .to_owned()
        })
    }
}
