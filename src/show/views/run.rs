//! How a run went: phases, durations, and which of them made it as long as it was.

use crate::decide::critical_path::{Measured, critical_path};
use crate::flow::apply::Report;
use crate::model::visible::visible;
use comfy_table::{CellAlignment, Table, presets};
use std::fmt::Write as _;
use std::time::Duration;

/// A table of steps in the order they began; steps on the critical path carry a mark.
pub fn table(report: &Report) -> String {
    let path = path_of(report);
    let mut steps: Vec<_> = report.steps.iter().collect();
    steps.sort_by_key(|s| s.began);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "step", "began", "took", ""]);
    for record in steps {
        let mark = if path.contains(&record.step.id) {
            "*"
        } else {
            ""
        };
        let outcome = record.error.as_deref().unwrap_or("");
        table.add_row([
            mark.to_owned(),
            record.step.id.to_string(),
            seconds(record.began),
            seconds(record.took),
            outcome.to_owned(),
        ]);
    }
    for index in [2, 3] {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut out = table.to_string();
    let sum: Duration = report
        .steps
        .iter()
        .filter(|s| path.contains(&s.step.id))
        .map(|s| s.took)
        .sum();
    let _ = write!(
        out,
        "\n* critical path, {} of {} steps, {}",
        path.len(),
        report.steps.len(),
        seconds(sum)
    );
    if !report.left.is_empty() {
        let left: Vec<&str> = report
            .left
            .iter()
            .map(crate::model::ids::StepId::as_str)
            .collect();
        let _ = write!(out, "\nnot begun: {}", left.join(", "));
    }
    for unkept in &report.unkept {
        let _ = write!(out, "\nevidence is not where it should be: {unkept}");
    }
    visible(&out).into_owned()
}

fn path_of(report: &Report) -> Vec<crate::model::ids::StepId> {
    let measured: Vec<Measured> = report
        .steps
        .iter()
        .map(|record| Measured {
            id: record.step.id.clone(),
            after: record.step.after.clone(),
            took: record.took,
        })
        .collect();
    critical_path(&measured)
}

/// `12.3 s`.
pub fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// The same for programs.
pub fn json(report: &Report) -> serde_json::Value {
    let path = path_of(report);
    serde_json::json!({
        "steps": report.steps.iter().map(|record| serde_json::json!({
            "id": record.step.id,
            "stack": record.step.stack,
            "kind": record.step.action.verb(),
            "began_seconds": record.began.as_secs_f64(),
            "took_seconds": record.took.as_secs_f64(),
            "critical_path": path.contains(&record.step.id),
            "error": record.error,
        })).collect::<Vec<_>>(),
        "not_begun": report.left,
        "evidence_not_kept": report.unkept,
    })
}
