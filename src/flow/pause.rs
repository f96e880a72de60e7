//! Pauses of operators: written into the journal, or left for the Holdfast that writes to it.

use super::book::Book;
use super::config::Config;
use super::projection::Projection;
use super::session::Session;
use crate::decide::history::History;
use crate::decide::pause::Pauses;
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::StackId;
use crate::model::journal::{Entry, Event};
use crate::model::lease::Lease;
use crate::world::clock::{Clock as _, SystemClock};
use crate::world::store::{Journal, Requests, StoreError, carry_over};
use std::sync::Arc;

/// Why a pause is not where it should be.
#[derive(Debug, thiserror::Error)]
pub enum PauseError {
    /// The journal.
    #[error("the journal could not be written; nothing was changed")]
    Journal(#[from] StoreError),
}

/// Where it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// In the journal.
    InTheJournal,
    /// Beside it: another Holdfast writes there, and takes it in before it plans next.
    LeftFor {
        /// Its process id, or "unknown"; with a shared journal also its computer.
        holder: String,
    },
}

/// Makes these events known to whoever plans from now on; they are on the disk when this returns.
pub async fn tell(
    config: &Config,
    events: &[(Option<StackId>, Event)],
) -> Result<Kept, PauseError> {
    let requests = Requests::beside(&config.journal);
    let now = SystemClock.now();
    let opened = match carry_over(&config.journal, &config.state).await {
        Ok(()) => Journal::open(&config.journal).await,
        Err(error) => Err(error),
    };
    let journal = match opened {
        Ok(journal) => journal,
        Err(
            StoreError::InUse { holder, .. }
            | StoreError::Leased {
                lease: Lease { holder, .. },
                ..
            },
        ) => {
            for ((stack, event), seq) in events.iter().zip(0..) {
                let entry = Entry {
                    seq,
                    at: now,
                    stack: stack.clone(),
                    event: event.clone(),
                };
                requests.leave(&entry).await?;
            }
            return Ok(Kept::LeftFor { holder });
        }
        Err(error) => return Err(error.into()),
    };
    // What was asked for before comes before.
    for request in requests.waiting().await? {
        let entry = &request.entry;
        if is_of_an_operator(&entry.event) {
            let (stack, event) = (entry.stack.as_ref(), entry.event.clone());
            journal.append(stack, event, now).await?;
        }
        requests.taken_in(request).await?;
    }
    for (stack, event) in events {
        journal.append(stack.as_ref(), event.clone(), now).await?;
    }
    Ok(Kept::InTheJournal)
}

/// What is paused now, as whoever plans next will see it; reaches nothing outside.
pub async fn pauses(config: &Config) -> Result<Pauses, PauseError> {
    let mut past = Projection::default().catch_up(&config.journal).await?;
    let waiting = Requests::beside(&config.journal).waiting().await?;
    for request in waiting {
        let entry = &request.entry;
        if is_of_an_operator(&entry.event) {
            Arc::make_mut(&mut past).take_in(entry);
        }
    }
    Ok(past.pauses.clone())
}

/// Takes in what operators asked for since: for good, or where nothing may be written for this
/// look alone. What cannot be read is a gap.
pub(super) async fn take_in(
    session: &Session,
    past: &mut Arc<History>,
) -> Result<Option<Gap>, StoreError> {
    let Some(journal) = &session.standing.journal else {
        return Ok(None);
    };
    let unread = |error: &dyn std::error::Error| {
        let reason = crate::model::causes::chain(error);
        Gap::new(
            GapKind::Unreadable,
            "pauses that operators asked for",
            reason,
        )
    };
    let requests = Requests::beside(journal);
    let waiting = match requests.waiting().await {
        Ok(waiting) => waiting,
        Err(error) => return Ok(Some(unread(&error))),
    };
    for request in waiting {
        let entry = request.entry.clone();
        let asked = is_of_an_operator(&entry.event);
        match session.book() {
            Book::Writing(..) => {
                if asked {
                    let recorded = session.record(entry.stack.as_ref(), entry.event).await?;
                    Arc::make_mut(past).take_in(&recorded);
                }
                if let Err(error) = requests.taken_in(request).await {
                    return Ok(Some(unread(&error)));
                }
            }
            Book::Reading(..) if asked => Arc::make_mut(past).take_in(&entry),
            Book::Reading(..) => {}
        }
    }
    Ok(None)
}

/// Nothing else is asked for in this way.
fn is_of_an_operator(event: &Event) -> bool {
    matches!(event, Event::Paused { .. } | Event::Resumed {})
}
