//! Doubts: why nothing is forgotten now (S12), each in words with its numbers.

use crate::decide::damage::damage;
use crate::decide::history::History;
use crate::decide::names;
use crate::decide::point::counting;
use crate::model::ids::{MachineName, PointId, StackId, StepId};
use crate::model::observed::Observed;
use crate::model::point::{RecoveryPoint, Rung};
use crate::model::units::{Bytes, show_duration};
use crate::model::vault::{Holdings, Shape};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The newest point that was read back is not older than this: two nights, as points are daily.
const RECENT: SignedDuration = SignedDuration::from_hours(49);

/// Smaller changes than these are daily life, whatever part of the whole they are.
const FILES: u64 = 20;
const ROWS: u64 = 20;
const BYTES: u64 = 4 << 20;

/// Growth up to here is what a young stack does in its first days.
const MORE_FILES: u64 = 10_000;
const MORE_ROWS: u64 = 1_000_000;
const MORE_BYTES: u64 = 1 << 30;

/// Everything that speaks against forgetting points of this stack now.
///
/// `right` are beginnings of the ids of points that look wrong and that a person signed for.
pub fn doubts(
    stack: &StackId,
    machine: &MachineName,
    points: &[RecoveryPoint],
    seen: &Observed,
    past: &History,
    right: &[String],
) -> Vec<String> {
    let found = damage(stack, machine, seen, past).into_iter();
    let mut doubts: Vec<String> = found.map(|words| format!("damage: {words}")).collect();
    let nothing = Holdings::default();
    let holdings = match seen.vaults.get(machine) {
        Some(Ok(vault)) => vault.stacks.get(stack).unwrap_or_else(|| {
            doubts.push("its backup machine said nothing of it".to_owned());
            &nothing
        }),
        Some(Err(gap)) => {
            doubts.push(gap.to_string());
            &nothing
        }
        None => {
            doubts.push("its backup machine was not asked".to_owned());
            &nothing
        }
    };
    doubts.extend(unsettled(stack, holdings, past));
    if let Some(first) = holdings.unreadable.first() {
        let count = holdings.unreadable.len();
        doubts.push(format!(
            "{count} records of what its points look like cannot be read, the first is {first}"
        ));
    }
    doubts.extend(unlooked(points, &holdings.shapes, right));
    doubts.extend(not_recent(points, seen.at));
    doubts.extend(looks_wrong(points, &holdings.shapes, right).map(|wrong| wrong.to_string()));
    doubts
}

/// An incident is open.
fn unsettled(stack: &StackId, holdings: &Holdings, past: &History) -> Vec<String> {
    let mut doubts = Vec::new();
    let junk: u64 = holdings.aside.values().sum();
    if junk > 0 {
        doubts.push(format!(
            "{junk} files that are nobody's were found in its repository and set aside"
        ));
    }
    let open = past.unfinished.iter().map(StepId::as_str);
    let open = open.filter(|step| unsettles(stack, step));
    doubts.extend(open.map(|step| format!("the step {step} was begun and its end is not known")));
    doubts
}

/// Whether a step of which nobody knows the end makes the stack's points doubtful. The next run
/// does what takes away again, and judges anew; a drill's machine, or a part that was brought back,
/// says nothing of the points.
fn unsettles(stack: &StackId, step: &str) -> bool {
    let mut parts = step.splitn(3, '.');
    let (of, verb, on) = (parts.next(), parts.next(), parts.next());
    let on = MachineName::new(on.unwrap_or_default());
    of == Some(stack.as_str())
        && !matches!(verb, Some("forget" | "discard" | "retrieve"))
        && names::drill_number(stack, &on).is_none()
}

fn not_recent(points: &[RecoveryPoint], now: Timestamp) -> Option<String> {
    let read_back = counting(points).filter(|point| point.rung >= Rung::Shipped);
    match read_back.filter_map(|point| point.arrived_at).max() {
        None => Some("no point was read back since arrival times are known".to_owned()),
        Some(at) if at > now => Some("the newest point arrived later than now".to_owned()),
        Some(at) if now.duration_since(at) > RECENT => Some(format!(
            "the newest point that was read back arrived {} ago, which is more than {}",
            show_duration(now.duration_since(at)),
            show_duration(RECENT)
        )),
        Some(_) => None,
    }
}

/// Nobody could look at what came with the newest point: whether it is encrypted will show with
/// the next, whose new content is counted from the last one that was looked at.
fn unlooked(
    points: &[RecoveryPoint],
    shapes: &BTreeMap<PointId, Shape>,
    right: &[String],
) -> Option<String> {
    let read_back = counting(points).filter(|point| point.rung >= Rung::Shipped);
    let newest = read_back.filter(|point| point.arrived_at.is_some());
    let newest = newest.max_by_key(|point| (point.arrived_at, &point.id))?;
    let unknown = shapes.get(&newest.id)?.unlooked;
    (unknown && !signed_for(newest, right)).then(|| {
        format!(
            "nobody has looked at what was new with point {}, because its repository was at work",
            newest.id.short()
        )
    })
}

