//! A moment as people write it: `2026-11-20`, `2026-11-20 14:05`, or with a zone of its own.

use crate::model::units::parse_duration;
use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{RoundMode, Timestamp, TimestampRound, ToSpan as _, Unit};

/// Text that names no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no moment; write for example \"2026-11-20\", \"2026-11-20 14:05\" or \"2026-11-20T14:05:00Z\""
)]
pub struct NoMoment {
    /// As it was given.
    pub text: String,
}

/// The moment from which on something is meant: `3d` and the like count back from `now`, and a
/// day alone means its beginning.
pub fn since(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, NoMoment> {
    let none = || NoMoment {
        text: text.to_owned(),
    };
    if let Ok(length) = parse_duration(text) {
        return now.checked_sub(length).map_err(|_| none());
    }
    match text.parse::<Date>() {
        Ok(day) if text.len() == 10 => {
            let zoned = day.to_zoned(zone.clone()).map_err(|_| none())?;
            Ok(zoned.timestamp())
        }
        _ => moment(text, zone),
    }
}

/// The moment that is meant: with an offset as it says, without one in `zone`. A day alone means
/// its end, so that what was taken on that day counts.
pub fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, NoMoment> {
    let none = || NoMoment {
        text: text.to_owned(),
    };
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    // `DateTime` would take a day for its beginning.
    let written = match (text.len(), text.parse::<Date>()) {
        (10, Ok(day)) => day
            .tomorrow()
            .and_then(|next| next.at(0, 0, 0, 0).checked_sub(1.nanosecond()))
            .map_err(|_| none())?,
        _ => text.parse::<DateTime>().map_err(|_| none())?,
    };
    let zoned = zone.to_ambiguous_timestamp(written).compatible();
    zoned.map_err(|_| none())
}

/// Text that names no moment that is the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no moment with a zone; write for example \"2027-01-04 08:00 Europe/Berlin\", \"2027-01-04 Europe/Berlin\" (its end) or \"2027-01-04T07:00:00Z\""
)]
pub struct NoZonedMoment {
    /// As it was given, or its beginning.
    pub text: String,
}

/// A moment that says its zone itself, by an offset or by a name of the IANA database. A day alone
/// means its end. The zones are those compiled in: the same answer on every computer.
pub fn zoned(text: &str) -> Result<Timestamp, NoZonedMoment> {
    let none = || NoZonedMoment {
        text: text.chars().take(60).collect(),
    };
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let (written, zone) = text.rsplit_once(' ').ok_or_else(none)?;
    // The whole text: jiff would also read what stands after it, and leave it out.
    let plain = |c: char| c.is_ascii_digit() || "-: ".contains(c);
    if !written.chars().all(plain) {
        return Err(none());
    }
    let zone = TimeZoneDatabase::bundled().get(zone).map_err(|_| none())?;
    moment(written, &zone).map_err(|_| none())
}

/// A moment as [`moment`] takes it in any zone, to the second: rounded up, so that what was taken in
/// the middle of one counts.
pub fn written(at: Timestamp) -> String {
    let whole = at.round(
        TimestampRound::new()
            .smallest(Unit::Second)
            .mode(RoundMode::Ceil),
    );
    whole.unwrap_or(at).to_string()
}
