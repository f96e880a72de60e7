//! Which points are kept, for which reason, and when the newest look wrong.

use holdfast::decide::doubt::looks_wrong;
use holdfast::decide::retention::{Fate, judge, leaving};
use holdfast::model::desired::Retention;
use holdfast::model::ids::{Epoch, PointId, StackId};
use holdfast::model::point::{RecoveryPoint, Rung, SCHEMA};
use holdfast::model::units::Bytes;
use holdfast::model::vault::Shape;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;

const NOW: &str = "2026-06-30T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn days_ago(days: i64) -> Timestamp {
    now() - SignedDuration::from_hours(24 * days)
}

pub fn keeping(within: i64, [daily, weekly, monthly, yearly]: [u16; 4]) -> Retention {
    Retention {
        within: SignedDuration::from_hours(24 * within),
        daily,
        weekly,
        monthly,
        yearly,
        right: Vec::new(),
        place: crate::sample::place(),
    }
}

fn point(id: &str, arrived: Timestamp, rung: Rung) -> RecoveryPoint {
    RecoveryPoint {
        id: PointId::new(id),
        stack: StackId::new("acme"),
        epoch: Epoch(1),
        taken_at: arrived,
        bytes: Bytes(1),
        rung,
        arrived_at: Some(arrived),
        evidence: Vec::new(),
        damaged: None,
        aside: false,
        cold: false,
        schema: SCHEMA,
    }
}

/// One a day for so many days, all read back.
fn daily(days: i64) -> Vec<RecoveryPoint> {
    let one = |day| point(&format!("d{day:04}"), days_ago(day), Rung::Shipped);
    (0..days).map(one).collect()
}

fn going(points: &[RecoveryPoint], retention: &Retention) -> Vec<String> {
    let judged = judge(points, &BTreeMap::new(), retention, "Europe/Berlin", now());
    let going = leaving(&judged).into_iter();
    going.map(|(p, _)| p.id.to_string()).collect()
}

#[test]
fn everything_within_stays_and_one_of_each_window_beyond() {
    let points = daily(400);
    assert_eq!(going(&points, &keeping(30, [0; 4])).len(), 400 - 31);
    let gone = going(&points, &keeping(7, [14, 8, 12, 2]));
    let stays: Vec<&str> = points
        .iter()
        .map(|p| p.id.as_str())
        .filter(|id| !gone.iter().any(|gone| gone == id))
        .collect();
    // 14 days, then the first of each week, month and year that is within count.
    assert_eq!(
        &stays[..15],
        &[
            "d0000", "d0001", "d0002", "d0003", "d0004", "d0005", "d0006", "d0007", "d0008",
            "d0009", "d0010", "d0011", "d0012", "d0013", "d0015",
        ]
    );
    assert!(
        stays.contains(&"d0050"),
        "the first of the eighth week: {stays:?}"
    );
    assert!(
        stays.contains(&"d0333"),
        "the first of twelve months: {stays:?}"
    );
    assert!(
        stays.contains(&"d0399"),
        "the first of last year: {stays:?}"
    );
    assert_eq!(stays.len(), 14 + 7 + 11 + 1 - 1, "{stays:?}");
}

#[test]
fn each_point_is_kept_or_goes_for_a_reason_in_words() {
    let mut points = daily(40);
    points[39].arrived_at = None;
    let judged = judge(
        &points,
        &BTreeMap::new(),
        &keeping(7, [0, 0, 3, 0]),
        "UTC",
        now(),
    );
    let why = |id: &str| {
        let judged = judged.iter().find(|j| j.point.id.as_str() == id).unwrap();
        match &judged.fate {
            Fate::Kept(why) => format!("kept: {why}"),
            Fate::Goes(why) => format!("goes: {why}"),
        }
    };
    assert_eq!(why("d0003"), "kept: it arrived within 7d 0h");
    assert_eq!(why("d0029"), "kept: it is the best proven of its month");
    assert_eq!(
        why("d0020"),
        "goes: it is not of the last 7d 0h, nor of 3 monthly, and a newer one is proven as far"
    );
    assert_eq!(why("d0039"), "kept: nobody can say when it arrived");
}

