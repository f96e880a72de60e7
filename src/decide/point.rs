//! Which recovery point a rebuild takes, and when the next one is due.

use crate::model::desired::Schedule;
use crate::model::ids::Epoch;
use crate::model::point::{RecoveryPoint, Rung};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// What a point needs so that a rebuild may take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How far it must be proven.
    pub least: Rung,
    /// The newest epoch that we gave out. A point of a later one was not written by
    /// a machine of ours; `None` when nothing is known about epochs.
    pub newest_epoch: Option<Epoch>,
}

/// The point a rebuild takes, and what it passes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The newest point that is proven far enough (S11).
    pub chosen: RecoveryPoint,
    /// Newer points that are not proven far enough, newest first: the operator's choice.
    pub newer_less_proven: Vec<Passed>,
    /// Points written later by a machine of an older epoch, or of an epoch nobody gave out.
    /// Such a machine had no right to write any more (S2); they are named, never chosen.
    pub not_ours: Vec<Passed>,
}

/// A point that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The point.
    pub point: RecoveryPoint,
    /// How much later than the chosen one it was taken; negative when an earlier
    /// clock reading carries a later epoch.
    pub newer_by: SignedDuration,
}

/// Chooses the newest point that is proven far enough; `None` when there is none.
///
/// "Newest" means the latest epoch first, then the latest time: what a machine writes
/// after another has taken over does not become the newest point by being late.
pub fn choose(points: &[RecoveryPoint], rules: Rules) -> Option<Choice> {
    let given_out = |point: &RecoveryPoint| rules.newest_epoch.is_none_or(|e| point.epoch <= e);
    // The id decides between equals, so that the same points give the same choice in any order.
    let age = |point: &&RecoveryPoint| (point.epoch, point.taken_at, point.id.clone());
    let chosen = points
        .iter()
        .filter(|point| given_out(point) && point.rung >= rules.least)
        .max_by_key(age)?;
    let passed = |point: &RecoveryPoint| Passed {
        point: point.clone(),
        newer_by: point.taken_at.duration_since(chosen.taken_at),
    };
    let mut rest: Vec<&RecoveryPoint> = points.iter().filter(|p| p.id != chosen.id).collect();
    rest.sort_by_key(age);
    rest.reverse();
    Some(Choice {
        newer_less_proven: rest
            .iter()
            .filter(|p| given_out(p) && p.rung < rules.least && age(p) > age(&chosen))
            .map(|p| passed(p))
            .collect(),
        not_ours: rest
            .iter()
            .filter(|p| !given_out(p) || (p.epoch < chosen.epoch && p.taken_at > chosen.taken_at))
            .map(|p| passed(p))
            .collect(),
        chosen: chosen.clone(),
    })
}

/// Why nobody can say whether a backup is due.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The zone is not in the time zone database.
    #[error("unknown time zone {zone:?}")]
    UnknownZone {
        /// As written.
        zone: String,
    },
    /// An hour or minute that no day has.
    #[error("{hour:02}:{minute:02} is no time of day")]
    NoTimeOfDay {
        /// As written.
        hour: i8,
        /// As written.
        minute: i8,
    },
}

/// Whether the newest backup is older than the last scheduled moment.
///
/// Each day has exactly one such moment: a local time that daylight saving skips
/// is moved behind the gap, one that comes twice counts the first time. A stack
/// without any backup is due at once.
pub fn backup_due(
    schedule: &Schedule,
    last_taken: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, ScheduleError> {
    let moment = last_moment(schedule, now)?;
    Ok(last_taken.is_none_or(|taken| taken < moment))
}

/// The latest scheduled moment that is not after `now`.
pub fn last_moment(schedule: &Schedule, now: Timestamp) -> Result<Timestamp, ScheduleError> {
    let zone = TimeZone::get(&schedule.zone).map_err(|_| ScheduleError::UnknownZone {
        zone: schedule.zone.clone(),
    })?;
    let today = now.to_zoned(zone.clone()).date();
    let todays = moment_on(schedule, &zone, today)?;
    if todays <= now {
        return Ok(todays);
    }
    // Only the first day that the calendar knows has no day before it.
    moment_on(schedule, &zone, today.yesterday().unwrap_or(today))
}

fn moment_on(schedule: &Schedule, zone: &TimeZone, date: Date) -> Result<Timestamp, ScheduleError> {
    let no_time = || ScheduleError::NoTimeOfDay {
        hour: schedule.hour,
        minute: schedule.minute,
    };
    let time =
        jiff::civil::Time::new(schedule.hour, schedule.minute, 0, 0).map_err(|_| no_time())?;
    zone.to_ambiguous_timestamp(date.to_datetime(time))
        .compatible()
        .map_err(|_| no_time())
}
