//! Companies that machines are rented from. One file per family of interfaces.
//!
//! Retries of whole operations, deadlines and logging are in [`wrap`], around a
//! hoster. What never lives here: what should be done, and in which order.

pub mod hetzner;
pub mod pool;
pub mod wrap;

use crate::model::gap::Gap;
use crate::model::ids::{EstateName, HosterId, MachineName, StepId};
use crate::model::observed::Inventory;
use crate::model::operation::{FaultClass, Operation, Outcome, Refusal};
use async_trait::async_trait;
use std::sync::Arc;

/// Code of a refusal in which the hoster took the order, tried, and failed: the
/// machine itself would not start or stop, as opposed to nobody having tried.
pub const ACTION_FAILED: &str = "action_failed";

/// An account at a hoster.
#[async_trait]
pub trait Hoster: Send + Sync {
    /// As stacks name it.
    fn id(&self) -> &HosterId;

    /// Everything there that carries the label of `owned`. An answer that could
    /// not be read whole is a gap, never a shorter list (S1).
    async fn observe(&self, owned: &EstateName) -> Result<Inventory, Gap>;

    /// Brings one effect about, or finds that it is there already: after a crash
    /// the same operation may be asked for again (S6). Touches only what carries
    /// our label, looked up right before (S7); the creation receipt is in the
    /// journal and therefore the caller's to check.
    async fn perform(&self, op: &Operation, key: &StepId) -> Outcome;
}

#[async_trait]
impl<H: Hoster + ?Sized> Hoster for Arc<H> {
    fn id(&self) -> &HosterId {
        (**self).id()
    }
    async fn observe(&self, owned: &EstateName) -> Result<Inventory, Gap> {
        (**self).observe(owned).await
    }
    async fn perform(&self, op: &Operation, key: &StepId) -> Outcome {
        (**self).perform(op, key).await
    }
}

/// The operation's name and target, for logs.
pub(crate) fn subject(op: &Operation) -> (&'static str, &MachineName) {
    match op {
        Operation::Create(want) => ("create", &want.name),
        Operation::PowerOn { machine } => ("power-on", machine),
        Operation::PowerOff { machine } => ("power-off", machine),
        Operation::ShutDown { machine } => ("shut-down", machine),
        Operation::Resize { machine, .. } => ("resize", machine),
        Operation::Reset { machine } => ("reset", machine),
        Operation::Rescue { machine, .. } => ("rescue", machine),
        Operation::EndRescue { machine, .. } => ("end-rescue", machine),
        Operation::Quarantine { machine } => ("quarantine", machine),
        Operation::Destroy { machine } => ("destroy", machine),
    }
}

/// Certainly nothing changed.
pub(crate) fn refused(
    code: impl Into<String>,
    message: impl Into<String>,
    class: FaultClass,
) -> Outcome {
    Outcome::Refused(Refusal {
        code: code.into(),
        message: message.into(),
        class,
    })
}

/// Nothing but a drill's machine is ever destroyed (S3).
pub(crate) fn not_a_drill(machine: &MachineName) -> Outcome {
    refused(
        "not_a_drill",
        format!("{machine} is of no drill; nothing else is destroyed"),
        FaultClass::NeedsHuman,
    )
}
