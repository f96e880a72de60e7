//! Executes a checked plan: independent steps at the same time, intent before effect (S5, S6).

mod copy;
mod data;
mod discard;
mod drill;
mod ladder;
mod last_chance;
mod machine;
mod name;
mod opening;
mod part;
mod reboot;
mod resize;
mod shown;
mod vault;

use super::session::Session;
use crate::decide::basis;
use crate::decide::check::CheckedPlan;
use crate::decide::history::History;
use crate::decide::settle::{Progress, closing, settle};
use crate::model::causes::chain;
use crate::model::evidence::Shown;
use crate::model::ids::{Epoch, HosterId, ImageName, MachineName, PointId, StackId, StepId};
use crate::model::journal::{Event, StepResult};
use crate::model::machine::Role;
use crate::model::observed::Observed;
use crate::model::operation::{Fault, FaultClass, Outcome, Receipt, Refusal};
use crate::model::plan::{Action, Basis, Cause, FenceBy, Step};
use crate::world::store::StoreError;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// Is told what happens while it happens.
pub trait Reporter: Send + Sync {
    /// A step has begun.
    fn started(&self, step: &Step);
    /// Something to know about a running step.
    fn note(&self, step: &Step, text: &str);
    /// A step has come to an end.
    fn ended(&self, step: &Step, result: &Result<(), StepError>, took: Duration);
}

/// Why a step did not end well.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Certainly nothing changed.
    #[error("{0}")]
    Refused(Refusal),
    /// Look again.
    #[error("{0}")]
    Unknown(Fault),
    /// The journal could not be written; nothing further is done.
    #[error("the journal could not be written")]
    Journal(#[from] StoreError),
}

impl StepError {
    fn refused(code: &str, message: impl Into<String>, class: FaultClass) -> Self {
        Self::Refused(Refusal {
            code: code.into(),
            message: message.into(),
            class,
        })
    }
    fn unknown(message: impl Into<String>) -> Self {
        Self::Unknown(Fault {
            message: message.into(),
            class: FaultClass::Retry,
        })
    }
}

/// The receipt, or why there is none.
fn done(outcome: Outcome) -> Result<Receipt, StepError> {
    match outcome {
        Outcome::Done(receipt) => Ok(receipt),
        Outcome::Refused(refusal) => Err(StepError::Refused(refusal)),
        Outcome::Unknown(fault) => Err(StepError::Unknown(fault)),
    }
}

/// A step as it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    /// Which.
    pub step: Step,
    /// From the beginning of the run.
    pub began: Duration,
    /// Measured.
    pub took: Duration,
    /// `None`: it ended well.
    pub error: Option<String>,
}

/// How a run went.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Steps in the order of their end.
    pub steps: Vec<StepRecord>,
    /// Steps that were not begun, because what they wait for failed or the run was stopped.
    pub left: Vec<StepId>,
    /// When the run began.
    pub began_at: Timestamp,
    /// What it saw of restores, per machine that was restored to.
    pub shown: BTreeMap<MachineName, Shown>,
    /// Evidence that is not kept everywhere where it should be, and why.
    pub unkept: Vec<String>,
}

impl Report {
    /// Every step ended well.
    pub fn complete(&self) -> bool {
        self.left.is_empty() && self.steps.iter().all(|s| s.error.is_none())
    }
}

/// What a machine is for, since when, on which operating system.
pub(super) type Nature = (Role, Epoch, Option<ImageName>);

/// What the steps of one run share.
pub(super) struct Run {
    pub session: Arc<Session>,
    pub seen: Observed,
    pub past: History,
    /// Machines that this run made.
    pub created: Mutex<BTreeMap<MachineName, Nature>>,
    /// Where this run asked for machines, whatever was answered.
    pub ordered: Mutex<BTreeMap<MachineName, HosterId>>,
    pub reporter: Arc<dyn Reporter>,
    /// Points that this run's backup steps made.
    pub made: Mutex<BTreeMap<StepId, PointId>>,
    /// Points that this run loaded, per machine.
    pub loaded: Mutex<BTreeMap<MachineName, PointId>>,
    /// What this run saw of restores, per machine.
    pub shown: Mutex<BTreeMap<MachineName, Shown>>,
    /// Proofs from this run's fence steps.
    pub fenced: Mutex<Vec<super::fence::Fenced>>,
}

/// A plan that was made from something else than what is there now (S5).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plan no longer holds, so nothing was done: {}", changes.join("; "))]
pub struct StaleBasis {
    /// What has changed since, in words.
    pub changes: Vec<String>,
}

