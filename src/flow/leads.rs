//! Who acts where several reconcilers share a journal, for people.

use super::session::Session;
use crate::model::gap::{Gap, GapKind};
use crate::model::lease::{Claim, Lease};
use crate::world::store::{Place, StoreError, holder_of};

/// Who leads, and who writes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Leads {
    /// The loop that acts.
    pub leader: Option<Lease>,
    /// Whoever has the journal at this moment.
    pub writer: Option<Lease>,
}

/// Asks the shared journal; `None` where the journal is this computer's own.
pub async fn leads(session: &Session) -> Option<Result<Leads, Gap>> {
    match &session.standing.journal {
        Some(place @ Place::Shared(_)) => Some(ask(place).await.map_err(|error| {
            let reason = crate::model::causes::chain(&error);
            Gap::new(GapKind::Unreachable, "who leads", reason)
        })),
        _ => None,
    }
}

async fn ask(place: &Place) -> Result<Leads, StoreError> {
    Ok(Leads {
        leader: holder_of(place, Claim::Leader).await?,
        writer: holder_of(place, Claim::Writer).await?,
    })
}
