//! When the next backup is due.

use holdfast::decide::point::{backup_due, last_moment};
use holdfast::model::desired::Schedule;
use jiff::{SignedDuration, Timestamp};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn daily(hour: i8, minute: i8, zone: &str) -> Schedule {
    Schedule {
        hour,
        minute,
        zone: zone.to_owned(),
    }
}

#[test]
fn a_backup_is_due_once_a_day_at_its_local_time() {
    let berlin = daily(2, 30, "Europe/Berlin");
    // now, last taken, due; 02:30 in Berlin is 01:30 UTC in winter and 00:30 UTC in summer
    for (now, last, due) in [
        ("2026-01-15T01:29:59Z", Some("2026-01-14T01:30:05Z"), false),
        ("2026-01-15T01:30:00Z", Some("2026-01-14T01:30:05Z"), true),
        ("2026-01-15T01:30:00Z", Some("2026-01-15T01:30:00Z"), false),
        ("2026-01-15T20:00:00Z", Some("2026-01-15T01:31:00Z"), false),
        ("2026-01-15T20:00:00Z", Some("2026-01-15T01:29:00Z"), true),
        ("2026-07-15T00:30:00Z", Some("2026-07-14T00:30:00Z"), true),
        ("2026-07-15T00:29:00Z", Some("2026-07-14T00:30:00Z"), false),
        // Weeks without a backup: due, once.
        ("2026-07-15T12:00:00Z", Some("2026-06-01T00:30:00Z"), true),
        // Never any backup: at once, at any hour.
        ("2026-07-15T12:00:00Z", None, true),
    ] {
        assert_eq!(
            backup_due(&berlin, last.map(at), at(now)),
            due,
            "now {now}, last {last:?}"
        );
    }
}

#[test]
fn a_local_time_that_daylight_saving_skips_comes_behind_the_gap() {
    // 2026-03-29 in Berlin: 02:00 becomes 03:00, so 02:30 does not exist; 01:30 UTC is 03:30.
    let berlin = daily(2, 30, "Europe/Berlin");
    assert_eq!(
        last_moment(&berlin, at("2026-03-29T01:29:59Z")),
        at("2026-03-28T01:30:00Z")
    );
    assert_eq!(
        last_moment(&berlin, at("2026-03-29T01:30:00Z")),
        at("2026-03-29T01:30:00Z")
    );
    assert_eq!(
        last_moment(&berlin, at("2026-03-30T00:30:00Z")),
        at("2026-03-30T00:30:00Z")
    );
}

#[test]
fn a_local_time_that_comes_twice_counts_the_first_time() {
    // 2026-10-25 in Berlin: 03:00 becomes 02:00, so 02:30 is 00:30 UTC and 01:30 UTC.
    let berlin = daily(2, 30, "Europe/Berlin");
    let first = at("2026-10-25T00:30:00Z");
    assert_eq!(last_moment(&berlin, first), first);
    assert_eq!(last_moment(&berlin, at("2026-10-25T01:30:00Z")), first);
    assert!(!backup_due(
        &berlin,
        Some(at("2026-10-25T00:31:00Z")),
        at("2026-10-25T01:31:00Z")
    ));
}

#[test]
fn a_zone_beyond_the_date_line_has_its_own_day() {
    // 06:00 on the 15th in Auckland (summer, +13) is 17:00 UTC on the 14th.
    let auckland = daily(6, 0, "Pacific/Auckland");
    assert_eq!(
        last_moment(&auckland, at("2026-01-14T18:00:00Z")),
        at("2026-01-14T17:00:00Z")
    );
    // A zone without a day 2011-12-30 (Samoa): the day before it counts until the 31st.
    let apia = daily(12, 0, "Pacific/Apia");
    let moment = last_moment(&apia, at("2011-12-30T12:00:00Z"));
    assert!(moment <= at("2011-12-30T12:00:00Z"));
    assert!(at("2011-12-30T12:00:00Z").duration_since(moment) < SignedDuration::from_hours(48));
}

#[test]
fn daily_moments_in_a_year_with_both_edges_are_exactly_one_a_day() {
    let berlin = daily(2, 30, "Europe/Berlin");
    let mut now = at("2026-01-01T12:00:00Z");
    let mut taken = now;
    let mut backups = 0;
    while now < at("2027-01-01T12:00:00Z") {
        if backup_due(&berlin, Some(taken), now) {
            backups += 1;
            taken = now;
        }
        now += SignedDuration::from_mins(10);
    }
    assert_eq!(backups, 365);
}

#[test]
fn an_unknown_zone_still_gives_backups() {
    assert!(backup_due(
        &daily(2, 30, "Nowhere/Atlantis"),
        Some(at("2026-01-14T02:30:00Z")),
        at("2026-01-15T02:30:00Z")
    ));
}
