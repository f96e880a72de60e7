//! All stacks at a glance, worst first.

use super::plan::hold;
use crate::decide::drill::Standing as DrillStanding;
use crate::decide::plan::{Proven, Standing};
use crate::decide::status::{Line, State};
use crate::decide::stop::Stop;
use crate::flow::leads::Leads;
use crate::model::gap::Gap;
use crate::model::lease::Lease;
use crate::model::plan::{Held, Plan};
use crate::model::units::show_duration;
use crate::model::visible::visible;
use comfy_table::{Table, presets};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The answer first, then a line for each.
pub fn human(lines: &[Line], plan: &Plan, now: Timestamp) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", headline(lines));
    if !lines.is_empty() {
        let _ = writeln!(out, "\n{}", table(lines, now));
    }
    for held in of_all(plan) {
        let _ = writeln!(out, "\nHeld: {}\n  {}", held.wanted, hold(&held.hold));
        let _ = writeln!(out, "  to go on: {}", held.remedy);
    }
    if !plan.gaps.is_empty() {
        let _ = writeln!(out, "\nNot seen (never taken for well)");
        for gap in &plan.gaps {
            let _ = writeln!(out, "  {gap}");
        }
    }
    if let Some(worst) = lines.first().filter(|line| !line.state.is_well()) {
        let _ = writeln!(out, "\nNext: holdfast why {}", worst.stack);
    }
    visible(&out).into_owned()
}

fn headline(lines: &[Line]) -> String {
    let mut counted: BTreeMap<State, usize> = BTreeMap::new();
    for line in lines {
        *counted.entry(line.state).or_default() += 1;
    }
    let counted: Vec<String> = counted
        .iter()
        .map(|(state, number)| format!("{number} {}", state.word()))
        .collect();
    let stacks = match lines.len() {
        0 => return "The estate has no stacks.".to_owned(),
        1 => "1 stack".to_owned(),
        many => format!("{many} stacks"),
    };
    format!("{stacks}: {}.", counted.join(", "))
}

fn table(lines: &[Line], now: Timestamp) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "stack",
        "state",
        "epoch",
        "machine",
        "last proven point",
        "next drill",
        "to do",
        "held",
    ]);
    for line in lines {
        table.add_row([
            line.stack.to_string(),
            line.state.word().to_owned(),
            epoch(line.machine.as_ref()),
            machine(line.machine.as_ref()),
            proven(&line.proven, now),
            drill(line, now),
            steps(line),
            held(line),
        ]);
    }
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}

fn epoch(machine: Option<&Standing>) -> String {
    machine.map_or_else(|| "-".to_owned(), |machine| machine.epoch.to_string())
}

/// `acme-e1 (hetzner nbg1)`.
pub(super) fn machine(machine: Option<&Standing>) -> String {
    let Some(machine) = machine else {
        return "-".to_owned();
    };
    let site = machine.site.as_ref();
    let site = site.map(|site| format!(" {site}")).unwrap_or_default();
    match &machine.hoster {
        Some(hoster) => format!("{} ({hoster}{site})", machine.name),
        None => format!("{} (place unknown)", machine.name),
    }
}

/// `3h 10m ago, shipped`.
pub(super) fn proven(proven: &Result<Option<Proven>, Gap>, now: Timestamp) -> String {
    match proven {
        Err(_) => "unknown".to_owned(),
        Ok(None) => "none".to_owned(),
        Ok(Some(point)) => {
            let age = now.duration_since(point.taken_at);
            let age = if age.is_negative() {
                format!("in {}", show_duration(age))
            } else {
                format!("{} ago", show_duration(age))
            };
            format!("{age}, {}", point.rung.name())
        }
    }
}

pub(super) fn drill(line: &Line, now: Timestamp) -> String {
    let Some(drill) = &line.drill else {
        return match line.state {
            State::Retired => "-",
            _ => "unknown",
        }
        .to_owned();
    };
    let next = match drill.due_at {
        None => "no point yet".to_owned(),
        Some(due) if due <= now => "due".to_owned(),
        Some(due) => format!("in {}", show_duration(due.duration_since(now))),
    };
    match &drill.trouble {
        Some(_) => format!("{next}, in trouble"),
        None => next,
    }
}

