//! What the loop has begun and not ended: each group of steps in a task of its own, so that one
//! customer's long restore delays nobody else's repair (S16).

use crate::decide::groups::{Busy, Group};
use crate::decide::plan::Asked;
use crate::flow::apply::{Reporter, StepError, apply};
use crate::flow::book::Shared;
use crate::flow::drill::{Tried, drill_as_planned};
use crate::flow::reconcile::{PlanError, Planned, keep, part};
use crate::flow::session::Session;
use crate::model::ids::{StackId, StepId};
use crate::model::plan::Step;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

/// Something that was begun has come to its end.
#[derive(Debug)]
pub enum Ended {
    /// Steps of a plan, done or not: the journal says.
    Steps(Group),
    /// A drill of the schedule's.
    Drill(Box<Tried>),
    /// Nobody knows how, because a part of ours broke down. The next look tells.
    Broke(BTreeSet<StackId>),
}

/// What has come of steps since somebody asked.
#[derive(Debug, Default)]
struct Tally {
    done: usize,
    failing: BTreeSet<StackId>,
}

/// Is told of one task's steps, and passes it on.
struct Following {
    to: Arc<dyn Reporter>,
    ended: Mutex<BTreeMap<StepId, bool>>,
    tally: Arc<Mutex<Tally>>,
}

impl Reporter for Following {
    fn started(&self, step: &Step) {
        self.to.started(step);
    }

    fn note(&self, step: &Step, text: &str) {
        self.to.note(step, text);
    }

    fn ended(&self, step: &Step, result: &Result<(), StepError>, took: Duration) {
        self.to.ended(step, result, took);
        lock(&self.ended).insert(step.id.clone(), result.is_ok());
        let mut tally = lock(&self.tally);
        if result.is_ok() {
            tally.done += 1;
        } else {
            tally.failing.extend(step.stack.clone());
        }
    }
}

/// One task.
struct Running {
    session: Arc<Session>,
    since: Duration,
    what: What,
}

enum What {
    Steps {
        group: Group,
        steps: Vec<Step>,
        follows: Arc<Following>,
    },
    /// A drill has its stack for itself: what it sees of production stays as it is meanwhile.
    Drill(StackId),
}

impl What {
    fn stacks(&self) -> BTreeSet<StackId> {
        match self {
            Self::Steps { group, .. } => group.stacks.clone(),
            Self::Drill(stack) => BTreeSet::from([stack.clone()]),
        }
    }

    fn busy(&self) -> Busy {
        match self {
            Self::Steps { steps, follows, .. } => Busy::with(steps, &lock(&follows.ended)),
            Self::Drill(_) => Busy {
                stacks: self.stacks(),
                ..Busy::default()
            },
        }
    }
}

/// All tasks, and what came of them.
pub(super) struct UnderWay {
    tasks: JoinSet<Option<Box<Tried>>>,
    running: HashMap<Id, Running>,
    tally: Arc<Mutex<Tally>>,
    /// Anchors are written one after the other: the last one says most.
    anchors: Arc<AsyncMutex<()>>,
    reporter: Arc<dyn Reporter>,
    stop: CancellationToken,
}

impl UnderWay {
    pub fn new(reporter: Arc<dyn Reporter>, stop: CancellationToken) -> Self {
        Self {
            tasks: JoinSet::new(),
            running: HashMap::new(),
            tally: Arc::default(),
            anchors: Arc::default(),
            reporter,
            stop,
        }
    }

    /// How many tasks there are.
    pub fn count(&self) -> usize {
        self.running.len()
    }

    /// Whether one of them is a drill.
    pub fn drills(&self) -> bool {
        let mut all = self.running.values();
        all.any(|one| matches!(one.what, What::Drill(_)))
    }

    /// What nothing else may meddle with now.
    pub fn busy(&self) -> Busy {
        let mut busy = Busy::default();
        for one in self.running.values() {
            busy.and(one.what.busy());
        }
        busy
    }

