//! What goes around a hoster: patience, deadlines, and a trace of each call.
//!
//! Only that is tried again which the official clients try again: `conflict`,
//! `rate_limit_exceeded`, `bad_gateway`, `timeout`, HTTP 502 and 504, and
//! network time-outs. Reads are tried again call by call ([`Patience::read`]), so
//! that one page of a long list does not cost the others; effects only when the
//! hoster said that nothing changed. An unclear effect is never tried blindly.

use super::{Hoster, subject};
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{EstateName, HosterId, StepId};
use crate::model::observed::Inventory;
use crate::model::operation::{Fault, FaultClass, Operation, Outcome};
use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use std::future::Future;
use std::time::{Duration, Instant};

/// How often and how long we try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Tries after the first.
    pub retries: usize,
    /// Before the first retry; doubled for each further one, with jitter.
    pub first_pause: Duration,
    /// No pause is longer, unless the hoster asks for one.
    pub longest_pause: Duration,
    /// For observing everything.
    pub observe_within: Duration,
    /// For one effect, its waiting included.
    pub perform_within: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            retries: 5,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(10),
            observe_within: Duration::from_mins(2),
            perform_within: Duration::from_mins(10),
        }
    }
}

/// Whether a failed read may be tried again at once.
pub trait Transient {
    /// True for what the official clients try again.
    fn is_transient(&self) -> bool;
    /// How long the hoster asked us to wait.
    fn asked_pause(&self) -> Option<Duration>;
}

impl Patience {
    fn backoff(&self) -> ExponentialBuilder {
        ExponentialBuilder::default()
            .with_min_delay(self.first_pause)
            .with_max_delay(self.longest_pause)
            .with_max_times(self.retries)
            .with_jitter()
    }

    /// Runs a call that changes nothing, again while its failure is transient.
    pub async fn read<T, E, F, Fut>(&self, call: F) -> Result<T, E>
    where
        E: Transient,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        call.retry(self.backoff())
            .when(E::is_transient)
            .adjust(|error: &E, pause| pause.map(|own| error.asked_pause().unwrap_or(own).max(own)))
            .await
    }
}

/// A hoster with deadlines, retries of refused effects, and a trace.
#[derive(Debug)]
pub struct Wrapped<H> {
    hoster: H,
    patience: Patience,
}

impl<H: Hoster> Wrapped<H> {
    /// Around `hoster`.
    pub fn new(hoster: H, patience: Patience) -> Self {
        Self { hoster, patience }
    }

    async fn perform_patiently(&self, op: &Operation, key: &StepId) -> Outcome {
        let mut pauses = self.patience.backoff().build();
        loop {
            let outcome = self.hoster.perform(op, key).await;
            match (&outcome, may_repeat(&outcome)) {
                (Outcome::Refused(refusal), true) => match pauses.next() {
                    Some(pause) => {
                        tracing::debug!(code = refusal.code, ?pause, "trying again");
                        tokio::time::sleep(pause).await;
                    }
                    None => return outcome,
                },
                _ => return outcome,
            }
        }
    }
}

/// Only a refusal can be repeated: nothing changed, and the code says it will pass.
fn may_repeat(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Refused(refusal)
            if matches!(refusal.code.as_str(), "conflict" | "rate_limit_exceeded")
    )
}

#[async_trait]
impl<H: Hoster> Hoster for Wrapped<H> {
    fn id(&self) -> &HosterId {
        self.hoster.id()
    }

    async fn observe(&self, owned: &EstateName) -> Result<Inventory, Gap> {
        let began = Instant::now();
        let within = self.patience.observe_within;
        let seen = tokio::time::timeout(within, self.hoster.observe(owned))
            .await
            .unwrap_or_else(|_| {
                Err(Gap::new(
                    GapKind::Unreachable,
                    format!("hoster {}", self.id()),
                    format!("no complete answer within {} s", within.as_secs()),
                ))
            });
        let millis = began.elapsed().as_millis();
        match &seen {
            Ok(inventory) => tracing::debug!(
                hoster = %self.id(), millis,
                machines = inventory.machines.len(), unseen = inventory.unseen.len(),
                "observed"
            ),
            Err(gap) => tracing::warn!(hoster = %self.id(), millis, %gap, "could not observe"),
        }
        seen
    }

    async fn perform(&self, op: &Operation, key: &StepId) -> Outcome {
        let (operation, machine) = subject(op);
        let began = Instant::now();
        let within = self.patience.perform_within;
        let outcome = tokio::time::timeout(within, self.perform_patiently(op, key))
            .await
            .unwrap_or_else(|_| {
                Outcome::Unknown(Fault {
                    message: format!("{operation} did not end within {} s", within.as_secs()),
                    class: FaultClass::Retry,
                })
            });
        let millis = began.elapsed().as_millis();
        let hoster = self.id();
        match &outcome {
            Outcome::Done(receipt) => tracing::info!(
                %hoster, operation, %machine, millis, id = receipt.provider_id, "done"
            ),
            Outcome::Refused(refusal) => {
                tracing::warn!(%hoster, operation, %machine, millis, %refusal, "refused");
            }
            Outcome::Unknown(fault) => {
                tracing::warn!(%hoster, operation, %machine, millis, %fault, "unclear");
            }
        }
        outcome
    }
}
