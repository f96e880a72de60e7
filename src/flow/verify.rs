//! A repository read from end to end, because a person asks for it: the same step as in any plan.

use super::apply::{Report, Reporter};
use super::reconcile::{PlanError, carry_out, plan_now};
use super::session::Session;
use crate::decide::damage::damage;
use crate::decide::plan::verify::last_good;
use crate::decide::plan::verify_now;
use crate::decide::repositories;
use crate::flow::observe;
use crate::model::ids::{PointId, StackId};
use crate::world::store::StoreError;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// No plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The journal cannot be read.
    #[error("the journal cannot be read")]
    Journal(#[from] StoreError),
    /// It cannot be done now.
    #[error("the recovery points of {stack} cannot be read now: {reason}")]
    NotNow {
        /// Which.
        stack: StackId,
        /// Why.
        reason: String,
    },
}

/// What was read, and what came of it.
pub struct Verdict {
    /// How the step went.
    pub report: Report,
    /// What is damaged, in words; empty: nothing.
    pub findings: Vec<String>,
    /// Points that rest on it, and why.
    pub damaged: BTreeMap<PointId, String>,
    /// How many points there are, if they can be listed.
    pub points: Option<usize>,
    /// The last good one, in words.
    pub last_good: String,
}

/// Reads everything of one stack's repository, and looks at it again.
pub async fn verify(
    session: &Arc<Session>,
    stack: &StackId,
    reporter: Arc<dyn Reporter>,
    stop: &CancellationToken,
) -> Result<Verdict, VerifyError> {
    let not_now = |reason: String| VerifyError::NotNow {
        stack: stack.clone(),
        reason,
    };
    let planned = plan_now(session).await?;
    let (seen, past) = (&planned.look.observed, &planned.past);
    let basis = planned.plan.plan().basis.clone();
    let plan = verify_now(&session.desired, stack, seen, past, basis).map_err(not_now)?;
    let report = carry_out(session, plan, &planned, reporter, stop).await?;
    let past = session.history().await?;
    let look = observe::observe(session, &past).await;
    let known = session.desired.stack(stack);
    let desired = known.ok_or_else(|| not_now("the estate has no such stack".to_owned()))?;
    let machine = session.serving_backup_machine(desired);
    let points = repositories::known(&look.observed, desired, &past);
    let verified = look.observed.verified.get(&desired.id);
    Ok(Verdict {
        report,
        findings: damage(&desired.id, &machine, &look.observed, &past),
        damaged: verified.map(|v| v.points.clone()).unwrap_or_default(),
        points: points.map(<[_]>::len),
        last_good: points.map_or_else(
            || "which point is good cannot be seen now".to_owned(),
            last_good,
        ),
    })
}
