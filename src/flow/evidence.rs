//! Evidence: what was proven is signed, kept beside the repository and on this computer, and
//! written into the journal.

use super::apply::Report;
use super::session::Session;
use crate::decide::evidence::{Setting, Went, digest, file_name, proves, seal, written};
use crate::model::causes::chain;
use crate::model::evidence::{Evidence, SealedEvidence, Verdict, What};
use crate::model::ids::{MachineName, StackId};
use crate::model::journal::Event;
use crate::model::machine::Role;
use crate::model::plan::{Action, Source, Step};
use crate::model::repository::KeyRole;
use crate::world::backup::{Keeping, keep_evidence};
use crate::world::machine::MachineError;
use crate::world::store::{Documents, StoreError};
use std::collections::BTreeSet;
use std::io;

/// Why a document is not kept everywhere where it should be.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Nothing was kept.
    #[error("the evidence cannot be signed")]
    Unsealed,
    /// Not on this computer; it was not offered to the backup machine.
    #[error("the evidence cannot be kept on this computer")]
    Here {
        /// Why.
        source: io::Error,
    },
    /// It is not in the journal.
    #[error("the evidence cannot be written into the journal")]
    Journal(#[from] StoreError),
    /// It is kept here and in the journal, and the point has no new rung.
    #[error("nobody knows where {machine} answers; the evidence is kept on this computer only")]
    Nowhere {
        /// The backup machine.
        machine: MachineName,
    },
    /// It is kept here and in the journal, and the point has no new rung.
    #[error("the evidence is kept on this computer, and {machine} did not take it")]
    There {
        /// The backup machine.
        machine: MachineName,
        /// Why.
        source: MachineError,
    },
}

/// Signs what was proven, and keeps it: on this computer, in the journal, beside the repository.
/// The rungs that it proves are recorded there with it; a failed one proves none and is kept.
pub async fn keep(
    session: &Session,
    stack: &StackId,
    evidence: &Evidence,
) -> Result<SealedEvidence, KeepError> {
    let sealed = seal(&session.key, evidence).ok_or(KeepError::Unsealed)?;
    let name = file_name(evidence, &sealed);
    if let Some(state) = &session.standing.state {
        Documents::beside(state)
            .keep(stack, &name, &sealed)
            .map_err(|source| KeepError::Here { source })?;
    }
    session
        .record(Some(stack), drilled(evidence, &sealed))
        .await?;
    let machine = &evidence.point.from;
    let contact = session.contact(machine).ok_or_else(|| KeepError::Nowhere {
        machine: machine.clone(),
    })?;
    let keeping = Keeping {
        stack,
        point: &evidence.point.id,
        name: &name,
        sealed: &sealed,
        rungs: &proves(evidence),
    };
    keep_evidence(session.world.transport.as_ref(), &contact, keeping)
        .await
        .map_err(|source| KeepError::There {
            machine: machine.clone(),
            source,
        })?;
    Ok(sealed)
}

/// What a run proved of a point on `machine`; `None` where it got no point there.
pub fn of_run(
    session: &Session,
    report: &Report,
    stack: &StackId,
    machine: &MachineName,
    what: What,
) -> Option<Evidence> {
    let stack = session.desired.stacks.get(stack)?;
    let mut fetched = report
        .steps
        .iter()
        .filter_map(|record| match &record.step.action {
            Action::Fetch {
                machine: to,
                source: Source::Point { on, .. },
            } if to == machine => Some(on.clone()),
            _ => None,
        });
    let from = fetched.next();
    let from = from.unwrap_or_else(|| session.serving_backup_machine(stack));
    let setting = Setting {
        what,
        estate: &session.desired.estate,
        stack,
        commit: &session.desired.commit,
        machine,
        from: &from,
        run_began_at: report.began_at,
    };
    let steps = report.steps.iter().map(|record| Went {
        step: &record.step,
        began: record.began,
        took: record.took,
        error: record.error.as_deref(),
    });
    written(
        setting,
        report.shown.get(machine)?,
        &steps.collect::<Vec<_>>(),
    )
}

/// Keeps what a run proved of points by rebuilding or moving production. What could not be kept
/// stands in the report. Drills keep theirs when their machines are gone.
pub async fn keep_all(session: &Session, report: &mut Report) {
    let mut restored: Vec<(StackId, MachineName, What)> = report
        .steps
        .iter()
        .filter_map(|record| restored(&record.step))
        .collect();
    if restored.is_empty() {
        return;
    }
    let mut refused = BTreeSet::new();
    match session.history().await {
        Ok(past) => {
            restored.retain(|(_, machine, _)| {
                let made = past.machines.get(machine);
                made.is_some_and(|made| made.role == Role::Production)
            });
            refused.clone_from(&past.refused_for_good);
        }
        Err(error) => report.unkept.push(chain(&error)),
    }
    for (stack, machine, what) in restored {
        let Some(evidence) = of_run(session, report, &stack, &machine, what) else {
            continue;
        };
        // A run that was stopped in the middle says nothing of the point, nor does a connection
        // that was lost, or the old machine's trouble: a move would wait for a drill, closed.
        let mut own = report.steps.iter();
        let failed = own.any(|r| {
            let brings_back = matches!(
                &r.step.action,
                Action::Fetch { .. } | Action::Load { .. } | Action::Check { .. }
            );
            let here = *r.step.action.machine() == machine && brings_back;
            here && r.error.is_some() && refused.contains(&r.step.id)
        });
        if evidence.verdict != Verdict::Passed && !failed {
            continue;
        }
        if let Err(error) = keep(session, &stack, &evidence).await {
            tracing::warn!(%stack, error = chain(&error), "evidence is not kept everywhere");
            report.unkept.push(format!("{stack}: {}", chain(&error)));
        }
    }
}

/// The machine of production that a step fetched data for, and why.
fn restored(step: &Step) -> Option<(StackId, MachineName, What)> {
    let Action::Fetch { machine, source } = &step.action else {
        return None;
    };
    let what = match source {
        Source::Point { .. } => What::Rebuild,
        Source::Step { .. } => What::Move,
    };
    Some((step.stack.clone()?, machine.clone(), what))
}

fn drilled(evidence: &Evidence, sealed: &SealedEvidence) -> Event {
    let age = evidence.began_at.duration_since(evidence.point.taken_at);
    let took = evidence.ended_at.duration_since(evidence.began_at);
    Event::Drilled {
        what: evidence.what,
        point: evidence.point.id.clone(),
        machine: evidence.place.machine.clone(),
        passed: evidence.verdict == Verdict::Passed,
        evidence: digest(sealed),
        data_age: u64::try_from(age.as_secs()).unwrap_or(0),
        millis: u64::try_from(took.as_millis()).unwrap_or(0),
        escrow: evidence.opened_with == KeyRole::Escrow.word(),
    }
}
