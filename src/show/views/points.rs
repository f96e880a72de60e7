//! Recovery points: of one stack as they are, of all as they were seen last.

use crate::decide::plan::ENOUGH;
use crate::decide::point::clock_doubt;
use crate::decide::statistics::longest_gap;
use crate::flow::points::{Listing, Row};
use crate::model::ids::StackId;
use crate::model::point::{Proof, RecoveryPoint, Rung};
use crate::model::units::show_duration;
use crate::model::visible::visible;
use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write as _;

fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    for index in right {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Points of one stack, and why a rebuild would take which.
pub fn human(stack: &StackId, listing: &Listing, now: Timestamp) -> String {
    let mut out = String::new();
    if listing.points.is_empty() {
        let _ = writeln!(out, "{stack} has no recovery points.");
        let _ = writeln!(out, "Next: holdfast backup {stack}");
    } else {
        let chosen = listing.choice.chosen.as_ref().map(|p| &p.id);
        let header = [
            "",
            "point",
            "taken (UTC)",
            "age",
            "size",
            "proven",
            "evidence",
            "epoch",
        ];
        let mut table = table(&header, &[4]);
        for point in &listing.points {
            table.add_row([
                if chosen == Some(&point.id) { "*" } else { "" }.to_owned(),
                point.id.short().to_owned(),
                point.taken_at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
                age(point.taken_at, now),
                point.bytes.to_string(),
                proven(point).to_owned(),
                evidence(&point.evidence, now),
                point.epoch.to_string(),
            ]);
        }
        let _ = writeln!(out, "{table}");
        for (index, why) in listing.why.iter().enumerate() {
            let mark = if index == 0 && chosen.is_some() {
                "* "
            } else {
                ""
            };
            let _ = writeln!(out, "{mark}{why}");
        }
    }
    if let Some(gap) = longest_gap(&listing.points, ENOUGH, now) {
        let _ = writeln!(
            out,
            "RPO measured: {}, the longest time without a newer point that counts",
            show_duration(gap)
        );
    }
    for unproven in &listing.beside.unproven {
        let _ = writeln!(
            out,
            "{} is said to be {}, and that is not believed: {}",
            unproven.point.short(),
            unproven.rung.name(),
            unproven.reason
        );
    }
    if let Some(first) = listing.beside.foreign.first() {
        let _ = writeln!(
            out,
            "snapshots in the repository that are no recovery points: {} ({}: {})",
            listing.beside.foreign.len(),
            first.snapshot.short(),
            first.reason
        );
    }
    let documents = listing.points.iter().flat_map(|point| &point.evidence);
    if let (Some(machine), true) = (
        &listing.kept_on,
        documents.clone().any(|proof| proof.document.is_some()),
    ) {
        let _ = writeln!(
            out,
            "Evidence lies on {machine}; holdfast evidence {stack} lists it."
        );
    }
    visible(&out).into_owned()
}

/// What was found damaged is worth nothing, whatever it had proven before.
pub fn proven(point: &RecoveryPoint) -> &'static str {
    match &point.damaged {
        Some(_) => "damaged",
        None => point.rung.name(),
    }
}

/// `3h 10m`; a clock that is behind gives no negative age.
fn age(taken: Timestamp, now: Timestamp) -> String {
    let age = now.duration_since(taken);
    if age.is_negative() {
        format!("in {}", show_duration(age))
    } else {
        show_duration(age)
    }
}

fn evidence(proofs: &[Proof], now: Timestamp) -> String {
    let mut documents: Vec<_> = proofs.iter().filter_map(|p| p.document.as_ref()).collect();
    documents.sort();
    documents.dedup();
    let newest = proofs
        .iter()
        .filter(|p| p.document.is_some())
        .map(|p| p.at)
        .max();
    match newest {
        Some(at) => format!("{}, {} ago", documents.len(), age(at, now)),
        None => "-".to_owned(),
    }
}

/// The same for programs.
pub fn json(listing: &Listing) -> Value {
    let point = |point: &RecoveryPoint| {
        json!({
            "id": point.id,
            "taken_at": point.taken_at,
            "arrived_at": point.arrived_at,
            "clock_wrong_by_seconds": clock_doubt(point).map(|by| by.as_secs()),
            "rung": point.rung,
            "bytes": point.bytes,
            "epoch": point.epoch,
            "evidence": point.evidence,
            "damaged": point.damaged,
        })
    };
    let passed = |passed: &crate::decide::point::Passed| {
        json!({
            "id": passed.point.id,
            "rung": passed.point.rung,
            "newer_by_seconds": passed.newer_by.map(|by| by.as_secs()),
        })
    };
    let newer = &listing.choice.newer_less_proven;
    json!({
        "points": listing.points.iter().map(point).collect::<Vec<_>>(),
        "chosen": listing.choice.chosen.as_ref().map(|p| &p.id),
        "why": listing.why,
        "newer_less_proven": newer.iter().map(passed).collect::<Vec<_>>(),
        "not_believed": listing.beside.unproven,
        "no_points": listing.beside.foreign,
        "kept_on": listing.kept_on,
    })
}

/// One line for each stack, from what was seen last.
pub fn fleet(rows: &[Row], now: Timestamp) -> String {
    let mut table = table(
        &[
            "stack", "points", "newest", "proven", "furthest", "size", "seen",
        ],
        &[1, 5],
    );
    for row in rows {
        let Some(seen) = &row.seen else {
            table.add_row([row.shown.as_str(), "?", "", "", "", "", "never"]);
            continue;
        };
        let newest = seen.points.first();
        let furthest: Option<Rung> = seen.points.iter().map(|p| p.rung).max();
        table.add_row([
            row.shown.to_string(),
            seen.points.len().to_string(),
            newest.map_or_else(
                || "-".to_owned(),
                |p| format!("{} ago", age(p.taken_at, now)),
            ),
            newest.map_or("-", |p| p.rung.name()).to_owned(),
            furthest.map_or("-", Rung::name).to_owned(),
            newest.map_or_else(String::new, |p| p.bytes.to_string()),
            format!("{} ago", age(seen.seen_at, now)),
        ]);
    }
    let mut out = String::new();
    let _ = writeln!(out, "{table}");
    let oldest = rows
        .iter()
        .filter_map(|row| Some(row.seen.as_ref()?.seen_at))
        .min();
    let _ = match oldest {
        Some(oldest) => writeln!(
            out,
            "As seen at the last look, {} ago at most; a rebuild never relies on it. holdfast points STACK looks now.",
            age(oldest, now)
        ),
        None => writeln!(
            out,
            "No look has seen any of them yet; holdfast plan looks."
        ),
    };
    visible(&out).into_owned()
}

/// The same for programs.
pub fn fleet_json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        json!({
            "stack": row.shown,
            "seen_at": row.seen.as_ref().map(|seen| seen.seen_at),
            "chosen_then": row.seen.as_ref().map(|seen| &seen.chosen),
            "points": row.seen.as_ref().map(|seen| &seen.points),
        })
    };
    json!({ "from": "cache", "stacks": rows.iter().map(row).collect::<Vec<_>>() })
}
