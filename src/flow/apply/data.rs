//! Steps that move a stack's state: repository, backup, fetch, load.

use super::{Run, StepError, lock};
use crate::decide::plan::verify::last_good;
use crate::flow::session::Session;
use crate::model::ids::{MachineName, PointId, StackId};
use crate::model::journal::Event;
use crate::model::operation::{Fault, FaultClass, Refusal};
use crate::model::plan::{Source, Step};
use crate::model::point::Rung;
use crate::world::backup::{self, BackupRequest};
use crate::world::machine::{Contact, MachineError};

impl Run {
    pub(super) async fn repository(
        &self,
        step: &Step,
        machine: &MachineName,
    ) -> Result<(), StepError> {
        let stack = self.stack(step)?;
        let contact = self.contact(machine)?;
        let password = self.session.repository_password(stack);
        let transport = self.session.world.transport.as_ref();
        backup::repository(transport, &contact, &stack.id, &password).await?;
        Ok(())
    }

    /// Takes a point and reads it back; it counts only when both went well.
    pub(super) async fn backup(
        &self,
        step: &Step,
        machine: &MachineName,
        to: &MachineName,
    ) -> Result<(), StepError> {
        let stack = self.stack(step)?;
        let production = self.contact(machine)?;
        let vault = self.contact(to)?;
        let manifest = self.manifest_of(step, machine)?;
        let epoch = self.epoch_of(machine)?;
        let transport = self.session.world.transport.as_ref();
        let request = BackupRequest {
            stack: stack.id.clone(),
            epoch,
            commit: self.session.desired.commit.clone(),
            services: manifest.services,
        };
        self.reporter.note(step, "dumping and sending");
        let mut taken = backup::take(transport, &production, &request).await;
        if matches!(&taken, Err(MachineError::Refused { code, .. }) if code == "locked")
            && self.unlocked(step, &stack.id, &vault).await?
        {
            taken = backup::take(transport, &production, &request).await;
        }
        let taken = taken.map_err(|error| self.without_a_point(&stack.id, error.into()))?;
        self.reporter.note(step, "reading back");
        let password = self.session.repository_password(stack);
        let read = backup::read_back(transport, &vault, &stack.id, &password, &taken).await;
        read.map_err(|error| self.without_a_point(&stack.id, error.into()))?;
        lock(&self.made).insert(step.id.clone(), taken.point.clone());
        self.record(
            step,
            Event::Proven {
                point: taken.point,
                rung: Rung::Shipped,
            },
        )
        .await
    }

    /// Takes away the locks of dead holders; whether nothing stands in the way any more.
    async fn unlocked(
        &self,
        step: &Step,
        stack: &StackId,
        vault: &Contact,
    ) -> Result<bool, StepError> {
        let Some(desired) = self.session.desired.stacks.get(stack) else {
            return Ok(false);
        };
        let password = self.session.repository_password(desired);
        let transport = self.session.world.transport.as_ref();
        let machines = self.past.of_stack(stack);
        let dead: Vec<&MachineName> = machines
            .filter(|(_, past)| past.fenced.is_some())
            .map(|(name, _)| name)
            .collect();
        let locks = backup::unlock(transport, vault, stack, &password, &dead).await?;
        for words in &locks.removed {
            self.reporter.note(step, &format!("taken away: {words}"));
        }
        for words in &locks.living {
            self.reporter.note(step, &format!("left: {words}"));
        }
        Ok(!locks.removed.is_empty() && locks.living.is_empty())
    }

    /// There is no new point: whoever reads why is told which one they still have.
    fn without_a_point(&self, stack: &StackId, error: StepError) -> StepError {
        let Some(Ok(points)) = self.seen.points.get(stack) else {
            return error;
        };
        let last_good = last_good(points);
        match error {
            StepError::Refused(refusal) => StepError::Refused(Refusal {
                message: format!("{}; no new point counts, {last_good}", refusal.message),
                ..refusal
            }),
            StepError::Unknown(fault) => StepError::Unknown(Fault {
                message: format!("{}; no new point counts, {last_good}", fault.message),
                ..fault
            }),
            journal @ StepError::Journal(_) => journal,
        }
    }

    pub(super) async fn fetch(
        &self,
        machine: &MachineName,
        source: &Source,
    ) -> Result<(), StepError> {
        let contact = self.contact(machine)?;
        let point = self.point(source)?;
        let transport = self.session.world.transport.as_ref();
        backup::fetch(transport, &contact, &point).await?;
        Ok(())
    }

    pub(super) async fn load(
        &self,
        step: &Step,
        machine: &MachineName,
        source: &Source,
    ) -> Result<(), StepError> {
        let contact = self.contact(machine)?;
        let point = self.point(source)?;
        let manifest = self.manifest_of(step, machine)?;
        let transport = self.session.world.transport.as_ref();
        backup::load(transport, &contact, &point, &manifest.services).await?;
        lock(&self.loaded).insert(machine.clone(), point.clone());
        self.prove(step, &point, Rung::Restored).await
    }

    /// Writes down how far a point has been proven, in the journal and beside the repository.
    pub(super) async fn prove(
        &self,
        step: &Step,
        point: &PointId,
        rung: Rung,
    ) -> Result<(), StepError> {
        let stack = self.stack(step)?;
        let machine = Session::backup_machine(stack);
        if let Some(vault) = self.session.contact(&machine) {
            let transport = self.session.world.transport.as_ref();
            let evidence = serde_json::json!({
                "step": step.id,
                "machine": step.action.machine(),
                "commit": self.session.desired.commit,
                "at": self.session.world.clock.now(),
            });
            // The restore stands without this note; the journal has it in any case.
            if let Err(error) =
                backup::record_rung(transport, &vault, &stack.id, point, rung, &evidence).await
            {
                tracing::warn!(%point, %error, "the evidence could not be kept beside the repository");
            }
        }
        self.record(
            step,
            Event::Proven {
                point: point.clone(),
                rung,
            },
        )
        .await
    }

    fn point(&self, source: &Source) -> Result<PointId, StepError> {
        match source {
            Source::Point { point, .. } => Ok(point.clone()),
            Source::Step { step } => lock(&self.made).get(step).cloned().ok_or_else(|| {
                StepError::refused(
                    "no-point",
                    format!("{step} made no recovery point"),
                    FaultClass::Retry,
                )
            }),
        }
    }
}
