//! The reconciler's anchor on a backup machine: outside every repository, where production
//! cannot reach (S10).

use super::answer::only;
use super::input::Lines;
use super::{ANCHOR_KEEP, ANCHOR_READ};
use crate::model::anchor::Sealed;
use crate::world::machine::{Contact, MachineError, Transport};

/// Keeps an anchor in the place of the last one, whole or not at all.
pub async fn keep_anchor(
    transport: &dyn Transport,
    backup: &Contact,
    sealed: &Sealed,
) -> Result<(), MachineError> {
    let text = serde_json::json!(sealed).to_string();
    let input = Lines::new().text("anchor", &text).done();
    let answer = transport.run(backup, ANCHOR_KEEP, &input).await?;
    only::<bool>(&backup.machine, ANCHOR_KEEP, "kept", answer)?;
    Ok(())
}

/// The anchor that is kept there; `None` when there is none yet.
pub async fn read_anchor(
    transport: &dyn Transport,
    backup: &Contact,
) -> Result<Option<Sealed>, MachineError> {
    let input = Lines::new().done();
    let answer = transport.run(backup, ANCHOR_READ, &input).await?;
    only(&backup.machine, ANCHOR_READ, "anchor", answer)
}
