//! Steps that make, prepare, open, close and set aside machines.

use super::drill::all_passed;
use super::{Nature, Run, StepError, done, lock};
use crate::decide::{derive, first_contact};
use crate::flow::fence::{self, Unfenced};
use crate::model::ids::{Epoch, HosterId, MachineName};
use crate::model::journal::Event;
use crate::model::machine::{Change, MachineManifest, Role};
use crate::model::observed::SeenMachine;
use crate::model::operation::{CreateMachine, FaultClass, Operation, Outcome, OwnerLabel, Receipt};
use crate::model::plan::{Action, FenceBy, Step};
use crate::world::hoster::{ACTION_FAILED, pool};
use crate::world::machine::{Contact, MachineError, Transport, verbs};
use jiff::SignedDuration;
use std::time::Duration;

/// By then the taking of an ordered machine is over, or is refused there: its look, its own time,
/// and clocks that do not run alike.
const ORDER_ARRIVES: SignedDuration = SignedDuration::from_secs(2 * pool::CLAIM_HOLDS);

impl From<MachineError> for StepError {
    fn from(error: MachineError) -> Self {
        match &error {
            MachineError::Withheld { .. } => {
                Self::refused("lease-lost", error.to_string(), FaultClass::Retry)
            }
            MachineError::Unreachable { .. } => {
                Self::refused("unreachable", error.to_string(), FaultClass::Retry)
            }
            MachineError::Denied { .. } => {
                Self::refused("denied", error.to_string(), FaultClass::NeedsHuman)
            }
            MachineError::ForeignHostKey { .. } => Self::refused(
                "foreign-host-key",
                error.to_string(),
                FaultClass::NeedsHuman,
            ),
            MachineError::Refused { code, .. } => {
                Self::refused(code, error.to_string(), FaultClass::NeedsHuman)
            }
            MachineError::Lost { .. } | MachineError::Unreadable { .. } => {
                Self::unknown(error.to_string())
            }
        }
    }
}

impl Run {
    pub(super) async fn create(&self, step: &Step) -> Result<(), StepError> {
        let Action::Create {
            machine,
            take,
            hoster,
            site,
            machine_type,
            image,
            role,
            epoch,
        } = &step.action
        else {
            return Ok(());
        };
        let owner = OwnerLabel {
            estate: self.session.desired.estate.clone(),
            role: *role,
            stack: step.stack.clone(),
            epoch: *epoch,
        };
        let host_key = derive::host_key(&self.session.key, machine);
        let client = derive::client_key(&self.session.key);
        let op = Operation::Create(Box::new(CreateMachine {
            name: machine.clone(),
            take: take.clone(),
            site: site.clone(),
            machine_type: machine_type.clone(),
            image: image.clone(),
            user_data: first_contact::user_data(&host_key, &client.public, &owner, machine),
            owner,
        }));
        lock(&self.ordered).insert(machine.clone(), hoster.clone());
        if let Some(take) = take {
            let ordered = Event::Ordered {
                machine: machine.clone(),
                hoster: hoster.clone(),
                take: take.clone(),
                until: self.session.world.clock.now() + ORDER_ARRIVES,
            };
            self.record(step, ordered).await?;
        }
        let receipt = match self.session.perform(hoster, &op, &step.id).await {
            Outcome::Done(receipt) => receipt,
            Outcome::Refused(refusal) => {
                if refusal.class == FaultClass::NoCapacity {
                    let full = Event::NoCapacity {
                        hoster: hoster.clone(),
                        site: site.clone(),
                    };
                    self.record(step, full).await?;
                }
                return Err(StepError::Refused(refusal));
            }
            Outcome::Unknown(fault) => return Err(StepError::Unknown(fault)),
        };
        let created = Event::Created {
            machine: machine.clone(),
            hoster: hoster.clone(),
            provider_id: receipt.provider_id.clone(),
            role: *role,
            epoch: *epoch,
            wanted: step
                .stack
                .as_ref()
                .and_then(|id| self.session.desired.stacks.get(id))
                .map(|s| (s.production.hoster.clone(), s.production.site.clone())),
            machine_type: machine_type.clone(),
            asked: self.asked(step).filter(|_| *role == Role::Production),
        };
        self.record(step, created).await?;
        lock(&self.created).insert(machine.clone(), (*role, *epoch, Some(image.clone())));
        let (Some(address), port) = (receipt.address, receipt.port.unwrap_or(22)) else {
            return Err(StepError::unknown(format!(
                "{hoster} made {machine} and did not say where it answers"
            )));
        };
        self.session
            .meet(hoster, machine, &receipt.provider_id, address, port);
        self.saw_created(step);
        Ok(())
    }

