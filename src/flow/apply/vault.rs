//! Steps on a repository where it is kept: reading it, taking points out.

use super::{Run, StepError};
use crate::model::ids::{MachineName, PointId};
use crate::model::operation::FaultClass;
use crate::model::plan::Step;

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
