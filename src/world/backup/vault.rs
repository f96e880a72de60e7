//! On backup machines: repositories, the points in them, the evidence beside them.

use super::answer::{only, parse_points, scripted_error_gap, subject};
use super::input::Lines;
use super::production::Taken;
use super::{POINTS, READ_BACK, RECORD_RUNG, REPOSITORY};
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{PointId, StackId};
use crate::model::machine::{BackupAccess, Digest};
use crate::model::point::{RecoveryPoint, Rung};
use crate::model::secret::Secret;
use crate::model::units::Bytes;
use crate::world::machine::{Contact, MachineError, Transport};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What happened to a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Repository {
    /// It was not there and was made.
    pub made: bool,
}

/// Sees to it that the stack has a repository that opens with `password`.
///
/// Refusals: `wrong-password` (it exists with another one), `repository-damaged` (a directory
/// without config), `repository-lost` (gone, though points were recorded), `tool-missing`,
/// `disk-full`. None of them is mended here: a fresh repository would hide what is left (S1, S3).
pub async fn repository(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
    password: &Secret,
) -> Result<Repository, MachineError> {
    let input = Lines::new()
        .words(&["stack", stack.as_str()])
        .secret(&["password"], password)
        .done();
    let answer = transport.run(backup, REPOSITORY, &input).await?;
    only(&backup.machine, REPOSITORY, "repository", answer)
}

/// The same; a new one cuts files like `like`, if that answers, so that copies of its points share
/// room with new ones.
pub async fn repository_like(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
    password: &Secret,
    like: &BackupAccess,
) -> Result<Repository, MachineError> {
    let input = Lines::new()
        .words(&["stack", stack.as_str()])
        .secret(&["password"], password)
        .another(like)
        .done();
    let answer = transport.run(backup, REPOSITORY, &input).await?;
    only(&backup.machine, REPOSITORY, "repository", answer)
}

/// What was read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct ReadBack {
    /// Files in the point, dumps included.
    pub files: u64,
    /// Their bytes.
    pub bytes: Bytes,
    /// Milliseconds on the machine.
    pub millis: u64,
}

/// Reads a point back from the backup machine's disk, manifest byte for byte; the only way
/// to [`Rung::Shipped`].
///
/// Refusals: `repository-missing`, `point-missing`, `wrong-password`, `manifest-differs`,
/// `canary-missing`, `content-differs`. The point then stays [`Rung::Taken`].
pub async fn read_back(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
    password: &Secret,
    taken: &Taken,
) -> Result<ReadBack, MachineError> {
    let manifest = &taken.manifest_digest;
    read_back_point(transport, backup, stack, password, &taken.point, manifest).await
}

/// The same of a point whose manifest has this digest, by the word of whoever wrote it.
pub async fn read_back_point(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
    password: &Secret,
    point: &PointId,
    manifest: &Digest,
) -> Result<ReadBack, MachineError> {
    let input = Lines::new()
        .words(&["stack", stack.as_str()])
        .words(&["point", point.as_str()])
        .words(&["manifest-digest", &manifest.0])
        .secret(&["password"], password)
        .done();
    let answer = transport.run(backup, READ_BACK, &input).await?;
    only(&backup.machine, READ_BACK, "read_back", answer)
}

/// The recovery points of one stack. `Ok(empty)`: looked, none there.
pub async fn points(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
    password: &Secret,
) -> Result<Vec<RecoveryPoint>, Gap> {
    let mut all = points_all(transport, backup, &[(stack.clone(), password.clone())]).await;
    all.remove(stack).unwrap_or_else(|| {
        let silent = "the answer is silent";
        Err(Gap::new(GapKind::Unreadable, subject(stack), silent))
    })
}

/// The recovery points of many stacks on one backup machine, in one round trip.
pub async fn points_all(
    transport: &dyn Transport,
    backup: &Contact,
    stacks: &[(StackId, Secret)],
) -> BTreeMap<StackId, Result<Vec<RecoveryPoint>, Gap>> {
    let mut lines = Lines::new();
    for (stack, password) in stacks {
        lines = lines.secret(&["stack", stack.as_str()], password);
    }
    match transport.run(backup, POINTS, &lines.done()).await {
        Ok(answer) => {
            let names: Vec<&StackId> = stacks.iter().map(|(stack, _)| stack).collect();
            parse_points(&names, answer)
        }
        Err(error) => stacks
            .iter()
            .map(|(stack, _)| {
                let gap = scripted_error_gap(&subject(stack), &error);
                (stack.clone(), Err(gap))
            })
            .collect(),
    }
}

/// Writes evidence for a rung beyond [`Rung::Shipped`] next to the repository.
///
/// Refusals: `rung-forbidden` ([`Rung::Taken`] and [`Rung::Shipped`] are nobody's to claim),
/// `rung-missing` (the point was never read back), `point-missing`.
pub async fn record_rung(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
    point: &PointId,
    rung: Rung,
    evidence: &Value,
) -> Result<(), MachineError> {
    let rung = match rung {
        Rung::Taken => "taken",
        Rung::Shipped => "shipped",
        Rung::Checked => "checked",
        Rung::Restored => "restored",
        Rung::AppVerified => "app-verified",
    };
    let input = Lines::new()
        .words(&["stack", stack.as_str()])
        .words(&["point", point.as_str()])
        .words(&["rung", rung])
        .text("evidence", &evidence.to_string())
        .done();
    let answer = transport.run(backup, RECORD_RUNG, &input).await?;
    only::<bool>(&backup.machine, RECORD_RUNG, "recorded", answer).map(|_| ())
}
