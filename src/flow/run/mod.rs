//! The loop of `holdfast run`: something wakes it, and it reads everything afresh.
//!
//! A pass is what `holdfast apply` does, with the same code, and with the journal's lock held no
//! longer than that. What woke it is told and decides nothing.

mod class;
mod lead;
mod wakes;

pub use wakes::Wakes;

use super::apply::{Reporter, StepRecord};
use super::config::Config;
use super::drill::{Tried, drill_due};
use super::entry::{self, Mode};
use super::reconcile::{Reconciled, reconcile};
use crate::decide::pass::{ending, pause, states};
use crate::decide::push::{PushKey, Weak};
use crate::model::ids::StackId;
use crate::model::lease::ASKS;
use crate::model::operation::FaultClass;
use crate::model::pass::{Ending, Pass, StackState, Wake};
use crate::model::plan::Plan;
use crate::model::secret::Secret;
use crate::world::clock::{Clock as _, SystemClock};
use crate::world::git::{self, TrustError};
use crate::world::secrets::{Opener, SecretError, private};
use crate::world::store::Place;
use lead::Lead;
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A rest after each pass, however often somebody pushes.
const REST: Duration = Duration::from_secs(1);

/// So many drills in one pass: while one runs, nobody looks after the other stacks.
const DRILLS: usize = 1;

/// Is told what the loop does.
pub trait Watcher: Sync {
    /// A pass begins.
    fn begins(&self, wakes: &BTreeSet<Wake>);
    /// What it found to do.
    fn planned(&self, plan: &Plan);
    /// A drill of the schedule's has ended.
    fn drilled(&self, tried: &Tried);
    /// A pass has ended; the next is this far away, if nothing wakes the loop before.
    fn ended(&self, pass: &Pass, next: Duration);
    /// The loop is alive. Told by the very task that looks and acts: if that hangs, nobody says so.
    fn alive(&self);
}

