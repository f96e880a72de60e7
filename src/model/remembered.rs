//! Recovery points as they were seen last: for people who ask. A plan is made from
//! [`Observed`](super::observed::Observed) alone, and nothing here becomes one of its points.

use super::ids::{Epoch, PointId, StackId};
use super::point::{Proof, Rung};
use super::units::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A stack's points at one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Whose.
    pub stack: StackId,
    /// When they were seen.
    pub seen_at: Timestamp,
    /// In short.
    pub glance: Glance,
}

/// What one line tells of a stack's points.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glance {
    /// How many there were.
    pub count: usize,
    /// The newest.
    pub newest: Option<Glimpse>,
    /// What a rebuild would have taken then.
    pub chosen: Option<Glimpse>,
    /// The furthest that any of them was proven.
    pub furthest: Option<Rung>,
    /// What a person should know before relying on them, in a few words each.
    pub doubts: Vec<String>,
}

/// One point in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glimpse {
    /// The restic snapshot.
    pub id: PointId,
    /// When it was taken, by the clock of production.
    pub taken_at: Timestamp,
    /// Bytes that a restore would write.
    pub bytes: Bytes,
    /// The furthest rung with evidence, then.
    pub rung: Rung,
}

/// A point as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedPoint {
    /// The restic snapshot.
    pub id: PointId,
    /// Epoch of the machine that wrote it.
    pub epoch: Epoch,
    /// When it was taken, by the clock of production.
    pub taken_at: Timestamp,
    /// When it arrived, by the clock of the backup machine.
    pub arrived_at: Option<Timestamp>,
    /// Bytes that a restore would write.
    pub bytes: Bytes,
    /// The furthest rung with evidence, then.
    pub rung: Rung,
    /// What stood for it.
    pub evidence: Vec<Proof>,
    /// Why it could not be trusted any more.
    pub damaged: Option<String>,
}

/// The points of one look, newest first, as they were written down: a list of [`RememberedPoint`]
/// that is passed on and never read here.
pub type Written = Box<RawValue>;