    pub(super) async fn prepare(
        &self,
        step: &Step,
        machine: &MachineName,
    ) -> Result<(), StepError> {
        let contact = self.contact(machine)?;
        let manifest = self.manifest_of(step, machine)?;
        self.first_contact(step, &contact).await?;
        verbs::prepare(self.session.world.transport.as_ref(), &contact, &manifest).await?;
        Ok(())
    }

    /// Waits until SSH answers with the key we know; another key ends it at once.
    async fn first_contact(&self, step: &Step, contact: &Contact) -> Result<(), StepError> {
        let clock = &self.session.world.clock;
        let begin = clock.elapsed();
        let request = verbs::FactsRequest::of(None);
        let transport = self.session.world.transport.as_ref();
        loop {
            let Err(gap) = verbs::facts(transport, contact, &request).await else {
                return Ok(());
            };
            if gap.kind == crate::model::gap::GapKind::ForeignHostKey {
                return Err(MachineError::ForeignHostKey {
                    machine: contact.machine.clone(),
                }
                .into());
            }
            if clock.elapsed().saturating_sub(begin) > self.session.first_contact {
                return Err(StepError::refused(
                    "never-answered",
                    format!(
                        "{} has not answered on SSH for {} s: {gap}",
                        contact.machine,
                        self.session.first_contact.as_secs()
                    ),
                    FaultClass::Retry,
                ));
            }
            self.reporter.note(step, "waiting for SSH");
            clock.wait(Duration::from_millis(500)).await;
        }
    }

    pub(super) async fn install(
        &self,
        step: &Step,
        machine: &MachineName,
    ) -> Result<(), StepError> {
        let (transport, contact, manifest) = self.reach(step, machine)?;
        verbs::install(transport, &contact, &manifest).await?;
        if manifest.role == Role::Backup {
            verbs::start(transport, &contact, &manifest).await?;
            verbs::mark_opened(transport, &contact).await?;
        }
        Ok(())
    }

    pub(super) async fn converge(
        &self,
        step: &Step,
        machine: &MachineName,
        changes: &[Change],
    ) -> Result<(), StepError> {
        let (transport, contact, manifest) = self.reach(step, machine)?;
        verbs::converge(transport, &contact, &manifest, changes).await?;
        Ok(())
    }

    pub(super) async fn initialise(
        &self,
        step: &Step,
        machine: &MachineName,
    ) -> Result<(), StepError> {
        let (transport, contact, manifest) = self.reach(step, machine)?;
        verbs::initialise(transport, &contact, &manifest).await?;
        Ok(())
    }

    pub(super) async fn check(&self, step: &Step, machine: &MachineName) -> Result<(), StepError> {
        let (transport, contact, manifest) = self.reach(step, machine)?;
        verbs::start(transport, &contact, &manifest).await?;
        let asked = verbs::FactsRequest::of(Some(&manifest));
        let (results, facts) = tokio::join!(
            verbs::check(transport, &contact, &manifest.services),
            verbs::facts(transport, &contact, &asked),
        );
        let results = results?;
        self.saw_checked(machine, &results);
        if let Ok(facts) = facts {
            self.saw_versions(machine, &facts);
        }
        if manifest.role == Role::Drill {
            return self.examine(step, machine, &manifest, results).await;
        }
        all_passed(machine, &results)?;
        verbs::mark_proven(transport, &contact).await?;
        let point = lock(&self.loaded).get(machine).cloned();
        if let Some(point) = point {
            self.prove(step, &point, crate::model::point::Rung::AppVerified)
                .await?;
        }
        Ok(())
    }

    pub(super) async fn close(&self, step: &Step, machine: &MachineName) -> Result<(), StepError> {
        let contact = self.contact(machine)?;
        verbs::gate_close(self.session.world.transport.as_ref(), &contact).await?;
        let closed = Event::Closed {
            machine: machine.clone(),
        };
        self.record(step, closed).await
    }

    pub(super) async fn power_on(
        &self,
        step: &Step,
        machine: &MachineName,
    ) -> Result<(), StepError> {
        self.switch_on(step, machine).await?;
        let contact = self.contact(machine)?;
        self.first_contact(step, &contact).await
    }

