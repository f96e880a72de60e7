//! One look at everything, what may begin after it, and what is under way meanwhile.

use super::under_way::{Ended, UnderWay};
use crate::decide::drill;
use crate::decide::groups::{Busy, split};
use crate::decide::pass::look_again;
use crate::decide::probe::{Target, targets};
use crate::decide::turns::Turns;
use crate::flow::apply::Reporter;
use crate::flow::book::Shared;
use crate::flow::projection::Projection;
use crate::flow::reconcile::{PlanError, plan_beside};
use crate::flow::session::Session;
use crate::model::ids::{StackId, StepId};
use crate::model::plan::Plan;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What the loop has under way, and whose turn it is.
pub struct Work {
    under_way: UnderWay,
    turns: Turns,
    at_once: usize,
    interval: Duration,
    stop: CancellationToken,
    known: Arc<Projection>,
}

/// What a look found, less what was begun by it and what was under way.
#[derive(Debug)]
pub struct Found {
    /// What is left: held, or to be begun later.
    pub left: Plan,
    /// How long until something of it may be tried again, or another look may tell more.
    pub again: Option<Duration>,
    /// Steps that ended well since the last look.
    pub done: usize,
    /// Stacks whose last steps did not.
    pub failing: BTreeSet<StackId>,
    /// Stacks whose steps are under way.
    pub busy: BTreeSet<StackId>,
    /// What serves.
    pub serving: Vec<Target>,
}

impl Work {
    /// Nothing is under way. `at_once` groups of stacks at most, and beside them what brings back
    /// what was lost: that has its own limits (S8).
    pub fn new(
        reporter: Arc<dyn Reporter>,
        at_once: usize,
        interval: Duration,
        stop: CancellationToken,
    ) -> Self {
        Self {
            under_way: UnderWay::new(reporter, stop.clone()),
            turns: Turns::default(),
            at_once,
            interval,
            stop,
            known: Arc::default(),
        }
    }

    /// What was read of the journal before.
    pub fn known(&self) -> &Arc<Projection> {
        &self.known
    }

    /// Nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.under_way.count() == 0
    }

    /// The journal, while something is under way.
    pub fn journal(&self) -> Option<Shared> {
        self.under_way.journal()
    }

    /// Since when each stack's steps are under way.
    pub fn since(&self) -> BTreeMap<StackId, Duration> {
        self.under_way.since()
    }

    /// Somebody wants to see everything tried now.
    pub fn try_all(&mut self) {
        self.turns.forget();
    }

    /// Looks, plans beside what is under way, and begins what may begin.
    pub async fn look(
        &mut self,
        session: &Arc<Session>,
        on_plan: impl FnOnce(&Plan),
    ) -> Result<Found, PlanError> {
        // What comes to its end in the middle of the look counts as under way until the next.
        let mut busy = self.under_way.busy();
        let planned = Arc::new(plan_beside(session, &busy).await?);
        let plan = planned.plan.plan();
        on_plan(plan);
        let now = session.world.clock.elapsed();
        let mut begun: BTreeSet<StepId> = BTreeSet::new();
        let mut again: Option<Duration> = None;
        let mut groups = split(plan);
        self.turns.order(&mut groups);
        for group in groups {
            let full = self.under_way.count() >= self.at_once && !group.urgent;
            if self.stop.is_cancelled() || full || busy.meets(&group) {
                continue;
            }
            let wait = self.turns.wait(plan, &group, now, self.interval);
            if !wait.is_zero() {
                again = Some(again.map_or(wait, |first| first.min(wait)));
                continue;
            }
            self.turns.begun(plan, &group, now, self.interval);
            busy.and(Busy {
                stacks: group.stacks.clone(),
                machines: group.machines.clone(),
            });
            let steps = group.steps.clone();
            match self.under_way.begin(session, &planned, group) {
                Ok(()) => begun.extend(steps),
                Err(error) => tracing::error!("{error}"),
            }
        }
        let seen = &planned.look.observed;
        let mut due = drill::due(&session.desired, &planned.past, seen, plan);
        due.retain(|stack| !busy.stacks.contains(stack));
        let free = self.under_way.count() < self.at_once && !self.under_way.drills();
        if free
            && !self.stop.is_cancelled()
            && let Some(stack) = self.turns.drill(due, now, self.interval)
        {
            self.under_way.drill(session, &planned, stack);
        }
        let stacks = self.under_way.busy().stacks;
        session.book().working_on(&stacks);
        let mut left = plan.clone();
        left.steps.retain(|step| !begun.contains(&step.id));
        let soon = look_again(&left, session.world.clock.now());
        let (done, failing) = self.under_way.tally();
        Ok(Found {
            left,
            again: again.into_iter().chain(soon).min(),
            done,
            failing,
            busy: stacks,
            serving: targets(&session.desired, seen),
        })
    }

    /// Waits for the next that comes to its end; `None`: nothing is under way.
    pub async fn ended(&mut self) -> Option<Ended> {
        let (ended, now) = self.under_way.ended().await?;
        if let Ended::Steps(group) = &ended {
            self.turns.ended(group, now);
        }
        Some(ended)
    }
}
