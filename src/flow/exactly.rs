//! Executes a plan that was made before: exactly that one, or nothing (S5).

use super::anchor;
use super::apply::{self, Report, Reporter, StaleBasis};
use super::evidence;
use super::reconcile::{PlanError, Planned, narrowed, plan_now};
use super::session::Session;
use crate::decide::basis::other_steps;
use crate::decide::check::check;
use crate::model::ids::StackId;
use crate::model::plan::Plan;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Why a plan was not executed. Nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum NotThis {
    /// It was made by comparing commits.
    #[error(
        "the plan was made without looking at the world, so it cannot be executed; `holdfast plan --out FILE` without --base makes one that can"
    )]
    NotObserved,
    /// It no longer holds.
    #[error(transparent)]
    Stale(#[from] StaleBasis),
    /// No plan can be made now to compare it with.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// How it went.
#[derive(Debug)]
pub struct Executed {
    /// The one pass.
    pub report: Report,
    /// What would be done now.
    pub left: Plan,
}

/// One pass over exactly these steps, if the estate, the commit, what is seen and what would be
/// planned are what they were.
pub async fn execute(
    session: &Arc<Session>,
    plan: Plan,
    reporter: Arc<dyn Reporter>,
    stop: &CancellationToken,
) -> Result<Executed, NotThis> {
    executable(&plan)?;
    let mut changes = apply::other_intent(&plan.basis, session);
    if !changes.is_empty() {
        return Err(StaleBasis { changes }.into());
    }
    let stacks = plan.basis.stacks.clone();
    let now = plan_for(session, stacks.as_ref()).await?;
    changes.extend(apply::changes_since(
        &plan.basis,
        session,
        &now.look.observed,
    ));
    changes.extend(other_steps(&plan, now.plan.plan()));
    if !changes.is_empty() {
        return Err(StaleBasis { changes }.into());
    }
    let plan =
        check(plan, &now.look.observed, &now.past, &now.mandate).map_err(PlanError::Violations)?;
    let seen = &now.look.observed;
    let mut report = apply::apply(session, &plan, seen, &now.past, reporter, stop).await?;
    evidence::keep_all(session, &mut report).await;
    anchor::drop_anchor(session, &report, &now.mandate.freezes).await;
    let left = plan_for(session, stacks.as_ref()).await?;
    Ok(Executed {
        report,
        left: left.plan.plan().clone(),
    })
}

/// Was it made over the world, and not over an assumed one?
pub fn executable(plan: &Plan) -> Result<(), NotThis> {
    if plan.basis.observed.is_none() || plan.basis.compared.is_some() {
        return Err(NotThis::NotObserved);
    }
    Ok(())
}

async fn plan_for(
    session: &Arc<Session>,
    stacks: Option<&Vec<StackId>>,
) -> Result<Planned, PlanError> {
    let planned = plan_now(session).await?;
    match stacks {
        Some(stacks) => narrowed(session, planned, stacks.clone()),
        None => Ok(planned),
    }
}