#[test]
fn s10_masses_of_junk_push_no_good_point_out() {
    let retention = keeping(3, [10, 4, 6, 1]);
    let good = daily(60);
    let kept_before: Vec<String> = good
        .iter()
        .map(|p| p.id.to_string())
        .filter(|id| !going(&good, &retention).contains(id))
        .collect();
    let mut points = good.clone();
    for number in 0..2000_i64 {
        // With false times, in the past and in the future; they arrived when they arrived.
        let mut junk = point(
            &format!("junk{number:05}"),
            days_ago(number % 5),
            Rung::Taken,
        );
        junk.taken_at = days_ago(number - 1000);
        junk.epoch = Epoch(999);
        points.push(junk);
    }
    let gone = going(&points, &retention);
    for id in &kept_before {
        assert!(!gone.contains(id), "{id} was pushed out");
    }
    // Nor does junk that was read back, as production may have it: it came later that day.
    for junk in points
        .iter_mut()
        .filter(|p| p.id.as_str().starts_with("junk"))
    {
        junk.rung = Rung::Shipped;
        junk.epoch = Epoch(1);
        junk.arrived_at = junk.arrived_at.map(|at| at + SignedDuration::from_secs(60));
    }
    let gone = going(&points, &retention);
    for id in &kept_before {
        assert!(!gone.contains(id), "{id} was pushed out");
    }
}

#[test]
fn s03_the_newest_of_each_rung_stays_however_old_it_is() {
    let points = vec![
        point("verified", days_ago(900), Rung::AppVerified),
        point("older", days_ago(950), Rung::AppVerified),
        point("restored", days_ago(800), Rung::Restored),
        point("shipped", days_ago(700), Rung::Shipped),
        point("junk", days_ago(1), Rung::Taken),
    ];
    assert_eq!(going(&points, &keeping(7, [0; 4])), ["older"]);
    assert_eq!(going(&points[..1], &keeping(7, [0; 4])), [""; 0]);
}

#[test]
fn s03_the_last_point_that_holds_something_stays() {
    let points = daily(60);
    let shape = |what: &[&str]| Shape {
        holds: what.iter().map(|w| (*w).to_owned()).collect(),
        ..Shape::default()
    };
    let mut shapes: BTreeMap<PointId, Shape> = points
        .iter()
        .map(|p| (p.id.clone(), shape(&["database notes"])))
        .collect();
    for id in ["d0050", "d0055"] {
        shapes.insert(PointId::new(id), shape(&["database notes", "database crm"]));
    }
    let judged = judge(&points, &shapes, &keeping(30, [0; 4]), "UTC", now());
    let gone: Vec<&str> = leaving(&judged)
        .iter()
        .map(|(p, _)| p.id.as_str())
        .collect();
    assert!(
        !gone.contains(&"d0050") && gone.contains(&"d0055"),
        "{gone:?}"
    );
}

fn shapes(of: &[(&str, Shape)]) -> (Vec<RecoveryPoint>, BTreeMap<PointId, Shape>) {
    let count = i64::try_from(of.len()).unwrap();
    let points = of
        .iter()
        .zip(0..)
        .map(|((id, _), n)| point(id, days_ago(count - n), Rung::Shipped));
    let shapes = of.iter().map(|(id, s)| (PointId::new(*id), s.clone()));
    (points.collect(), shapes.collect())
}

pub fn shape(files: u64, mib: u64, rows: u64, added: u64, packed: u64) -> Shape {
    Shape {
        files,
        unlooked: false,
        bytes: Bytes(mib << 20),
        rows: Some(rows),
        added: Some(Bytes(added << 20)),
        packed: Some(Bytes(packed << 20)),
        holds: std::collections::BTreeSet::new(),
    }
}

