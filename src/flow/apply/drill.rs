//! Steps of a drill alone: a machine that talks to nobody, and its end.

use super::{Run, StepError};
use crate::model::ids::MachineName;
use crate::model::operation::FaultClass;
use crate::model::plan::Step;

impl Run {
    pub(super) async fn isolate(
        &self,
        step: &Step,
        _machine: &MachineName,
    ) -> Result<(), StepError> {
        let _ = (&self.session, step);
        Err(StepError::refused(
            "not-built",
            "not built yet",
            FaultClass::Bug,
        ))
    }

    pub(super) async fn destroy(
        &self,
        step: &Step,
        _machine: &MachineName,
    ) -> Result<(), StepError> {
        let _ = (&self.session, step);
        Err(StepError::refused(
            "not-built",
            "not built yet",
            FaultClass::Bug,
        ))
    }
}
