//! Steps on a repository where it is kept: reading it, taking points out.

use super::{Run, StepError};
use crate::model::ids::{MachineName, PointId};
use crate::model::journal::Event;
use crate::model::operation::FaultClass;
use crate::model::plan::Step;
use crate::world::backup::{self, Part};

impl Run {
    /// Damage is no failure of the step: it was looked for, and this is what was found.
    pub(super) async fn verify(
        &self,
        step: &Step,
        machine: &MachineName,
        part: u32,
        of: u32,
    ) -> Result<(), StepError> {
        let stack = self.stack(step)?;
        let contact = self.contact(machine)?;
        let password = self.session.repository_password(stack);
        let transport = self.session.world.transport.as_ref();
        let at = self.session.world.clock.now();
        let part_of = Part { part, of, at };
        let found = backup::verify(transport, &contact, &stack.id, &password, part_of).await?;
        for words in found.findings.iter().take(3) {
            self.reporter.note(step, words);
        }
        self.record(
            step,
            Event::Verified {
                machine: machine.clone(),
                part,
                of,
                findings: found.findings,
            },
        )
        .await
    }

    pub(super) async fn forget(
        &self,
        step: &Step,
        _machine: &MachineName,
        _points: &[PointId],
    ) -> Result<(), StepError> {
        let _ = (&self.session, step);
        Err(StepError::refused(
            "not-built",
            "not built yet",
            FaultClass::Bug,
        ))
    }
}
