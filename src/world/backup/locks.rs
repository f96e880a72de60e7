//! Locks of a repository whose holder is dead.

use super::UNLOCK;
use super::answer::only;
use super::input::Lines;
use crate::model::ids::{MachineName, StackId};
use crate::model::secret::Secret;
use crate::world::machine::{Contact, MachineError, Transport};
use serde::Deserialize;

/// What became of a repository's locks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Unlocked {
    /// Taken away: whose, and how it is known that the holder is dead.
    pub removed: Vec<String>,
    /// Left: nobody can say that their holder is dead.
    pub living: Vec<String>,
}

/// Takes away locks whose holder is known to be dead: a process of the backup machine that is
/// gone, or one of the machines in `dead`, which can no longer write.
///
/// Refusals: `repository-missing`, `busy`.
pub async fn unlock(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
    password: &Secret,
    dead: &[&MachineName],
) -> Result<Unlocked, MachineError> {
    let mut input = Lines::new()
        .words(&["stack", stack.as_str()])
        .secret(&["password"], password);
    for machine in dead {
        input = input.words(&["dead", machine.as_str()]);
    }
    let answer = transport.run(backup, UNLOCK, &input.done()).await?;
    only(&backup.machine, UNLOCK, "unlocked", answer)
}
