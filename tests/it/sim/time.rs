//! Time that passes only when everybody waits. One thread, and no clock of this computer.

use super::Sim;
use async_trait::async_trait;
use holdfast::world::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
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
    /// The process is dead: nothing goes on in it.
    pub dead: AtomicBool,
}

impl Timers {
    fn next(&self) -> Option<(Timestamp, Waker)> {
        let mut waiting = self.waiting.lock().unwrap();
        waiting.pop_first().map(|((due, _), waker)| (due, waker))
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
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
        if timers.is_dead() {
            return Poll::Pending;
        }
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
    pub fn process<T>(self: &Arc<Self>, work: impl Future<Output = T>) -> Option<T> {
        self.timers.dead.store(false, Ordering::Relaxed);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut work = pin!(work);
        let mut quiet = 0;
        let ended = runtime.block_on(poll_fn(|context| {
            if let Poll::Ready(ended) = work.as_mut().poll(context) {
                return Poll::Ready(Some(ended));
            }
            if self.timers.is_dead() {
                return Poll::Ready(None);
            }
            let moved = self.timers.moved.swap(false, Ordering::Relaxed);
            quiet = if moved { 0 } else { quiet + 1 };
            if quiet >= QUIET {
                quiet = 0;
                let (due, waker) = self.timers.next().expect("everybody waits for nothing");
                self.becomes(due);
                waker.wake();
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }));
        drop(runtime);
        ended
    }
}

#[async_trait]
impl Clock for Sim {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    fn elapsed(&self) -> Duration {
        let since = self.state().now.duration_since(Timestamp::UNIX_EPOCH);
        Duration::try_from(since).unwrap_or_default()
    }

    async fn wait(&self, span: Duration) {
        self.pause(span).await;
    }
}
