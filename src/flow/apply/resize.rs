//! Another type for a machine that users are on otherwise: off, the type, and on again whatever
//! came of it.

use super::{Run, StepError};
use crate::model::desired::Size;
use crate::model::ids::MachineName;
use crate::model::journal::Event;
use crate::model::operation::Operation;
use crate::model::plan::Step;

impl Run {
    /// The size that its stack asks for.
    pub(super) fn asked(&self, step: &Step) -> Option<Size> {
        let stack = self.session.desired.stacks.get(step.stack.as_ref()?)?;
        stack.production.size
    }

    /// Its hoster says that it is off.
    pub(super) async fn shut_down(
        &self,
        step: &Step,
        machine: &MachineName,
    ) -> Result<(), StepError> {
        let hoster = self.hoster_of(machine)?;
        let op = Operation::ShutDown {
            machine: machine.clone(),
        };
        self.perform(step, &hoster, &op).await?;
        Ok(())
    }

    /// Where certainly nothing changed, it is switched on at once, until it answers: users wait.
    /// Otherwise the next look tells what it is, and it is switched on then.
    pub(super) async fn resize(
        &self,
        step: &Step,
        machine: &MachineName,
        to: &str,
    ) -> Result<(), StepError> {
        let hoster = self.hoster_of(machine)?;
        let op = Operation::Resize {
            machine: machine.clone(),
            machine_type: to.to_owned(),
        };
        let resized = self.perform(step, &hoster, &op).await;
        if let Err(StepError::Refused(_)) = &resized
            && let Err(error) = self.power_on(step, machine).await
        {
            self.reporter.note(step, &format!("{machine}: {error}"));
        }
        resized?;
        let resized = Event::Resized {
            machine: machine.clone(),
            machine_type: to.to_owned(),
            asked: self.asked(step),
        };
        self.record(step, resized).await
    }
}
