//! A stack's recovery points and what a rebuild would take; the fleet's, as they were seen last.

use super::config::Config;
use super::entry::EntryError;
use super::estate::{self, Estate};
use super::observe::{self, Look};
use super::session::Session;
use crate::decide::losses::{self, Loss, Pause};
use crate::decide::plan::ENOUGH;
use crate::decide::point::{Choice, choose, clock_doubt, newness, readable, why};
use crate::decide::repositories;
use crate::model::desired::DesiredStack;
use crate::model::gap::Gap;
use crate::model::ids::{MachineName, StackId};
use crate::model::listed::Beside;
use crate::model::observed::Former;
use crate::model::point::RecoveryPoint;
use crate::model::remembered::{Glance, Glimpse, Remembered, RememberedPoint, Written};
use crate::world::store::{self, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Points as listed from the repositories themselves, newest first, and the choice of a rebuild (S11).
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
    /// What went down with other backup machines, the latest first.
    pub lost: Vec<Loss>,
    /// Former backup machines that may have more, and cannot be asked: a rebuild waits for them.
    pub unseen: Vec<Gap>,
    /// When no point was read back for too long, since the oldest of these points.
    pub pauses: Vec<Pause>,
}

/// Lists the points of one stack.
pub async fn list(
    session: &Arc<Session>,
    stack: &StackId,
) -> Result<Result<Listing, Gap>, StoreError> {
    let past = session.history().await?;
    let mut look = observe::observe(session, &past).await;
    remember(session, &look).await;
    let unasked = || Gap::unasked(format!("recovery points of {stack}"));
    let Some(desired) = session.desired.stacks.get(stack) else {
        return Ok(Err(unasked()));
    };
    let beside = look.beside.remove(stack).unwrap_or_default();
    let serving = session.serving_backup_machine(desired);
    let listed = repositories::on(&look.observed, desired, &serving);
    Ok(listed.unwrap_or_else(|| Err(unasked())).map(|_| {
        let (points, choice) = chosen(everywhere(session, &look, desired));
        let oldest = points.iter().map(|point| point.taken_at).min();
        let pauses = |since| losses::pauses(desired, &past, since);
        Listing {
            lost: losses::losses(desired, &session.desired, &look.observed, &past),
            unseen: losses::unseen(desired, &serving, &session.desired, &look.observed, &past),
            pauses: oldest.map(pauses).unwrap_or_default(),
            why: why(&points, &choice, ENOUGH),
            points,
            choice,
            beside,
            kept_on: Some(serving.clone()),
        }
    }))
}

/// The points of a stack on all backup machines that answered.
fn everywhere(session: &Session, look: &Look, stack: &DesiredStack) -> Vec<RecoveryPoint> {
    let serving = session.serving_backup_machine(stack);
    let here = repositories::on(&look.observed, stack, &serving);
    let here = here.and_then(Result::ok).unwrap_or_default();
    let nowhere = Former::new();
    let others = look.observed.former.get(&stack.id).unwrap_or(&nowhere);
    let all = repositories::everywhere((&serving, here), others, ENOUGH);
    all.into_iter().map(|(_, point)| point.clone()).collect()
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
    let seen: Vec<(Remembered, Vec<RememberedPoint>)> = session
        .desired
        .stacks
        .values()
        .filter_map(|stack| {
            let serving = session.serving_backup_machine(stack);
            repositories::on(&look.observed, stack, &serving)?.ok()?;
            let (points, choice) = chosen(everywhere(session, look, stack));
            let nothing = Beside::default();
            let beside = look.beside.get(&stack.id).unwrap_or(&nothing);
            let remembered = Remembered {
                stack: stack.id.clone(),
                seen_at: look.observed.at,
                glance: glance(&points, &choice, beside),
            };
            Some((remembered, points.into_iter().map(as_seen).collect()))
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
        damaged: point.damaged,
    }
}

/// Points in short, newest first, and what a person should know before relying on them.
pub fn glance(points: &[RecoveryPoint], choice: &Choice, beside: &Beside) -> Glance {
    let newest = points.first();
    let taken = choice.chosen.as_ref();
    let passed = match (newest, taken) {
        (None, _) => Some("there is none".to_owned()),
        (Some(_), None) => Some("a rebuild would take none".to_owned()),
        (Some(newest), Some(taken)) if newest.id != taken.id => Some(format!(
            "the newest is {}",
            match newest.damaged {
                Some(_) => "damaged",
                None if !readable(newest) => "of a newer form",
                None => newest.rung.name(),
            }
        )),
        _ => None,
    };
    let damaged = points.iter().filter(|p| p.damaged.is_some()).count();
    let newer = points.iter().filter(|p| !readable(p)).count();
    let odd = points.iter().filter(|p| clock_doubt(p).is_some()).count();
    let counted = [
        (damaged, "damaged"),
        (newer, "of a newer form"),
        (odd, "of a clock that is wrong"),
        (choice.outlived.len(), "by a machine that had no right"),
        (beside.unproven.len(), "claims not believed"),
        (beside.foreign.len(), "snapshots that are no points"),
    ];
    let counted = counted.into_iter().filter(|(number, _)| *number > 0);
    Glance {
        count: points.len(),
        newest: newest.map(glimpse),
        chosen: taken.map(glimpse),
        furthest: points.iter().map(|p| p.rung).max(),
        doubts: passed
            .into_iter()
            .chain(counted.map(|(number, what)| format!("{number} {what}")))
            .collect(),
    }
}

fn glimpse(point: &RecoveryPoint) -> Glimpse {
    Glimpse {
        id: point.id.clone(),
        taken_at: point.taken_at,
        bytes: point.bytes,
        rung: point.rung,
    }
}

/// A stack of the accepted estate, and what was seen of its points last.
pub struct Row<T> {
    /// As people call it.
    pub shown: StackId,
    /// `None`: no look has ever seen them.
    pub seen: Option<T>,
}

/// All stacks, in short, as they were seen last; reaches nothing outside.
pub async fn fleet(config: &Config) -> Result<Vec<Row<Remembered>>, EntryError> {
    let estate = estate::read(config)?;
    let seen = store::remembered(&config.state).await?;
    let named = |seen: Remembered| (seen.stack.clone(), seen);
    Ok(rows(&estate, seen.into_iter().map(named)))
}

/// The same with every point.
pub async fn fleet_in_full(config: &Config) -> Result<Vec<Row<(Remembered, Written)>>, EntryError> {
    let estate = estate::read(config)?;
    let seen = store::remembered_in_full(&config.state).await?;
    let named = |seen: (Remembered, Written)| (seen.0.stack.clone(), seen);
    Ok(rows(&estate, seen.into_iter().map(named)))
}

fn rows<T>(estate: &Estate, seen: impl Iterator<Item = (StackId, T)>) -> Vec<Row<T>> {
    let mut seen: BTreeMap<StackId, T> = seen.collect();
    let desired = estate.resolution.desired.iter();
    let stacks = desired.flat_map(|desired| desired.stacks.values());
    stacks
        .map(|stack| Row {
            shown: stack.shown.clone(),
            seen: seen.remove(&stack.id),
        })
        .collect()
}
