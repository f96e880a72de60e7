//! Letting users in: nobody else can write, and whoever comes back can tell (S2).

use super::{Run, StepError, lock};
use crate::decide::history::History;
use crate::decide::manifest::epoch_mark;
use crate::flow::fence::Fenced;
use crate::flow::open;
use crate::model::desired::InterfaceFamily;
use crate::model::ids::{Epoch, MachineName};
use crate::model::journal::Event;
use crate::model::observed::Power;
use crate::model::operation::FaultClass;
use crate::model::plan::Step;
use crate::world::backup;
use crate::world::machine::MachineError;

impl Run {
    /// Proofs, then the mark, then a last look at those who are fenced: one that is switched on
    /// after that look finds the mark when it boots, and stays closed.
    pub(super) async fn open(
        &self,
        step: &Step,
        machine: &MachineName,
        epoch: Epoch,
        must_be_fenced: &[MachineName],
    ) -> Result<(), StepError> {
        let contact = self.contact(machine)?;
        let past = self.session.history().await?;
        let mut proofs = Vec::new();
        for rival in must_be_fenced {
            let here = {
                let mut fenced = lock(&self.fenced);
                fenced
                    .iter()
                    .position(|f| f.machine() == rival)
                    .map(|at| fenced.swap_remove(at))
            };
            let proof = here
                .or_else(|| Fenced::recorded(rival, &past))
                .ok_or_else(|| {
                    StepError::refused(
                        "S2",
                        format!("{machine} stays closed: {rival} may still write"),
                        FaultClass::NeedsHuman,
                    )
                })?;
            proofs.push(proof);
        }
        if !must_be_fenced.is_empty() {
            self.mark(step, epoch, &past).await?;
        }
        for rival in must_be_fenced {
            self.still_off(rival).await?;
        }
        let point = lock(&self.loaded).get(machine).cloned();
        let transport = self.session.world.transport.as_ref();
        open::open(transport, &contact, epoch, proofs).await?;
        let opened = Event::Opened {
            machine: machine.clone(),
            epoch,
            point,
        };
        self.record(step, opened).await
    }

    /// Puts the epoch's mark where older machines look before they open after a boot: into every
    /// repository of the stack. The one in use must take it; another only if it answers.
    async fn mark(&self, step: &Step, epoch: Epoch, past: &History) -> Result<(), StepError> {
        let stack = self.stack(step)?;
        let in_use = self.session.serving_backup_machine(stack);
        let mark = epoch_mark(&self.session.key, &stack.id, epoch);
        let transport = self.session.world.transport.as_ref();
        for on in past
            .repositories
            .get(&stack.id)
            .into_iter()
            .flat_map(|of| of.keys())
        {
            let Some(contact) = self.session.contact(on) else {
                continue; // Nobody lists it: no older machine reaches it either.
            };
            let password = self.session.repository_password_on(&stack.id, on);
            let marked = backup::mark(transport, &contact, &stack.id, &password, epoch, &mark);
            match marked.await {
                Err(MachineError::Unreachable { .. }) if *on != in_use => {
                    self.reporter.note(
                        step,
                        &format!("{on} does not answer, so it holds no mark of {epoch}"),
                    );
                }
                marked => marked?,
            }
        }
        Ok(())
    }

    /// A fence is as good as its last look: somebody may have switched the machine on since (S2).
    async fn still_off(&self, rival: &MachineName) -> Result<(), StepError> {
        let Ok(at) = self.hoster_of(rival) else {
            return Ok(()); // Nobody lists it and nobody made it: there is nothing to switch on.
        };
        let Some(hoster) = self.session.world.hosters.get(&at) else {
            return Ok(());
        };
        let without_power = self
            .session
            .desired
            .hosters
            .get(&at)
            .is_some_and(|account| account.descriptor.interface == InterfaceFamily::Pool);
        if without_power {
            return Ok(()); // A signed waiver stands for it; the interface has no word on power.
        }
        let inventory = hoster
            .observe(&self.session.desired.estate)
            .await
            .map_err(|gap| StepError::unknown(gap.to_string()))?;
        let on = inventory
            .machines
            .iter()
            .any(|m| m.name == *rival && m.power != Power::Off);
        if on {
            return Err(StepError::refused(
                "S2",
                format!("{rival} was fenced and is on again; nobody is let in beside it"),
                FaultClass::Retry,
            ));
        }
        Ok(())
    }
}
