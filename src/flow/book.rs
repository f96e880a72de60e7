//! The journal, as far as a session may use it.

use super::projection::{Projection, SetBack};
use crate::decide::history::History;
use crate::model::ids::StackId;
use crate::model::journal::{Entry, Event};
use crate::world::store::{Ledger, Place, StoreError, read_entries};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The journal, open for writing: sessions of one process may share it, one entry at a time.
#[derive(Clone)]
pub struct Shared(Arc<Turns>);

struct Turns {
    ledger: Arc<dyn Ledger>,
    known: Arc<Projection>,
    turn: Mutex<()>,
}

/// The journal, as far as a session may use it.
pub enum Book {
    /// One writer at a time.
    Writing(Shared),
    /// For plans: where it is, and what was recorded so far; nothing is written.
    Reading(Place, Arc<History>),
}

impl Book {
    /// To write in, for whoever knows nothing of it yet.
    pub fn writing(ledger: impl Ledger + 'static) -> Self {
        Self::writing_on(ledger, Arc::default())
    }

    /// To write in, for whoever read it before.
    pub fn writing_on(ledger: impl Ledger + 'static, known: Arc<Projection>) -> Self {
        Self::Writing(Shared(Arc::new(Turns {
            ledger: Arc::new(ledger),
            known,
            turn: Mutex::default(),
        })))
    }

    /// The same for another session of this process.
    pub fn shared(&self) -> Option<Shared> {
        match self {
            Self::Writing(journal) => Some(journal.clone()),
            Self::Reading(..) => None,
        }
    }

    /// Where it is written, if it may be.
    pub fn ledger(&self) -> Option<Arc<dyn Ledger>> {
        match self {
            Self::Writing(journal) => Some(journal.0.ledger.clone()),
            Self::Reading(..) => None,
        }
    }

    /// Says to whoever waits for the journal whose steps it is needed for.
    pub fn working_on(&self, stacks: &BTreeSet<StackId>) {
        if let Self::Writing(journal) = self {
            let names: Vec<&str> = stacks.iter().map(StackId::as_str).collect();
            journal.0.ledger.working_on(&names.join(", "));
        }
    }

    /// Adds an event; durable when this returns (S6).
    pub async fn append(
        &self,
        stack: Option<&StackId>,
        event: Event,
        at: Timestamp,
    ) -> Result<Entry, StoreError> {
        match self {
            Self::Writing(journal) => {
                let _turn = journal.0.turn.lock().await;
                journal.0.ledger.append(stack, event, at).await
            }
            Self::Reading(..) => Err(StoreError::ReadOnly),
        }
    }

    /// All entries from the beginning: for who tells what happened. What it comes to is
    /// [`Book::history`].
    pub async fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        match self {
            Self::Writing(journal) => {
                let _turn = journal.0.turn.lock().await;
                journal.0.ledger.entries().await
            }
            Self::Reading(place, _) => read_entries(place).await,
        }
    }

    /// What has happened.
    pub async fn history(&self) -> Result<Arc<History>, StoreError> {
        match self {
            Self::Writing(journal) => journal.0.known.catch_up(journal.0.ledger.as_ref()).await,
            Self::Reading(_, past) => Ok(past.clone()),
        }
    }

    /// Whether it did not only grow while this process read it (S9).
    pub async fn set_back(&self) -> Option<SetBack> {
        match self {
            Self::Writing(journal) => journal.0.known.set_back().await,
            Self::Reading(..) => None,
        }
    }

    /// Whether it may still be acted upon.
    pub fn held(&self) -> Result<(), StoreError> {
        match self {
            Self::Writing(journal) => journal.0.ledger.held(),
            Self::Reading(..) => Ok(()),
        }
    }

    /// Ends when it may not be acted upon any more.
    pub async fn lost(&self) -> StoreError {
        match self {
            Self::Writing(journal) => journal.0.ledger.lost().await,
            Self::Reading(..) => pending().await,
        }
    }
}
