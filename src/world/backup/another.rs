//! From one backup machine to another: a stack's points.

use super::answer::only;
use super::input::Lines;
use super::{COPY, PROOFS};
use crate::model::ids::{PointId, StackId};
use crate::model::machine::{BackupAccess, Digest};
use crate::model::secret::Secret;
use crate::world::machine::{Contact, MachineError, Transport};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What was copied, and what could not be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Copied {
    /// Points that are in both repositories now, newest first.
    pub points: Vec<Moved>,
    /// Points that could not be read where they are.
    pub damaged: Vec<Damaged>,
    /// Milliseconds on the machine.
    pub millis: u64,
}

impl Copied {
    /// Which of these points are not here now, and why. restic passes over one whose own file it
    /// cannot read, and says nothing: what was to be there is asked for by name (S1).
    pub fn lacking<'a>(&self, wanted: impl Iterator<Item = &'a PointId>) -> Vec<String> {
        let here: BTreeSet<&PointId> = self.points.iter().map(|moved| &moved.was).collect();
        let why = |point: &PointId| {
            let damaged = self.damaged.iter().find(|damaged| damaged.point == *point);
            damaged.map_or("the old repository no longer lists it", |damaged| {
                damaged.reason.as_str()
            })
        };
        let lacking = wanted.filter(|point| !here.contains(point));
        lacking
            .map(|point| format!("{point}: {}", why(point)))
            .collect()
    }
}

/// A point and its copy: the same content, time and tags under another id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Moved {
    /// Its id in the repository that it was copied from.
    pub was: PointId,
    /// Its id here.
    pub is: PointId,
}

/// A point that could not be copied.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Damaged {
    /// Which.
    pub point: PointId,
    /// What restic said.
    pub reason: String,
}

/// Copies the points of another repository into the stack's own on `backup`; goes on where it was
/// interrupted. What is there already is not touched, and nothing is deleted on either side.
/// Each copy is dated by when its original arrived, as the old machine said.
///
/// Refusals: `repository-missing`, `wrong-password`, `backup-unreachable` (of the old machine),
/// `disk-full`, `busy`.
pub async fn copy(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
    password: &Secret,
    from: &BackupAccess,
    arrivals: impl Iterator<Item = (&PointId, Timestamp)>,
) -> Result<Copied, MachineError> {
    let mut input = Lines::new()
        .words(&["stack", stack.as_str()])
        .secret(&["password"], password)
        .another(from);
    for (point, at) in arrivals {
        let at = at.as_second().to_string();
        input = input.words(&["arrived", point.as_str(), &at]);
    }
    let answer = transport.run(backup, COPY, &input.done()).await?;
    only(&backup.machine, COPY, "copy", answer)
}

#[derive(Deserialize)]
struct Proof {
    point: PointId,
    manifest: Digest,
}

/// The digests of the manifests of the points that were read back on `backup`.
///
/// Refusals: `evidence-unreadable`.
pub async fn proofs(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
) -> Result<BTreeMap<PointId, Digest>, MachineError> {
    let input = Lines::new().words(&["stack", stack.as_str()]).done();
    let answer = transport.run(backup, PROOFS, &input).await?;
    let proofs: Vec<Proof> = only(&backup.machine, PROOFS, "proofs", answer)?;
    Ok(proofs.into_iter().map(|p| (p.point, p.manifest)).collect())
}