    /// Since when each stack's steps are under way, by the session's clock.
    pub fn since(&self) -> BTreeMap<StackId, Duration> {
        let each = self.running.values().flat_map(|one| {
            let stacks = one.what.busy().stacks.into_iter();
            stacks.map(|stack| (stack, one.since))
        });
        each.collect()
    }

    /// The journal, while somebody writes in it.
    pub fn journal(&self) -> Option<Shared> {
        let one = self.running.values().next()?;
        one.session.book().shared()
    }

    /// How many steps ended well since this was asked last, and which stacks' last steps did not.
    pub fn tally(&self) -> (usize, BTreeSet<StackId>) {
        let mut tally = lock(&self.tally);
        (std::mem::take(&mut tally.done), tally.failing.clone())
    }

    /// Begins the steps of one group, by a plan of these alone.
    pub fn begin(
        &mut self,
        session: &Arc<Session>,
        planned: &Arc<Planned>,
        group: Group,
    ) -> Result<(), PlanError> {
        let plan = part(session, planned, &group)?;
        let follows = Arc::new(Following {
            to: self.reporter.clone(),
            ended: Mutex::default(),
            tally: self.tally.clone(),
        });
        lock(&self.tally)
            .failing
            .retain(|id| !group.stacks.contains(id));
        let span = tracing::info_span!("work", stacks = names(&group.stacks));
        let steps = plan.plan().steps.clone();
        let what = What::Steps {
            group,
            steps,
            follows: follows.clone(),
        };
        let (stop, anchors) = (self.stop.clone(), self.anchors.clone());
        let (with, planned) = (session.clone(), planned.clone());
        let work = async move {
            let (seen, past) = (&planned.look.observed, &planned.past);
            match apply(&with, &plan, seen, past, follows, &stop).await {
                Ok(mut report) => {
                    let _one = anchors.lock().await;
                    keep(&with, &mut report, &planned.mandate).await;
                }
                Err(stale) => tracing::warn!("{stale}"),
            }
            None
        };
        self.spawn(session, what, work, span);
        Ok(())
    }

    /// Begins a drill of the schedule's.
    pub fn drill(&mut self, session: &Arc<Session>, planned: &Arc<Planned>, stack: StackId) {
        let span = tracing::info_span!("drill", stack = stack.as_str());
        let (reporter, stop) = (self.reporter.clone(), self.stop.clone());
        let (with, planned, of) = (session.clone(), planned.clone(), stack.clone());
        let work = async move {
            let asked = Asked::default();
            let drilled = drill_as_planned(&with, &planned, &of, &asked, reporter, &stop).await;
            Some(Box::new(Tried { stack: of, drilled }))
        };
        self.spawn(session, What::Drill(stack), work, span);
    }

    fn spawn(
        &mut self,
        session: &Arc<Session>,
        what: What,
        work: impl Future<Output = Option<Box<Tried>>> + Send + 'static,
        span: Span,
    ) {
        let task = self.tasks.spawn(work.instrument(span));
        let one = Running {
            session: session.clone(),
            since: session.world.clock.elapsed(),
            what,
        };
        self.running.insert(task.id(), one);
    }

    /// Waits for the next that comes to its end; `None`: there is none.
    pub async fn ended(&mut self) -> Option<(Ended, Duration)> {
        let (id, drilled) = match self.tasks.join_next_with_id().await? {
            Ok((id, drilled)) => (id, Ok(drilled)),
            Err(error) => (error.id(), Err(error)),
        };
        let one = self.running.remove(&id)?;
        let now = one.session.world.clock.elapsed();
        let ended = match (drilled, one.what) {
            (Ok(None), What::Steps { group, .. }) => Ended::Steps(group),
            (Ok(Some(tried)), _) => Ended::Drill(tried),
            (_, what) => {
                let stacks = what.stacks();
                lock(&self.tally).failing.extend(stacks.clone());
                Ended::Broke(stacks)
            }
        };
        Some((ended, now))
    }
}

fn names(stacks: &BTreeSet<StackId>) -> String {
    if stacks.is_empty() {
        return "shared".to_owned();
    }
    let names: Vec<&str> = stacks.iter().map(StackId::as_str).collect();
    names.join(" ")
}

/// A lock whose holder panicked still guards whole data here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
