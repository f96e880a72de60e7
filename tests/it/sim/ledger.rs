//! The journal of the simulated world. The process may die just before an entry is durable, and
//! just after.

use super::Sim;
use async_trait::async_trait;
use holdfast::model::ids::StackId;
use holdfast::model::journal::{Entry, Event};
use holdfast::world::store::{Ledger, StoreError};
use jiff::Timestamp;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Where the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// This entry, from 1, is never written.
    Before(usize),
    /// It is, and nobody in the process learns of it.
    After(usize),
}

pub struct Memory(pub Arc<Sim>);

impl Memory {
    async fn die(&self, where_: Death) {
        self.0.say(&format!("the process dies: {where_:?}"));
        self.0.timers.dead.store(true, Ordering::Relaxed);
        pending::<()>().await;
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
        self.0.pause(Duration::from_millis(3)).await;
        let number = self.0.state().journal.len() + 1;
        if self.0.dies(Death::Before(number)) {
            self.die(Death::Before(number)).await;
        }
        let entry = Entry {
            seq: i64::try_from(number).unwrap(),
            at,
            stack: stack.cloned(),
            event,
        };
        // What has no form on the disk would not be read again.
        let text = serde_json::to_string(&entry).map_err(|source| StoreError::Encode { source })?;
        self.0.say(&format!("journal {text}"));
        self.0.state().journal.push(entry.clone());
        self.0.look(&format!("entry {number}"));
        if self.0.dies(Death::After(number)) {
            self.die(Death::After(number)).await;
        }
        Ok(entry)
    }

    async fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        Ok(self.0.state().journal.clone())
    }
}
