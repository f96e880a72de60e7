//! Which steps made a run as long as it was.

use crate::model::ids::StepId;
use std::collections::BTreeMap;
use std::time::Duration;

/// A step as measured.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Which.
    pub id: StepId,
    /// What it waited for.
    pub after: Vec<StepId>,
    /// How long it took.
    pub took: Duration,
}

/// The chain of steps with the greatest sum of durations, first step first.
///
/// Steps must stand in the order in which they ended.
pub fn critical_path(steps: &[Measured]) -> Vec<StepId> {
    let mut best: BTreeMap<&StepId, (Duration, Option<&StepId>)> = BTreeMap::new();
    for step in steps {
        let before = step
            .after
            .iter()
            .filter_map(|id| best.get(id).map(|(sum, _)| (*sum, id)))
            .max();
        let sum = before.map_or(Duration::ZERO, |(sum, _)| sum) + step.took;
        best.insert(&step.id, (sum, before.map(|(_, id)| id)));
    }
    let mut path = Vec::new();
    let mut at = best
        .iter()
        .max_by_key(|(_, (sum, _))| *sum)
        .map(|(id, _)| *id);
    while let Some(id) = at {
        path.push(id.clone());
        at = best.get(id).and_then(|(_, before)| *before);
    }
    path.reverse();
    path
}
