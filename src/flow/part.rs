//! One file back: what points hold at a path, and one part of a point beside the live data.

use super::apply::{Report, Reporter};
use super::observe;
use super::reconcile::{PlanError, carry_out, plan_now};
use super::session::Session;
use crate::decide::only::not_sound;
use crate::decide::plan::{ENOUGH, at_work, retrieve_now};
use crate::decide::point::{as_of, holds, intact, moment};
use crate::decide::repositories;
use crate::model::desired::DesiredStack;
use crate::model::gap::Gap;
use crate::model::ids::StackId;
use crate::model::machine::MachineManifest;
use crate::model::observed::Observed;
use crate::model::point::{Part, RecoveryPoint};
use crate::model::visible::visible_line;
use crate::world::backup::{self, AtPath};
use crate::world::machine::MachineError;
use crate::world::store::StoreError;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Why nothing was found, or nothing brought back.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The estate has none, or none that is sound.
    #[error("{0}")]
    NoSuchStack(String),
    /// The points could not be listed (S1).
    #[error("the recovery points could not be listed: {0}")]
    Unseen(Gap),
    /// None is old enough, or none at all.
    #[error("{stack} has no recovery point that was read back and taken by {at}{oldest}")]
    NoPoint {
        /// Whose.
        stack: StackId,
        /// The moment that was asked for.
        at: Timestamp,
        /// "; the oldest is of …", and what to do.
        oldest: String,
    },
    /// None that is intact begins so, or several do.
    #[error(
        "{stack} has {count} intact recovery points that begin with {named}; holdfast points {stack} lists them"
    )]
    NotOnePoint {
        /// Whose.
        stack: StackId,
        /// What was asked for.
        named: String,
        /// How many.
        count: usize,
    },
    /// No declared state, so that it is in no point.
    #[error(
        "{path} is no declared state of {stack}, so no recovery point holds it; points hold {held}"
    )]
    NotDeclared {
        /// Whose.
        stack: StackId,
        /// What was asked for.
        path: String,
        /// What is declared.
        held: String,
    },
    /// No such database.
    #[error("{stack} declares no database {database}; points hold {held}")]
    NoSuchDatabase {
        /// Whose.
        stack: StackId,
        /// What was asked for.
        database: String,
        /// What is declared.
        held: String,
    },
    /// It cannot be done now.
    #[error("nothing can be brought back to {stack} now: {reason}")]
    NotNow {
        /// Whose.
        stack: StackId,
        /// Why.
        reason: String,
    },
    /// No plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] StoreError),
    /// The backup machine.
    #[error(transparent)]
    Machine(#[from] MachineError),
}

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A file or a folder.
    Path(String),
    /// A database, or one table of it.
    Database {
        /// Its name.
        database: String,
        /// The table alone.
        table: Option<String>,
    },
}

/// Which point a part is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// The newest that counts: now, or at a moment.
    Newest(Option<Timestamp>),
    /// The one whose id begins so, also where it was saved aside.
    Point(String),
}

/// A path, as it was in one point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Which point.
    pub point: RecoveryPoint,
    /// What it holds there, if that could be read (S1).
    pub kept: Result<AtPath, Gap>,
}

/// What the points hold at a path, and what they hold at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Newest first.
    pub versions: Vec<Version>,
    /// Declared state of the services, by path; empty: nobody can say now.
    pub declared: Vec<String>,
}

