//! A stack's recovery points and what a rebuild would take; the fleet's, as they were seen last.

use super::config::Config;
use super::entry::EntryError;
use super::estate;
use super::observe::{self, Look};
use super::session::Session;
use crate::decide::plan::ENOUGH;
use crate::decide::point::{Choice, choose, newness, why};
use crate::model::gap::Gap;
use crate::model::ids::{MachineName, StackId};
use crate::model::listed::Beside;
use crate::model::point::RecoveryPoint;
use crate::model::remembered::{Remembered, RememberedPoint};
use crate::world::store::{self, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Points as listed from the repository itself, newest first, and the choice of a rebuild (S11).
pub struct Listing {
    /// Newest first.
    pub points: Vec<RecoveryPoint>,
    /// What a rebuild would take, and what it would pass over.
    pub choice: Choice,
    /// Why, in sentences; the first is about the choice.
    pub why: Vec<String>,
    /// Claims that were not believed, snapshots that are no points.
    pub beside: Beside,
    /// The backup machine that has them, and their evidence.
    pub kept_on: Option<MachineName>,
}

/// Lists the points of one stack.
pub async fn list(
    session: &Arc<Session>,
    stack: &StackId,
) -> Result<Result<Listing, Gap>, StoreError> {
    let past = session.history().await?;
    let mut look = observe::observe(session, &past).await;
    remember(session, &look).await;
    let listed = look
        .observed
        .points
        .remove(stack)
        .unwrap_or_else(|| Err(Gap::unasked(format!("recovery points of {stack}"))));
    let desired = session.desired.stacks.get(stack);
    Ok(listed.map(|points| {
        let (points, choice) = chosen(points);
        Listing {
            why: why(&points, &choice, ENOUGH),
            points,
            choice,
            beside: look.beside.remove(stack).unwrap_or_default(),
            kept_on: desired.map(Session::backup_machine),
        }
    }))
}

/// Newest first, and the choice among them.
fn chosen(mut points: Vec<RecoveryPoint>) -> (Vec<RecoveryPoint>, Choice) {
    points.sort_by_cached_key(|point| std::cmp::Reverse(newness(point)));
    let choice = choose(&points, ENOUGH);
    (points, choice)
}

/// Writes down what a look saw of points, for those who ask later without looking. What could
/// not be seen stays as it was seen before.
pub async fn remember(session: &Session, look: &Look) {
    let Some(state) = &session.standing.state else {
        return;
    };
    let seen: Vec<Remembered> = look
        .observed
        .points
        .iter()
        .filter_map(|(stack, points)| {
            let (points, choice) = chosen(points.as_ref().ok()?.clone());
            Some(Remembered {
                stack: stack.clone(),
                seen_at: look.observed.at,
                chosen: choice.chosen.map(|point| point.id),
                points: points.into_iter().map(as_seen).collect(),
            })
        })
        .collect();
    if let Err(error) = store::remember(state, &seen).await {
        tracing::warn!(%error, "what was seen of recovery points is not remembered");
    }
}

fn as_seen(point: RecoveryPoint) -> RememberedPoint {
    RememberedPoint {
        id: point.id,
        epoch: point.epoch,
        taken_at: point.taken_at,
        arrived_at: point.arrived_at,
        bytes: point.bytes,
        rung: point.rung,
        evidence: point.evidence,
    }
}

/// A stack of the accepted estate, and its points as they were seen last.
pub struct Row {
    /// As people call it.
    pub shown: StackId,
    /// `None`: no look has ever seen them.
    pub seen: Option<Remembered>,
}

/// The points of all stacks as they were seen last; reaches nothing outside.
pub async fn fleet(config: &Config) -> Result<Vec<Row>, EntryError> {
    let estate = estate::read(config)?;
    let seen = store::remembered(&config.state).await?;
    let mut seen: BTreeMap<StackId, Remembered> = seen
        .into_iter()
        .map(|remembered| (remembered.stack.clone(), remembered))
        .collect();
    let stacks = estate
        .resolution
        .desired
        .iter()
        .flat_map(|d| d.stacks.values());
    Ok(stacks
        .map(|stack| Row {
            shown: stack.shown.clone(),
            seen: seen.remove(&stack.id),
        })
        .collect())
}
