//! Which recovery point a rebuild takes, and when the next one is due.

use crate::model::desired::Schedule;
use crate::model::ids::{Epoch, PointId};
use crate::model::point::{RecoveryPoint, Rung, SCHEMA};
use crate::model::units::show_duration;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::iter;

/// The point a rebuild takes, and what it passes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The newest point that is proven far enough (S11); `None` when there is none.
    pub chosen: Option<RecoveryPoint>,
    /// Newer points that are not proven far enough, damaged, or of a newer form, newest first: the
    /// operator's choice.
    /// All of them when nothing was chosen.
    pub newer_less_proven: Vec<Passed>,
    /// Points written later than the chosen one by a machine of an older epoch. It had no
    /// right to write any more (S2): they are named, never chosen.
    pub outlived: Vec<Passed>,
}

/// A point that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The point.
    pub point: RecoveryPoint,
    /// How much later than the chosen one it came to be: the data that the choice leaves
    /// behind. Negative when clocks differ; `None` when nothing was chosen.
    pub newer_by: Option<SignedDuration>,
}

/// How far production's clock may be from the backup machine's before it is said: a point
/// arrives after it was taken, and not days after.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
const BEHIND: SignedDuration = SignedDuration::from_hours(36);

/// How far the time that a point claims is from its arrival, where that cannot be the time that
/// a backup takes. Positive: it claims to have been taken after it arrived.
pub fn clock_doubt(point: &RecoveryPoint) -> Option<SignedDuration> {
    let ahead = point.taken_at.duration_since(point.arrived_at?);
    (ahead > AHEAD || -ahead > BEHIND).then_some(ahead)
}

/// When a point came to be, as far as can be believed: the time that production gave it, unless
/// the backup machine's clock says that this cannot be (S10).
pub fn moment(point: &RecoveryPoint) -> Timestamp {
    match (point.arrived_at, clock_doubt(point)) {
        (Some(arrived), Some(_)) => arrived,
        _ => point.taken_at,
    }
}

/// What "newest" means: the latest epoch first, then the latest moment. What a machine writes
/// after another has taken over does not become the newest point by being late, and what claims
/// to be of tomorrow does not by claiming it. The id decides between equals, so that the same
/// points give the same choice in any order.
pub fn newness(point: &RecoveryPoint) -> (Epoch, Timestamp, PointId) {
    (point.epoch, moment(point), point.id.clone())
}

/// Intact, and not saved aside: a rebuild may take it.
pub fn holds(point: &RecoveryPoint, least: Rung) -> bool {
    intact(point, least) && !point.aside
}

/// Proven at least as far as `least`, nothing that it rests on was found damaged since, and of a
/// form that this program reads.
pub fn intact(point: &RecoveryPoint, least: Rung) -> bool {
    point.rung >= least && point.damaged.is_none() && readable(point)
}

/// Those that stand for production: not what was saved aside.
pub fn counting(points: &[RecoveryPoint]) -> impl Iterator<Item = &RecoveryPoint> {
    points.iter().filter(|point| !point.aside)
}

/// Written by this program or an older one.
pub fn readable(point: &RecoveryPoint) -> bool {
    point.schema <= SCHEMA
}

/// Chooses the newest point that is proven at least as far as `least`, not damaged, and readable.
pub fn choose(points: &[RecoveryPoint], least: Rung) -> Choice {
    let mut sorted: Vec<&RecoveryPoint> = points.iter().collect();
    sorted.sort_by_cached_key(|point| newness(point));
    sorted.reverse();
    let place = sorted.iter().position(|point| holds(point, least));
    let chosen = place.map(|place| sorted[place].clone());
    let passed = |point: &RecoveryPoint| Passed {
        newer_by: chosen
            .as_ref()
            .map(|chosen| moment(point).duration_since(moment(chosen))),
        point: point.clone(),
    };
    let newer = &sorted[..place.unwrap_or(sorted.len())];
    let older = place.map_or(&[][..], |place| &sorted[place + 1..]);
    Choice {
        newer_less_proven: newer.iter().map(|point| passed(point)).collect(),
        outlived: older
            .iter()
            .map(|point| passed(point))
            .filter(|p| p.newer_by.is_some_and(|by| by.is_positive()))
            .collect(),
        chosen,
    }
}

/// The newest point that had come to be by then, is proven at least as far as `least` and not
/// damaged.
pub fn as_of(points: &[RecoveryPoint], at: Timestamp, least: Rung) -> Option<&RecoveryPoint> {
    points
        .iter()
        .filter(|point| moment(point) <= at && holds(point, least))
        .max_by_key(|point| newness(point))
}

