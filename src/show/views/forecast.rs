//! What a plan rests on and what is expected of it, in words that every view shares.

use crate::model::forecast::{ClosedWindow, CostChange, CostFrom, DataAtRisk, Forecast};
use crate::model::ids::StackId;
use crate::model::plan::{Plan, Step};
use crate::model::units::show_duration;
use jiff::SignedDuration;

/// What the plan was made from, a sentence each.
pub fn basis(plan: &Plan) -> Vec<String> {
    let basis = &plan.basis;
    let commit = short(basis.commit.as_str());
    let mut lines = Vec::new();
    match &basis.compared {
        None => lines.push(format!(
            "commit {commit}, observed {}",
            basis.at.strftime("%Y-%m-%d %H:%M:%S UTC")
        )),
        Some(with) => {
            let base = short(with.merge_base.as_str());
            let by_id = with.base.as_str().starts_with(&with.named);
            let base = if by_id && with.base == with.merge_base {
                base.to_owned()
            } else {
                format!("{} at {base}", with.named)
            };
            lines.push(format!("commit {commit}, compared with {base}"));
            if with.moved_on > 0 {
                lines.push(format!(
                    "{} has moved on by {} since, to {}; what that changes is not in this plan",
                    with.named,
                    plural(with.moved_on, "commit"),
                    short(with.base.as_str())
                ));
            }
            lines.push(
                "it is assumed that all the base asks for is in place, every machine at its first epoch"
                    .to_owned(),
            );
        }
    }
    if !plan.not_observed.is_empty() {
        lines.push(format!(
            "not looked at, so unknown: {}",
            plan.not_observed.join(", ")
        ));
    }
    if let Some(stacks) = &basis.stacks {
        let names: Vec<&str> = stacks.iter().map(StackId::as_str).collect();
        lines.push(format!("only {}", names.join(", ")));
    }
    lines
}

/// How long all steps will take; `None` when there are none.
pub fn total_time(plan: &Plan) -> Option<String> {
    if plan.steps.is_empty() {
        return None;
    }
    Some(match plan.estimate {
        None => "not yet measured".to_owned(),
        Some(total) if total.unmeasured == 0 => format!("about {}", duration(total.millis)),
        Some(total) => format!(
            "at least {}; {} not yet measured",
            duration(total.millis),
            plural(total.unmeasured, "step")
        ),
    })
}

/// What all steps change in the monthly bill; `None` when they change nothing.
pub fn total_cost(plan: &Plan) -> Option<String> {
    let total = plan.monthly_cost;
    let mut parts = Vec::new();
    let known = plan.steps.iter().any(|step| {
        let change = step.forecast.monthly_cost;
        change.is_some_and(|change| change.from == CostFrom::Step && change.cents.is_some())
    });
    if known {
        parts.push(money(total.cents));
    }
    if total.unknown > 0 {
        parts.push(format!(
            "{} of unknown price",
            plural(total.unknown, "machine")
        ));
    }
    if total.after_retirement_cents != 0 {
        parts.push(format!(
            "{} once the machines set aside are retired",
            money(total.after_retirement_cents)
        ));
    }
    if total.after_retirement_unknown > 0 {
        parts.push(format!(
            "{} set aside, of unknown price, until retired",
            plural(total.after_retirement_unknown, "machine")
        ));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What is known of one step's time, cost and data; empty when nothing is.
pub fn of_step(step: &Step) -> Vec<String> {
    let Forecast {
        estimate,
        monthly_cost,
        data_at_risk,
        window,
    } = &step.forecast;
    let mut parts = Vec::new();
    if let Some(estimate) = estimate {
        parts.push(format!(
            "about {} (median of {})",
            duration(estimate.millis),
            estimate.measured
        ));
    }
    parts.extend(monthly_cost.map(cost));
    parts.extend(data_at_risk.as_ref().map(data));
    parts.extend(window.as_ref().map(closed));
    parts
}

/// How long users will be shut out.
fn closed(window: &ClosedWindow) -> String {
    let last = window.last_millis.map(|last| {
        let last = duration(last);
        format!(", the last time it was {last}")
    });
    let last = last.unwrap_or_default();
    if window.unmeasured.is_empty() {
        let expected = duration(window.millis);
        return format!("nobody gets in for about {expected}{last}");
    }
    let missing = window.unmeasured.join(", ");
    if window.millis == 0 {
        return format!("for how long nobody gets in is not yet measured{last}");
    }
    let least = duration(window.millis);
    format!("nobody gets in for at least {least}, not yet measured: {missing}{last}")
}

fn cost(change: CostChange) -> String {
    match (change.cents, change.from) {
        (Some(cents), CostFrom::Step) => format!("{} per month", money(cents)),
        (None, CostFrom::Step) => "price unknown".to_owned(),
        (Some(cents), CostFrom::Retirement) => {
            format!("{} per month, only once it is retired", money(cents))
        }
        (None, CostFrom::Retirement) => {
            "goes on costing until it is retired, price unknown".to_owned()
        }
    }
}

fn data(risk: &DataAtRisk) -> String {
    match risk {
        DataAtRisk::Point {
            point,
            taken_at,
            age_seconds,
            rung,
        } => format!(
            "data as of {}, {} ago (point {}, {})",
            taken_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
            show_duration(SignedDuration::from_secs(*age_seconds)),
            point.short(),
            super::rung(*rung)
        ),
        DataAtRisk::ThisPlan { .. } => "data as of the point this plan takes".to_owned(),
        DataAtRisk::NotObserved => "recovery points not observed".to_owned(),
    }
}

/// `+3.99 EUR`.
fn money(cents: i64) -> String {
    let sign = if cents < 0 { '-' } else { '+' };
    let cents = cents.unsigned_abs();
    format!("{sign}{}.{:02} EUR", cents / 100, cents % 100)
}

fn duration(millis: u64) -> String {
    // Up, so that half a second is not nothing.
    let seconds = i64::try_from(millis.div_ceil(1_000)).unwrap_or(i64::MAX);
    show_duration(SignedDuration::from_secs(seconds))
}

/// The first twelve characters of a commit's id.
pub fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// `1 step`, `2 steps`.
pub fn plural(count: usize, word: &str) -> String {
    if count == 1 {
        format!("1 {word}")
    } else {
        format!("{count} {word}s")
    }
}
