//! Which steps may run next.

use super::check::CheckedPlan;
use crate::model::ids::StepId;
use crate::model::plan::Step;
use std::collections::BTreeMap;

/// How far a step has come in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It is being done.
    Running,
    /// It ended well.
    Done,
    /// It did not; what waits for it is not begun.
    Failed,
}

/// Steps that have not begun and wait for nothing any more, in plan order.
pub fn settle<'a>(plan: &'a CheckedPlan, progress: &BTreeMap<StepId, Progress>) -> Vec<&'a Step> {
    plan.plan()
        .steps
        .iter()
        .filter(|step| !progress.contains_key(&step.id))
        .filter(|step| {
            step.after
                .iter()
                .all(|before| progress.get(before) == Some(&Progress::Done))
        })
        .collect()
}
