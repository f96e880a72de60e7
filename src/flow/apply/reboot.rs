//! One reboot, in order, of a machine that answers and does not stay well.

use super::{Run, StepError};
use crate::decide::changes::changes;
use crate::model::ids::MachineName;
use crate::model::journal::Event;
use crate::model::machine::{Change, MachineFacts};
use crate::model::operation::FaultClass;
use crate::model::plan::Step;
use crate::world::machine::{Contact, MachineError, verbs};
use std::time::Duration;

impl Run {
    /// Done when it answers with another boot than before. Whether that helped, the next look says.
    pub(super) async fn reboot(
        &self,
        step: &Step,
        machine: &MachineName,
        wrong: &[String],
    ) -> Result<(), StepError> {
        let (transport, contact, manifest) = self.reach(step, machine)?;
        let asked = verbs::FactsRequest::of(Some(&manifest));
        let before = verbs::facts(transport, &contact, &asked).await;
        let before = before
            .map_err(|gap| StepError::refused("unreachable", gap.reason, FaultClass::Retry))?;
        let refused =
            |code: &str, words: String| StepError::refused(code, words, FaultClass::Retry);
        if !before.open {
            let words = format!("{machine} is closed by now; nothing was done to it");
            return Err(refused("closed", words));
        }
        let differing = changes(&manifest, &before);
        let subjects: Vec<String> = differing.iter().map(Change::subject).collect();
        if !wrong.iter().any(|item| subjects.contains(item)) {
            let words = format!("{machine} is well again; nothing was done to it");
            return Err(refused("well", words));
        }
        match verbs::reboot(transport, &contact).await {
            // The answer may get lost with the machine that gave it.
            Ok(()) | Err(MachineError::Lost { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.comes_back(step, &contact, &before).await?;
        let rebooted = Event::Rebooted {
            machine: machine.clone(),
        };
        self.record(step, rebooted).await
    }

    /// Waits until it answers after another boot: for as long as its services may take to stop, and
    /// then as long as any machine that was started.
    async fn comes_back(
        &self,
        step: &Step,
        contact: &Contact,
        before: &MachineFacts,
    ) -> Result<(), StepError> {
        let waits = self.stack(step)?.waits;
        let most = waits.lost_after + waits.answers_within;
        let most = Duration::try_from(most).unwrap_or_default();
        let clock = &self.session.world.clock;
        let begin = clock.elapsed();
        let transport = self.session.world.transport.as_ref();
        let request = verbs::FactsRequest::of(None);
        loop {
            if let Ok(facts) = verbs::facts(transport, contact, &request).await
                && facts.boot_id != before.boot_id
            {
                return Ok(());
            }
            if clock.elapsed().saturating_sub(begin) > most {
                return Err(StepError::unknown(format!(
                    "{} was told to reboot, and did not answer after another boot for {} s",
                    contact.machine,
                    most.as_secs()
                )));
            }
            self.reporter.note(step, "waiting for it to come back");
            clock.wait(Duration::from_secs(1)).await;
        }
    }
}
