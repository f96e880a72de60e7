//! A stack's recovery points and what a rebuild would take.

use super::observe;
use super::session::Session;
use crate::decide::plan::ENOUGH;
use crate::decide::point::{Choice, choose};
use crate::decide::repositories;
use crate::model::gap::Gap;
use crate::model::ids::StackId;
use crate::model::observed::Former;
use crate::model::point::RecoveryPoint;
use crate::world::store::StoreError;
use std::sync::Arc;

/// Points as listed from the repositories themselves, newest first, and the choice of a rebuild (S11).
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
    let unasked = || Gap::unasked(format!("recovery points of {stack}"));
    let Some(desired) = session.desired.stacks.get(stack) else {
        return Ok(Err(unasked()));
    };
    let serving = session.serving_backup_machine(desired);
    let seen = &look.observed;
    let listed = repositories::on(seen, desired, &serving).unwrap_or_else(|| Err(unasked()));
    let nowhere = Former::new();
    let others = seen.former.get(stack).unwrap_or(&nowhere);
    Ok(listed.map(|points| {
        let all = repositories::everywhere((&serving, points), others, ENOUGH);
        let mut points: Vec<RecoveryPoint> = all.into_iter().map(|(_, p)| p.clone()).collect();
        points.sort_by_key(|p| std::cmp::Reverse(p.taken_at));
        let choice = choose(&points, ENOUGH);
        Listing { points, choice }
    }))
}
