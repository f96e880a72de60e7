//! Steps on a repository where it is kept: reading it, taking points out.

use super::{Run, StepError};
use crate::model::ids::{MachineName, PointId};
use crate::model::journal::Event;
use crate::model::plan::{Leaving, Step};
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
        let password = self.session.repository_password(stack);
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
