//! What measured durations say of a step.

use super::windows::REST;
use crate::model::forecast::Estimate;
use crate::model::plan::{Action, Step};

/// What a step's durations are found under.
pub(super) fn kind<'a>(step: &'a Step, steps: &[Step]) -> &'a str {
    let built_on = |machine| {
        let mut all = steps.iter().map(|other| &other.action);
        all.any(|other| matches!(other, Action::Precopy { machine: of, .. } if of == machine))
    };
    match &step.action {
        Action::Fetch { machine, .. } if built_on(machine) => REST,
        other => other.verb(),
    }
}

/// The middle one; of an even number the lower of the two.
pub(super) fn median(durations: &[u64]) -> Option<Estimate> {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let millis = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
    Some(Estimate {
        millis,
        measured: sorted.len(),
    })
}