#[test]
fn s12_shrunken_exploded_and_encrypted_looking_points_are_told_with_numbers() {
    let day = || shape(1000, 500, 20_000, 12, 4);
    for (last, said) in [
        (day(), None),
        // Nothing that daily life does not do as well.
        (shape(700, 400, 15_000, 30, 20), None),
        (shape(1500, 900, 40_000, 400, 390), None),
        (shape(10, 500, 20_000, 0, 0), Some("10 files after 1000")),
        (
            shape(1000, 20, 20_000, 0, 0),
            Some("20.0 MiB after 500.0 MiB"),
        ),
        (shape(1000, 490, 12, 0, 0), Some("12 rows after 20000")),
        (shape(1000, 490, 0, 0, 0), Some("0 rows after 20000")),
        (
            shape(90_000, 510, 20_000, 20, 9),
            Some("90000 files after 1000"),
        ),
        (
            shape(1000, 9000, 20_000, 8500, 8000),
            Some("8.7 GiB after 500.0 MiB"),
        ),
        (
            shape(1001, 502, 20_000, 480, 481),
            Some("replaced at once by what cannot be compressed"),
        ),
        // As much, but it compresses like text does: an upgrade that wrote everything anew.
        (shape(1001, 502, 20_000, 480, 200), None),
    ] {
        let (points, shapes) = shapes(&[
            ("aaaaaaaa1", day()),
            ("bbbbbbbb2", day()),
            ("cccccccc3", last.clone()),
        ]);
        let found = looks_wrong(&points, &shapes, &[]).map(|wrong| wrong.to_string());
        match (said, &found) {
            (None, None) => {}
            (Some(said), Some(found)) => {
                let said = said.replace(".0 MiB", " MiB");
                assert!(found.contains(&said), "{found:?} does not say {said:?}");
                assert!(found.contains("cccccccc"), "{found}");
            }
            _ => panic!("{last:?}: expected {said:?}, found {found:?}"),
        }
    }
}

#[test]
fn s12_what_looks_wrong_goes_on_doing_so_until_it_looks_right_or_somebody_signs() {
    let day = || shape(1000, 500, 20_000, 12, 4);
    let emptied = || shape(3, 1, 0, 1, 1);
    let (points, all) = shapes(&[("a", day()), ("cccccccc", emptied()), ("d", emptied())]);
    assert!(
        looks_wrong(&points, &all, &[]).is_some(),
        "days do not make it right"
    );
    let (points, all) = shapes(&[("a", day()), ("c", emptied()), ("d", day())]);
    assert_eq!(looks_wrong(&points, &all, &[]), None);
    let (points, all) = shapes(&[("a", day()), ("cccccccc", emptied()), ("d", emptied())]);
    assert_eq!(looks_wrong(&points, &all, &["cccccccc".into()]), None);
    // Too short a beginning names nothing.
    assert!(looks_wrong(&points, &all, &["cccc".into()]).is_some());

    let encrypted = || shape(1000, 500, 20_000, 490, 490);
    let (mut points, all) = shapes(&[("a", day()), ("cccccccc", encrypted()), ("d", day())]);
    assert!(
        looks_wrong(&points, &all, &[]).is_some(),
        "the next one holds the same"
    );
    points[2].epoch = Epoch(2);
    assert_eq!(
        looks_wrong(&points, &all, &[]),
        None,
        "rebuilt from an older point"
    );
}

proptest! {
    #[test]
    fn s03_whatever_the_points_what_goes_is_outlived_by_what_is_proven_as_far(
        seed in prop::collection::vec((0..500_i64, 0..5_usize, 1..3_u32, any::<bool>()), 0..40),
        windows in (0..40_i64, 0..9_u16, 0..9_u16, 0..9_u16, 0..3_u16),
    ) {
        let rungs = [Rung::Taken, Rung::Shipped, Rung::Checked, Rung::Restored, Rung::AppVerified];
        let points: Vec<RecoveryPoint> = seed.iter().zip(0..).map(|((day, rung, epoch, dated), n)| {
            let mut point = point(&format!("p{n:03}"), days_ago(*day), rungs[*rung]);
            point.epoch = Epoch(*epoch);
            point.arrived_at = point.arrived_at.filter(|_| *dated);
            point
        }).collect();
        let (within, d, w, m, y) = windows;
        let gone = going(&points, &keeping(within, [d, w, m, y]));
        let stays: Vec<_> = points.iter().filter(|p| !gone.contains(&p.id.to_string())).collect();
        for point in points.iter().filter(|p| gone.contains(&p.id.to_string())) {
            prop_assert!(point.arrived_at.is_some_and(|at| now().duration_since(at).as_hours() >= 24 * within));
            let outlived = stays.iter().any(|other| other.arrived_at > point.arrived_at
                && other.rung >= point.rung && other.rung >= Rung::Shipped && other.epoch >= point.epoch);
            prop_assert!(outlived);
        }
        prop_assert!(points.is_empty() || !stays.is_empty());
        let mut turned = points.clone();
        turned.reverse();
        prop_assert_eq!(gone, going(&turned, &keeping(within, [d, w, m, y])));
    }
}
