//! The journal of the simulated world. The process may die just before an entry is durable, and
//! just after; or stand still there, and go on when another has taken over.

use super::Sim;
use super::rivals::{Term, lease_lost};
use super::state::State;
use async_trait::async_trait;
use holdfast::decide::lease::may_write;
use holdfast::model::ids::{CommitId, StackId};
use holdfast::model::journal::{Entry, Event};
use holdfast::world::store::{Entries, Ledger, StoreError, Tip};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::future::pending;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// Where the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// This entry, from 1, is never written.
    Before(usize),
    /// It is, and nobody in the process learns of it.
    After(usize),
}

pub struct Memory {
    pub sim: Arc<Sim>,
    /// By what right, where another may take over.
    pub term: Option<Arc<Term>>,
}

impl Memory {
    async fn die(&self, where_: Death) {
        self.sim.say(&format!("the process dies: {where_:?}"));
        self.sim.own.dies();
        pending::<()>().await;
    }

    /// What the store itself looks at, by its own clock.
    fn may_write(&self) -> Result<(), StoreError> {
        let Some(term) = &self.term else {
            return Ok(());
        };
        let state = self.sim.state();
        let lease = state.lease.as_ref();
        let may = lease.is_some_and(|lease| may_write(lease, term.token, state.now));
        may.then_some(()).ok_or_else(lease_lost)
    }

    /// Now and then somebody sets the computer's clock.
    fn perhaps_another_time(&self) {
        let mut state = self.sim.state();
        if !state.chance(|faults| faults.clocks) {
            return;
        }
        let minutes = i64::try_from(state.dice.below(181)).unwrap() - 90;
        self.sim
            .own
            .has_its_clock_set(SignedDuration::from_mins(minutes));
        state.say(&format!("fault: its clock is {minutes} minutes ahead"));
    }
}

#[async_trait]
impl Entries for Memory {
    async fn after(&self, tip: &Tip) -> Result<(Vec<Entry>, Tip), StoreError> {
        if let Some(term) = &self.term {
            term.reached(&self.sim).await?;
        }
        let new: Vec<Entry> = {
            let state = self.sim.state();
            let read = usize::try_from(tip.seq).unwrap();
            state.journal[read..].to_vec()
        };
        let seq = new.last().map_or(tip.seq, |entry| entry.seq);
        let seal = tip.seal.clone();
        Ok((new, Tip { seq, seal }))
    }
}

#[async_trait]
impl Ledger for Memory {
    async fn append(
        &self,
        stack: Option<&StackId>,
        event: Event,
        at: Timestamp,
    ) -> Result<Entry, StoreError> {
        self.held()?;
        if let Some(term) = &self.term {
            term.reached(&self.sim).await?;
        }
        self.sim.pause(Duration::from_millis(3)).await;
        self.perhaps_another_time();
        let number = self.sim.state().journal.len() + 1;
        if self.sim.dies(Death::Before(number)) {
            self.die(Death::Before(number)).await;
        }
        self.may_write()?;
        let entry = Entry {
            seq: i64::try_from(number).unwrap(),
            at,
            stack: stack.cloned(),
            event,
        };
        // What has no form on the disk would not be read again.
        let text = serde_json::to_string(&entry).map_err(|source| StoreError::Encode { source })?;
        self.sim.tell("journal", &text);
        self.sim.state().journal.push(entry.clone());
        self.sim.look(&format!("entry {number}"));
        if self.sim.dies(Death::After(number)) {
            self.die(Death::After(number)).await;
        }
        if let Some(term) = &self.term {
            term.perhaps_stands_still(&self.sim).await;
        }
        Ok(entry)
    }

    fn held(&self) -> Result<(), StoreError> {
        let held = self.term.as_ref().is_none_or(|term| term.counts(&self.sim));
        held.then_some(()).ok_or_else(lease_lost)
    }

    async fn lost(&self) -> StoreError {
        if self.term.is_none() {
            return pending().await;
        }
        loop {
            if let Err(lost) = self.held() {
                return lost;
            }
            self.sim.pause(Duration::from_secs(1)).await;
        }
    }
}

impl State {
    /// The journal is what it was, and more; the accepted head is none that was left behind.
    pub fn look_at_history(&mut self) {
        let seal = |seal: u64, entry: &Entry| {
            let mut hasher = DefaultHasher::new();
            (seal, serde_json::to_string(entry).unwrap()).hash(&mut hasher);
            hasher.finish()
        };
        let (length, before) = self.sealed;
        let kept = self.journal.iter().take(length).fold(0, seal);
        if self.journal.len() < length || kept != before {
            self.violate(format!(
                "S9: the first {length} entries are not what they were"
            ));
        }
        let in_order = (1..)
            .zip(&self.journal)
            .all(|(seq, entry)| entry.seq == seq);
        if !in_order {
            self.violate("S9: the journal has a hole".to_owned());
        }
        let heads = self.journal.iter().filter_map(|entry| match &entry.event {
            Event::Accepted { commit } => Some(commit),
            _ => None,
        });
        let mut heads: Vec<&CommitId> = heads.collect();
        heads.dedup();
        let mut left_behind = BTreeSet::new();
        if let Some(head) = heads.into_iter().find(|head| !left_behind.insert(*head)) {
            self.violate(format!("S9: {head} is accepted once more"));
        }
        let all = self.journal.iter().skip(length).fold(kept, seal);
        self.sealed = (self.journal.len(), all);
    }
}
