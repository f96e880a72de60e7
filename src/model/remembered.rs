//! Recovery points as they were seen last: for people who ask. A plan is made from
//! [`Observed`](super::observed::Observed) alone, and nothing here becomes one of its points.

use super::ids::{Epoch, PointId, StackId};
use super::point::{Proof, Rung};
use super::units::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A stack's points at one look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remembered {
    /// Whose.
    pub stack: StackId,
    /// When they were seen.
    pub seen_at: Timestamp,
    /// Newest first.
    pub points: Vec<RememberedPoint>,
    /// What a rebuild would have taken then.
    pub chosen: Option<PointId>,
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
}
