//! Steps of a drill alone: a machine that talks to nobody, what is examined there beyond the
//! functional checks, and its end.

use super::{Run, StepError, lock};
use crate::model::ids::MachineName;
use crate::model::journal::Event;
use crate::model::machine::MachineManifest;
use crate::model::operation::{FaultClass, Operation};
use crate::model::plan::Step;
use crate::world::backup;
use crate::world::machine::drill;
use crate::world::machine::verbs::{self, CheckResult};

/// Users stay out, and a drill has failed, if one of them did not.
pub(super) fn all_passed(machine: &MachineName, results: &[CheckResult]) -> Result<(), StepError> {
    let failed: Vec<String> = results
        .iter()
        .filter(|r| !r.passed)
        .map(|r| format!("{}, {}: {}", r.service, r.name, r.detail))
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(StepError::refused(
        "check-failed",
        format!("{machine} stays closed; {}", failed.join("; ")),
        FaultClass::NeedsHuman,
    ))
}

impl Run {
    pub(super) async fn isolate(&self, machine: &MachineName) -> Result<(), StepError> {
        let contact = self.contact(machine)?;
        let transport = self.session.world.transport.as_ref();
        let isolated = drill::isolate(transport, &contact).await?;
        tracing::info!(%machine, tried = ?isolated.tried, "nothing goes out");
        Ok(())
    }

    /// What a drill looks at when the services have answered: the databases' own structures,
    /// and what was written that nobody declares. The latter is told, and fails nothing.
    pub(super) async fn examine(
        &self,
        step: &Step,
        machine: &MachineName,
        manifest: &MachineManifest,
        mut results: Vec<CheckResult>,
    ) -> Result<(), StepError> {
        let contact = self.contact(machine)?;
        let transport = self.session.world.transport.as_ref();
        self.reporter.note(step, "looking at what nobody declares");
        match backup::undeclared(transport, &contact, manifest).await {
            Ok(paths) => self.saw(machine, |shown| shown.undeclared = paths),
            Err(error) => {
                tracing::warn!(%machine, %error, "undeclared writes could not be looked for");
                let words = format!("undeclared writes on {machine}: {error}");
                self.saw(machine, |shown| shown.not_looked_at.push(words));
            }
        }
        self.reporter.note(step, "reading the databases' pages");
        let whole = drill::integrity(transport, &contact, &manifest.services).await?;
        self.saw_checked(machine, &whole);
        results.extend(whole);
        all_passed(machine, &results)?;
        verbs::mark_proven(transport, &contact).await?;
        Ok(())
    }

    /// Nothing is left, by the hoster's word. Only what carries our label, and of which the
    /// journal knows that we made it or had begun to (S6, S7).
    pub(super) async fn destroy(
        &self,
        step: &Step,
        machine: &MachineName,
    ) -> Result<(), StepError> {
        let known =
            self.past.machines.contains_key(machine) || lock(&self.ordered).contains_key(machine);
        if !known {
            return Err(StepError::refused(
                "S7",
                format!("the journal knows nothing of {machine}"),
                FaultClass::Bug,
            ));
        }
        let hoster = self.hoster_of(machine)?;
        let op = Operation::Destroy {
            machine: machine.clone(),
        };
        self.perform(step, &hoster, &op).await?;
        let destroyed = Event::Destroyed {
            machine: machine.clone(),
        };
        self.record(step, destroyed).await
    }
}
