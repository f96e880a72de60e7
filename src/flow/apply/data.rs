//! Steps that move a stack's state: repository, backup, fetch, load.

use super::{Run, StepError, lock};
use crate::model::ids::{MachineName, PointId};
use crate::model::journal::Event;
use crate::model::operation::FaultClass;
use crate::model::plan::{Source, Step};
use crate::model::point::Rung;
use crate::world::backup::{self, BackupRequest};

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
        let taken = backup::take(transport, &production, &request).await?;
        // What it says of itself must be what was asked for: production may have been broken into.
        if taken.manifest.epoch != epoch || taken.manifest.stack != stack.id {
            return Err(StepError::refused(
                "other-identity",
                format!("{machine} took a point that claims to be another machine's"),
                FaultClass::NeedsHuman,
            ));
        }
        self.reporter.note(step, "reading back");
        let password = self.session.repository_password(stack);
        backup::read_back(transport, &vault, &stack.id, &password, &taken).await?;
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

    pub(super) async fn fetch(
        &self,
        step: &Step,
        machine: &MachineName,
        source: &Source,
    ) -> Result<(), StepError> {
        let contact = self.contact(machine)?;
        let point = self.point(source)?;
        let transport = self.session.world.transport.as_ref();
        let fetched = backup::fetch(transport, &contact, &point).await?;
        self.saw_fetched(step, machine, &fetched);
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
        let compared = backup::load(transport, &contact, &point, &manifest.services).await?;
        self.saw_loaded(machine, &compared);
        lock(&self.loaded).insert(machine.clone(), point.clone());
        self.prove(step, &point, Rung::Restored).await
    }

    /// Writes down how far a point was proven. Beside the repository it stands once the whole
    /// run has ended, with the signed document that says so.
    pub(super) async fn prove(
        &self,
        step: &Step,
        point: &PointId,
        rung: Rung,
    ) -> Result<(), StepError> {
        let point = point.clone();
        self.record(step, Event::Proven { point, rung }).await
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
