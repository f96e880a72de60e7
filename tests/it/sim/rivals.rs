//! Two reconcilers over one journal. One stands still, or is cut off from the journal, at a bad
//! moment and for so long that the other may take over; then it goes on where it was (S2).

use super::Sim;
use super::ledger::Memory;
use super::life::{Life, Telling};
use super::time::side_by_side;
use holdfast::decide::lease::{may_take, renewed, taken};
use holdfast::flow::apply::Reporter;
use holdfast::model::lease::{ASKS, LASTS, RENEWS, SPARE};
use holdfast::world::store::StoreError;
use jiff::{SignedDuration, Timestamp};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is done to one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plight {
    /// It stands still.
    Still,
    /// It goes on, and does not reach the journal.
    CutOff,
}

/// The right to write, as its holder knows it.
pub struct Term {
    pub token: i64,
    /// So long it counts on it.
    counts_until: Mutex<Timestamp>,
    /// It does not reach the journal until then.
    cut_until: Mutex<Timestamp>,
    /// At which of its entries from now, what, and for how long.
    plight: Mutex<Option<(u64, Plight, SignedDuration)>>,
}

pub fn lease_lost() -> StoreError {
    StoreError::LeaseLost {
        place: "the simulated journal".to_owned(),
    }
}

impl Term {
    /// Waits until it can be had.
    async fn take(sim: &Sim, holder: &str) -> Self {
        loop {
            {
                let mut state = sim.state();
                let now = state.now;
                if let Some(lease) = taken(state.lease.as_ref(), holder, now) {
                    let token = lease.token;
                    state.lease = Some(lease);
                    state.say(&format!("{holder} may write, token {token}"));
                    return Self {
                        token,
                        counts_until: Mutex::new(counted_from(now)),
                        cut_until: Mutex::new(now),
                        plight: Mutex::default(),
                    };
                }
            }
            sim.pause(ASKS).await;
        }
    }

    pub fn counts(&self, sim: &Sim) -> bool {
        sim.state().now < *self.counts_until.lock().unwrap()
    }

    /// An error when the journal cannot be reached: after a while, as of a line that is dead.
    pub async fn reached(&self, sim: &Sim) -> Result<(), StoreError> {
        if sim.state().now >= *self.cut_until.lock().unwrap() {
            return Ok(());
        }
        sim.pause(LASTS).await;
        Err(lease_lost())
    }

    /// Asks for more as long as it lives.
    async fn renews(&self, sim: &Sim) {
        loop {
            sim.pause(RENEWS).await;
            let mut state = sim.state();
            let now = state.now;
            let reached = now >= *self.cut_until.lock().unwrap();
            let lease = state.lease.as_ref().filter(|_| reached);
            if let Some(longer) = lease.and_then(|lease| renewed(lease, self.token, now)) {
                state.lease = Some(longer);
                *self.counts_until.lock().unwrap() = counted_from(now);
            }
        }
    }

    fn lets_go(&self, sim: &Sim) {
        let mut state = sim.state();
        let now = state.now;
        let own = state
            .lease
            .as_mut()
            .filter(|lease| lease.token == self.token);
        if let Some(lease) = own.filter(|lease| !may_take(Some(lease), now)) {
            lease.until = now;
        }
    }

    /// The worst moment: the entry is in the journal, and what it speaks of is not done yet.
    pub async fn perhaps_stands_still(&self, sim: &Sim) {
        let due = {
            let mut plight = self.plight.lock().unwrap();
            match plight.as_mut() {
                Some((0, ..)) => plight.take(),
                Some((left, ..)) => {
                    *left -= 1;
                    None
                }
                None => None,
            }
        };
        if let Some((_, plight, lasts)) = due {
            self.befalls(sim, plight, lasts);
            sim.pause(Duration::ZERO).await;
        }
    }

    fn befalls(&self, sim: &Sim, plight: Plight, lasts: SignedDuration) {
        let mut state = sim.state();
        let until = state.now + lasts;
        state.say(&format!(
            "fault: token {}: {plight:?} until {until}",
            self.token
        ));
        match plight {
            Plight::Still => sim.own.stands_still(until),
            Plight::CutOff => *self.cut_until.lock().unwrap() = until,
        }
    }
}

/// The holder counts on less than the store grants.
fn counted_from(now: Timestamp) -> Timestamp {
    now + SignedDuration::try_from(LASTS.saturating_sub(SPARE)).unwrap()
}

impl Life {
    /// Both work until nothing is left that they can do; one of them in a plight.
    pub fn two_processes(&self) {
        let (first, second) = (self.sim.clone(), Arc::new(self.sim.for_another()));
        let (entry, plight, lasts, by_time, later) = {
            let mut state = first.state();
            let dice = &mut state.dice;
            let plight = [Plight::Still, Plight::CutOff][usize::from(dice.happens(300))];
            let lasts = i64::try_from(dice.between(10, 240)).unwrap();
            (
                dice.below(24),
                plight,
                SignedDuration::from_secs(lasts),
                dice.happens(500).then(|| dice.between(1, 300)),
                dice.between(0, 60),
            )
        };
        let begins = async {
            let term = Arc::new(Term::take(&first, "one").await);
            if by_time.is_none() {
                *term.plight.lock().unwrap() = Some((entry, plight, lasts));
            }
            let moment = async {
                if let Some(seconds) = by_time {
                    first.pause(Duration::from_secs(seconds)).await;
                    term.befalls(&first, plight, lasts);
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                () = moment => {}
                () = self.works(&first, &term) => {}
            }
            // It has learned that another writes, and stands by for its turn.
            let term = Arc::new(Term::take(&first, "one").await);
            self.works(&first, &term).await;
        };
        let follows = async {
            second.pause(Duration::from_secs(later)).await;
            let term = Arc::new(Term::take(&second, "other").await);
            self.works(&second, &term).await;
        };
        let begins: Pin<Box<dyn Future<Output = ()>>> = Box::pin(begins);
        let _ = side_by_side([(&*first, begins), (&*second, Box::pin(follows))]);
        self.goes_by();
    }

    /// A reconciliation by this right; it ends early where the right is lost.
    async fn works(&self, sim: &Arc<Sim>, term: &Arc<Term>) {
        let reporter: Arc<dyn Reporter> = Arc::new(Telling(sim.clone()));
        let ledger = || Memory {
            sim: sim.clone(),
            term: Some(term.clone()),
        };
        let work = async {
            if self.alone {
                self.looks(sim, &ledger, &reporter, |_| ()).await
            } else {
                self.once(sim, &ledger, &reporter).await
            }
        };
        let ended = tokio::select! {
            biased;
            () = term.renews(sim) => return,
            ended = work => ended,
        };
        let how = ended.map_or_else(|error| error.to_string(), |_| "done".to_owned());
        sim.say(&format!("token {}: {how}", term.token));
        term.lets_go(sim);
    }
}
