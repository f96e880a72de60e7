//! Which recovery points are kept, which may go, and why each.
//!
//! Time is the backup machine's: production cannot set it (S10). Windows are counted from now,
//! and in each the best proven point is kept, so that no number of others pushes it out.

use crate::model::desired::Retention;
use crate::model::ids::PointId;
use crate::model::point::{RecoveryPoint, Rung};
use crate::model::units::show_duration;
use crate::model::vault::Shape;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A point and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The point.
    pub point: RecoveryPoint,
    /// Kept, or not.
    pub fate: Fate,
}

/// What becomes of a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It stays, for this reason.
    Kept(String),
    /// It may go, for this reason.
    Goes(String),
}

/// Judges every point, oldest arrival first. `zone` is that of the stack's schedule: its days
/// are the days of the rules.
pub fn judge(
    points: &[RecoveryPoint],
    shapes: &BTreeMap<PointId, Shape>,
    retention: &Retention,
    zone: &str,
    now: Timestamp,
) -> Vec<Judged> {
    let mut sorted: Vec<&RecoveryPoint> = points.iter().collect();
    sorted.sort_by_key(|p| (p.arrived_at, p.taken_at, &p.id));
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let (aside, counting): (Vec<_>, Vec<_>) = sorted.iter().copied().partition(|p| p.aside);
    let mut kept = by_windows(&counting, retention, &zone, now);
    for point in aside {
        let why = "it was saved aside, and nothing else holds it".to_owned();
        kept.insert(point.id.clone(), why);
    }
    // From the newest down: what is kept for a later one's sake may serve an earlier one.
    for point in sorted.iter().rev() {
        if !kept.contains_key(&point.id)
            && let Some(why) = last_of_its_kind(point, &sorted, &kept, shapes)
        {
            kept.insert(point.id.clone(), why);
        }
    }
    let gone = gone_words(retention);
    sorted
        .into_iter()
        .map(|point| Judged {
            fate: kept
                .remove(&point.id)
                .map_or_else(|| Fate::Goes(gone.clone()), Fate::Kept),
            point: point.clone(),
        })
        .collect()
}

/// Those that may go, oldest first, each with its reason.
pub fn leaving(judged: &[Judged]) -> Vec<(&RecoveryPoint, &str)> {
    judged
        .iter()
        .filter_map(|judged| match &judged.fate {
            Fate::Goes(why) => Some((&judged.point, why.as_str())),
            Fate::Kept(_) => None,
        })
        .collect()
}

fn by_windows(
    sorted: &[&RecoveryPoint],
    retention: &Retention,
    zone: &TimeZone,
    now: Timestamp,
) -> BTreeMap<PointId, String> {
    let mut kept = BTreeMap::new();
    for point in sorted {
        let why = match point.arrived_at {
            None => "nobody can say when it arrived".to_owned(),
            Some(at) if at > now => "it arrived later than now, so a clock is wrong".to_owned(),
            Some(at) if now.duration_since(at) <= retention.within => {
                format!("it arrived within {}", words(retention.within))
            }
            Some(_) => continue,
        };
        kept.insert(point.id.clone(), why);
    }
    let today = now.to_zoned(zone.clone()).date();
    for (window, count) in [
        (Window::Day, retention.daily),
        (Window::Week, retention.weekly),
        (Window::Month, retention.monthly),
        (Window::Year, retention.yearly),
    ] {
        let mut best: BTreeMap<i32, &RecoveryPoint> = BTreeMap::new();
        let merit = |p: &RecoveryPoint| (p.rung, Reverse((p.arrived_at, p.id.clone())));
        for point in sorted {
            let Some(at) = point.arrived_at.filter(|at| *at <= now) else {
                continue;
            };
            let age = window.age(at.to_zoned(zone.clone()).date(), today);
            if age >= i32::from(count) {
                continue;
            }
            let known = best.entry(age).or_insert(point);
            // Of equals the first to arrive: what a broken-in production adds later is no better.
            if merit(point) > merit(known) {
                *known = point;
            }
        }
        for (_, point) in best {
            kept.entry(point.id.clone())
                .or_insert_with(|| format!("it is the best proven of its {}", window.word()));
        }
    }
    kept
}

/// S3: why this one stays although no window holds it.
fn last_of_its_kind(
    point: &RecoveryPoint,
    sorted: &[&RecoveryPoint],
    kept: &BTreeMap<PointId, String>,
    shapes: &BTreeMap<PointId, Shape>,
) -> Option<String> {
    let successors: Vec<&&RecoveryPoint> = sorted
        .iter()
        .filter(|other| kept.contains_key(&other.id) && supersedes(other, point))
        .collect();
    if !successors.iter().any(|other| other.rung >= point.rung) {
        return Some("S3: nothing newer that is kept is proven as far".to_owned());
    }
    let held: BTreeSet<&String> = successors
        .iter()
        .filter_map(|other| shapes.get(&other.id))
        .flat_map(|shape| &shape.holds)
        .collect();
    let mine = shapes.get(&point.id).into_iter().flat_map(|s| &s.holds);
    mine.into_iter()
        .find(|what| !held.contains(what))
        .map(|what| format!("S3: no newer point that is kept holds {what}"))
}

/// Newer by the backup machine's clock and by epoch, and read back.
fn supersedes(newer: &RecoveryPoint, older: &RecoveryPoint) -> bool {
    newer.id != older.id
        && !newer.aside
        && newer.rung >= Rung::Shipped
        && newer.epoch >= older.epoch
        && newer.arrived_at.is_some()
        && newer.arrived_at > older.arrived_at
}

fn gone_words(retention: &Retention) -> String {
    let counts = [
        (retention.daily, "daily"),
        (retention.weekly, "weekly"),
        (retention.monthly, "monthly"),
        (retention.yearly, "yearly"),
    ];
    let mut listed = String::new();
    for (count, word) in counts.iter().filter(|(count, _)| *count > 0) {
        // Writing to a String cannot fail.
        let _ = write!(listed, ", nor of {count} {word}");
    }
    format!(
        "it is not of the last {}{listed}, and a newer one is proven as far",
        words(retention.within)
    )
}

fn words(duration: SignedDuration) -> String {
    show_duration(duration)
}

#[derive(Debug, Clone, Copy)]
enum Window {
    Day,
    Week,
    Month,
    Year,
}

impl Window {
    /// How many of these lie between; 0 is the one that runs.
    fn age(self, then: Date, today: Date) -> i32 {
        // Dates only: no zone changes how many days lie between two of them.
        let days = then.until(today).map_or(i32::MAX, |span| span.get_days());
        let into_week = |date: Date| i32::from(date.weekday().since(Weekday::Monday));
        let month = |date: Date| i32::from(date.year()) * 12 + i32::from(date.month());
        match self {
            Self::Day => days,
            // Both Mondays lie a whole number of weeks apart.
            Self::Week => days.saturating_add(into_week(then) - into_week(today)) / 7,
            Self::Month => month(today) - month(then),
            Self::Year => i32::from(today.year()) - i32::from(then.year()),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}
