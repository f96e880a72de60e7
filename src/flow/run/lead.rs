//! Which of several loops acts: the one that holds the leader's lease, between its passes too.

use super::class;
use crate::model::lease::Claim;
use crate::model::pass::Ending;
use crate::world::store::{self, Hold, Place, StoreError};
use std::time::{Duration, Instant};

/// What this loop knows of its own right to act.
pub struct Lead {
    place: Place,
    prepared: bool,
    /// What it holds, and since when without a break.
    term: Option<(Hold, Instant)>,
    begun: Instant,
}

impl Lead {
    /// Of a loop that begins now.
    pub fn new(place: &Place) -> Self {
        Self {
            place: place.clone(),
            prepared: false,
            term: None,
            begun: Instant::now(),
        }
    }

    /// For how long this loop has acted without a break; where the journal is this computer's
    /// own, nobody else can have. A new term begins anew, whoever led before: in between, nobody
    /// here looked (S8).
    pub async fn led(&mut self) -> Result<Duration, Ending> {
        if let Place::File(_) = self.place {
            return Ok(self.begun.elapsed());
        }
        if let Some((hold, since)) = &self.term
            && hold.holds()
        {
            return Ok(since.elapsed());
        }
        // Lost, or not there yet: what is left of it is let go before it is asked for again.
        if self.term.take().is_some() {
            tracing::warn!("this loop leads no more: its lease was not renewed in time");
        }
        match self.take().await {
            Ok(hold) => {
                tracing::info!(token = hold.token(), "this loop leads");
                self.term = Some((hold, Instant::now()));
                Ok(Duration::ZERO)
            }
            Err(error) => Err(class::of_lead(&error)),
        }
    }

    async fn take(&mut self) -> Result<Hold, StoreError> {
        if !self.prepared {
            store::prepare(&self.place).await?;
            self.prepared = true;
        }
        Hold::take(&self.place, Claim::Leader).await
    }
}
