//! Time that passes only when everybody waits. One thread, and no clock of this computer.

use super::Sim;
use async_trait::async_trait;
use holdfast::world::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// So often nobody may have moved before the next moment comes: what one task sets off may take
/// some rounds to reach another.
const QUIET: u32 = 3;

/// Who waits, and until when.
#[derive(Default)]
pub struct Timers {
    waiting: Mutex<BTreeMap<(Timestamp, u64), Waker>>,
    numbers: AtomicU64,
    moved: AtomicBool,
}

/// What becomes of a process.
#[derive(Default)]
pub struct Process {
    /// Nothing goes on in it any more.
    dead: AtomicBool,
    /// It stands still until then, wherever it is, as after `SIGSTOP`.
    still_until: Mutex<Timestamp>,
    /// How far its clock is ahead of the world's.
    ahead: Mutex<SignedDuration>,
}

impl Process {
    pub fn dies(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    pub fn stands_still(&self, until: Timestamp) {
        *self.still_until.lock().unwrap() = until;
    }

    fn still_until(&self) -> Timestamp {
        *self.still_until.lock().unwrap()
    }

    /// Whether it stood still since then.
    pub fn stood_still_since(&self, then: Timestamp) -> bool {
        self.still_until() > then
    }

    pub fn has_its_clock_set(&self, ahead: SignedDuration) {
        *self.ahead.lock().unwrap() = ahead;
    }
}

impl Timers {
    fn next(&self) -> Option<(Timestamp, Waker)> {
        let mut waiting = self.waiting.lock().unwrap();
        waiting.pop_first().map(|((due, _), waker)| (due, waker))
    }
}

/// Ends when it is that late; never in a dead process.
struct Until<'a> {
    sim: &'a Sim,
    due: Timestamp,
    number: u64,
    begun: bool,
}

impl Future for Until<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let timers = &self.sim.timers;
        if self.sim.own.is_dead() {
            return Poll::Pending;
        }
        self.due = self.due.max(self.sim.own.still_until());
        if self.begun && self.sim.state().now >= self.due {
            timers.moved.store(true, Ordering::Relaxed);
            return Poll::Ready(());
        }
        let key = (self.due, self.number);
        let waker = context.waker().clone();
        timers.waiting.lock().unwrap().insert(key, waker);
        if !self.begun {
            timers.moved.store(true, Ordering::Relaxed);
            self.begun = true;
        }
        Poll::Pending
    }
}

impl Drop for Until<'_> {
    fn drop(&mut self) {
        let key = (self.due, self.number);
        self.sim.timers.waiting.lock().unwrap().remove(&key);
    }
}

impl Sim {
    /// Waits in the world's time.
    pub async fn pause(&self, span: Duration) {
        let number = self.timers.numbers.fetch_add(1, Ordering::Relaxed);
        let due = self.state().now + SignedDuration::try_from(span).unwrap();
        Until {
            sim: self,
            due,
            number,
            begun: false,
        }
        .await;
    }

    /// A process of its own does this work; `None`: it was killed in the middle.
    pub fn process<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let [ended] = side_by_side([(self, Box::pin(work))]);
        ended
    }
}

/// What one process does.
type Work<'w, T> = Pin<Box<dyn Future<Output = T> + 'w>>;

/// Processes of their own at the same time, each with its view of one world; `None`: that one was
/// killed in the middle.
pub fn side_by_side<T, const N: usize>(works: [(&Sim, Work<'_, T>); N]) -> [Option<T>; N] {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let world = works[0].0;
    let mut all = works.map(|(sim, work)| {
        sim.own.dead.store(false, Ordering::Relaxed);
        sim.own.stands_still(Timestamp::MIN);
        (sim, work, None)
    });
    {
        let mut state = world.state();
        state.began = state.now;
    }
    let mut quiet = 0;
    runtime.block_on(poll_fn(|context| {
        let mut goes_on = false;
        for (sim, work, ended) in &mut all {
            if ended.is_none()
                && let Poll::Ready(value) = work.as_mut().poll(context)
            {
                *ended = Some(value);
            }
            goes_on |= ended.is_none() && !sim.own.is_dead();
        }
        if !goes_on || world.state().violation.is_some() {
            return Poll::Ready(());
        }
        let moved = world.timers.moved.swap(false, Ordering::Relaxed);
        quiet = if moved { 0 } else { quiet + 1 };
        if quiet >= QUIET {
            quiet = 0;
            let (due, waker) = world.timers.next().expect("everybody waits for nothing");
            world.becomes(due);
            waker.wake();
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }));
    drop(runtime);
    all.map(|(_, _, ended)| ended)
}

#[async_trait]
impl Clock for Sim {
    fn now(&self) -> Timestamp {
        self.state().now + *self.own.ahead.lock().unwrap()
    }

    fn elapsed(&self) -> Duration {
        let since = self.state().now.duration_since(Timestamp::UNIX_EPOCH);
        Duration::try_from(since).unwrap_or_default()
    }

    async fn wait(&self, span: Duration) {
        self.pause(span).await;
    }
}
