//! Which recovery point a rebuild takes, and when the next one is due.

use crate::model::desired::Schedule;
use crate::model::point::{RecoveryPoint, Rung};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The point a rebuild takes, and what it passes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The newest point that is proven far enough (S11); `None` when there is none.
    pub chosen: Option<RecoveryPoint>,
    /// Newer points that are not proven far enough, or damaged, newest first: the operator's choice.
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
    /// How much later than the chosen one it was taken: the data that the choice leaves
    /// behind. Negative when clocks differ; `None` when nothing was chosen.
    pub newer_by: Option<SignedDuration>,
}

/// Proven at least as far as `least`, and nothing that it rests on was found damaged since.
pub fn holds(point: &RecoveryPoint, least: Rung) -> bool {
    point.rung >= least && point.damaged.is_none()
}

/// Chooses the newest point that is proven at least as far as `least` and not damaged.
///
/// "Newest" means the latest epoch first, then the latest time: what a machine writes
/// after another has taken over does not become the newest point by being late.
pub fn choose(points: &[RecoveryPoint], least: Rung) -> Choice {
    // The id decides between equals, so that the same points give the same choice in any order.
    let age = |point: &RecoveryPoint| (point.epoch, point.taken_at, point.id.clone());
    let mut sorted: Vec<&RecoveryPoint> = points.iter().collect();
    sorted.sort_by_cached_key(|point| age(point));
    sorted.reverse();
    let place = sorted.iter().position(|point| holds(point, least));
    let chosen = place.map(|place| sorted[place].clone());
    let passed = |point: &RecoveryPoint| Passed {
        newer_by: chosen
            .as_ref()
            .map(|chosen| point.taken_at.duration_since(chosen.taken_at)),
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