/// Whether a path is a folder or lies in it.
pub fn lies_in(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What the points of a stack hold at a path, newest first; with `at` only the point that was
/// the newest then.
pub async fn versions(
    session: &Arc<Session>,
    stack: &StackId,
    path: &str,
    at: Option<Timestamp>,
) -> Result<Found, PartError> {
    let desired = sound(session, stack)?;
    let past = session.history().await?;
    let look = observe::observe(session, &past).await;
    let mut points = points(session, &look.observed, desired)?;
    points.retain(|point| intact(point, ENOUGH));
    points.sort_by_cached_key(|point| std::cmp::Reverse((moment(point), point.id.clone())));
    if let Some(at) = at {
        let newest = as_of(&points, at, ENOUGH).cloned();
        points = vec![newest.ok_or_else(|| no_point(stack, at, &points))?];
    }
    let machine = session.serving_backup_machine(desired);
    let contact = session
        .contact(&machine)
        .ok_or_else(|| PartError::Unseen(Gap::unasked(format!("machine {machine}"))))?;
    let ids: Vec<_> = points.iter().map(|point| point.id.clone()).collect();
    let password = session.repository_password(desired);
    let transport = session.world.transport.as_ref();
    let mut told = backup::at_path(transport, &contact, &desired.id, &password, path, &ids).await?;
    let unasked = |point: &RecoveryPoint| Err(Gap::unasked(format!("point {}", point.id.short())));
    let writer = past.writers.get(&desired.id);
    let manifest = writer.and_then(|(_, machine)| look.manifests.get(machine));
    Ok(Found {
        versions: points
            .into_iter()
            .map(|point| Version {
                kept: told.remove(&point.id).unwrap_or_else(|| unasked(&point)),
                point,
            })
            .collect(),
        declared: manifest.map(declared).unwrap_or_default(),
    })
}

/// What came of bringing a part back.
#[derive(Debug)]
pub struct Retrieval {
    /// From which point.
    pub point: RecoveryPoint,
    /// How it went.
    pub report: Report,
}

/// Brings one part of a point back beside the live data of the machine that is at work.
pub async fn retrieve(
    session: &Arc<Session>,
    stack: &StackId,
    asked: &Asked,
    from: &From,
    to: &str,
    reporter: Arc<dyn Reporter>,
    stop: &CancellationToken,
) -> Result<Retrieval, PartError> {
    let desired = sound(session, stack)?;
    let planned = plan_now(session).await?;
    let (seen, past) = (&planned.look.observed, &planned.past);
    let points = points(session, seen, desired)?;
    let point = match from {
        From::Newest(at) => {
            let at = at.unwrap_or(seen.at);
            let newest = as_of(&points, at, ENOUGH).cloned();
            newest.ok_or_else(|| no_point(stack, at, &points))?
        }
        From::Point(named) => point_named(stack, named, &points)?,
    };
    let not_now = |reason| PartError::NotNow {
        stack: stack.clone(),
        reason,
    };
    let machine = at_work(&session.desired, stack, seen, past).map_err(not_now)?;
    let manifest = planned
        .look
        .manifests
        .get(&machine)
        .ok_or_else(|| not_now(format!("nobody can say what {machine} should be")))?;
    let part = part_of(asked, stack, manifest)?;
    let basis = planned.plan.plan().basis.clone();
    let wanted = (&point.id, &part, to);
    let plan = retrieve_now(&session.desired, stack, wanted, seen, past, basis).map_err(not_now)?;
    let report = carry_out(session, plan, &planned, reporter, stop).await?;
    Ok(Retrieval { point, report })
}

fn sound<'a>(session: &'a Session, stack: &StackId) -> Result<&'a DesiredStack, PartError> {
    let found = session.desired.stack(stack);
    found.ok_or_else(|| PartError::NoSuchStack(not_sound(&session.desired, stack)))
}

/// Where production itself can reach them: on the backup machine that its points go to.
fn points(
    session: &Session,
    seen: &Observed,
    stack: &DesiredStack,
) -> Result<Vec<RecoveryPoint>, PartError> {
    let listed = repositories::on(seen, stack, &session.serving_backup_machine(stack));
    let unasked = || Err(Gap::unasked(format!("recovery points of {}", stack.id)));
    let listed = listed.unwrap_or_else(unasked).map_err(PartError::Unseen)?;
    Ok(listed.to_vec())
}

fn no_point(stack: &StackId, at: Timestamp, points: &[RecoveryPoint]) -> PartError {
    let oldest = points.iter().filter(|point| holds(point, ENOUGH));
    let oldest = oldest.map(moment).min();
    PartError::NoPoint {
        stack: stack.clone(),
        at,
        oldest: oldest.map_or_else(
            || format!("; holdfast backup {stack} takes one"),
            |at| format!("; the oldest is of {at}: name that time or a later one"),
        ),
    }
}

fn point_named(
    stack: &StackId,
    named: &str,
    points: &[RecoveryPoint],
) -> Result<RecoveryPoint, PartError> {
    let intact = points.iter().filter(|point| intact(point, ENOUGH));
    let begins = |point: &&RecoveryPoint| !named.is_empty() && point.id.as_str().starts_with(named);
    let found: Vec<&RecoveryPoint> = intact.filter(begins).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        others => Err(PartError::NotOnePoint {
            stack: stack.clone(),
            named: visible_line(named).into_owned(),
            count: others.len(),
        }),
    }
}

fn declared(manifest: &MachineManifest) -> Vec<String> {
    let state = manifest.services.iter().flat_map(|s| &s.state);
    let held: BTreeSet<String> = state.map(|state| state.path.clone()).collect();
    held.into_iter().collect()
}

/// What was asked for, found in what is declared.
fn part_of(asked: &Asked, stack: &StackId, manifest: &MachineManifest) -> Result<Part, PartError> {
    let databases = || manifest.services.iter().flat_map(|s| &s.databases);
    let listed = |mut held: Vec<String>| {
        held.sort();
        held.dedup();
        held.join(", ")
    };
    match asked {
        Asked::Path(path) => {
            let state = declared(manifest);
            if state.iter().any(|state| lies_in(path, state)) {
                return Ok(Part::Path { path: path.clone() });
            }
            Err(PartError::NotDeclared {
                stack: stack.clone(),
                path: visible_line(path).into_owned(),
                held: state.join(", "),
            })
        }
        Asked::Database { database, table } => {
            let Some(found) = databases().find(|known| known.name == *database) else {
                return Err(PartError::NoSuchDatabase {
                    stack: stack.clone(),
                    database: visible_line(database).into_owned(),
                    held: listed(databases().map(|known| known.name.clone()).collect()),
                });
            };
            let (engine, database) = (found.engine, database.clone());
            Ok(match table.clone() {
                None => Part::Database { engine, database },
                Some(table) => Part::Table {
                    engine,
                    database,
                    table,
                },
            })
        }
    }
}
