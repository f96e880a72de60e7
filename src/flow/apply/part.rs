//! One part of a point, brought back beside the live data.

use super::{Run, StepError};
use crate::model::ids::{MachineName, PointId};
use crate::model::operation::FaultClass;
use crate::model::plan::Step;
use crate::model::point::Part;
use crate::world::backup::{self, Wanted};

impl Run {
    pub(super) async fn retrieve(
        &self,
        step: &Step,
        machine: &MachineName,
        point: &PointId,
        part: &Part,
        to: &str,
    ) -> Result<(), StepError> {
        let contact = self.contact(machine)?;
        let manifest = self.manifest_of(step, machine)?;
        let transport = self.session.world.transport.as_ref();
        let Part::Path { path } = part else {
            return Err(StepError::refused(
                "not-built",
                "not built yet",
                FaultClass::Bug,
            ));
        };
        let state: Vec<String> = manifest
            .services
            .iter()
            .flat_map(|service| &service.state)
            .map(|state| state.path.clone())
            .collect();
        let wanted = Wanted {
            point,
            path,
            to,
            state: &state,
        };
        let done = backup::retrieve(transport, &contact, wanted).await?;
        let note = format!("{} files, {}, in {}", done.files, done.bytes, done.to);
        self.reporter.note(step, &note);
        Ok(())
    }
}
