//! A repository that people signed away by name, deleted where it is kept (S3).

use super::{Run, StepError};
use crate::decide::evidence;
use crate::model::ids::{MachineName, PointId, StackId};
use crate::model::journal::Event;
use crate::model::operation::FaultClass;
use crate::model::plan::Step;
use crate::world::backup::{self, Keeping};
use crate::world::machine::Contact;

impl Run {
    /// What was proven of its points outlives them: the documents go to the machine in use first.
    pub(super) async fn discard(
        &self,
        step: &Step,
        machine: &MachineName,
        points: &[PointId],
    ) -> Result<(), StepError> {
        let stack = self.stack(step)?;
        let transport = self.session.world.transport.as_ref();
        let old = self.contact(machine)?;
        let serving = self.session.serving_backup_machine(stack);
        if serving == *machine {
            let words = format!("the points of {} go to {machine}", stack.shown);
            let class = FaultClass::Bug;
            return Err(StepError::refused("repository-in-use", words, class));
        }
        let new = self.contact(&serving)?;
        self.hand_on_evidence(&stack.id, &old, &new).await?;
        self.reporter.note(step, "deleting");
        let password = self.session.repository_password_on(&stack.id, machine);
        let done = backup::discard(transport, &old, &stack.id, &password, points).await?;
        self.reporter
            .note(step, &format!("{} are free again", done.freed));
        let discarded = Event::Discarded {
            machine: machine.clone(),
            points: points.len(),
            freed: done.freed,
        };
        self.record(step, discarded).await
    }

    /// Documents that this estate's key signed; nobody believes the others.
    async fn hand_on_evidence(
        &self,
        stack: &StackId,
        old: &Contact,
        new: &Contact,
    ) -> Result<(), StepError> {
        let transport = self.session.world.transport.as_ref();
        let Some(public) = evidence::public_key(&self.session.key) else {
            return Ok(()); // Without a key none was ever signed.
        };
        let kept = backup::kept_evidence(transport, new, stack).await?;
        for document in backup::kept_evidence(transport, old, stack).await? {
            let known = kept.iter().any(|kept| kept.name == document.name);
            let signed = evidence::open(&public, &document.sealed);
            if let Some(evidence) = signed.filter(|signed| !known && signed.stack == *stack) {
                let keeping = Keeping {
                    stack,
                    point: &evidence.point.id,
                    name: &document.name,
                    sealed: &document.sealed,
                    rungs: &[],
                };
                backup::keep_evidence(transport, new, keeping).await?;
            }
        }
        Ok(())
    }
}