    /// By its hoster's word it runs. That it will not start is written down: it is off for good.
    pub(super) async fn switch_on(
        &self,
        step: &Step,
        machine: &MachineName,
    ) -> Result<(), StepError> {
        let hoster = self.hoster_of(machine)?;
        let op = Operation::PowerOn {
            machine: machine.clone(),
        };
        match self.session.perform(&hoster, &op, &step.id).await {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused(refusal) => {
                // Only the hoster's own "it will not start" counts; a wrong token or a full queue does not.
                if refusal.code == ACTION_FAILED {
                    let failed = Event::PowerOnFailed {
                        machine: machine.clone(),
                        reason: refusal.to_string(),
                    };
                    self.record(step, failed).await?;
                }
                Err(StepError::Refused(refusal))
            }
            Outcome::Unknown(fault) => Err(StepError::Unknown(fault)),
        }
    }

    pub(super) async fn fence(
        &self,
        step: &Step,
        machine: &MachineName,
        by: &FenceBy,
    ) -> Result<(), StepError> {
        let at = self.hoster_of(machine).ok();
        let fenced = fence::fence(
            &self.session,
            step.stack.as_ref(),
            machine,
            at.as_ref(),
            by,
            &step.id,
        )
        .await
        .map_err(|error| match error {
            Unfenced::Refused(refusal) => StepError::Refused(refusal),
            Unfenced::Unknown(fault) => StepError::Unknown(fault),
        })?;
        self.reporter.note(step, fenced.proof());
        lock(&self.fenced).push(fenced);
        Ok(())
    }

    pub(super) async fn quarantine(
        &self,
        step: &Step,
        machine: &MachineName,
    ) -> Result<(), StepError> {
        let hoster = self.hoster_of(machine)?;
        let op = Operation::Quarantine {
            machine: machine.clone(),
        };
        self.perform(step, &hoster, &op).await?;
        let quarantined = Event::Quarantined {
            machine: machine.clone(),
        };
        self.record(step, quarantined).await
    }

    pub(super) async fn perform(
        &self,
        step: &Step,
        hoster: &HosterId,
        op: &Operation,
    ) -> Result<Receipt, StepError> {
        done(self.session.perform(hoster, op, &step.id).await)
    }

    /// The way to a machine, and what it should be.
    pub(super) fn reach(
        &self,
        step: &Step,
        machine: &MachineName,
    ) -> Result<(&dyn Transport, Contact, MachineManifest), StepError> {
        let contact = self.contact(machine)?;
        let manifest = self.manifest_of(step, machine)?;
        Ok((self.session.world.transport.as_ref(), contact, manifest))
    }

    pub(super) fn contact(&self, machine: &MachineName) -> Result<Contact, StepError> {
        self.session.contact(machine).ok_or_else(|| {
            StepError::refused(
                "no-address",
                format!("nobody knows where {machine} answers"),
                FaultClass::Retry,
            )
        })
    }

    pub(super) fn seen_machine(&self, machine: &MachineName) -> Option<&SeenMachine> {
        self.seen
            .hosters
            .values()
            .flatten()
            .flat_map(|i| &i.machines)
            .find(|m| m.name == *machine)
    }

    /// Where a machine stands, by its hoster's list, or where it was made.
    pub(super) fn hoster_of(&self, machine: &MachineName) -> Result<HosterId, StepError> {
        self.seen_machine(machine)
            .map(|m| m.hoster.clone())
            .or_else(|| self.past.machines.get(machine).map(|m| m.hoster.clone()))
            .or_else(|| lock(&self.ordered).get(machine).cloned())
            .ok_or_else(|| {
                StepError::refused(
                    "not-listed",
                    format!("no hoster lists {machine}"),
                    FaultClass::Retry,
                )
            })
    }

    /// Role, epoch and operating system: by the hoster's list, or as this run made it.
    fn nature_of(&self, machine: &MachineName) -> Result<Nature, StepError> {
        self.seen_machine(machine)
            .map(|m| (m.role, m.epoch, m.image.clone()))
            .or_else(|| lock(&self.created).get(machine).cloned())
            .ok_or_else(|| {
                StepError::refused(
                    "not-listed",
                    format!("no hoster lists {machine}"),
                    FaultClass::Retry,
                )
            })
    }

    /// The epoch a machine was made for.
    pub(super) fn epoch_of(&self, machine: &MachineName) -> Result<Epoch, StepError> {
        self.nature_of(machine).map(|(_, epoch, _)| epoch)
    }

    /// What the machine of this step should be.
    pub(super) fn manifest_of(
        &self,
        step: &Step,
        machine: &MachineName,
    ) -> Result<MachineManifest, StepError> {
        let (role, epoch, image) = self.nature_of(machine)?;
        self.session
            .manifest(role, step.stack.as_ref(), machine, epoch, image.as_ref())
            .map_err(|error| {
                StepError::refused(
                    "manifest",
                    crate::model::causes::chain(&error),
                    FaultClass::NeedsHuman,
                )
            })
    }
}
