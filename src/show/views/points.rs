//! Recovery points: of one stack as they are, of all as they were seen last.

use crate::decide::losses::Loss;
use crate::decide::plan::ENOUGH;
use crate::decide::point::{clock_doubt, readable};
use crate::decide::statistics::longest_gap;
use crate::flow::points::{Listing, Row};
use crate::model::ids::{PointId, StackId};
use crate::model::point::{Proof, RecoveryPoint};
use crate::model::remembered::{Glance, Glimpse, Remembered, Written};
use crate::model::units::show_duration;
use crate::model::visible::visible;
use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;
use serde::Serialize;
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
        let mut lost = listing.lost.iter().peekable();
        for point in &listing.points {
            while let Some(loss) = lost.next_if(|loss| loss.last_read_back > Some(point.taken_at)) {
                table.add_row(line_of(loss, now));
            }
            table.add_row([
                if chosen == Some(&point.id) {
                    "*"
                } else if point.aside {
                    "aside"
                } else {
                    ""
                }
                .to_owned(),
                point.id.short().to_owned(),
                point.taken_at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
                age(point.taken_at, now),
                point.bytes.to_string(),
                proven(point).to_owned(),
                evidence(&point.evidence, now),
                point.epoch.to_string(),
            ]);
        }
        for loss in lost {
            table.add_row(line_of(loss, now));
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
    for gap in &listing.unseen {
        let _ = writeln!(
            out,
            "There may be newer ones, and a rebuild waits for them: {gap}"
        );
    }
    for loss in &listing.lost {
        let _ = writeln!(out, "{}", words_of(loss));
    }
    for pause in &listing.pauses {
        let _ = writeln!(
            out,
            "no point was read back between {} and {}: {}",
            minute(pause.from),
            minute(pause.to),
            show_duration(pause.to.duration_since(pause.from))
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

/// Where history has a hole, in the place of the points that were there.
fn line_of(loss: &Loss, now: Timestamp) -> [String; 8] {
    let last = loss.last_read_back;
    let taken = last.map(|last| last.strftime("%Y-%m-%d %H:%M:%S").to_string());
    [
        String::new(),
        format!("{} lost", loss.known),
        taken.unwrap_or_default(),
        last.map(|last| age(last, now)).unwrap_or_default(),
        String::new(),
        "lost".to_owned(),
        String::new(),
        String::new(),
    ]
}

fn words_of(loss: &Loss) -> String {
    let (first, last) = (loss.first_read_back, loss.last_read_back);
    match first.zip(last) {
        Some((first, last)) => format!(
            "history was lost with {}: {} points that the journal knows of, read back from {} to {}",
            loss.machine,
            loss.known,
            minute(first),
            minute(last)
        ),
        None => format!(
            "history was lost with {}: how many points is unknown",
            loss.machine
        ),
    }
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// What was found damaged, or cannot be read, is worth nothing, whatever it had proven before.
pub fn proven(point: &RecoveryPoint) -> &'static str {
    match &point.damaged {
        Some(_) => "damaged",
        None if !readable(point) => "newer form",
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
            "aside": point.aside,
            "cold": point.cold,
            "schema": point.schema,
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
        "lost": listing.lost,
        "not_seen": listing.unseen,
        "pauses": listing.pauses,
    })
}

/// One line for each stack, from what was seen last.
pub fn fleet(rows: &[Row<Remembered>], now: Timestamp) -> String {
    let mut table = table(
        &[
            "stack",
            "points",
            "newest",
            "proven",
            "furthest",
            "a rebuild takes",
            "size",
            "seen",
            "doubts",
        ],
        &[1, 6],
    );
    for row in rows {
        let Some(seen) = &row.seen else {
            table.add_row([row.shown.as_str(), "?", "", "", "", "", "", "never", ""]);
            continue;
        };
        let glance = &seen.glance;
        let ago = |point: &Glimpse| format!("{} ago", age(point.taken_at, now));
        table.add_row([
            row.shown.to_string(),
            glance.count.to_string(),
            glance.newest.as_ref().map_or_else(none, ago),
            glance
                .newest
                .as_ref()
                .map_or_else(none, |p| p.rung.name().to_owned()),
            glance.furthest.map_or_else(none, |r| r.name().to_owned()),
            taken(glance, now),
            glance
                .newest
                .as_ref()
                .map_or_else(String::new, |p| p.bytes.to_string()),
            format!("{} ago", age(seen.seen_at, now)),
            glance.doubts.join("; "),
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

fn none() -> String {
    "-".to_owned()
}

/// What a rebuild would have taken then.
fn taken(glance: &Glance, now: Timestamp) -> String {
    match (&glance.newest, &glance.chosen) {
        (_, None) => none(),
        (Some(newest), Some(chosen)) if newest.id == chosen.id => "the newest".to_owned(),
        (_, Some(chosen)) => format!(
            "{}, {} ago, {}",
            chosen.id.short(),
            age(chosen.taken_at, now),
            chosen.rung.name()
        ),
    }
}

/// What programs read of all stacks.
#[derive(Serialize)]
pub struct FleetDocument<'a> {
    from: &'static str,
    stacks: Vec<StackDocument<'a>>,
}

#[derive(Serialize)]
struct StackDocument<'a> {
    stack: &'a StackId,
    seen_at: Option<Timestamp>,
    newest: Option<&'a PointId>,
    chosen_then: Option<&'a PointId>,
    doubts: Option<&'a [String]>,
    points: Option<&'a Written>,
}

/// The same for programs, with every point.
pub fn fleet_json(rows: &[Row<(Remembered, Written)>]) -> FleetDocument<'_> {
    let stacks = rows.iter().map(|row| {
        let seen = row.seen.as_ref().map(|(seen, _)| seen);
        let glance = seen.map(|seen| &seen.glance);
        StackDocument {
            stack: &row.shown,
            seen_at: seen.map(|seen| seen.seen_at),
            newest: glance.and_then(|glance| Some(&glance.newest.as_ref()?.id)),
            chosen_then: glance.and_then(|glance| Some(&glance.chosen.as_ref()?.id)),
            doubts: glance.map(|glance| glance.doubts.as_slice()),
            points: row.seen.as_ref().map(|(_, points)| points),
        }
    });
    FleetDocument {
        from: "cache",
        stacks: stacks.collect(),
    }
}
