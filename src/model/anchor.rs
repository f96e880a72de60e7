//! What the reconciler remembers of itself where a lost disk, or somebody on it, cannot reach.

use super::ids::{CommitId, EstateName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far history had grown. It only grows (S9), so that less than this is a loss or a lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Whose.
    pub estate: EstateName,
    /// The accepted head.
    pub head: CommitId,
    /// How far the head is from the root, by the longest way: for people, who see at a glance
    /// which of two is older. What is judged is descent.
    pub generation: u64,
    /// The seal of the journal's first entry, in hexadecimal digits: which journal it is.
    pub first: String,
    /// The journal's last entry.
    pub seq: i64,
    /// The seal of that entry.
    pub hash: String,
    /// When this was written.
    pub at: Timestamp,
}

/// Seals of a journal's entries by their number, from 1: of the first, the last, and those between
/// that somebody asked for. None where nothing was ever written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seals(pub BTreeMap<i64, String>);

impl Seals {
    /// Which journal it is.
    pub fn first(&self) -> Option<&String> {
        self.0.get(&1)
    }

    /// The number of the last entry, and its seal.
    pub fn last(&self) -> Option<(i64, &String)> {
        self.0.last_key_value().map(|(seq, seal)| (*seq, seal))
    }

    /// How many entries there are.
    pub fn length(&self) -> i64 {
        self.last().map_or(0, |(seq, _)| seq)
    }
}

/// An anchor as it is kept: its JSON text and an SSH signature over that very text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// An [`Anchor`].
    pub text: String,
    /// In namespace `holdfast-anchor`.
    pub signature: String,
}
