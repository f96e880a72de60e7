//! Whose turn it is: who waited longest, and not yet again who was tried a moment ago.

use super::groups::Group;
use super::pass::pause;
use crate::model::ids::{StackId, StepId};
use crate::model::plan::{Action, Plan};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// Whose steps; `None`: what stacks share.
type Owner = Option<StackId>;

/// What was begun last, so that what did not help is not repeated at once. Times are since any
/// moment that stays the same.
#[derive(Debug, Clone, Default)]
pub struct Turns {
    steps: BTreeMap<Owner, Turn>,
    drills: BTreeMap<Owner, Turn>,
}

#[derive(Debug, Clone)]
struct Turn {
    at: Duration,
    tries: u32,
    steps: Vec<(StepId, Action)>,
}

fn owners(group: &Group) -> Vec<Owner> {
    if group.stacks.is_empty() {
        return vec![None];
    }
    group.stacks.iter().cloned().map(Some).collect()
}

/// The steps of one owner in a group.
fn steps_of(plan: &Plan, group: &Group, owner: &Owner) -> Vec<(StepId, Action)> {
    let own = plan.steps.iter().filter(|step| step.stack == *owner);
    let own = own.filter(|step| group.steps.contains(&step.id));
    own.map(|step| (step.id.clone(), step.action.clone()))
        .collect()
}

fn left(turn: Option<&Turn>, now: Duration, interval: Duration) -> Duration {
    turn.map_or(Duration::ZERO, |turn| {
        (turn.at + pause(turn.tries, interval)).saturating_sub(now)
    })
}

fn take(turns: &mut BTreeMap<Owner, Turn>, owner: Owner, turn: Turn, interval: Duration) {
    let before = turns.get(&owner);
    let again = before.filter(|before| {
        before.steps == turn.steps && turn.at.saturating_sub(before.at) <= interval * 2
    });
    let tries = again.map_or(1, |before| before.tries.saturating_add(1));
    turns.insert(owner, Turn { tries, ..turn });
}

impl Turns {
    /// Somebody wants everything tried now.
    pub fn forget(&mut self) {
        let all = self.steps.values_mut().chain(self.drills.values_mut());
        all.for_each(|turn| turn.tries = 0);
        self.steps.values_mut().for_each(|turn| turn.steps.clear());
        self.drills.clear();
    }

    /// How long until this group's turn; nothing: it is now. The same steps once more wait, each
    /// time for longer, never for longer than the interval; other steps do not.
    pub fn wait(&self, plan: &Plan, group: &Group, now: Duration, interval: Duration) -> Duration {
        let of = |owner: &Owner| {
            let same = |turn: &&Turn| turn.steps == steps_of(plan, group, owner);
            left(self.steps.get(owner).filter(same), now, interval)
        };
        owners(group).iter().map(of).min().unwrap_or_default()
    }

    /// What brings something back comes first, then who waited longest.
    pub fn order(&self, groups: &mut [Group]) {
        let waited = |group: &Group| {
            let of = |owner: &Owner| self.steps.get(owner).map(|turn| turn.at);
            owners(group).iter().map(of).min().flatten()
        };
        groups.sort_by_key(|group| (Reverse(group.urgent), waited(group)));
    }

    /// It begins, or has just ended.
    pub fn begun(&mut self, plan: &Plan, group: &Group, now: Duration, interval: Duration) {
        for owner in owners(group) {
            let steps = steps_of(plan, group, &owner);
            let turn = Turn {
                at: now,
                tries: 1,
                steps,
            };
            take(&mut self.steps, owner, turn, interval);
        }
    }

    /// It has just ended: from now on it waits.
    pub fn ended(&mut self, group: &Group, now: Duration) {
        for owner in owners(group) {
            if let Some(turn) = self.steps.get_mut(&owner) {
                turn.at = now;
            }
        }
    }

    /// Whose drill comes next of those that are due.
    pub fn drill(
        &mut self,
        due: Vec<StackId>,
        now: Duration,
        interval: Duration,
    ) -> Option<StackId> {
        let turn = |stack: &StackId| self.drills.get(&Some(stack.clone()));
        let ready = due
            .into_iter()
            .filter(|stack| left(turn(stack), now, interval).is_zero());
        let next = ready.min_by_key(|stack| turn(stack).map(|turn| turn.at))?;
        let begun = Turn {
            at: now,
            tries: 1,
            steps: Vec::new(),
        };
        take(&mut self.drills, Some(next.clone()), begun, interval);
        Some(next)
    }
}
