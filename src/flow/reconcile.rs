//! Observe, plan, check, apply, and again until nothing is left to do. No step looks back.

use super::adopt;
use super::anchor;
use super::apply::{self, Report, Reporter};
use super::evidence;
use super::observe::{self, Look};
use super::pause;
use super::points;
use super::session::Session;
use super::standing::{Alarms, alarm};
use crate::decide::basis;
use crate::decide::check::{CheckedPlan, Violation, check, without};
use crate::decide::drill;
use crate::decide::forecast::foresee;
use crate::decide::groups::{self, Busy, Group};
use crate::decide::history::History;
use crate::decide::mandate::{Mandate, allowed};
use crate::decide::only::only;
use crate::decide::pass::look_again;
use crate::decide::plan;
use crate::decide::stop::under_way;
use crate::model::ids::StackId;
use crate::model::plan::{Basis, Plan};
use crate::world::store::StoreError;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often one call looks again; a pass follows only where the plan has changed.
const PASSES: usize = 8;

/// What a look so soon may tell is waited for.
const MOMENT: Duration = Duration::from_secs(2);

/// A plan with what it was made from.
pub struct Planned {
    /// Keeps the invariants.
    pub plan: CheckedPlan,
    /// What was seen.
    pub look: Look,
    /// What has happened.
    pub past: Arc<History>,
    /// Who signed for it.
    pub mandate: Mandate,
    /// What concerns every stack, whichever are looked at: a head that does not hold, a freeze,
    /// a history that could not be fetched.
    pub alarms: Alarms,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The journal cannot be read.
    #[error("the journal cannot be read")]
    Journal(#[from] StoreError),
    /// The world or the commit changed between planning and doing.
    #[error(transparent)]
    Stale(#[from] apply::StaleBasis),
    /// The planner wrote a step that breaks an invariant; nothing is done.
    #[error("the plan breaks an invariant and was thrown away: {}", join(.0))]
    Violations(Vec<Violation>),
}

fn join(violations: &[Violation]) -> String {
    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// Looks and plans; touches nothing.
pub async fn plan_now(session: &Arc<Session>) -> Result<Planned, PlanError> {
    plan_beside(session, &Busy::default()).await
}

/// The same beside what this process is doing already: nothing is planned that meddles with it.
pub async fn plan_beside(session: &Arc<Session>, busy: &Busy) -> Result<Planned, PlanError> {
    let mut past = session.history().await?;
    let unread_pauses = pause::take_in(session, &mut past).await?;
    let mut look = observe::observe(session, &past).await;
    if adopt::adopt(session, (&look.observed, &look.manifests), &mut past, busy).await? {
        look = observe::observe(session, &past).await;
    }
    points::remember(session, &look).await;
    let parts = basis::parts(&look.observed);
    let standing = &session.standing;
    let draw = |stay: &BTreeSet<StackId>| {
        let (manifests, seen) = (&look.manifests, &look.observed);
        let observed = basis::whole(&parts);
        let mut plan = plan::plan(&session.desired, manifests, seen, &past, observed, stay);
        plan.basis.parts.clone_from(&parts);
        standing.tell_drift(groups::beside(plan, busy), &session.desired, &past)
    };
    let plan = draw(&BTreeSet::new());
    let (mut mandate, unknown) = standing.mandate(&plan, &session.desired, &past, look.observed.at);
    let (anchors, unread) = anchor::read(session, &look.observed).await;
    let doubts = anchor::doubts(session, &anchors).await?;
    let mut alarms = standing.alarms();
    alarms.gaps.extend(unread_pauses);
    alarms.held.extend(doubts.told);
    alarms.held.extend(doubts.freezes.iter().map(alarm));
    mandate.freezes.extend(doubts.freezes);
    mandate.gates = drill::gates(&session.desired, &past, &look.observed);
    mandate.under_way = under_way(&session.desired, &past, &look.observed);
    let told = |mut plan: Plan| {
        plan.gaps.extend(unknown.iter().chain(&unread).cloned());
        alarms.tell(plan)
    };
    let mut plan = allowed(told(plan), |stay| told(draw(stay)), &mandate);
    foresee(&mut plan, &session.desired.hosters, &past);
    let plan = match check(plan.clone(), &look.observed, &past, &mandate) {
        Ok(plan) => plan,
        Err(violations) => {
            for violation in &violations {
                tracing::error!(%violation, "the planner's steps are thrown away");
            }
            let mut rest = without(plan, &violations);
            foresee(&mut rest, &session.desired.hosters, &past);
            check(rest, &look.observed, &past, &mandate).map_err(PlanError::Violations)?
        }
    };
    Ok(Planned {
        plan,
        look,
        past,
        mandate,
        alarms,
    })
}

/// Judges a plan that a person asked for by what was just looked at, and executes it.
pub(super) async fn carry_out(
    session: &Arc<Session>,
    asked: Plan,
    planned: &Planned,
    reporter: Arc<dyn Reporter>,
    stop: &CancellationToken,
) -> Result<Report, PlanError> {
    let (seen, past) = (&planned.look.observed, &planned.past);
    let plan = check(asked, seen, past, &planned.mandate).map_err(PlanError::Violations)?;
    let report = apply::apply(session, &plan, seen, past, reporter, stop).await;
    report.map_err(PlanError::Stale)
}

/// The same plan for some stacks alone. What other customers' machines do does not make it stale.
pub fn narrowed(
    session: &Session,
    planned: Planned,
    stacks: Vec<StackId>,
) -> Result<Planned, PlanError> {
    let Planned {
        plan,
        look,
        past,
        mandate,
        alarms,
    } = planned;
    let mut narrow = Basis {
        stacks: Some(stacks.clone()),
        ..plan.plan().basis.clone()
    };
    narrow.parts = basis::parts_for(&narrow, &session.desired, &look.observed);
    let mut plan = alarms.tell(only(plan.plan().clone(), stacks, &narrow.parts));
    plan.basis = Basis {
        observed: Some(basis::whole(&narrow.parts)),
        ..narrow
    };
    foresee(&mut plan, &session.desired.hosters, &past);
    let plan = check(plan, &look.observed, &past, &mandate).map_err(PlanError::Violations)?;
    Ok(Planned {
        plan,
        look,
        past,
        mandate,
        alarms,
    })
}

/// The steps of one group alone, judged anew.
pub fn part(session: &Session, planned: &Planned, group: &Group) -> Result<CheckedPlan, PlanError> {
    let (whole, seen) = (planned.plan.plan(), &planned.look.observed);
    let mut basis = whole.basis.clone();
    if !group.stacks.is_empty() {
        basis.stacks = Some(group.stacks.iter().cloned().collect());
        basis.parts = basis::parts_for(&basis, &session.desired, seen);
        basis.observed = Some(basis::whole(&basis.parts));
    }
    let mut plan = groups::part(whole.clone(), group, &basis.parts);
    plan.basis = basis;
    foresee(&mut plan, &session.desired.hosters, &planned.past);
    check(plan, seen, &planned.past, &planned.mandate).map_err(PlanError::Violations)
}

/// What is kept of steps that have ended: what they proved, and how far history has grown.
pub(super) async fn keep(session: &Arc<Session>, report: &mut Report, mandate: &Mandate) {
    evidence::keep_all(session, report).await;
    anchor::drop_anchor(session, report, &mandate.freezes).await;
}

/// How a reconciliation went.
#[derive(Debug, Default)]
pub struct Reconciled {
    /// One report per pass that did something.
    pub reports: Vec<Report>,
    /// The plan that was left: empty when all is as wanted.
    pub left: Option<Plan>,
    /// Stacks whose drill is due, now that this is what is left.
    pub due: Vec<StackId>,
}

impl Reconciled {
    /// Nothing is left to do, and nothing failed in the last pass.
    pub fn settled(&self) -> bool {
        self.left.as_ref().is_some_and(|plan| plan.steps.is_empty())
    }
}

/// Passes until the plan is empty, nothing gets done any more, or it is stopped; with `stacks`
/// for these alone.
pub async fn reconcile(
    session: &Arc<Session>,
    stacks: Option<&[StackId]>,
    reporter: &Arc<dyn Reporter>,
    stop: &CancellationToken,
    mut on_plan: impl FnMut(&Plan),
) -> Result<Reconciled, PlanError> {
    let mut done = Reconciled::default();
    for _ in 0..PASSES {
        let mut planned = plan_now(session).await?;
        if let Some(stacks) = stacks {
            planned = narrowed(session, planned, stacks.to_vec())?;
        }
        let plan = planned.plan.plan();
        // The same steps once more: what did not go just now does not go by repeating it.
        let again = !done.reports.is_empty() && done.left.as_ref().is_some_and(|p| same(p, plan));
        if !again {
            on_plan(plan);
        }
        done.left = Some(plan.clone());
        let seen = &planned.look.observed;
        done.due = drill::due(&session.desired, &planned.past, seen, plan);
        if plan.steps.is_empty()
            && !stop.is_cancelled()
            && let Some(away) = look_again(plan, session.world.clock.now())
            && away <= MOMENT
        {
            session.world.clock.wait(away).await;
            continue;
        }
        if again || plan.steps.is_empty() || stop.is_cancelled() {
            break;
        }
        let mut report = apply::apply(
            session,
            &planned.plan,
            &planned.look.observed,
            &planned.past,
            reporter.clone(),
            stop,
        )
        .await?;
        keep(session, &mut report, &planned.mandate).await;
        done.reports.push(report);
    }
    Ok(done)
}

fn same(one: &Plan, other: &Plan) -> bool {
    one.steps
        .iter()
        .map(|step| (&step.id, &step.action))
        .eq(other.steps.iter().map(|step| (&step.id, &step.action)))
}
