//! Where a machine's state may come from: a point that was seen and is proven, or nothing at all
//! where there never was any.

use super::Court;
use crate::decide::point::{holds, newness};
use crate::model::ids::{MachineName, StackId};
use crate::model::plan::{Action, Source, Step};
use crate::model::point::{RecoveryPoint, Rung};
use std::collections::BTreeMap;

type Problem = (&'static str, String);

impl Court<'_> {
    /// S15: nothing of this stack was ever opened, and no recovery point exists.
    pub(super) fn must_be_first(&self, step: &Step) -> Vec<Problem> {
        let Some(stack) = &step.stack else {
            return vec![("S15", "initialises a machine of no stack".into())];
        };
        let mut problems = Vec::new();
        if self.past.writers.contains_key(stack) {
            problems.push((
                "S15",
                "would start empty a stack that has been open before".into(),
            ));
        }
        match self.seen.points.get(stack) {
            Some(Ok(points)) if points.is_empty() => {}
            Some(Ok(_)) => problems.push((
                "S15",
                "would start empty although recovery points exist".into(),
            )),
            _ => problems.push((
                "S1",
                "would start empty although recovery points could not be listed".into(),
            )),
        }
        for points in self
            .seen
            .former
            .get(stack)
            .into_iter()
            .flat_map(BTreeMap::values)
        {
            match points {
                Ok(points) if points.is_empty() => {}
                Ok(_) => problems.push((
                    "S15",
                    "would start empty although a former backup machine has recovery points".into(),
                )),
                Err(_) => problems.push((
                    "S1",
                    "would start empty although a former backup machine could not be asked".into(),
                )),
            }
        }
        problems
    }

    /// S11: an observed point, proven far enough, and none newer that is, on any backup machine.
    pub(super) fn must_be_proven(&self, step: &Step, source: &Source) -> Option<Problem> {
        match source {
            Source::Step { step: made_by } => (!self.steps.get(made_by).is_some_and(|s| {
                matches!(s.action, Action::Backup { .. }) && s.stack == step.stack
            }))
            .then(|| {
                (
                    "S11",
                    format!("takes its data from {made_by}, which makes no recovery point"),
                )
            }),
            Source::Point { point, on, .. } => {
                let stack = step.stack.as_ref();
                let (Some(there), Some(all)) = (
                    stack.and_then(|stack| self.points_on(stack, on)),
                    stack.and_then(|stack| self.points_everywhere(stack)),
                ) else {
                    let unseen = "restores although recovery points could not be listed";
                    return Some(("S1", unseen.into()));
                };
                let enough = |p: &&RecoveryPoint| holds(p, Rung::Shipped);
                let newest = all.into_iter().filter(enough).max_by_key(|p| newness(p));
                let taken = there.iter().filter(enough).max_by_key(|p| newness(p));
                // A copy has another id, and is of the same time.
                let moment = |p: &RecoveryPoint| (p.epoch, p.taken_at);
                let is_newest = taken.is_some_and(|taken| {
                    taken.id == *point
                        && newest.is_some_and(|newest| moment(newest) == moment(taken))
                });
                (!is_newest).then(|| {
                    (
                        "S11",
                        format!("takes {point}, which is not the newest point proven far enough"),
                    )
                })
            }
        }
    }

    /// The points of a stack on one backup machine, if they could be listed.
    pub(super) fn points_on(
        &self,
        stack: &StackId,
        machine: &MachineName,
    ) -> Option<&[RecoveryPoint]> {
        let former = self.seen.former.get(stack).and_then(|of| of.get(machine));
        let listed = former.or_else(|| self.seen.points.get(stack))?;
        listed.as_deref().ok()
    }

    /// The points of a stack on all backup machines that answered. The one that its file names
    /// must have.
    fn points_everywhere(&self, stack: &StackId) -> Option<Vec<&RecoveryPoint>> {
        let named = self.seen.points.get(stack)?.as_ref().ok()?;
        let former = self.seen.former.get(stack).into_iter();
        let former = former.flat_map(BTreeMap::values).flatten().flatten();
        Some(named.iter().chain(former).collect())
    }
}
