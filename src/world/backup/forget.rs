//! On backup machines: taking points out of a repository, and what else is kept there.

use super::answer::{only, scripted_error_gap};
use super::input::Lines;
use super::{FORGET, VAULT};
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{PointId, StackId};
use crate::model::secret::Secret;
use crate::model::units::Bytes;
use crate::model::vault::{Holdings, Vault};
use crate::world::machine::{Contact, MachineError, Transport};
use serde::Deserialize;

/// What forgetting came to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Forgotten {
    /// Points that were there and are gone.
    pub forgotten: Vec<PointId>,
    /// Bytes that the repository takes less.
    pub freed: Bytes,
    /// Milliseconds on the machine.
    pub millis: u64,
}

/// Takes these points out of the repository and frees what only they needed. Points that are
/// gone already are passed over, so that an interrupted run may be done again.
///
/// Refusals: `point-newest` (it is the newest, or nothing newer that stays was read back: S3),
/// `foreign-point` (another stack's tags), `locked` (production is at work: later), `busy`,
/// `wrong-password`, `repository-damaged`, `disk-full`. Nothing is taken out after a refusal
/// other than `disk-full` and `restic-failed`, which may come while space is freed.
pub async fn forget(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
    password: &Secret,
    points: &[PointId],
) -> Result<Forgotten, MachineError> {
    let mut input = Lines::new()
        .words(&["stack", stack.as_str()])
        .secret(&["password"], password);
    for point in points {
        input = input.words(&["point", point.as_str()]);
    }
    let answer = transport.run(backup, FORGET, &input.done()).await?;
    only(&backup.machine, FORGET, "forgot", answer)
}

/// What the machine keeps for these stacks beside the points, and how full it is.
pub async fn vault<'a>(
    transport: &dyn Transport,
    backup: &Contact,
    stacks: impl Iterator<Item = &'a StackId>,
) -> Result<Vault, Gap> {
    #[derive(Deserialize)]
    struct Disk {
        free: Bytes,
        size: Bytes,
    }
    let subject = format!("backup machine {}", backup.machine);
    let unreadable = |error: &dyn std::fmt::Display| {
        Gap::new(GapKind::Unreadable, subject.clone(), error.to_string())
    };
    let mut input = Lines::new();
    for stack in stacks {
        input = input.words(&["stack", stack.as_str()]);
    }
    let answer = transport
        .run(backup, VAULT, &input.done())
        .await
        .map_err(|error| scripted_error_gap(&subject, &error))?;
    let mut vault = Vault::default();
    for mut line in answer {
        if let Some(disk) = line.get_mut("disk").map(serde_json::Value::take) {
            let disk: Disk = serde_json::from_value(disk).map_err(|error| unreadable(&error))?;
            (vault.disk_free, vault.disk_size) = (disk.free, disk.size);
        } else if let Some(stack) = line.get("stack").and_then(|stack| stack.as_str()) {
            let stack = StackId::new(stack);
            // One stack's broken record is no other stack's gap (S16).
            let holdings = serde_json::from_value(line).unwrap_or_else(|error| Holdings {
                unreadable: vec![error.to_string()],
                ..Holdings::default()
            });
            vault.stacks.insert(stack, holdings);
        }
    }
    Ok(vault)
}
