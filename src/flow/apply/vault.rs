//! Steps on a repository where it is kept: reading it, taking points out.

use super::{Run, StepError};
use crate::model::ids::{MachineName, PointId, StackId};
use crate::model::journal::Event;
use crate::model::plan::{Leaving, Step};
use crate::world::backup::{self, Part};

impl Run {
    /// Damage is no failure of the step: it was looked for, and this is what was found.
    pub(super) async fn verify(
        &self,
        step: &Step,
        machine: &MachineName,
        part: (u32, u32),
    ) -> Result<(), StepError> {
        let stack = &self.stack(step)?.id;
        let findings = self.read(step, stack, machine, part).await?;
        for words in findings.iter().take(3) {
            self.reporter.note(step, words);
        }
        Ok(())
    }

    /// Reads one part of so many of a repository, and writes down what was found, in words.
    pub(super) async fn read(
        &self,
        step: &Step,
        stack: &StackId,
        machine: &MachineName,
        (part, of): (u32, u32),
    ) -> Result<Vec<String>, StepError> {
        let contact = self.contact(machine)?;
        let password = self.session.repository_password_on(stack, machine);
        let transport = self.session.world.transport.as_ref();
        let at = self.session.world.clock.now();
        let wanted = Part { part, of, at };
        let found = backup::verify(transport, &contact, stack, &password, wanted).await?;
        let verified = Event::Verified {
            machine: machine.clone(),
            part,
            of,
            findings: found.findings.clone(),
        };
        self.record(step, verified).await?;
        Ok(found.findings)
    }

    /// Takes points out of a repository, where it is kept. What an interrupted run left of them
    /// goes as well.
    pub(super) async fn forget(
        &self,
        step: &Step,
        machine: &MachineName,
        points: &[Leaving],
    ) -> Result<(), StepError> {
        let stack = self.stack(step)?;
        let vault = self.contact(machine)?;
        let password = self.session.repository_password_on(&stack.id, machine);
        let transport = self.session.world.transport.as_ref();
        let points: Vec<PointId> = points.iter().map(|leaving| leaving.point.clone()).collect();
        let done = backup::forget(transport, &vault, &stack.id, &password, &points).await?;
        self.reporter
            .note(step, &format!("{} are free again", done.freed));
        let machine = machine.clone();
        self.record(step, Event::Forgotten { machine, points })
            .await
    }
}
