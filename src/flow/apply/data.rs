//! Steps that move a stack's state: repository, backup, fetch, load.

use super::{Run, StepError, lock};
use crate::decide::plan::verify::last_good;
use crate::decide::repositories;
use crate::model::desired::DesiredStack;
use crate::model::ids::{MachineName, PointId, StackId};
use crate::model::journal::Event;
use crate::model::machine::{BackupAccess, Role};
use crate::model::operation::{Fault, FaultClass, Refusal};
use crate::model::plan::{Source, Step};
use crate::model::point::Rung;
use crate::model::repository::KeyRole;
use crate::world::backup::{self, BackupRequest};
use crate::world::machine::{Contact, MachineError};

impl Run {
    pub(super) async fn repository(
        &self,
        step: &Step,
        machine: &MachineName,
        like: Option<&MachineName>,
    ) -> Result<(), StepError> {
        let stack = self.stack(step)?;
        let contact = self.contact(machine)?;
        let keys = self.session.repository_keys_on(&stack.id, machine);
        let transport = self.session.world.transport.as_ref();
        // What cannot be said of the other repository only costs room.
        let role = KeyRole::Maintenance;
        let like = like.and_then(|like| self.session.access(stack, like, role).ok());
        let like = like.as_ref();
        let repository = backup::repository(transport, &contact, &stack.id, &keys, like).await?;
        for id in &repository.aside {
            tracing::warn!(stack = %stack.id, %id, "a key file that nobody here made was set aside");
        }
        Ok(())
    }

    /// Takes a point and reads it back; it counts only when both went well.
    pub(super) async fn backup(
        &self,
        step: &Step,
        machine: &MachineName,
        to: &MachineName,
    ) -> Result<(), StepError> {
        let point = self.take(step, machine, to, false).await?;
        lock(&self.made).insert(step.id.clone(), point);
        Ok(())
    }

    /// The same of a machine whose epoch is over: a point beside those that count.
    pub(super) async fn save_aside(
        &self,
        step: &Step,
        machine: &MachineName,
        to: &MachineName,
    ) -> Result<(), StepError> {
        let saved = Event::SavedAside {
            machine: machine.clone(),
            point: self.take(step, machine, to, true).await?,
        };
        self.record(step, saved).await
    }

    async fn take(
        &self,
        step: &Step,
        machine: &MachineName,
        to: &MachineName,
        aside: bool,
    ) -> Result<PointId, StepError> {
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
            aside,
        };
        self.reporter.note(step, "dumping and sending");
        let mut taken = backup::take(transport, &production, &request).await;
        if matches!(&taken, Err(MachineError::Refused { code, .. }) if code == "locked")
            && self.unlocked(step, &stack.id, &vault).await?
        {
            taken = backup::take(transport, &production, &request).await;
        }
        let taken = taken.map_err(|error| self.without_a_point(&stack.id, error.into()))?;
        // What it says of itself must be what was asked for: production may have been broken into.
        let told = &taken.manifest;
        if told.epoch != epoch || told.stack != stack.id || told.aside != aside {
            return Err(StepError::refused(
                "other-identity",
                format!("{machine} took a point that claims to be another machine's"),
                FaultClass::NeedsHuman,
            ));
        }
        self.reporter.note(step, "reading back");
        let password = self.session.repository_password_on(&stack.id, to);
        let read = backup::read_back(transport, &vault, &stack.id, &password, &taken).await;
        read.map_err(|error| self.without_a_point(&stack.id, error.into()))?;
        let shipped = Event::Proven {
            point: taken.point.clone(),
            rung: Rung::Shipped,
        };
        self.record(step, shipped).await?;
        Ok(taken.point)
    }

    /// Takes away the locks of dead holders; whether nothing stands in the way any more.
    async fn unlocked(
        &self,
        step: &Step,
        stack: &StackId,
        vault: &Contact,
    ) -> Result<bool, StepError> {
        let password = self.session.repository_password_on(stack, &vault.machine);
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
        let desired = self.session.desired.stacks.get(stack);
        let points = desired.and_then(|stack| repositories::known(&self.seen, stack, &self.past));
        let Some(points) = points else {
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
        step: &Step,
        machine: &MachineName,
        source: &Source,
    ) -> Result<(), StepError> {
        let (contact, point, from) = self.coming_from(step, machine, source)?;
        let transport = self.session.world.transport.as_ref();
        let fetched = match from {
            Some(from) => backup::fetch_from(transport, &contact, &point, &from).await?,
            None => backup::fetch(transport, &contact, &point).await?,
        };
        if let Some(copy) = &fetched.built_on {
            let copy = copy.short();
            self.reporter
                .note(step, &format!("built on the copy of {copy}"));
        }
        self.saw_fetched(step, machine, &fetched);
        Ok(())
    }

    /// The same while the machine that it comes from still serves.
    pub(super) async fn precopy(
        &self,
        step: &Step,
        machine: &MachineName,
        source: &Source,
    ) -> Result<(), StepError> {
        let (contact, point, from) = self.coming_from(step, machine, source)?;
        let transport = self.session.world.transport.as_ref();
        let fetched = backup::fetch_ahead(transport, &contact, &point, from.as_ref()).await?;
        self.reporter
            .note(step, &format!("{} lie there", fetched.bytes));
        Ok(())
    }

    /// The machine, the point that goes to it, and the way to where that is kept.
    fn coming_from(
        &self,
        step: &Step,
        machine: &MachineName,
        source: &Source,
    ) -> Result<(Contact, PointId, Option<BackupAccess>), StepError> {
        let contact = self.contact(machine)?;
        let point = self.point(source)?;
        let from = self.elsewhere(step, machine, source)?;
        Ok((contact, point, from))
    }

    /// The way to a repository that the machine itself does not know.
    fn elsewhere(
        &self,
        step: &Step,
        machine: &MachineName,
        source: &Source,
    ) -> Result<Option<BackupAccess>, StepError> {
        let stack = self.stack(step)?;
        match source {
            Source::Point { on, .. } if *on != self.session.serving_backup_machine(stack) => {
                // The key that it would be given there, if that were where it belongs.
                let role = match self.manifest_of(step, machine)?.role {
                    Role::Drill => self.session.drills_with,
                    Role::Production | Role::Backup => KeyRole::Production,
                };
                self.way_to(stack, on, role).map(Some)
            }
            _ => Ok(None),
        }
    }

    pub(super) fn way_to(
        &self,
        stack: &DesiredStack,
        machine: &MachineName,
        role: KeyRole,
    ) -> Result<BackupAccess, StepError> {
        self.session.access(stack, machine, role).map_err(|error| {
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
        let compared = backup::load(transport, &contact, &point, &manifest.services).await?;
        self.saw_loaded(machine, &compared);
        lock(&self.loaded).insert(machine.clone(), point.clone());
        if manifest.role == Role::Drill {
            return Ok(()); // Its evidence says it, once it has passed as a whole.
        }
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
