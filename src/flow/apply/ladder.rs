//! Starting a silent machine anew. Whether that helped, the next look says.

use super::{Run, StepError};
use crate::model::gap::GapKind;
use crate::model::ids::MachineName;
use crate::model::journal::{Event, Remedy};
use crate::model::operation::{FaultClass, Operation};
use crate::model::plan::Step;
use crate::world::machine::verbs;

impl Run {
    pub(super) async fn reset(&self, step: &Step, machine: &MachineName) -> Result<(), StepError> {
        self.still_silent(machine).await?;
        let hoster = self.hoster_of(machine)?;
        let op = Operation::Reset {
            machine: machine.clone(),
        };
        self.perform(step, &hoster, &op).await?;
        self.tried(step, machine, Remedy::Reset).await
    }

    /// A crash in between leaves it off: then it is switched on like any other that is off.
    pub(super) async fn power_cycle(
        &self,
        step: &Step,
        machine: &MachineName,
    ) -> Result<(), StepError> {
        self.still_silent(machine).await?;
        let hoster = self.hoster_of(machine)?;
        let off = Operation::PowerOff {
            machine: machine.clone(),
        };
        self.perform(step, &hoster, &off).await?;
        self.switch_on(step, machine).await?;
        self.tried(step, machine, Remedy::PowerCycle).await
    }

    async fn tried(
        &self,
        step: &Step,
        machine: &MachineName,
        remedy: Remedy,
    ) -> Result<(), StepError> {
        let tried = Event::Tried {
            machine: machine.clone(),
            remedy,
        };
        self.record(step, tried).await
    }

    /// It was silent when the plan was made; whoever says something now is left alone (S1).
    pub(super) async fn still_silent(&self, machine: &MachineName) -> Result<(), StepError> {
        let contact = self.contact(machine)?;
        let transport = self.session.world.transport.as_ref();
        let asked = verbs::FactsRequest::of(None);
        match verbs::facts(transport, &contact, &asked).await {
            Err(gap) if gap.kind == GapKind::Unreachable => Ok(()),
            _ => Err(StepError::refused(
                "answers",
                format!("{machine} says something again; nothing was done to it"),
                FaultClass::Retry,
            )),
        }
    }
}
