//! Steps on a repository where it is kept: reading it, taking points out.

use super::{Run, StepError};
use crate::model::ids::{MachineName, PointId};
use crate::model::journal::Event;
use crate::model::operation::FaultClass;
use crate::model::plan::{Leaving, Step};
use crate::world::backup;

impl Run {
    pub(super) async fn verify(
        &self,
        step: &Step,
        _machine: &MachineName,
        _part: u32,
        _of: u32,
    ) -> Result<(), StepError> {
        let _ = (&self.session, step);
        Err(StepError::refused(
            "not-built",
            "not built yet",
            FaultClass::Bug,
        ))
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
