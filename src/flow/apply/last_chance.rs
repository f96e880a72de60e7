//! The last chance of a disk: another system is booted in the machine's place, has to prove that it
//! holds our machine's disk, and saves what is on it. Whatever comes of it, the machine is off then,
//! unless it is its own system that answers.

use super::{Run, StepError};
use crate::decide::derive;
use crate::decide::silence::Silence;
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{HosterId, MachineName, PointId};
use crate::model::journal::Event;
use crate::model::machine::MachineFacts;
use crate::model::operation::{FaultClass, Operation};
use crate::model::plan::Step;
use crate::model::point::Rung;
use crate::world::backup;
use crate::world::machine::{Contact, rescue, verbs};
use std::time::Duration;

/// Between two looks whether it is up.
const LOOK: Duration = Duration::from_secs(2);

/// What came of it.
enum Chance {
    /// And what is not in it, in words.
    Saved(PointId, String),
    /// In words.
    InVain(String),
    /// Its own system runs there again.
    Revived,
}

impl Run {
    /// Ends well, unless the machine says something before it is over, or nobody can say whether it
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
            match self.ask(&self.contact(machine)?).await {
                Ok(_) => Chance::Revived,
                Err(_) => Chance::InVain("it was begun before, and cut short".to_owned()),
            }
        } else {
            self.still_silent(machine).await?;
            self.rescue(step, machine, to, &hoster).await?
        };
        let (point, why) = match chance {
            Chance::Saved(point, lacks) => (Some(point), lacks),
            Chance::InVain(why) => (None, why),
            Chance::Revived => return self.leave_alone(step, machine, &hoster).await,
        };
        // It may never be left where another system runs, or where its own would run again.
        self.end_rescue(step, machine, &hoster, true).await?;
        let said = point.is_some().then_some("saved");
        let words = said.into_iter().chain([why.as_str()]);
        let words: Vec<&str> = words.filter(|words| !words.is_empty()).collect();
        self.reporter.note(step, &words.join("; "));
        let over = Event::LastChance {
            machine: machine.clone(),
            point,
            why,
        };
        self.record(step, over).await
    }

    async fn end_rescue(
        &self,
        step: &Step,
        machine: &MachineName,
        hoster: &HosterId,
        off: bool,
    ) -> Result<(), StepError> {
        let end = Operation::EndRescue {
            machine: machine.clone(),
            off,
        };
        match self.perform(step, hoster, &end).await {
            Ok(_) => Ok(()),
            Err(StepError::Refused(refusal)) => Err(StepError::unknown(format!(
                "the rescue system of {machine} could not be ended: {refusal}"
            ))),
            Err(other) => Err(other),
        }
    }

    /// It says something again: its next start is from its disk, and it stays as it is (S1).
    async fn leave_alone(
        &self,
        step: &Step,
        machine: &MachineName,
        hoster: &HosterId,
    ) -> Result<(), StepError> {
        self.end_rescue(step, machine, hoster, false).await?;
        Err(StepError::refused(
            "answers",
            format!("{machine} says something again; it stays, and is not switched off"),
            FaultClass::Retry,
        ))
    }

    /// The error is the journal's alone. What was saved is recorded however late it is.
    async fn rescue(
        &self,
        step: &Step,
        machine: &MachineName,
        to: &MachineName,
        hoster: &HosterId,
    ) -> Result<Chance, StepError> {
        let limit = self.stack(step)?.waits.last_chance;
        let limit = Duration::try_from(limit).unwrap_or_default();
        let saved = tokio::select! {
            biased;
            saved = self.saved_from_rescue(step, machine, to, hoster) => saved,
            () = self.session.world.clock.wait(limit) => {
                Ok(Chance::InVain(format!("it took longer than {} s", limit.as_secs())))
            }
        };
        match saved {
            Ok(Chance::Saved(point, lacks)) => {
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
                Ok(Chance::Saved(point, lacks))
            }
            Ok(chance) => Ok(chance),
            Err(StepError::Journal(error)) => Err(StepError::Journal(error)),
            Err(error) => Ok(Chance::InVain(error.to_string())),
        }
    }

    async fn saved_from_rescue(
        &self,
        step: &Step,
        machine: &MachineName,
        to: &MachineName,
        hoster: &HosterId,
    ) -> Result<Chance, StepError> {
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
        // That took its time: it is asked once more, right before what hurts.
        match self.ask(&ours).await.map_err(|gap| gap.kind) {
            Err(GapKind::Unreachable) => {
                let reset = Operation::Reset {
                    machine: machine.clone(),
                };
                self.perform(step, hoster, &reset).await?;
            }
            // Somebody else has started it meanwhile.
            Err(GapKind::ForeignHostKey) => {}
            _ => return Ok(Chance::Revived),
        }
        let Some(there) = self.another_key(&ours).await else {
            return Ok(Chance::Revived);
        };
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
        Ok(Chance::Saved(taken.point, missing(&taken.lacks)))
    }

    /// Waits until somebody answers there with another key than the machine's; `None`: it was the
    /// machine itself. Whoever waits for this has a limit of his own.
    async fn another_key(&self, ours: &Contact) -> Option<Contact> {
        let clock = &self.session.world.clock;
        let transport = self.session.world.transport.as_ref();
        loop {
            match transport.host_key(ours).await {
                Ok(host_key) if host_key != ours.host_key => {
                    return Some(Contact {
                        host_key,
                        ..ours.clone()
                    });
                }
                Ok(_) if self.ask(ours).await.is_ok() => return None,
                _ => clock.wait(LOOK).await,
            }
        }
    }

    /// Whether its own system says something, under its own key.
    async fn ask(&self, ours: &Contact) -> Result<MachineFacts, Gap> {
        let transport = self.session.world.transport.as_ref();
        verbs::facts(transport, ours, &verbs::FactsRequest::of(None)).await
    }
}

/// What is not in a point, as far as it is worth a line.
fn missing(lacks: &[String]) -> String {
    const NAMED: usize = 8;
    let more = lacks.len().saturating_sub(NAMED);
    let mut words = lacks[..lacks.len() - more].join(", ");
    if more > 0 {
        words.push_str(&format!(", and {more} more"));
    }
    words
}
