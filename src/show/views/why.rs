//! Why a stack is treated as it is: wanted, seen, known, decided, and what would change it.

use super::log::line;
use super::plan::{describe, hold, section, why as because};
use super::status::{self, drill, machine, proven};
use crate::decide::pause::RULE;
use crate::decide::plan::Rule;
use crate::decide::stop::FREEZE;
use crate::decide::why::{Account, Wanted};
use crate::model::plan::{Held, Plan};
use crate::model::visible::visible;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The whole answer, the short one first. `plan` is of this stack alone.
pub fn human(account: &Account, plan: &Plan, now: Timestamp) -> String {
    let short = &account.line;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} is {}: {}.",
        short.stack,
        short.state.word(),
        short.because
    );
    let _ = writeln!(
        out,
        "machine {}; last proven point {}; next drill {}",
        machine(short.machine.as_ref()),
        proven(&short.proven, now),
        drill(short, now)
    );
    section(&mut out, "Wanted", account.wanted.iter().map(wanted));
    section(&mut out, "Seen", account.seen.iter().cloned());
    section(
        &mut out,
        "Not seen (never taken for absent)",
        plan.gaps.iter().map(ToString::to_string),
    );
    let latest = account.latest.iter().map(|told| line(told, false));
    section(
        &mut out,
        "The journal",
        account.known.iter().cloned().chain(latest),
    );
    let rules = account.lost.iter().flat_map(|case| &case.rules);
    section(&mut out, "Is it lost", rules.map(rule));
    let _ = writeln!(out, "\nSo");
    match account.decision {
        Some(decision) => {
            let _ = writeln!(out, "  {decision}");
        }
        None => out.push_str("  nothing is planned for what was not looked at (S16)\n"),
    }
    if let Some(case) = &account.lost {
        let _ = writeln!(out, "  {}", case.next.words());
    }
    let by_a_stop = |held: &Held| [FREEZE, RULE].contains(&held.hold.rule());
    if let Some(stop) = &short.stop
        && !plan.held.iter().any(by_a_stop)
    {
        let _ = writeln!(out, "  {}", stop.words());
    }
    for step in &plan.steps {
        let _ = writeln!(out, "  to do: {}", describe(step));
        let _ = writeln!(out, "    because {}", because(&step.why));
    }
    if plan.steps.is_empty() {
        out.push_str("  nothing is to be done now\n");
    }
    for held in &plan.held {
        let _ = writeln!(out, "  held by {}: {}", held.hold.rule(), held.wanted);
        let _ = writeln!(out, "    because {}", hold(&held.hold));
        let _ = writeln!(out, "    to change it: {}", held.remedy);
    }
    for step in &plan.withheld {
        let _ = writeln!(out, "  would be done then: {}", describe(step));
        let _ = writeln!(out, "    because {}", because(&step.why));
    }
    for note in &plan.notes {
        let _ = writeln!(out, "  good to know: {}", note.text);
    }
    visible(&out).into_owned()
}

fn rule(rule: &Rule) -> String {
    let says = if rule.holds { "yes" } else { "not so far" };
    format!("{}: {says}: {}", rule.rule, rule.evidence)
}

fn wanted(wanted: &Wanted) -> String {
    match &wanted.place {
        Some(place) => format!("{} ({}:{})", wanted.text, place.file, place.line),
        None => wanted.text.clone(),
    }
}

/// The same for programs.
pub fn json(account: &Account, plan: &Plan, now: Timestamp) -> Value {
    json!({
        "why_schema": 1,
        "short": status::of_line(&account.line, now),
        "wanted": account.wanted,
        "seen": account.seen,
        "known": account.known,
        "latest": account.latest,
        "decision": account.decision,
        "lost": account.lost,
        "steps": plan.steps,
        "held": plan.held.iter().map(|held| json!({
            "rule": held.hold.rule(),
            "held": held,
        })).collect::<Vec<_>>(),
        "withheld": plan.withheld,
        "drift": plan.drift,
        "gaps": plan.gaps,
        "notes": plan.notes,
    })
}
