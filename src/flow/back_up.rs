//! A recovery point now, because a person asks for it: the same steps as in any plan.

use super::anchor;
use super::apply::{self, Report, Reporter};
use super::reconcile::{PlanError, Planned, plan_now};
use super::session::Session;
use crate::decide::check::check;
use crate::decide::plan::backup_now;
use crate::model::ids::StackId;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Why there was no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackUpError {
    /// No plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It cannot be done now.
    #[error("{stack} cannot be backed up now: {reason}")]
    NotNow {
        /// Which.
        stack: StackId,
        /// Why.
        reason: String,
    },
}

/// Takes a point of one stack and reads it back.
pub async fn back_up(
    session: &Arc<Session>,
    stack: &StackId,
    reporter: Arc<dyn Reporter>,
    stop: &CancellationToken,
) -> Result<Report, BackUpError> {
    let Planned {
        plan,
        look,
        past,
        mandate,
        alarms: _,
    } = plan_now(session).await?;
    let basis = plan.plan().basis.clone();
    let plan =
        backup_now(&session.desired, stack, &look.observed, &past, basis).map_err(|reason| {
            BackUpError::NotNow {
                stack: stack.clone(),
                reason,
            }
        })?;
    let plan = check(plan, &look.observed, &past, &mandate).map_err(PlanError::Violations)?;
    let report = apply::apply(session, &plan, &look.observed, &past, reporter, stop).await;
    let report = report.map_err(PlanError::Stale)?;
    anchor::drop_anchor(session, &report, &mandate.freezes).await;
    Ok(report)
}
