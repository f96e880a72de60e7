//! What the journal knows of a stack's drills.

use crate::model::ids::{MachineName, PointId};
use jiff::Timestamp;

/// The drills of one stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastDrills {
    /// The highest number that a drill's machine was given: the next one gets another.
    pub numbered: u32,
    /// When a machine was last begun for one.
    pub begun_at: Option<Timestamp>,
    /// When the first recovery point was read back: from then on one could be done.
    pub possible_since: Option<Timestamp>,
    /// The newest that came to an end.
    pub last: Option<PastDrill>,
    /// When the newest ended that passed.
    pub passed_at: Option<Timestamp>,
    /// When the newest ended that passed with nothing but the escrow key.
    pub escrow_passed_at: Option<Timestamp>,
}

/// A drill that came to an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastDrill {
    /// When.
    pub at: Timestamp,
    /// What was to come back.
    pub point: PointId,
    /// On which machine.
    pub machine: MachineName,
    /// Everything came back and every check passed.
    pub passed: bool,
}
