//! Reading repositories where they are kept, so that every byte is read within the cycle, and
//! what becomes of damage: it is told until it is gone, and never mended by us.

use super::backups::BackupMachine;
use super::draft::{Pen, because};
use super::rebuild::ENOUGH;
use super::view::View;
use crate::decide::damage::{damage, reading};
use crate::decide::point;
use crate::model::ids::{MachineName, PointId};
use crate::model::plan::{Action, Effect, Hold, Step};
use crate::model::point::RecoveryPoint;
use crate::model::verification::{Reading, Verification};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Within this every byte is read.
pub const CYCLE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// One part a day: two days of the cycle are left for days on which nothing could be read.
pub const PARTS: u32 = 28;
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// For so long a reading waits for a point that is due: one may fail night after night.
const PATIENCE: SignedDuration = SignedDuration::from_hours(48);

/// Which part is read next, and of how many; `None`: nothing is due.
///
/// The part whose last reading is the oldest, once a day. A part that is behind the cycle is
/// read at once. Where damage was found, everything is read at once, one time: a bad sector
/// seldom comes alone, and people must know what is left. `unjudged`: there are points that came
/// since; while something is damaged, it is looked at once more whether they rest on it.
pub fn next_part(
    last: Option<&Reading>,
    first_point: Option<Timestamp>,
    unjudged: bool,
    now: Timestamp,
) -> Option<(u32, u32)> {
    let Some(last) = last else {
        let waited = first_point.is_some_and(|first| !within(DAY, first, now));
        return waited.then_some((1, PARTS));
    };
    let read = |part: u32| match last.of {
        PARTS => last.read.get(&part).copied(),
        1 => last.read.get(&1).copied(),
        _ => None, // Another division: what was read of it says nothing of ours.
    };
    let unread_since = |since: Timestamp| (1..=PARTS).any(|p| read(p).is_none_or(|at| at < since));
    if last.damaged_since.is_some_and(unread_since) {
        return Some((1, 1));
    }
    let part = (1..=PARTS).min_by_key(|part| read(*part))?;
    let began = last.read.values().min().copied().unwrap_or(last.at);
    let behind = !within(CYCLE, read(part).unwrap_or(began), now);
    let unjudged = unjudged && last.damaged_since.is_some();
    (behind || unjudged || !within(DAY, last.at, now)).then_some((part, PARTS))
}

/// A time that is to come is no proof of anything.
fn within(limit: SignedDuration, then: Timestamp, now: Timestamp) -> bool {
    then <= now && now.duration_since(then) < limit
}

/// The next reading, if it is due, and the alarm, if something is damaged.
pub(super) fn verify(view: &View<'_>, pen: &mut Pen<'_>) {
    let BackupMachine::Ready {
        name,
        created: None,
        serves,
    } = view.backup
    else {
        return;
    };
    let stack = &view.at.stack.id;
    alarm(view, name, pen);
    let points = view.at.points.as_deref().unwrap_or_default();
    // By the backup machine's clock, where it tells: production's may say anything (S10).
    let first = points.iter().map(|p| p.arrived_at.unwrap_or(p.taken_at));
    let first = first.min();
    let last = reading(stack, name, view.seen, view.past);
    let judged = view.seen.verified.get(stack).map(|v| &v.judged);
    let unjudged = judged.is_some_and(|judged| points.iter().any(|p| !judged.contains(&p.id)));
    let Some((part, of)) = next_part(last, first, unjudged, view.seen.at) else {
        return;
    };
    // A point that arrives while it is read is not looked at (S12).
    let waits = last.map(|r| r.at).or(first);
    let waits = waits.is_some_and(|since| within(PATIENCE, since, view.seen.at));
    let backs_up = |step: &&Step| matches!(step.action, Action::Backup { .. });
    let backup = pen.draft.steps_of(stack).find(backs_up);
    let backup = backup.filter(|_| waits).map(|step| step.id.clone());
    let why = if of == 1 {
        "damage was found: everything is read once, to know what is left".to_owned()
    } else {
        format!("every byte of it is read within 30 days; part {part} of {of} is next")
    };
    pen.step(
        Action::Verify {
            machine: name.clone(),
            part,
            of,
        },
        Effect::Safe,
        because(why),
        &[serves.as_ref(), backup.as_ref()],
    );
}

/// Damage is an alarm for as long as it stands; the last good point is named.
fn alarm(view: &View<'_>, machine: &MachineName, pen: &mut Pen<'_>) {
    let stack = view.at.stack;
    let findings = damage(&stack.id, machine, view.seen, view.past);
    let none = Verification::default();
    let verification = view.seen.verified.get(&stack.id).unwrap_or(&none);
    if findings.is_empty() && verification.points.is_empty() {
        return;
    }
    let reason = format!(
        "on {machine}: {}. {}",
        brief(&findings),
        match view.at.points {
            Ok(points) => standing(points, &verification.points),
            Err(_) => "which points rest on it, and which is good, cannot be seen now".to_owned(),
        }
    );
    pen.hold(
        format!("trust in every recovery point of {}", stack.shown),
        Hold::Forbidden {
            rule: "damage".into(),
            reason,
        },
        format!(
            "nothing is mended by itself and nothing is taken out; docs/damage.md says what to do; then: holdfast verify {}",
            stack.shown
        ),
    );
}

/// The first few; the rest is counted.
fn brief(findings: &[String]) -> String {
    let told: Vec<&str> = findings.iter().take(3).map(String::as_str).collect();
    let more = findings.len() - told.len();
    let rest = match more {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{}{rest}", told.join("; "))
}

/// Which points are touched, and which is the last good one.
fn standing(points: &[RecoveryPoint], damaged: &BTreeMap<PointId, String>) -> String {
    let lost: Vec<&str> = points
        .iter()
        .filter(|p| p.damaged.is_some() || damaged.contains_key(&p.id))
        .map(|p| p.id.short())
        .collect();
    let touched = match lost.as_slice() {
        [] => "no point rests on it".to_owned(),
        lost => format!(
            "{} of {} points rest on it: {}",
            lost.len(),
            points.len(),
            lost.join(", ")
        ),
    };
    format!("{touched}; {}", last_good(points))
}

/// In words, for whoever has to decide at night.
pub fn last_good(points: &[RecoveryPoint]) -> String {
    match point::choose(points, ENOUGH).chosen {
        Some(good) => format!(
            "the last good one is {} of {}",
            good.id.short(),
            good.taken_at
        ),
        None => "there is no good one".to_owned(),
    }
}
