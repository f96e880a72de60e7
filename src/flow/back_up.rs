//! A recovery point now, because a person asks for it: the same steps as in any plan.

use super::anchor;
use super::apply::{Report, Reporter};
use super::reconcile::{PlanError, carry_out, plan_now};
use super::session::Session;
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
    let planned = plan_now(session).await?;
    let (seen, past) = (&planned.look.observed, &planned.past);
    let basis = planned.plan.plan().basis.clone();
    let plan = backup_now(&session.desired, stack, seen, past, basis).map_err(|reason| {
        BackUpError::NotNow {
            stack: stack.clone(),
            reason,
        }
    })?;
    let report = carry_out(session, plan, &planned, reporter, stop).await?;
    anchor::drop_anchor(session, &report, &planned.mandate.freezes).await;
    Ok(report)
}