fn steps(line: &Line) -> String {
    match line.steps {
        0 => "-".to_owned(),
        1 => "1 step".to_owned(),
        many => format!("{many} steps"),
    }
}

/// `2: S1, pause`.
fn held(line: &Line) -> String {
    let rules: BTreeSet<&str> = line.held.iter().map(|held| held.hold.rule()).collect();
    let rules: Vec<&str> = rules.into_iter().collect();
    match (line.held.len(), &line.stop) {
        (0, None) => "-".to_owned(),
        (0, Some(stop)) => format!("0, until {}", stop.until().strftime("%Y-%m-%d %H:%M")),
        (many, _) => format!("{many}: {}", rules.join(", ")),
    }
}

/// What is held of nobody's alone.
fn of_all(plan: &Plan) -> impl Iterator<Item = &Held> {
    plan.held.iter().filter(|held| held.stack.is_none())
}

/// The same for programs.
pub fn json(lines: &[Line], plan: &Plan, now: Timestamp) -> Value {
    json!({
        "status_schema": 1,
        "at": now,
        "commit": plan.basis.commit,
        "stacks": lines.iter().map(|line| of_line(line, now)).collect::<Vec<_>>(),
        "held": of_all(plan).collect::<Vec<_>>(),
        "gaps": plan.gaps,
    })
}

/// Who acts, where several reconcilers share a journal.
pub fn leads(leads: &Result<Leads, Gap>) -> String {
    let mut out = String::from("\n");
    let leads = match leads {
        Ok(leads) => leads,
        Err(gap) => {
            let _ = writeln!(out, "Nobody knows who leads: {gap}");
            return visible(&out).into_owned();
        }
    };
    let since = |lease: &Lease| {
        format!(
            "{} since {}",
            lease.holder,
            lease.since.strftime("%F %T UTC")
        )
    };
    let _ = match &leads.leader {
        Some(lease) => writeln!(out, "Leads: {}", since(lease)),
        None => writeln!(out, "Leads: nobody; no loop runs"),
    };
    if let Some(lease) = &leads.writer {
        let _ = writeln!(out, "Writes: {}", since(lease));
    }
    visible(&out).into_owned()
}

/// The same for programs.
pub fn leads_json(leads: &Result<Leads, Gap>) -> Value {
    match leads {
        Ok(leads) => json!(leads),
        Err(gap) => json!({ "gap": gap }),
    }
}

pub(super) fn of_line(line: &Line, now: Timestamp) -> Value {
    json!({
        "stack": line.stack,
        "state": line.state,
        "because": line.because,
        "epoch": line.machine.as_ref().map(|machine| machine.epoch),
        "machine": line.machine,
        "proven": match &line.proven {
            Ok(Some(point)) => json!({
                "point": point.point,
                "taken_at": point.taken_at,
                "age_seconds": now.duration_since(point.taken_at).as_secs(),
                "rung": point.rung,
                "on": point.on,
            }),
            Ok(None) => Value::Null,
            Err(gap) => json!({ "unknown": gap }),
        },
        "drill": line.drill.as_ref().map(|drill| of_drill(drill, now)),
        "paused": match &line.stop {
            Some(Stop::Paused(pause)) => json!({
                "since": pause.since,
                "until": pause.until,
                "reason": pause.reason,
                "of_all": pause.of_all,
            }),
            _ => Value::Null,
        },
        "frozen": match &line.stop {
            Some(Stop::Frozen(freeze)) => json!({
                "until": freeze.until,
                "reason": freeze.reason,
                "of_all": freeze.of.is_none(),
                "place": freeze.place,
            }),
            _ => Value::Null,
        },
        "steps": line.steps,
        "held": line.held,
    })
}

fn of_drill(drill: &DrillStanding, now: Timestamp) -> Value {
    json!({
        "due_at": drill.due_at,
        "due": drill.is_due(now),
        "passed_at": drill.passed_at,
        "trouble": drill.trouble.as_ref().map(crate::decide::drill::Trouble::reason),
    })
}
