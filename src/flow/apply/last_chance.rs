//! The last chance of a disk: another system is booted in the machine's place, has to prove that it
//! holds our machine's disk, and saves what is on it. Whatever comes of it, the machine is off then.

use super::{Run, StepError};
use crate::decide::derive;
use crate::decide::silence::Silence;
use crate::model::ids::{HosterId, MachineName, PointId};
use crate::model::journal::Event;
use crate::model::operation::{FaultClass, Operation};
use crate::model::plan::Step;
use crate::model::point::Rung;
use crate::world::backup;
use crate::world::machine::{Contact, rescue};
use std::time::Duration;

/// Between two looks whether it is up.
const LOOK: Duration = Duration::from_secs(2);

/// Something came of it, or it was in vain, in words.
type Chance = Result<PointId, String>;

impl Run {
    /// Ends well, unless the machine says something before it is begun, or nobody can say whether it
    /// is off afterwards: then nobody is let in next to it.
    pub(super) async fn last_chance(
        &self,
        step: &Step,
        machine: &MachineName,
        to: &MachineName,
    ) -> Result<(), StepError> {
        let hoster = self.hoster_of(machine)?;
        let silence = self.past.silences.of(machine);
        let chance = if silence.is_some_and(Silence::in_rescue) {
            Err("it was begun before, and cut short".to_owned())
        } else {
            self.still_silent(machine).await?;
            let limit = self.stack(step)?.waits.last_chance;
            let limit = Duration::try_from(limit).unwrap_or_default();
            tokio::select! {
                biased;
                chance = self.rescue(step, machine, to, &hoster) => chance?,
                () = self.session.world.clock.wait(limit) => {
                    Err(format!("it took longer than {} s", limit.as_secs()))
                }
            }
        };
        // It may never be left where another system runs, or where its own would run again.
        let end = Operation::EndRescue {
            machine: machine.clone(),
        };
        if let Err(error) = self.perform(step, &hoster, &end).await {
            return Err(match error {
                StepError::Refused(refusal) => StepError::unknown(format!(
                    "the rescue system of {machine} could not be ended: {refusal}"
                )),
                other => other,
            });
        }
        self.reporter.note(
            step,
            match &chance {
                Ok(_) => "saved",
                Err(why) => why,
            },
        );
        let why = chance.as_ref().err().cloned().unwrap_or_default();
        let over = Event::LastChance {
            machine: machine.clone(),
            point: chance.ok(),
            why,
        };
        self.record(step, over).await
    }

    /// The error of the outer result is the journal's alone.
    async fn rescue(
        &self,
        step: &Step,
        machine: &MachineName,
        to: &MachineName,
        hoster: &HosterId,
    ) -> Result<Chance, StepError> {
        match self.saved_from_rescue(step, machine, to, hoster).await {
            Ok(point) => {
                let shipped = Event::Proven {
                    point: point.clone(),
                    rung: Rung::Shipped,
                };
                self.record(step, shipped).await?;
                let saved = Event::SavedAside {
                    machine: machine.clone(),
                    point: point.clone(),
                };
                self.record(step, saved).await?;
                Ok(Ok(point))
            }
            Err(StepError::Journal(error)) => Err(StepError::Journal(error)),
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    async fn saved_from_rescue(
        &self,
        step: &Step,
        machine: &MachineName,
        to: &MachineName,
        hoster: &HosterId,
    ) -> Result<PointId, StepError> {
        let transport = self.session.world.transport.as_ref();
        let stack = self.stack(step)?;
        let ours = self.contact(machine)?;
        let vault = self.contact(to)?;
        let manifest = self.manifest_of(step, machine)?;
        let op = Operation::Rescue {
            machine: machine.clone(),
            key: derive::client_key(&self.session.key).public,
        };
        self.reporter.note(step, "booting the rescue system");
        self.perform(step, hoster, &op).await?;
        let there = self.another_key(&ours).await;
        // Who answers there is nobody we know; only the disk's own key says that it holds our disk.
        let question = rescue::Question::new(machine, &there.host_key);
        let signature = rescue::prove(transport, &there, &question).await?;
        if let Err(why) = question.is_answered(&ours.host_key, &signature) {
            let words =
                format!("who answers in the place of {machine} does not hold its disk: {why}");
            return Err(StepError::refused(
                "not-our-disk",
                words,
                FaultClass::NeedsHuman,
            ));
        }
        self.reporter.note(step, "saving what is on its disk");
        let request = backup::BackupRequest {
            stack: stack.id.clone(),
            epoch: self.epoch_of(machine)?,
            commit: self.session.desired.commit.clone(),
            services: manifest.services,
            aside: true,
        };
        let taken = backup::take_cold(transport, &there, &request).await?;
        let told = &taken.manifest;
        if told.epoch != request.epoch || told.stack != stack.id || !told.aside || !told.cold {
            return Err(StepError::refused(
                "other-identity",
                format!("the disk of {machine} gave a point that claims to be another's"),
                FaultClass::NeedsHuman,
            ));
        }
        self.reporter.note(step, "reading back");
        let password = self.session.repository_password_on(&stack.id, to);
        backup::read_back(transport, &vault, &stack.id, &password, &taken).await?;
        Ok(taken.point)
    }

    /// Waits until somebody answers there with another key than the machine's; whoever waits for this
    /// has a limit of his own.
    async fn another_key(&self, ours: &Contact) -> Contact {
        let clock = &self.session.world.clock;
        let transport = self.session.world.transport.as_ref();
        loop {
            if let Ok(host_key) = transport.host_key(ours).await
                && host_key != ours.host_key
            {
                return Contact {
                    host_key,
                    ..ours.clone()
                };
            }
            clock.wait(LOOK).await;
        }
    }
}