/// A person's word for a point; too short a beginning names nothing.
fn signed_for(point: &RecoveryPoint, right: &[String]) -> bool {
    let named = |start: &String| start.len() >= 8 && point.id.as_str().starts_with(start.as_str());
    right.iter().any(named)
}

/// A point that does not look like those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("point {} looks wrong: {}", point.short(), reasons.join(", "))]
pub struct LooksWrong {
    /// The point.
    pub point: PointId,
    /// Why, with numbers.
    pub reasons: Vec<String>,
}

/// Whether the newest points look wrong beside the last one that looked right.
///
/// A point that shrank or grew no longer counts once a later one looks like before. One that
/// looks encrypted goes on counting: its successors, unchanged, look like it. It ends with a
/// rebuild, which is another epoch, or with a person's word.
pub fn looks_wrong(
    points: &[RecoveryPoint],
    shapes: &BTreeMap<PointId, Shape>,
    right: &[String],
) -> Option<LooksWrong> {
    let mut sorted: Vec<(&RecoveryPoint, &Shape)> = counting(points)
        .filter(|point| point.rung >= Rung::Shipped)
        // Copies, whose arrival nobody knows, came all at once and say nothing of any night.
        .filter(|point| point.arrived_at.is_some())
        .filter_map(|point| Some((point, shapes.get(&point.id)?)))
        .collect();
    sorted.sort_by_key(|(point, _)| (point.arrived_at, &point.id));
    let mut normal: Option<&Shape> = None;
    let mut wrong: Option<LooksWrong> = None;
    let mut encrypted: Option<(&RecoveryPoint, LooksWrong)> = None;
    for (point, shape) in sorted {
        let signed_for = signed_for(point, right);
        if signed_for
            || encrypted
                .as_ref()
                .is_some_and(|(of, _)| point.epoch > of.epoch)
        {
            encrypted = None;
        }
        let Some(before) = normal.filter(|_| !signed_for) else {
            (normal, wrong) = (Some(shape), None);
            continue;
        };
        let sizes = sizes(before, shape);
        if let Some(reason) = rewritten(before, shape) {
            let reasons = vec![reason];
            let found = LooksWrong {
                point: point.id.clone(),
                reasons,
            };
            encrypted = Some((point, found));
        }
        if sizes.is_empty() {
            wrong = None;
            // What is compared with stays what it was before the encryption.
            if encrypted.is_none() {
                normal = Some(shape);
            }
        } else {
            wrong = Some(LooksWrong {
                point: point.id.clone(),
                reasons: sizes,
            });
        }
    }
    match (wrong, encrypted) {
        (Some(mut wrong), Some((_, encrypted))) => {
            wrong.reasons.extend(encrypted.reasons);
            Some(wrong)
        }
        (wrong, encrypted) => wrong.or(encrypted.map(|(_, found)| found)),
    }
}

fn sizes(before: &Shape, now: &Shape) -> Vec<String> {
    let rows = |shape: &Shape| shape.rows.unwrap_or(0);
    let counts = [
        ("files", before.files, now.files, FILES, MORE_FILES),
        ("rows", rows(before), rows(now), ROWS, MORE_ROWS),
    ];
    let mut words: Vec<String> = counts
        .into_iter()
        .filter(|(_, before, now, less, more)| jumped(*before, *now, *less, *more))
        .map(|(what, before, now, ..)| format!("{now} {what} after {before}"))
        .collect();
    if jumped(before.bytes.0, now.bytes.0, BYTES, MORE_BYTES) {
        words.push(format!("{} after {}", now.bytes, before.bytes));
    }
    words
}

/// Less than half, more than four times, or nothing at all where something was.
fn jumped(before: u64, now: u64, less: u64, more: u64) -> bool {
    let emptied = before > 0 && now == 0;
    let shrank = now < before / 2 && before - now > less;
    let grew = now / 4 > before && before > 0 && now - before > more;
    emptied || shrank || grew
}

/// Half of the content replaced at once, by what cannot be compressed.
fn rewritten(before: &Shape, now: &Shape) -> Option<String> {
    let (added, packed) = (now.added?.0, now.packed?.0);
    let replaced = added.saturating_sub(now.bytes.0.saturating_sub(before.bytes.0));
    let much = replaced >= before.bytes.0 / 2 && replaced > BYTES;
    (much && packed >= added / 100 * 95).then(|| {
        format!(
            "{} of {} were replaced at once by what cannot be compressed, as after encryption",
            Bytes(replaced),
            before.bytes
        )
    })
}
