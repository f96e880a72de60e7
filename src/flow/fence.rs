//! Proof that a machine can no longer write (S2).
//!
//! Only a confirmed power-off, the hoster's own word that the machine is gone,
//! a signed waiver, or the journal's record of one of these makes a [`Fenced`];
//! letting users into another machine takes it by value.

use super::session::Session;
use crate::decide::check::WAIVED;
use crate::decide::history::History;
use crate::model::ids::{HosterId, MachineName, StackId, StepId};
use crate::model::journal::Event;
use crate::model::operation::{Fault, FaultClass, Operation, Outcome, Refusal};
use crate::model::plan::FenceBy;

/// A machine that can no longer write.
#[derive(Debug)]
pub struct Fenced {
    machine: MachineName,
    proof: String,
}

impl Fenced {
    /// Which machine.
    pub fn machine(&self) -> &MachineName {
        &self.machine
    }
    /// By whose word.
    pub fn proof(&self) -> &str {
        &self.proof
    }

    /// Fenced earlier, and not switched on since, by the journal.
    pub fn recorded(machine: &MachineName, past: &History) -> Option<Self> {
        let proof = past.machines.get(machine)?.fenced.clone()?;
        Some(Self {
            machine: machine.clone(),
            proof,
        })
    }
}

/// Why a machine is not fenced.
#[derive(Debug, thiserror::Error)]
pub enum Unfenced {
    /// Certainly nothing changed.
    #[error("{0}")]
    Refused(Refusal),
    /// Look again.
    #[error("{0}")]
    Unknown(Fault),
}

/// Fences a machine and writes the proof down.
pub async fn fence(
    session: &Session,
    stack: Option<&StackId>,
    machine: &MachineName,
    at: Option<&HosterId>,
    by: &FenceBy,
    step: &StepId,
) -> Result<Fenced, Unfenced> {
    let proof = match by {
        FenceBy::PowerOff => power_off(session, machine, at, step).await?,
        FenceBy::Gone => gone(session, machine, at).await?,
        FenceBy::Waiver { place } => {
            format!("{WAIVED}, {} line {}", place.file, place.line)
        }
    };
    session
        .record(
            stack,
            Event::Fenced {
                machine: machine.clone(),
                proof: proof.clone(),
            },
        )
        .await
        .map_err(|error| unknown(format!("the journal could not be written: {error}")))?;
    Ok(Fenced {
        machine: machine.clone(),
        proof,
    })
}

async fn power_off(
    session: &Session,
    machine: &MachineName,
    at: Option<&HosterId>,
    step: &StepId,
) -> Result<String, Unfenced> {
    let Some(hoster) = at else {
        return Err(unknown(format!("nobody knows where {machine} stands")));
    };
    let op = Operation::PowerOff {
        machine: machine.clone(),
    };
    match session.perform(hoster, &op, step).await {
        Outcome::Done(receipt) => Ok(format!("{hoster} says that {} is off", receipt.provider_id)),
        Outcome::Refused(refusal) => Err(Unfenced::Refused(refusal)),
        Outcome::Unknown(fault) => Err(Unfenced::Unknown(fault)),
    }
}

/// Asks the hoster where it stood again; every hoster, when nobody knows where.
async fn gone(
    session: &Session,
    machine: &MachineName,
    at: Option<&HosterId>,
) -> Result<String, Unfenced> {
    let asked = session
        .world
        .hosters
        .iter()
        .filter(|(id, _)| at.is_none_or(|at| at == *id));
    let mut words = Vec::new();
    for (id, hoster) in asked {
        let inventory = hoster
            .observe(&session.desired.estate)
            .await
            .map_err(|gap| unknown(gap.to_string()))?;
        if let Some(unseen) = inventory.unseen.first() {
            return Err(unknown(unseen.gap.to_string()));
        }
        if inventory.machines.iter().any(|m| m.name == *machine) {
            return Err(Unfenced::Refused(Refusal {
                code: "not-gone".into(),
                message: format!("{id} lists {machine} again"),
                class: FaultClass::Retry,
            }));
        }
        words.push(id.to_string());
    }
    if words.is_empty() {
        return Err(unknown(format!("no hoster could be asked about {machine}")));
    }
    Ok(format!("{} no longer lists it", words.join(", ")))
}

fn unknown(message: String) -> Unfenced {
    Unfenced::Unknown(Fault {
        message,
        class: FaultClass::Retry,
    })
}
