//! Which steps may run next.

use super::check::CheckedPlan;
use crate::model::ids::{MachineName, StepId};
use crate::model::plan::{Action, Step};
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

/// Ends of machines that this run has begun to make: done last, whatever became of the steps
/// before them, and also where the run was stopped.
pub fn closing<'a>(plan: &'a CheckedPlan, progress: &BTreeMap<StepId, Progress>) -> Vec<&'a Step> {
    let steps = &plan.plan().steps;
    let begun = |machine: &MachineName| {
        let mut here = steps.iter().filter(|s| s.action.machine() == machine);
        here.any(|step| progress.contains_key(&step.id))
    };
    steps
        .iter()
        .filter(|step| !progress.contains_key(&step.id))
        .filter(|step| matches!(&step.action, Action::Destroy { machine } if begun(machine)))
        .collect()
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