/// Why this one, in a sentence, and what else there would be: for the person who decides (S11).
pub fn why(points: &[RecoveryPoint], choice: &Choice, least: Rung) -> Vec<String> {
    let Some(chosen) = &choice.chosen else {
        let none = if points.is_empty() {
            "there is no recovery point".to_owned()
        } else {
            format!(
                "a rebuild would take none: no point is {} or more, which it must at least be",
                least.name()
            )
        };
        let newer = points.iter().filter(|point| !readable(point));
        return iter::once(none).chain(newer.map(of_a_newer_form)).collect();
    };
    let mut said = vec![format!(
        "a rebuild would take {}: of all that are at least {}, it is the newest; it is {}",
        chosen.id.short(),
        least.name(),
        chosen.rung.name()
    )];
    said.extend(passed_over(choice));
    let further = points
        .iter()
        .filter(|point| point.rung > chosen.rung && holds(point, least))
        .max_by_key(|point| (point.rung, newness(point)));
    if let Some(further) = further {
        said.push(format!(
            "{} is proven further, {}, and {} older",
            further.id.short(),
            further.rung.name(),
            show_duration(moment(chosen).duration_since(moment(further)))
        ));
    }
    for (point, why) in points.iter().filter_map(|p| Some((p, p.damaged.as_ref()?))) {
        said.push(format!("{} is damaged: {why}", point.id.short()));
    }
    for point in points.iter().filter(|point| !readable(point)) {
        said.push(of_a_newer_form(point));
    }
    for point in points.iter().filter(|point| point.aside) {
        let cold = if point.cold {
            ", read cold from the rescue system: files as after a loss of power, databases as their own files and not as dumps"
        } else {
            ""
        };
        said.push(format!(
            "{} is aside, of epoch {}: what users wrote on that machine and its successor does not have{cold}; it is never chosen, and kept",
            point.id.short(),
            point.epoch
        ));
    }
    for late in choice.outlived.iter().filter(|late| !late.point.aside) {
        said.push(format!(
            "{} was written by a machine that had no right to write any more; it is never chosen",
            late.point.id.short()
        ));
    }
    for point in points {
        let Some(ahead) = clock_doubt(point) else {
            continue;
        };
        let direction = if ahead.is_positive() {
            "after"
        } else {
            "before"
        };
        said.push(format!(
            "{} claims to have been taken {} {direction} it arrived: a clock is wrong, so its arrival counts",
            point.id.short(),
            show_duration(ahead)
        ));
    }
    said
}

/// The newer points that a rebuild leaves behind, and how much data with each; nothing where it
/// takes none.
pub fn passed_over(choice: &Choice) -> Vec<String> {
    let measured = choice.newer_less_proven.iter();
    measured
        .filter_map(|newer| {
            let by = show_duration(newer.newer_by?);
            let standing = match &newer.point.damaged {
                Some(_) => "damaged".to_owned(),
                None if newer.point.aside => "saved aside".to_owned(),
                None if !readable(&newer.point) => "of a newer form".to_owned(),
                None => format!("only {}", newer.point.rung.name()),
            };
            Some(format!(
                "{} is {by} newer and {standing}: a rebuild would leave the data of these {by} behind",
                newer.point.id.short(),
            ))
        })
        .collect()
}

fn of_a_newer_form(point: &RecoveryPoint) -> String {
    format!(
        "{} is of form {}, written by a newer program; this one reads up to {SCHEMA}, so restore it with the program that wrote it",
        point.id.short(),
        point.schema
    )
}

/// Whether the newest backup is older than the last scheduled moment.
///
/// Each day has exactly one such moment: a local time that daylight saving skips
/// is moved behind the gap, one that comes twice counts the first time. A stack
/// without any backup is due at once.
///
/// Zone and time were judged where the estate is read. Should a wrong one come
/// through, UTC or midnight counts: a backup at an odd hour is better than none.
pub fn backup_due(schedule: &Schedule, last_taken: Option<Timestamp>, now: Timestamp) -> bool {
    last_taken.is_none_or(|taken| taken < last_moment(schedule, now))
}

/// The latest scheduled moment that is not after `now`.
pub fn last_moment(schedule: &Schedule, now: Timestamp) -> Timestamp {
    let zone = TimeZone::get(&schedule.zone).unwrap_or(TimeZone::UTC);
    let today = now.to_zoned(zone.clone()).date();
    // Today's may be to come, and where a zone skipped a whole day (Samoa, 2011-12-30)
    // yesterday's may be too.
    std::iter::successors(Some(today), |day| day.yesterday().ok())
        .take(3)
        .map(|day| moment_on(schedule, &zone, day))
        .find(|moment| *moment <= now)
        .unwrap_or(Timestamp::MIN)
}

fn moment_on(schedule: &Schedule, zone: &TimeZone, date: Date) -> Timestamp {
    let time = Time::new(schedule.hour, schedule.minute, 0, 0).unwrap_or(Time::midnight());
    zone.to_ambiguous_timestamp(date.to_datetime(time))
        .compatible()
        // Only the last day of the calendar can end beyond its end.
        .unwrap_or(Timestamp::MAX)
}
