//! What a drill proved, and how stacks stand with their drills.

use super::run::{self, seconds};
use crate::decide::drill::{Standing, Trouble};
use crate::flow::drill::Drilled;
use crate::model::evidence::{Evidence, Verdict};
use crate::model::ids::StackId;
use crate::model::plan::Action;
use crate::model::units::show_duration;
use crate::model::visible::visible;
use comfy_table::{Table, presets};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Its evidence says so.
pub fn passed(drilled: &Drilled) -> bool {
    let evidence = drilled.evidence.as_ref().map(|(evidence, _)| evidence);
    evidence.is_some_and(|evidence| evidence.verdict == Verdict::Passed)
}

/// The answer first, then how it went.
pub fn human(drilled: &Drilled) -> String {
    let stack = &drilled.stack;
    let point = drilled.point.id.short();
    let mut out = run::table(&drilled.report);
    out.push_str("\n\n");
    match &drilled.evidence {
        None => {
            let _ = writeln!(
                out,
                "The drill of {stack} did not come to its end, and says nothing of point {point}."
            );
        }
        Some((evidence, _)) => verdict(&mut out, stack.as_str(), point, evidence),
    }
    if let Some(word) = &drilled.word {
        let _ = writeln!(out, "Note: {word}.");
    }
    for unseen in &drilled.unseen {
        let _ = writeln!(
            out,
            "Not seen: what nobody declares on production: {unseen}."
        );
    }
    let _ = write!(out, "{}", end(drilled));
    visible(out.trim_end()).into_owned()
}

fn verdict(out: &mut String, stack: &str, point: &str, evidence: &Evidence) {
    let took = evidence.ended_at.duration_since(evidence.began_at);
    let took = Duration::try_from(took).unwrap_or_default();
    match &evidence.verdict {
        Verdict::Passed => {
            let _ = writeln!(
                out,
                "{stack} comes back: point {point}, all of it equal, {} checks passed, {}.",
                evidence.checks.len(),
                seconds(took)
            );
        }
        Verdict::Failed { reasons } => {
            let _ = writeln!(out, "{stack} did NOT come back from point {point}:");
            for reason in reasons {
                let _ = writeln!(out, "  {reason}");
            }
        }
    }
    if !evidence.undeclared.is_empty() {
        let _ = writeln!(
            out,
            "Warning: nobody declares what was written here; a rebuild would lose it:"
        );
        for path in &evidence.undeclared {
            let _ = writeln!(out, "  {path}");
        }
    }
}

/// Whether anything outlived it.
fn end(drilled: &Drilled) -> String {
    let ends = drilled.report.steps.iter().filter_map(|record| {
        let Action::Destroy { machine } = &record.step.action else {
            return None;
        };
        Some(match &record.error {
            None => format!("{machine} is gone."),
            Some(error) => format!(
                "{machine} is still there: {error}\nThe next holdfast reconcile --once destroys it."
            ),
        })
    });
    ends.collect::<Vec<_>>().join("\n")
}

/// The same for programs.
pub fn json(drilled: &Drilled) -> Value {
    let sealed = drilled.evidence.as_ref();
    json!({
        "stack": drilled.stack,
        "point": drilled.point.id,
        "passed": passed(drilled),
        "evidence": sealed.map(|(evidence, _)| evidence),
        "signature": sealed.map(|(_, sealed)| &sealed.signature),
        "word": drilled.word,
        "not_seen": drilled.unseen,
        "run": run::json(&drilled.report),
    })
}

/// Every stack with its last drill and its next.
pub fn table(standings: &BTreeMap<StackId, Standing>, now: Timestamp) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["stack", "last drill", "result", "every", "next", ""]);
    for (stack, standing) in standings {
        let told = standing.last.as_ref();
        let untold = standing
            .passed_at
            .filter(|at| told.is_none_or(|drill| drill.at < *at));
        let (last, result) = match told.filter(|_| untold.is_none()) {
            Some(drill) => (
                format!("{} ({} ago)", minute(drill.at), ago(drill.at, now)),
                if drill.passed { "passed" } else { "FAILED" },
            ),
            None => untold.map_or_else(
                || ("never".to_owned(), ""),
                |at| (format!("{} ({} ago)", minute(at), ago(at, now)), "passed"),
            ),
        };
        let next = match standing.due_at {
            None => "no recovery point yet".to_owned(),
            Some(due) if due <= now => "due".to_owned(),
            Some(due) => format!("{} (in {})", minute(due), ago(now, due)),
        };
        let trouble = standing.trouble.as_ref().map(|trouble| match trouble {
            Trouble::Failed(_) => "the newest failed: nothing is destroyed because it is asked",
            Trouble::Overdue { .. } => "OVERDUE: nothing is destroyed because it is asked",
        });
        table.add_row([
            stack.to_string(),
            last,
            result.to_owned(),
            show_duration(standing.every),
            next,
            trouble.unwrap_or_default().to_owned(),
        ]);
    }
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    let mut out = visible(&lines.join("\n")).into_owned();
    for (stack, standing) in standings {
        let Some(since) = standing.escrow_overdue else {
            continue;
        };
        let last = standing.escrow_passed_at.map_or_else(
            || "none ever passed".to_owned(),
            |at| format!("the last was on {}", minute(at)),
        );
        let _ = write!(
            out,
            "\n{stack}: a drill with nothing but the escrow key is overdue since {}, {last}.\nNext: holdfast drill {stack} --with-escrow-key FILE",
            minute(since)
        );
    }
    out
}

/// The same for programs.
pub fn list_json(standings: &BTreeMap<StackId, Standing>, now: Timestamp) -> Value {
    let stacks = standings.iter().map(|(stack, standing)| {
        json!({
            "stack": stack,
            "last": standing.last.as_ref().map(|drill| json!({
                "at": drill.at,
                "point": drill.point,
                "machine": drill.machine,
                "passed": drill.passed,
            })),
            "passed_at": standing.passed_at,
            "every_seconds": standing.every.as_secs(),
            "due_at": standing.due_at,
            "due": standing.is_due(now),
            "trouble": standing.trouble.as_ref().map(Trouble::reason),
            "escrow_passed_at": standing.escrow_passed_at,
            "escrow_overdue_since": standing.escrow_overdue,
        })
    });
    stacks.collect()
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn ago(from: Timestamp, to: Timestamp) -> String {
    show_duration(to.duration_since(from))
}