/// What has changed since the plan was made: estate, commit, and what was seen.
pub(super) fn changes_since(planned: &Basis, session: &Session, seen: &Observed) -> Vec<String> {
    let mut changes = other_intent(planned, session);
    let parts = basis::parts_for(planned, &session.desired, seen);
    if planned.observed != Some(basis::whole(&parts)) {
        let differences = basis::differences(planned, &parts);
        if differences.is_empty() || planned.parts.is_empty() {
            changes.push("what was observed is not what is there now".to_owned());
        }
        if !planned.parts.is_empty() {
            changes.extend(differences);
        }
    }
    changes
}

/// Another estate, or another commit, than the plan was made from.
pub(super) fn other_intent(planned: &Basis, session: &Session) -> Vec<String> {
    let desired = &session.desired;
    let mut changes = Vec::new();
    if planned.estate != desired.estate {
        changes.push(format!(
            "it was made for the estate {}, and this is {}",
            planned.estate, desired.estate
        ));
    }
    if planned.commit != desired.commit {
        changes.push(format!(
            "it was made from commit {:.12}, and {:.12} is accepted now",
            planned.commit.as_str(),
            desired.commit.as_str()
        ));
    }
    changes
}

/// Executes the plan until nothing more can run, or until stopped at a step boundary.
///
/// A plan whose basis is another commit or another observation is refused whole.
pub async fn apply(
    session: &Arc<Session>,
    plan: &CheckedPlan,
    seen: &Observed,
    past: &History,
    reporter: Arc<dyn Reporter>,
    stop: &CancellationToken,
) -> Result<Report, StaleBasis> {
    let changes = changes_since(&plan.plan().basis, session, seen);
    if !changes.is_empty() {
        return Err(StaleBasis { changes });
    }
    let clock = session.world.clock.clone();
    let begin = clock.elapsed();
    let run = Arc::new(Run {
        session: session.clone(),
        seen: seen.clone(),
        past: past.clone(),
        created: Mutex::default(),
        ordered: Mutex::default(),
        reporter,
        made: Mutex::default(),
        loaded: Mutex::default(),
        shown: Mutex::default(),
        fenced: Mutex::default(),
    });
    let mut progress: BTreeMap<StepId, Progress> = BTreeMap::new();
    let mut report = Report {
        began_at: session.world.clock.now(),
        ..Report::default()
    };
    let mut running = JoinSet::new();
    loop {
        let mut ready = if stop.is_cancelled() {
            Vec::new()
        } else {
            settle(plan, &progress)
        };
        if ready.is_empty() && running.is_empty() {
            ready = closing(plan, &progress);
        }
        for step in ready {
            progress.insert(step.id.clone(), Progress::Running);
            let (run, step, clock) = (run.clone(), step.clone(), clock.clone());
            let span = span_of(&step);
            let work = async move {
                let since = || clock.elapsed().saturating_sub(begin);
                let began = since();
                let result = run.step(&step).await;
                (step, began, since().saturating_sub(began), result)
            };
            running.spawn(work.instrument(span));
        }
        let ended = tokio::select! {
            biased;
            lost = session.lost() => {
                // As a crash would end them: whoever writes now looks what came of them.
                tracing::error!("running steps are left where they are: {lost}");
                running.shutdown().await;
                break;
            }
            ended = running.join_next() => ended,
        };
        let Some(ended) = ended else {
            break;
        };
        let Ok((step, began, took, result)) = ended else {
            continue; // A task that panicked: its step stays "running", and what waits for it is left.
        };
        let state = if result.is_ok() {
            Progress::Done
        } else {
            Progress::Failed
        };
        progress.insert(step.id.clone(), state);
        report.steps.push(StepRecord {
            step,
            began,
            took,
            error: result.err().map(|error| chain(&error)),
        });
    }
    report.left = plan
        .plan()
        .steps
        .iter()
        .filter(|s| report.steps.iter().all(|r| r.step.id != s.id))
        .map(|s| s.id.clone())
        .collect();
    report.shown = std::mem::take(&mut *lock(&run.shown));
    Ok(report)
}

/// Whatever is said while the step runs is said of it.
fn span_of(step: &Step) -> tracing::Span {
    tracing::info_span!(
        "step",
        stack = step.stack.as_ref().map_or("shared", |stack| stack.as_str()),
        step = step.id.as_str(),
        machine = step.action.machine().as_str(),
    )
}

impl Run {
    /// Intent, effect, outcome.
    async fn step(&self, step: &Step) -> Result<(), StepError> {
        let begin = self.elapsed();
        self.reporter.started(step);
        let result = self.journaled(step).await;
        let took = self.elapsed().saturating_sub(begin);
        self.reporter.ended(step, &result, took);
        result
    }

