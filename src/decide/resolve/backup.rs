//! `[backup]`: where recovery points live, when they are made, how long they are kept.

use super::Surroundings;
use super::placement::{self, Production};
use crate::decide::document::{Table, codes, suggest, words};
use crate::model::desired::{BackupIntent, DrillIntent, Retention, Schedule};
use jiff::tz::TimeZoneDatabase;
use std::ops::Range;

/// The intent, and where its hoster is named.
pub(super) struct Backup {
    pub intent: BackupIntent,
    pub at: Range<usize>,
}

pub(super) fn read(
    table: &Table<'_>,
    production: Option<&Production>,
    surroundings: &Surroundings<'_>,
) -> Option<Backup> {
    let placed = placement::backup(table, production, surroundings);
    let schedule = table
        .text("schedule", "daily 02:30 Europe/Berlin")
        .and_then(|found| {
            let read = schedule(&found.value);
            if let Err((message, help)) = &read {
                table.report(codes::UNIT, &found.span, message, Some(help));
            }
            read.ok()
        });
    let retention = retention(table);
    let drill = drill(table, production, surroundings);
    table.finish();
    let (placement, at) = placed?;
    Some(Backup {
        intent: BackupIntent {
            placement,
            schedule: schedule?,
            retention: retention?,
            drill,
        },
        at,
    })
}

fn retention(table: &Table<'_>) -> Option<Retention> {
    let Some(retention) = table.table_if("retention") else {
        if !table.has("retention") {
            table.missing("retention", "add retention = { within = \"30d\" }");
        }
        return None;
    };
    let within = words::duration(&retention, "within", "30d");
    let [daily, weekly, monthly, yearly] = ["daily", "weekly", "monthly", "yearly"].map(|key| {
        let found = retention.number_if::<u16>(key, "8");
        found.map_or(0, |found| found.value)
    });
    let right = retention.texts("right", "4f2a91c0");
    let right = right.into_iter().map(|found| found.value).collect();
    retention.finish();
    let within = within?;
    Some(Retention {
        within: within.value,
        daily,
        weekly,
        monthly,
        yearly,
        right,
        place: table.document().place(&within.span),
    })
}

fn drill(
    table: &Table<'_>,
    production: Option<&Production>,
    surroundings: &Surroundings<'_>,
) -> Option<DrillIntent> {
    let drill = table.table_if("drill")?;
    let every = words::duration(&drill, "every", "30d");
    let at = drill.table_if("at").map(|at| {
        let placed = placement::drill(&at, production, surroundings);
        at.finish();
        placed
    });
    drill.finish();
    let every = every?;
    Some(DrillIntent {
        every: every.value,
        at: match at {
            Some(placed) => Some(placed?.0),
            None => None,
        },
        place: table.document().place(&every.span),
    })
}

/// Reads `daily 02:30 Europe/Berlin`.
fn schedule(text: &str) -> Result<Schedule, (String, String)> {
    let form = || {
        (
            format!("{:?} is not a schedule", words::shorten(text)),
            "write for example \"daily 02:30 Europe/Berlin\"".to_owned(),
        )
    };
    let mut parts = text.split(' ');
    let (Some("daily"), Some(time), Some(zone), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(form());
    };
    let (hour, minute) = time.split_once(':').ok_or_else(form)?;
    let two = |digits: &str, limit: i8| -> Option<i8> {
        let right = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse().ok().filter(|n| right && *n < limit)
    };
    let hour = two(hour, 24).ok_or_else(form)?;
    let minute = two(minute, 60).ok_or_else(form)?;
    // The zones compiled in: the same answer on every computer.
    let known = TimeZoneDatabase::bundled();
    let zone = known.get(zone).map_err(|_| {
        let names: Vec<String> = known.available().map(|name| name.to_string()).collect();
        let near =
            suggest(zone, names.iter().map(String::as_str)).filter(|help| help.starts_with("did"));
        let help = near.unwrap_or_else(|| {
            "use a name of the IANA time zone database, for example Europe/Berlin".to_owned()
        });
        (format!("no time zone {:?}", words::shorten(zone)), help)
    })?;
    Ok(Schedule {
        hour,
        minute,
        zone: zone.iana_name().unwrap_or("UTC").to_owned(),
    })
}