/// Why the loop does not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The reconciler's key.
    #[error("the estate's secrets cannot be opened")]
    Identity(#[source] SecretError),
    /// The estate's repository, or the trusted commit in it.
    #[error("the estate cannot be read")]
    Estate(#[source] TrustError),
    /// What pushes are signed with.
    #[error("[run] push_secret cannot be used")]
    PushSecret(#[source] SecretError),
    /// It can be guessed.
    #[error("[run] push_secret: {} is no secret", path.display())]
    Weak {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Weak,
    },
}

/// Reads what the loop needs all the time, before it begins: who starts it is still there to
/// be told what is wrong.
pub fn ready(config: &Config) -> Result<Option<PushKey>, StartError> {
    git::resolve(&config.estate, config.root.as_str()).map_err(StartError::Estate)?;
    Opener::load(&config.identity).map_err(StartError::Identity)?;
    let Some(path) = &config.run.push_secret else {
        return Ok(None);
    };
    let secret = private(path).map_err(StartError::PushSecret)?;
    let key = PushKey::new(&Secret::new(secret.expose().trim_ascii()));
    key.map(Some).map_err(|source| StartError::Weak {
        path: path.clone(),
        source,
    })
}

/// Pass after pass, until it is stopped; a running step comes to its end first.
///
/// `beat` is how often it says that it is alive.
pub async fn run(
    config: &Config,
    wakes: &Wakes,
    (reporter, watcher): (&Arc<dyn Reporter>, &dyn Watcher),
    beat: Duration,
    stop: &CancellationToken,
) {
    let mut lead = Lead::new(&config.journal);
    let mut tries = 0;
    let mut stands_by = false;
    wakes.wake(Wake::Start);
    let rest = REST.min(config.run.interval);
    loop {
        let next = if stands_by {
            ASKS.min(config.run.interval)
        } else {
            pause(tries, config.run.interval)
        };
        let next = next.saturating_sub(rest);
        let timer = if tries == 0 || stands_by {
            Wake::Timer
        } else {
            Wake::Again
        };
        let woken = async {
            tokio::select! {
                biased;
                () = stop.cancelled() => None,
                came = wakes.next() => Some(came),
                () = tokio::time::sleep(next) => Some(BTreeSet::from([timer])),
            }
        };
        let Some(came) = alive(woken, watcher, beat).await else {
            return;
        };
        watcher.begins(&came);
        let (began, clock) = (SystemClock.now(), Instant::now());
        let one = Box::pin(guarded(async {
            match lead.led().await {
                Ok(up) => pass(&config.clone().running_for(up), reporter, watcher, stop).await,
                Err(ending) => ending.into(),
            }
        }));
        let looked = alive(one, watcher, beat).await;
        let pass = Pass {
            wakes: came,
            began,
            took: clock.elapsed(),
            ending: looked.ending,
            done: looked.done,
            stacks: looked.stacks,
            held: looked.held,
        };
        // Whoever waits for a lease asks for it sooner than for anything else.
        stands_by = match pass.ending {
            Ending::Standby { .. } => true,
            Ending::Busy { .. } => matches!(config.journal, Place::Shared(_)),
            _ => false,
        };
        tries = if pass.ending.wants_another() {
            tries.saturating_add(1)
        } else {
            0
        };
        let next = if stands_by { ASKS } else { config.run.interval };
        watcher.ended(&pass, pause(tries, config.run.interval).min(next));
        if stop.is_cancelled() {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// Does the work, and says at every beat that it is still at it.
async fn alive<T>(work: impl Future<Output = T>, watcher: &dyn Watcher, beat: Duration) -> T {
    let mut beats = tokio::time::interval(beat);
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _ = beats.tick() => watcher.alive(),
        }
    }
}

/// What a pass found.
struct Looked {
    ending: Ending,
    done: usize,
    stacks: BTreeMap<StackId, StackState>,
    held: usize,
}

impl From<Ending> for Looked {
    fn from(ending: Ending) -> Self {
        Self {
            ending,
            done: 0,
            stacks: BTreeMap::new(),
            held: 0,
        }
    }
}

/// Looks, does what may be done, and lets go of the journal.
async fn pass(
    config: &Config,
    reporter: &Arc<dyn Reporter>,
    watcher: &dyn Watcher,
    stop: &CancellationToken,
) -> Looked {
    let session = match entry::open_newest(config, Mode::Write).await {
        Ok(session) => session,
        Err(error) => return class::of_entry(&error).into(),
    };
    let mut done =
        match reconcile(&session, None, reporter, stop, |plan| watcher.planned(plan)).await {
            Ok(done) => done,
            Err(error) => return class::of_plan(&error).into(),
        };
    done.due.truncate(DRILLS);
    match drill_due(&session, reporter, stop, &mut done).await {
        Ok(all) => all.iter().for_each(|tried| watcher.drilled(tried)),
        Err(error) => return class::of_plan(&error).into(),
    }
    let Some(left) = &done.left else {
        return Ending::Settled.into(); // There is a plan whenever a reconciliation ends.
    };
    Looked {
        ending: ending(left),
        done: steps(&done).filter(|step| step.error.is_none()).count(),
        stacks: states(&session.desired, left, &failed(&done)),
        held: left.held.len(),
    }
}

fn steps(done: &Reconciled) -> impl Iterator<Item = &StepRecord> {
    done.reports.iter().flat_map(|report| &report.steps)
}

/// Whose steps failed in the last round.
fn failed(done: &Reconciled) -> BTreeSet<StackId> {
    let last = done.reports.last().into_iter();
    last.flat_map(|report| &report.steps)
        .filter(|step| step.error.is_some())
        .filter_map(|record| record.step.stack.clone())
        .collect()
}

/// A fault of ours in one pass ends that pass, as a crash would, and not the loop.
async fn guarded(pass: impl Future<Output = Looked>) -> Looked {
    tokio::pin!(pass);
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| pass.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(_) => Poll::Ready(
                Ending::Failed {
                    class: FaultClass::Bug,
                    why: "a part of Holdfast broke down; standard error says where".to_owned(),
                }
                .into(),
            ),
        },
    )
    .await
}
