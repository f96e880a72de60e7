//! Drills: the plan of one is made, done to its end, and what came of it is signed and kept.

use super::apply::{Report, Reporter};
use super::evidence::{self, KeepError};
use super::pause;
use super::reconcile::{PlanError, Planned, Reconciled, carry_out, plan_now};
use super::session::Session;
use crate::decide::drill::{self as decided, AppVerified, Standing};
use crate::decide::forecast::foresee;
use crate::decide::plan::{Asked, Drill, NoDrill, drill_now};
use crate::decide::repositories;
use crate::decide::stop::holding;
use crate::model::desired::DesiredStack;
use crate::model::evidence::{DrillPlace, Evidence, SealedEvidence, Shown, What};
use crate::model::ids::StackId;
use crate::model::journal::Event;
use crate::model::machine::Role;
use crate::model::plan::Action;
use crate::model::point::{PointManifest, RecoveryPoint, Rung};
use crate::model::repository::KeyRole;
use crate::world::backup;
use crate::world::store::StoreError;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Why there was no drill.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// No plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It cannot be done now.
    #[error("{stack} cannot be drilled now")]
    NotNow {
        /// Which.
        stack: StackId,
        /// Why.
        source: NoDrill,
    },
    /// What it proved is not where it should be.
    #[error("the drill has ended, and what it proved is not kept everywhere")]
    Keep(#[from] KeepError),
    /// The journal.
    #[error("the journal could not be written")]
    Journal(#[from] StoreError),
}

/// A drill that came to its end.
#[derive(Debug)]
pub struct Drilled {
    /// Whose.
    pub stack: StackId,
    /// What was tried to bring back.
    pub point: RecoveryPoint,
    /// What is to be known of the place.
    pub word: Option<String>,
    /// Its steps, the end of its machine among them.
    pub report: Report,
    /// What it proved, and the signed document; `None`: it was stopped, or no machine could be
    /// had. That says nothing of the point.
    pub evidence: Option<(Evidence, SealedEvidence)>,
    /// What nobody declares on production and on the drill's machine could not be looked for.
    pub unseen: Vec<String>,
}

/// Does one drill, whether it is due or not.
pub async fn drill(
    session: &Arc<Session>,
    stack: &StackId,
    asked: &Asked,
    reporter: Arc<dyn Reporter>,
    stop: &CancellationToken,
) -> Result<Drilled, DrillError> {
    let planned = plan_now(session).await?;
    drill_as_planned(session, &planned, stack, asked, reporter, stop).await
}

/// The same by what was just looked at.
pub(super) async fn drill_as_planned(
    session: &Arc<Session>,
    planned: &Planned,
    stack: &StackId,
    asked: &Asked,
    reporter: Arc<dyn Reporter>,
    stop: &CancellationToken,
) -> Result<Drilled, DrillError> {
    let (seen, past) = (&planned.look.observed, &planned.past);
    let basis = planned.plan.plan().basis.clone();
    let mut drill =
        drill_now(&session.desired, stack, seen, past, basis, asked).map_err(|source| {
            DrillError::NotNow {
                stack: stack.clone(),
                source,
            }
        })?;
    foresee(&mut drill.plan, &session.desired.hosters, past);
    let (report, (production, mut unseen)) = tokio::join!(
        carry_out(session, drill.plan.clone(), planned, reporter, stop),
        on_production(session, &drill.point, &planned.look),
    );
    let mut report = report?;
    complete(&mut report, &drill, production, &unseen);
    if session.drills_with == KeyRole::Escrow
        && let Some(shown) = report.shown.get_mut(&drill.machine)
    {
        KeyRole::Escrow.word().clone_into(&mut shown.opened_with);
    }
    let stopped = stop.is_cancelled() && !report.left.is_empty();
    let evidence = if stopped || !made(&report, &drill) {
        unseen.clear();
        None
    } else {
        let stack = &drill.point.stack;
        match evidence::of_run(session, &report, stack, &drill.machine, What::Drill) {
            Some(evidence) => {
                let sealed = evidence::keep(session, stack, &evidence).await?;
                if let Some(proven) = AppVerified::by(&evidence) {
                    let event = Event::Proven {
                        point: proven.into_point(),
                        rung: Rung::AppVerified,
                    };
                    session.record(Some(stack), event).await?;
                }
                Some((evidence, sealed))
            }
            None => None,
        }
    };
    Ok(Drilled {
        stack: drill.point.stack.clone(),
        point: drill.point,
        word: drill.word,
        report,
        evidence,
        unseen,
    })
}

/// The machine of the drill was there; without it nothing was tried.
fn made(report: &Report, drill: &Drill) -> bool {
    report.steps.iter().any(|record| {
        record.error.is_none()
            && matches!(&record.step.action, Action::Create { machine, .. } if *machine == drill.machine)
    })
}

/// What the steps could not see: of one that ended before the point came, what it was to be.
fn complete(report: &mut Report, drill: &Drill, production: Vec<String>, unseen: &[String]) {
    let shown: &mut Shown = report.shown.entry(drill.machine.clone()).or_default();
    let placement = &drill.placement;
    shown.place = Some(DrillPlace {
        machine: drill.machine.clone(),
        hoster: placement.hoster.clone(),
        site: placement.site.clone(),
        machine_type: placement.machine_type.clone(),
        image: placement.image.clone(),
        third: drill.third,
    });
    let point = &drill.point;
    shown.point = Some(point.id.clone());
    shown.arrived_at = shown.arrived_at.or(point.arrived_at);
    shown.manifest.get_or_insert_with(|| PointManifest {
        schema: 1,
        aside: false,
        cold: false,
        stack: point.stack.clone(),
        epoch: point.epoch,
        commit: String::new(),
        image: placement.image.to_string(),
        taken_at: point.taken_at,
        canary: String::new(),
        packages: BTreeMap::new(),
        services: BTreeMap::new(),
    });
    let on_production = |why: &String| format!("undeclared writes on production: {why}");
    shown.not_looked_at.extend(unseen.iter().map(on_production));
    let there = std::mem::take(&mut shown.undeclared);
    let marked = |of: &'static str| move |path: String| format!("{of}: {path}");
    shown.undeclared = production
        .into_iter()
        .map(marked("production"))
        .chain(there.into_iter().map(marked("drill")))
        .collect();
}

/// What production holds that nobody declares; and that it could not be looked for.
async fn on_production(
    session: &Arc<Session>,
    point: &RecoveryPoint,
    look: &super::observe::Look,
) -> (Vec<String>, Vec<String>) {
    let machines = look
        .observed
        .hosters
        .values()
        .flatten()
        .flat_map(|i| &i.machines);
    let writer = machines
        .filter(|m| m.role == Role::Production && m.stack.as_ref() == Some(&point.stack))
        .filter(|m| matches!(look.observed.machines.get(&m.name), Some(Ok(facts)) if facts.open))
        .max_by_key(|m| m.epoch);
    let found = writer.and_then(|machine| {
        let contact = session.contact(&machine.name)?;
        Some((contact, look.manifests.get(&machine.name)?))
    });
    let Some((contact, manifest)) = found else {
        return (Vec::new(), vec!["production does not answer".to_owned()]);
    };
    let transport = session.world.transport.as_ref();
    match backup::undeclared(transport, &contact, manifest).await {
        Ok(paths) => (paths, Vec::new()),
        Err(error) => (Vec::new(), vec![error.to_string()]),
    }
}

/// How every sound stack stands with its drills.
pub fn standings(session: &Session, planned: &Planned) -> BTreeMap<StackId, Standing> {
    let seen = &planned.look.observed;
    let stacks = session.desired.stacks.values();
    stacks
        .map(|stack| {
            let points = repositories::known(seen, stack, &planned.past);
            let standing = decided::standing(stack, &planned.past, points, seen.at);
            (stack.id.clone(), standing)
        })
        .collect()
}

/// Why nobody knows whether the stack would come back, if so.
pub async fn trouble(
    session: &Session,
    stack: &DesiredStack,
    points: &[RecoveryPoint],
) -> Result<Option<String>, StoreError> {
    let past = session.history().await?;
    let now = session.world.clock.now();
    let standing = decided::standing(stack, &past, Some(points), now);
    Ok(standing.trouble.map(|trouble| trouble.reason()))
}

/// A drill of the schedule's, and how it went.
#[derive(Debug)]
pub struct Tried {
    /// Whose.
    pub stack: StackId,
    /// What came of it.
    pub drilled: Result<Drilled, DrillError>,
}

/// All that are due after a reconciliation, one after the other: none takes a machine that
/// another needs, and one that cannot be done holds up no other (S16). What is left to do is
/// what is left afterwards.
pub async fn drill_due(
    session: &Arc<Session>,
    reporter: &Arc<dyn Reporter>,
    stop: &CancellationToken,
    done: &mut Reconciled,
) -> Result<Vec<Tried>, PlanError> {
    let mut all = Vec::new();
    for stack in done.due.clone() {
        if stop.is_cancelled() {
            break;
        }
        let mut past = session.history().await?;
        pause::take_in(session, &mut past).await?;
        let now = session.world.clock.now();
        if holding(&session.desired, &past, &stack, now).is_some() {
            continue; // Held since; only whoever asks by name goes on.
        }
        let asked = Asked::default();
        let drilled = drill(session, &stack, &asked, reporter.clone(), stop).await;
        all.push(Tried { stack, drilled });
    }
    if !all.is_empty() {
        done.left = Some(plan_now(session).await?.plan.plan().clone());
    }
    Ok(all)
}
