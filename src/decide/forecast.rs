//! What a plan is expected to take, to cost and to put at risk: added to its steps afterwards,
//! so that no decision rests on it.

use super::closed_window::windows;
use super::critical_path::{Measured, critical_path};
use super::durations::{kind, median};
use super::history::History;
use crate::model::desired::HosterAccount;
use crate::model::forecast::{
    CostChange, CostFrom, DataAtRisk, Estimate, Forecast, TotalCost, TotalEstimate,
};
use crate::model::ids::HosterId;
use crate::model::plan::{Action, Plan, Source, Step};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Adds to each step, and to the plan, what is expected.
///
/// Durations come from the journal, prices from the hosters' descriptors, ages from the plan's
/// own time. Where nothing was observed, points are not named.
pub fn foresee(plan: &mut Plan, hosters: &BTreeMap<HosterId, HosterAccount>, past: &History) {
    let observed = plan.basis.observed.is_some();
    let at = plan.basis.at;
    let medians: BTreeMap<&str, Estimate> = past
        .durations
        .iter()
        .filter_map(|(verb, durations)| Some((verb.as_str(), median(durations)?)))
        .collect();
    for steps in [&mut plan.steps, &mut plan.withheld] {
        let restored = restored_from(steps);
        let shut: Vec<_> = windows(steps, past);
        let forecasts: Vec<Forecast> = steps
            .iter()
            .zip(shut)
            .map(|(step, window)| Forecast {
                window,
                estimate: medians.get(kind(step, steps)).copied(),
                monthly_cost: cost(&step.action, hosters, past),
                data_at_risk: source_of(step, &restored).map(|source| risk(source, at, observed)),
            })
            .collect();
        for (step, forecast) in steps.iter_mut().zip(forecasts) {
            step.forecast = forecast;
        }
    }
    plan.estimate = total_time(&plan.steps);
    plan.monthly_cost = total_cost(&plan.steps);
}

/// A new machine, or another type, costs from the beginning; an old machine until a person has
/// retired it.
fn cost(
    action: &Action,
    hosters: &BTreeMap<HosterId, HosterAccount>,
    past: &History,
) -> Option<CostChange> {
    match action {
        Action::Create {
            hoster,
            machine_type,
            ..
        } => Some(CostChange {
            cents: price(hosters, hoster, machine_type.as_deref()),
            from: CostFrom::Step,
        }),
        Action::Resize { machine, from, to } => {
            let hoster = &past.machines.get(machine)?.hoster;
            let (before, after) = (
                price(hosters, hoster, Some(from)),
                price(hosters, hoster, Some(to)),
            );
            Some(CostChange {
                cents: before.zip(after).map(|(before, after)| after - before),
                from: CostFrom::Step,
            })
        }
        Action::Quarantine { machine } => {
            let made = past.machines.get(machine);
            let price =
                made.and_then(|made| price(hosters, &made.hoster, made.machine_type.as_deref()));
            Some(CostChange {
                cents: price.map(|cents| -cents),
                from: CostFrom::Retirement,
            })
        }
        _ => None,
    }
}

/// Ordered machines have a price too, but nobody told it to us: unknown, not nothing.
fn price(
    hosters: &BTreeMap<HosterId, HosterAccount>,
    hoster: &HosterId,
    machine_type: Option<&str>,
) -> Option<i64> {
    let kinds = &hosters.get(hoster)?.descriptor.machine_types;
    let kind = kinds
        .iter()
        .find(|kind| Some(&*kind.name) == machine_type)?;
    kind.monthly_cents.map(i64::from)
}

/// What each machine that comes up is filled from.
fn restored_from(steps: &[Step]) -> BTreeMap<&str, &Source> {
    steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Load { source, .. } => Some((step.stack.as_ref()?.as_str(), source)),
            _ => None,
        })
        .collect()
}

/// The source that counts for a step: its own, or that of the machine that takes over.
fn source_of<'a>(step: &'a Step, restored: &BTreeMap<&str, &'a Source>) -> Option<&'a Source> {
    match &step.action {
        Action::Fetch { source, .. } | Action::Load { source, .. } => Some(source),
        Action::Fence { .. } => restored.get(step.stack.as_ref()?.as_str()).copied(),
        _ => None,
    }
}

fn risk(source: &Source, at: Timestamp, observed: bool) -> DataAtRisk {
    match source {
        Source::Step { step } => DataAtRisk::ThisPlan { step: step.clone() },
        Source::Point { .. } if !observed => DataAtRisk::NotObserved,
        Source::Point {
            point,
            taken_at,
            rung,
            ..
        } => DataAtRisk::Point {
            point: point.clone(),
            taken_at: *taken_at,
            age_seconds: at.duration_since(*taken_at).as_secs(),
            rung: *rung,
        },
    }
}

fn total_time(steps: &[Step]) -> Option<TotalEstimate> {
    let took = |step: &Step| step.forecast.estimate.map(|estimate| estimate.millis);
    // A step is written after those that it waits for, so the order is that of their ends.
    let measured: Vec<Measured> = steps
        .iter()
        .map(|step| Measured {
            id: step.id.clone(),
            after: step.after.clone(),
            took: Duration::from_millis(took(step).unwrap_or(0)),
        })
        .collect();
    let unmeasured = steps.iter().filter(|step| took(step).is_none()).count();
    if unmeasured == steps.len() {
        return None;
    }
    let by_id: BTreeMap<_, _> = measured.iter().map(|m| (&m.id, m.took)).collect();
    let sum: Duration = critical_path(&measured)
        .iter()
        .filter_map(|id| by_id.get(id))
        .sum();
    Some(TotalEstimate {
        millis: u64::try_from(sum.as_millis()).unwrap_or(u64::MAX),
        unmeasured,
    })
}

fn total_cost(steps: &[Step]) -> TotalCost {
    let mut total = TotalCost::default();
    for change in steps.iter().filter_map(|step| step.forecast.monthly_cost) {
        let (sum, unknown) = match change.from {
            CostFrom::Step => (&mut total.cents, &mut total.unknown),
            CostFrom::Retirement => (
                &mut total.after_retirement_cents,
                &mut total.after_retirement_unknown,
            ),
        };
        match change.cents {
            Some(cents) => *sum = sum.saturating_add(cents),
            None => *unknown += 1,
        }
    }
    total
}
