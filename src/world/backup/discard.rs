//! On backup machines that a stack no longer names: its repository, deleted.

use super::DISCARD;
use super::answer::only;
use super::input::Lines;
use crate::model::ids::{PointId, StackId};
use crate::model::secret::Secret;
use crate::model::units::Bytes;
use crate::world::machine::{Contact, MachineError, Transport};
use serde::Deserialize;

/// What discarding came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Discarded {
    /// Room that it took on the disk, measured before it went; 0 where nothing was left of it.
    pub freed: Bytes,
    /// Milliseconds on the machine.
    pub millis: u64,
}

/// Deletes the stack's repository on `backup`, which holds these points and no others; goes on
/// where it was interrupted. Signed documents of what was proven stay, and what was set aside.
///
/// Refusals: `point-unknown`, `point-missing` (it holds something else than what was judged),
/// `wrong-password` (it is not this stack's), `repository-damaged`, `busy`. Nothing is deleted
/// after a refusal.
pub async fn discard(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
    password: &Secret,
    points: &[PointId],
) -> Result<Discarded, MachineError> {
    let mut input = Lines::new()
        .words(&["stack", stack.as_str()])
        .secret(&["password"], password);
    for point in points {
        input = input.words(&["point", point.as_str()]);
    }
    let answer = transport.run(backup, DISCARD, &input.done()).await?;
    only(&backup.machine, DISCARD, "discarded", answer)
}
