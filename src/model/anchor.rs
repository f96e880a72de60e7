//! What the reconciler remembers of itself where a lost disk, or somebody on it, cannot reach.

use super::ids::{CommitId, EstateName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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

/// An anchor as it is kept: its JSON text and an SSH signature over that very text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// An [`Anchor`].
    pub text: String,
    /// In namespace `holdfast-anchor`.
    pub signature: String,
}
