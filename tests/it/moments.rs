//! Moments as people write them.

use holdfast::decide::moment::moment;
use holdfast::decide::point::as_of;
use holdfast::model::ids::{Epoch, PointId, StackId};
use holdfast::model::point::{RecoveryPoint, Rung, SCHEMA};
use holdfast::model::units::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;

#[test]
fn a_moment_is_a_day_a_time_or_one_with_a_zone() {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    for (text, means) in [
        ("2026-11-20", "2026-11-20T22:59:59.999999999Z"),
        ("2026-11-20 14:05", "2026-11-20T13:05:00Z"),
        ("2026-07-01 14:05:09", "2026-07-01T12:05:09Z"),
        ("2026-11-20T14:05:00Z", "2026-11-20T14:05:00Z"),
        ("2026-11-20T14:05:00+09:00", "2026-11-20T05:05:00Z"),
        // The night in which an hour is skipped, and the one in which it comes twice.
        ("2026-03-29 02:30", "2026-03-29T01:30:00Z"),
        ("2026-10-25 02:30", "2026-10-25T00:30:00Z"),
    ] {
        let found = moment(text, &berlin).unwrap();
        assert_eq!(found, means.parse::<Timestamp>().unwrap(), "{text}");
    }
    for text in [
        "",
        "tuesday",
        "2026-13-01",
        "20.11.2026",
        "14:05",
        "2026-11-20 25:00",
    ] {
        let refused = moment(text, &berlin).unwrap_err().to_string();
        assert!(
            refused.contains("is no moment; write for example"),
            "{refused}"
        );
    }
}

fn point(id: &str, epoch: u32, taken_at: &str, rung: Rung) -> RecoveryPoint {
    RecoveryPoint {
        id: PointId::new(id),
        stack: StackId::new("acme"),
        epoch: Epoch(epoch),
        taken_at: taken_at.parse().unwrap(),
        bytes: Bytes(1),
        rung,
        arrived_at: None,
        evidence: Vec::new(),
        damaged: None,
        aside: false,
        cold: false,
        schema: SCHEMA,
    }
}

#[test]
fn what_was_there_at_a_moment_is_the_newest_point_read_back_by_then() {
    let points = [
        point("a", 1, "2026-11-01T02:00:00Z", Rung::Shipped),
        point("b", 1, "2026-11-02T02:00:00Z", Rung::AppVerified),
        point("c", 1, "2026-11-03T02:00:00Z", Rung::Taken),
    ];
    for (at, id) in [
        ("2026-10-31T00:00:00Z", None),
        ("2026-11-01T02:00:00Z", Some("a")),
        ("2026-11-02T01:59:59Z", Some("a")),
        ("2026-11-09T00:00:00Z", Some("b")),
    ] {
        let found = as_of(&points, at.parse().unwrap(), Rung::Shipped);
        assert_eq!(found.map(|point| point.id.as_str()), id, "{at}");
    }
}

#[test]
fn s11_a_part_comes_from_no_damaged_point() {
    let mut damaged = point("b", 1, "2026-11-02T02:00:00Z", Rung::AppVerified);
    damaged.damaged = Some("a pack is gone".into());
    let points = [
        point("a", 1, "2026-11-01T02:00:00Z", Rung::Shipped),
        damaged,
    ];
    let found = as_of(
        &points,
        "2026-11-09T00:00:00Z".parse().unwrap(),
        Rung::Shipped,
    );
    assert_eq!(found.map(|point| point.id.as_str()), Some("a"));
}

#[test]
fn s10_production_dates_its_points_only_as_far_as_their_arrival_lets_it() {
    let mut backdated = point("b", 1, "2026-10-01T02:00:00Z", Rung::Shipped);
    backdated.arrived_at = Some("2026-11-05T02:00:00Z".parse().unwrap());
    let points = [
        point("a", 1, "2026-09-30T02:00:00Z", Rung::Shipped),
        backdated,
    ];
    for (at, id) in [("2026-10-15T00:00:00Z", "a"), ("2026-11-06T00:00:00Z", "b")] {
        let found = as_of(&points, at.parse().unwrap(), Rung::Shipped);
        assert_eq!(found.map(|point| point.id.as_str()), Some(id), "{at}");
    }
}
