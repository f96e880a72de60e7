//! A stack's recovery points and what a rebuild would take.

use super::observe;
use super::session::Session;
use crate::decide::plan::ENOUGH;
use crate::decide::point::{Choice, choose, newness};
use crate::model::gap::Gap;
use crate::model::ids::StackId;
use crate::model::point::RecoveryPoint;
use crate::world::store::StoreError;
use std::sync::Arc;

/// Points as listed from the repository itself, newest first, and the choice of a rebuild (S11).
pub struct Listing {
    /// Newest first.
    pub points: Vec<RecoveryPoint>,
    /// What a rebuild would take, and what it would pass over.
    pub choice: Choice,
}

/// Lists the points of one stack.
pub async fn list(
    session: &Arc<Session>,
    stack: &StackId,
) -> Result<Result<Listing, Gap>, StoreError> {
    let past = session.history().await?;
    let look = observe::observe(session, &past).await;
    let listed = look
        .observed
        .points
        .get(stack)
        .cloned()
        .unwrap_or_else(|| Err(Gap::unasked(format!("recovery points of {stack}"))));
    Ok(listed.map(|mut points| {
        points.sort_by_cached_key(|point| std::cmp::Reverse(newness(point)));
        let choice = choose(&points, ENOUGH);
        Listing { points, choice }
    }))
}