    fn elapsed(&self) -> Duration {
        self.session.world.clock.elapsed()
    }

    async fn journaled(&self, step: &Step) -> Result<(), StepError> {
        let begin = self.elapsed();
        self.record(
            step,
            Event::Started {
                step: step.id.clone(),
                action: format!("{} {}", step.action.verb(), step.action.machine()),
                repair: step.why.cause == Cause::Reality,
                head: Some(self.session.desired.commit.clone()),
                mends: match step.stack {
                    Some(_) => step.action.mends(),
                    None => Vec::new(),
                },
            },
        )
        .await?;
        let result = self.act(step).await;
        let outcome = match &result {
            Ok(()) => StepResult::Done,
            Err(StepError::Refused(refusal)) => StepResult::Refused {
                reason: refusal.to_string(),
                class: refusal.class,
            },
            Err(other) => StepResult::Unknown {
                reason: chain(other),
            },
        };
        let took = self.elapsed().saturating_sub(begin);
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.record(
            step,
            Event::Ended {
                step: step.id.clone(),
                result: outcome,
                millis,
            },
        )
        .await?;
        result
    }

    async fn record(&self, step: &Step, event: Event) -> Result<(), StepError> {
        self.session.record(step.stack.as_ref(), event).await?;
        Ok(())
    }

    async fn act(&self, step: &Step) -> Result<(), StepError> {
        match &step.action {
            Action::Create { .. } => self.create(step).await,
            Action::Prepare { machine } => self.prepare(step, machine).await,
            Action::Install { machine } => self.install(step, machine).await,
            Action::Converge { machine, changes } => self.converge(step, machine, changes).await,
            Action::Initialise { machine } => self.initialise(step, machine).await,
            Action::Precopy { machine, source } => self.precopy(step, machine, source).await,
            Action::Fetch { machine, source } => self.fetch(step, machine, source).await,
            Action::Load { machine, source } => self.load(step, machine, source).await,
            Action::Check { machine, .. } => self.check(step, machine).await,
            Action::Close { machine } => self.close(step, machine).await,
            Action::PowerOn { machine } => self.power_on(step, machine).await,
            Action::ShutDown { machine } => self.shut_down(step, machine).await,
            Action::Resize { machine, to, .. } => self.resize(step, machine, to).await,
            Action::Reset { machine } => self.reset(step, machine).await,
            Action::PowerCycle { machine } => self.power_cycle(step, machine).await,
            Action::LastChance { machine, to } => self.last_chance(step, machine, to).await,
            Action::Reboot { machine, wrong } => self.reboot(step, machine, wrong).await,
            Action::Fence { machine, by } => {
                if *by == FenceBy::PowerOffIfSilent {
                    self.still_silent(machine).await?;
                }
                self.fence(step, machine, by).await
            }
            Action::Open {
                machine,
                epoch,
                fenced,
            } => self.open(step, machine, *epoch, fenced).await,
            Action::Name { host, machine, ttl } => self.name(step, host, machine, *ttl).await,
            Action::Ttl {
                host,
                machine,
                seconds,
                ahead,
            } => self.ttl(step, host, machine, (*seconds, *ahead)).await,
            Action::Backup { machine, to, .. } => self.backup(step, machine, to).await,
            Action::SaveAside { machine, to } => self.save_aside(step, machine, to).await,
            Action::Repository { machine, like } => {
                self.repository(step, machine, like.as_ref()).await
            }
            Action::Quarantine { machine } => self.quarantine(step, machine).await,
            Action::Verify { machine, part, of } => self.verify(step, machine, (*part, *of)).await,
            Action::Forget {
                machine, points, ..
            } => self.forget(step, machine, points).await,
            Action::Discard { machine, points } => self.discard(step, machine, points).await,
            Action::Copy { machine, from } => self.copy(step, machine, from).await,
            Action::Retrieve {
                machine,
                point,
                part,
                to,
            } => self.retrieve(step, machine, point, part, to).await,
            Action::Isolate { machine } => self.isolate(machine).await,
            Action::Destroy { machine } => self.destroy(step, machine).await,
        }
    }

    /// The stack of a step that always has one.
    fn stack<'a>(
        &'a self,
        step: &'a Step,
    ) -> Result<&'a crate::model::desired::DesiredStack, StepError> {
        let id: Option<&StackId> = step.stack.as_ref();
        id.and_then(|id| self.session.desired.stacks.get(id))
            .ok_or_else(|| {
                StepError::refused(
                    "no-stack",
                    format!("{} belongs to no stack", step.id),
                    FaultClass::Bug,
                )
            })
    }
}

/// A lock whose holder panicked still guards whole data here.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
