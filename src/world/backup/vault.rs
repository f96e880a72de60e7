//! On backup machines: repositories, the points in them, what is read back of them.

use super::answer::{only, parse_points, scripted_error_gap, subject};
use super::input::Lines;
use super::production::Taken;
use super::{KEYS, POINTS, READ_BACK, REPOSITORY};
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{PointId, StackId};
use crate::model::listed::Listed;
use crate::model::machine::{BackupAccess, Digest};
use crate::model::repository::{KeyRole, KeysSeen, RepositoryKeys};
use crate::model::secret::Secret;
use crate::model::units::Bytes;
use crate::world::machine::{Contact, MachineError, Transport};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What happened to a repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Repository {
    /// It was not there and was made.
    pub made: bool,
    /// Keys that it did not have, and has now.
    pub added: Vec<KeyRole>,
    /// Names of key files that were damaged or that nobody here made; they lie beside the
    /// repositories now, where restic does not try them.
    pub aside: Vec<String>,
}

/// Sees to it that the stack has a repository that opens with each of its three keys, and with
/// no other. A key that is missing is added by one that still opens.
///
/// Refusals: `wrong-password` (it exists and none of them opens it), `repository-damaged` (a
/// directory without config), `repository-lost` (gone, though points were recorded),
/// `tool-missing`, `disk-full`. None of them is mended here: a fresh repository would hide what
/// is left (S1, S3).
///
/// A new one cuts files like `like`, if that answers, so that copies of its points share room
/// with new ones.
pub async fn repository(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
    keys: &RepositoryKeys,
    like: Option<&BackupAccess>,
) -> Result<Repository, MachineError> {
    let mut input = Lines::new().words(&["stack", stack.as_str()]);
    for role in KeyRole::ALL {
        input = input.secret(&["key", role.word()], keys.of(role));
    }
    if let Some(like) = like {
        input = input.another(like);
    }
    let answer = transport.run(backup, REPOSITORY, &input.done()).await?;
    only(&backup.machine, REPOSITORY, "repository", answer)
}

/// What the key files of many stacks' repositories show. A stack without a repository has no
/// entry. Needs no password and opens nothing, so it is cheap enough for every look.
///
/// Refusals: `repositories-missing`.
pub async fn keys_all(
    transport: &dyn Transport,
    backup: &Contact,
    stacks: &[StackId],
) -> Result<BTreeMap<StackId, KeysSeen>, MachineError> {
    #[derive(Deserialize)]
    struct Line {
        stack: StackId,
        keys: KeysSeen,
    }
    let mut lines = Lines::new();
    for stack in stacks {
        lines = lines.words(&["stack", stack.as_str()]);
    }
    let answer = transport.run(backup, KEYS, &lines.done()).await?;
    answer
        .into_iter()
        .filter(|line| line.get("keys").is_some())
        .map(|line| {
            serde_json::from_value(line)
                .map(|Line { stack, keys }| (stack, keys))
                .map_err(|error| MachineError::Unreadable {
                    machine: backup.machine.clone(),
                    script: KEYS.name,
                    detail: error.to_string(),
                })
        })
        .collect()
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
/// to [`Rung::Shipped`](crate::model::point::Rung::Shipped).
///
/// Refusals: `repository-missing`, `point-missing`, `wrong-password`, `manifest-differs`,
/// `canary-missing`, `content-differs`. The point then stays [`Rung::Taken`](crate::model::point::Rung::Taken).
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

/// The repository of one stack. `Ok(empty)`: looked, none there.
pub async fn points(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
    password: &Secret,
) -> Result<Listed, Gap> {
    let mut all = points_all(transport, backup, &[(stack.clone(), password.clone())]).await;
    all.remove(stack).unwrap_or_else(|| {
        let silent = "the answer is silent";
        Err(Gap::new(GapKind::Unreadable, subject(stack), silent))
    })
}

/// The repositories of many stacks on one backup machine, in one round trip.
pub async fn points_all(
    transport: &dyn Transport,
    backup: &Contact,
    stacks: &[(StackId, Secret)],
) -> BTreeMap<StackId, Result<Listed, Gap>> {
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
