//! The loop of `holdfast run`: something wakes it, and it reads everything afresh.
//!
//! A pass looks, plans and begins what may begin; steps go on beside the passes that follow, and
//! the journal's lock is held while any does. What woke it is told and decides nothing.

mod class;
mod lead;
mod probe;
mod under_way;
mod wakes;
mod work;

pub use under_way::Ended;
pub use wakes::Wakes;
pub use work::{Found, Work};

use super::apply::Reporter;
use super::config::Config;
use super::drill::Tried;
use super::entry::{self, Hands, as_it_is};
use crate::decide::pass::{ending, pause, states};
use crate::decide::probe::Target;
use crate::decide::push::{PushKey, Weak};
use crate::model::ids::StackId;
use crate::model::lease::ASKS;
use crate::model::operation::FaultClass;
use crate::model::pass::{Ending, Pass, StackState, Wake};
use crate::model::plan::Plan;
use crate::model::secret::Secret;
use crate::world::clock::{Clock, SystemClock};
use crate::world::git::{self, TrustError};
use crate::world::secrets::{Opener, SecretError, private};
use crate::world::store::Place;
use lead::Lead;
use probe::Probes;
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// A rest after each pass, however often somebody pushes.
const REST: Duration = Duration::from_secs(1);

/// Is told what the loop does.
pub trait Watcher: Sync {
    /// A pass begins.
    fn begins(&self, wakes: &BTreeSet<Wake>);
    /// What it found to do.
    fn planned(&self, plan: &Plan);
    /// A drill of the schedule's has ended.
    fn drilled(&self, tried: &Tried);
    /// A pass has ended; the next is this far away, if nothing wakes the loop before. Of these
    /// stacks steps are under way, for so long.
    fn ended(&self, pass: &Pass, next: Duration, under_way: &BTreeMap<StackId, Duration>);
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

/// Pass after pass, until it is stopped; running steps come to their end first.
///
/// `beat` is how often it says that it is alive.
pub async fn run(
    config: &Config,
    wakes: &Arc<Wakes>,
    tells: (&Arc<dyn Reporter>, &dyn Watcher),
    beat: Duration,
    stop: &CancellationToken,
) {
    run_by(&as_it_is, config, wakes, tells, beat, stop).await;
}

/// The same by other hands: whoever measures the loop has no thousand machines outside.
pub async fn run_by(
    hands: &Hands,
    config: &Config,
    wakes: &Arc<Wakes>,
    (reporter, watcher): (&Arc<dyn Reporter>, &dyn Watcher),
    beat: Duration,
    stop: &CancellationToken,
) {
    let clock = SystemClock;
    let interval = config.run.interval;
    let mut lead = Lead::new(&config.journal);
    let mut work = Work::new(reporter.clone(), config.run.at_once, interval, stop.clone());
    let mut next = Next::default();
    let probes = Arc::new(Probes::default());
    let every = config.run.probe;
    // Dropped with the loop.
    let mut probing = JoinSet::new();
    if let Some(every) = every {
        probing.spawn(probe::probe(probes.clone(), every, wakes.clone()));
    }
    wakes.wake(Wake::Start);
    for number in 1_u64.. {
        let woken = woken(&mut work, wakes, watcher, &next, stop);
        let Some(came) = alive(woken, watcher, beat).await else {
            break;
        };
        if came.contains(&Wake::Push) {
            work.try_all();
        }
        watcher.begins(&came);
        let (began, from) = (clock.now(), clock.elapsed());
        let span = tracing::info_span!("pass", pass = number);
        let looking = async {
            match lead.led().await {
                Ok(up) => pass(hands, &config.clone().running_for(up), &mut work, watcher).await,
                Err(ending) => ending.into(),
            }
        };
        let one = Box::pin(guarded(looking.instrument(span)));
        let looked = alive(one, watcher, beat).await;
        let took = clock.elapsed().saturating_sub(from);
        if let (Some(every), Some(serving)) = (every, looked.serving) {
            probes.serve(serving, every);
        }
        let tries = match looked.ending {
            Ending::Busy { .. } | Ending::Failed { .. } => next.tries.saturating_add(1),
            _ => 0,
        };
        // Whoever waits for a lease asks for it sooner than for anything else.
        let shared = matches!(config.journal, Place::Shared(_));
        let limit = match looked.ending {
            Ending::Standby { .. } => ASKS.min(interval),
            Ending::Busy { .. } if shared => ASKS.min(interval),
            _ => pause(tries, interval),
        };
        next = Next {
            tries,
            again: looked.again.is_some_and(|again| again < limit) || tries > 0,
            wait: looked.again.map_or(limit, |again| again.min(limit)),
            // Whatever wakes it, the loop does not look all the time.
            rest: took.max(REST).min(interval),
        };
        let pass = Pass {
            wakes: came,
            began,
            took,
            ending: looked.ending,
            done: looked.done,
            stacks: looked.stacks,
            held: looked.held,
        };
        let now = clock.elapsed();
        let since = work.since().into_iter();
        let under_way = since.map(|(stack, since)| (stack, now.saturating_sub(since)));
        watcher.ended(&pass, next.wait.max(next.rest), &under_way.collect());
    }
    // No further step begins; those that run come to their end.
    while let Some(ended) = alive(work.ended(), watcher, beat).await {
        tell(&ended, watcher);
    }
}

/// When the loop looks again.
#[derive(Debug, Default)]
struct Next {
    /// Passes in a row that did not come to a plan.
    tries: u32,
    /// Something is to be tried again by then.
    again: bool,
    wait: Duration,
    /// Not before, whatever wakes it.
    rest: Duration,
}

/// Waits until something wakes the loop, or until it is time; `None`: it is stopped.
async fn woken(
    work: &mut Work,
    wakes: &Wakes,
    watcher: &dyn Watcher,
    next: &Next,
    stop: &CancellationToken,
) -> Option<BTreeSet<Wake>> {
    let clock = SystemClock;
    let rest = clock.wait(next.rest);
    let timer = clock.wait(next.wait.max(next.rest));
    tokio::pin!(rest, timer);
    let (mut rested, mut late) = (false, false);
    let mut came = BTreeSet::new();
    loop {
        if rested && late && came.is_empty() {
            came.insert(if next.again { Wake::Again } else { Wake::Timer });
        }
        if rested && !came.is_empty() {
            return Some(came);
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            Some(ended) = work.ended() => {
                tell(&ended, watcher);
                came.insert(Wake::Ended);
            }
            () = &mut rest, if !rested => rested = true,
            more = wakes.next() => came.extend(more),
            () = &mut timer, if !late => late = true,
        }
    }
}

fn tell(ended: &Ended, watcher: &dyn Watcher) {
    if let Ended::Drill(tried) = ended {
        watcher.drilled(tried);
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
    /// When something of it may be tried again.
    again: Option<Duration>,
    /// What serves, where it was seen.
    serving: Option<Vec<Target>>,
}

impl From<Ending> for Looked {
    fn from(ending: Ending) -> Self {
        Self {
            ending,
            done: 0,
            stacks: BTreeMap::new(),
            held: 0,
            again: None,
            serving: None,
        }
    }
}

/// Looks, and begins what may be begun. The journal is let go of where nothing is under way.
async fn pass(hands: &Hands, config: &Config, work: &mut Work, watcher: &dyn Watcher) -> Looked {
    let opened = entry::open_beside(config, hands, work.journal(), work.known()).await;
    let session = match opened {
        Ok(session) => session,
        Err(error) => return class::of_entry(&error).into(),
    };
    let found = match work.look(&session, |plan| watcher.planned(plan)).await {
        Ok(found) => found,
        Err(error) => return class::of_plan(&error).into(),
    };
    Looked {
        ending: ending(&found.left, &found.busy),
        done: found.done,
        stacks: states(&session.desired, &found.left, &found.failing, &found.busy),
        held: found.left.held.len(),
        again: found.again,
        serving: Some(found.serving),
    }
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
