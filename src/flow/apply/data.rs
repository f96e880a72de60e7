//! Steps that move a stack's state: repository, backup, fetch, load.

use super::{Run, StepError, lock};
use crate::model::desired::DesiredStack;
use crate::model::ids::{MachineName, PointId};
use crate::model::journal::Event;
use crate::model::machine::BackupAccess;
use crate::model::operation::FaultClass;
use crate::model::plan::{Source, Step};
use crate::model::point::{RecoveryPoint, Rung};
use crate::world::backup::{self, BackupRequest};

impl Run {
    pub(super) async fn repository(
        &self,
        step: &Step,
        machine: &MachineName,
        like: Option<&MachineName>,
    ) -> Result<(), StepError> {
        let stack = self.stack(step)?;
        let contact = self.contact(machine)?;
        let password = self.session.repository_password_on(&stack.id, machine);
        let transport = self.session.world.transport.as_ref();
        // What cannot be said of the other repository only costs room.
        let like = like.and_then(|like| self.session.access(stack, like).ok());
        match like {
            Some(like) => {
                backup::repository_like(transport, &contact, &stack.id, &password, &like).await?
            }
            None => backup::repository(transport, &contact, &stack.id, &password).await?,
        };
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
        self.reporter.note(step, "reading back");
        let password = self.session.repository_password_on(&stack.id, to);
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
        let from = self.elsewhere(step, source)?;
        let transport = self.session.world.transport.as_ref();
        match from {
            Some(from) => backup::fetch_from(transport, &contact, &point, &from).await?,
            None => backup::fetch(transport, &contact, &point).await?,
        };
        Ok(())
    }

    /// The way to a repository that the machine itself does not know.
    fn elsewhere(&self, step: &Step, source: &Source) -> Result<Option<BackupAccess>, StepError> {
        let stack = self.stack(step)?;
        match source {
            Source::Point { on, .. } if *on != self.session.serving_backup_machine(stack) => {
                self.way_to(stack, on).map(Some)
            }
            _ => Ok(None),
        }
    }

    pub(super) fn way_to(
        &self,
        stack: &DesiredStack,
        machine: &MachineName,
    ) -> Result<BackupAccess, StepError> {
        self.session.access(stack, machine).map_err(|error| {
            let words = crate::model::causes::chain(&error);
            StepError::refused("no-address", words, FaultClass::Retry)
        })
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
        let machine = self.keeper_of(stack, point);
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

    /// The backup machine that has a point.
    fn keeper_of(&self, stack: &DesiredStack, point: &PointId) -> MachineName {
        let former = self.seen.former.get(&stack.id).into_iter().flatten();
        let holds = |points: &Vec<RecoveryPoint>| points.iter().any(|p| p.id == *point);
        let mut holders = former.filter(|(_, points)| points.as_ref().is_ok_and(holds));
        let serving = || self.session.serving_backup_machine(stack);
        holders
            .next()
            .map_or_else(serving, |(name, _)| name.clone())
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
