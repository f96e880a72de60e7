//! The mark of an epoch, in a repository before anybody is let in under it (S2).

use super::MARK;
use super::answer::only;
use super::input::Lines;
use crate::model::ids::{Epoch, StackId};
use crate::model::secret::Secret;
use crate::world::machine::{Contact, MachineError, Transport};
use serde::Deserialize;

#[derive(Deserialize)]
struct Marked {
    epoch: Epoch,
}

/// Puts the mark of an epoch into a stack's repository, unless it is there: a snapshot of a few
/// bytes that no list counts as a recovery point. Machines of earlier epochs look for it after a
/// boot, and stay closed.
///
/// Refusals: `repository-missing`, `wrong-password`, `locked` (prune is at work: later),
/// `disk-full`, `restic-failed`.
pub async fn mark(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
    password: &Secret,
    epoch: Epoch,
    mark: &Secret,
) -> Result<(), MachineError> {
    let input = Lines::new()
        .words(&["stack", stack.as_str()])
        .words(&["epoch", &epoch.0.to_string()])
        .secret(&["mark"], mark)
        .secret(&["password"], password)
        .done();
    let answer = transport.run(backup, MARK, &input).await?;
    let marked: Marked = only(&backup.machine, MARK, "marked", answer)?;
    if marked.epoch == epoch {
        return Ok(());
    }
    Err(MachineError::Unreadable {
        machine: backup.machine.clone(),
        script: MARK.name,
        detail: format!("the mark of {} instead of {epoch}", marked.epoch),
    })
}
