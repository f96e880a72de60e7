//! What a backup machine lists of a repository, before anybody has judged it.

use super::evidence::SealedEvidence;
use super::ids::PointId;
use super::point::{RecoveryPoint, Rung};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// A repository as its backup machine lists it: nothing of this is proven beyond
/// [`Rung::Checked`] until the documents were judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// Points with the rungs that the backup machine reached by itself.
    pub points: Vec<RecoveryPoint>,
    /// What is claimed beyond that.
    pub claims: Vec<Claim>,
    /// Documents that claims name, by the name of their files.
    pub documents: BTreeMap<String, SealedEvidence>,
    /// Snapshots that are no recovery points, with the reason.
    pub foreign: Vec<Foreign>,
}

/// A rung that somebody wrote down beside the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The point.
    pub point: PointId,
    /// The rung.
    pub rung: Rung,
    /// The document that is said to stand for it.
    pub document: Option<String>,
}

/// What lies beside a stack's points and is none of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Rungs that are claimed and not proven.
    pub unproven: Vec<Unproven>,
    /// Snapshots that are no recovery points.
    pub foreign: Vec<Foreign>,
}

/// A claim that was not believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unproven {
    /// The point.
    pub point: PointId,
    /// The rung that it does not have.
    pub rung: Rung,
    /// Why not.
    pub reason: String,
}

/// A snapshot in the repository that is no recovery point: a person's own, or junk written by a
/// machine that was broken into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Foreign {
    /// The snapshot.
    pub snapshot: PointId,
    /// Why it is none.
    pub reason: String,
    /// When it arrived.
    pub arrived_at: Option<Timestamp>,
}
