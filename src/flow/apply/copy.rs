//! History moves with its stack: points copied from one repository to another.

use super::{Run, StepError};
use crate::model::ids::MachineName;
use crate::model::operation::FaultClass;
use crate::model::plan::Step;

impl Run {
    pub(super) async fn copy(
        &self,
        step: &Step,
        _machine: &MachineName,
        _from: &MachineName,
    ) -> Result<(), StepError> {
        let _ = (&self.session, step);
        Err(StepError::refused(
            "not-built",
            "not built yet",
            FaultClass::Bug,
        ))
    }
}
