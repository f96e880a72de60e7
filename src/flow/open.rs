//! Letting users in: the one place where a machine's gate is opened (S2, S15).

use super::fence::Fenced;
use crate::model::ids::Epoch;
use crate::world::machine::{Contact, MachineError, Transport, verbs};

/// Opens the gate for an epoch. Takes the proofs that no other machine can write by value.
///
/// The machine itself refuses when its epoch is another or its checks have not passed.
pub async fn open(
    transport: &dyn Transport,
    contact: &Contact,
    epoch: Epoch,
    fenced: Vec<Fenced>,
) -> Result<(), MachineError> {
    for proof in &fenced {
        tracing::info!(machine = %proof.machine(), proof = proof.proof(), "fenced");
    }
    drop(fenced); // A proof opens one gate.
    verbs::gate_open(transport, contact, epoch).await
}
