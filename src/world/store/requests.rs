//! What operators ask for while another Holdfast writes to the journal: it takes them in before
//! it plans next. A request is durable when [`Requests::leave`] returns, and goes only when the
//! journal has it; taken in twice, it says the same.

use super::StoreError;
use super::place::{Access, Address, Place};
use crate::model::journal::Entry;
use sqlx::AnyPool;

/// Requests beside a journal.
#[derive(Debug, Clone)]
pub struct Requests {
    place: Place,
}

/// A request, and what it is kept under.
#[derive(Debug)]
pub struct Request {
    /// What the journal should hear; its number says nothing.
    pub entry: Entry,
    name: String,
}

impl Requests {
    /// Beside the journal there.
    pub fn beside(place: impl Into<Place>) -> Self {
        Self {
            place: place.into(),
        }
    }

    async fn open(&self, access: Access) -> Result<(Address, AnyPool), StoreError> {
        let address = self.place.address(access)?;
        let pool = address.open(access).await?;
        Ok((address, pool))
    }

    /// Leaves one; whole or not at all.
    pub async fn leave(&self, entry: &Entry) -> Result<(), StoreError> {
        let text = serde_json::to_string(entry).map_err(|source| StoreError::Encode { source })?;
        // By time, so that a pause and its end stay in their order.
        let name = format!(
            "{:020}-{}-{}",
            entry.at.as_nanosecond(),
            std::process::id(),
            entry.seq
        );
        let (address, pool) = self.open(Access::Write).await?;
        if !address.has(&pool, "requests").await? {
            address.prepare(&pool).await?;
        }
        let left = sqlx::query("INSERT INTO requests (name, entry) VALUES ($1, $2)")
            .bind(name)
            .bind(text)
            .execute(&pool)
            .await;
        pool.close().await;
        left.map(|_| ())
            .map_err(|source| StoreError::Append { source })
    }

    /// All that wait, in the order in which they were asked for.
    pub async fn waiting(&self) -> Result<Vec<Request>, StoreError> {
        if self.place.is_missing() {
            return Ok(Vec::new());
        }
        let (address, pool) = self.open(Access::Look).await?;
        if !address.has(&pool, "requests").await? {
            return Ok(Vec::new());
        }
        let rows: Result<Vec<(String, String)>, _> =
            sqlx::query_as("SELECT name, entry FROM requests ORDER BY name")
                .fetch_all(&pool)
                .await;
        pool.close().await;
        let rows = rows.map_err(|source| StoreError::Read { source })?;
        let read = |(name, text): (String, String)| {
            let entry =
                serde_json::from_str(&text).map_err(|source| StoreError::Encode { source })?;
            Ok(Request { entry, name })
        };
        rows.into_iter().map(read).collect()
    }

    /// The journal has it.
    pub async fn taken_in(&self, request: Request) -> Result<(), StoreError> {
        let (_, pool) = self.open(Access::Write).await?;
        let gone = sqlx::query("DELETE FROM requests WHERE name = $1")
            .bind(request.name)
            .execute(&pool)
            .await;
        pool.close().await;
        gone.map(|_| ())
            .map_err(|source| StoreError::Append { source })
    }
}
