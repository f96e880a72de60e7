//! Between passes: does what serves still take connections? A failure has no effect of its own,
//! it wakes the loop.

use super::Wakes;
use crate::decide::probe::{Answers, Target};
use crate::model::pass::Wake;
use crate::world::probe::connects;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// So many connections are tried at once.
const AT_ONCE: usize = 64;

/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked whether one is due.
const TICK: Duration = Duration::from_secs(1);

/// What is probed, and what is known of it.
#[derive(Debug, Default)]
pub(super) struct Probes(Mutex<BTreeMap<Target, (Answers, Instant)>>);

impl Probes {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Target, (Answers, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What serves now, by the last look. What is known of those that served before stays; the
    /// first tries of the others are spread over the time.
    pub fn serve(&self, targets: Vec<Target>, every: Duration) {
        let mut known = self.lock();
        let (now, count) = (
            Instant::now(),
            u32::try_from(targets.len()).unwrap_or(u32::MAX),
        );
        let mut before = std::mem::take(&mut *known);
        for (target, number) in targets.into_iter().zip(0_u32..) {
            let first = now + every / count.max(1) * number;
            let state = before.remove(&target);
            known.insert(target, state.unwrap_or((Answers::default(), first)));
        }
    }

    fn due(&self, now: Instant) -> Vec<Target> {
        let known = self.lock();
        let due = known.iter().filter(|(_, (_, due))| *due <= now);
        due.map(|(target, _)| target.clone()).collect()
    }

    /// True: the loop should look.
    fn tried(&self, target: &Target, answered: bool, every: Duration) -> bool {
        match self.lock().get_mut(target) {
            Some((answers, due)) => {
                let looks = answers.take_in(answered);
                *due = Instant::now() + answers.next(every);
                looks
            }
            None => false, // It serves no longer.
        }
    }
}

/// Probes without end.
pub(super) async fn probe(probes: Arc<Probes>, every: Duration, wakes: Arc<Wakes>) {
    let mut tries = JoinSet::new();
    loop {
        let mut due = probes.due(Instant::now()).into_iter();
        loop {
            let more = due.by_ref().take(AT_ONCE - tries.len());
            for target in more.collect::<Vec<_>>() {
                tries.spawn(async move {
                    let answered = connects(target.address, PATIENCE).await;
                    (target, answered)
                });
            }
            let Some(tried) = tries.join_next().await else {
                break;
            };
            if let Ok((target, answered)) = tried
                && probes.tried(&target, answered, every)
            {
                let (stack, what) = (target.stack.as_str(), target.what.as_str());
                tracing::warn!(stack, what, "takes no connection any more: the loop looks");
                wakes.wake(Wake::Probe);
            }
        }
        tokio::time::sleep(TICK).await;
    }
}
