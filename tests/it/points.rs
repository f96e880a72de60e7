//! Choosing a recovery point, and reading the repository's answer.

use crate::schedule::daily;
use holdfast::decide::point::{backup_due, choose, moment, why};
use holdfast::model::blueprint::Engine;
use holdfast::model::gap::GapKind;
use holdfast::model::ids::{Epoch, PointId, ServiceName, StackId};
use holdfast::model::listed::Listed;
use holdfast::model::point::{PointManifest, RecoveryPoint, Rung, SCHEMA};
use holdfast::model::units::Bytes;
use holdfast::world::backup::{Copied, parse_points};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn point(id: &str, epoch: u32, taken_at: &str, rung: Rung) -> RecoveryPoint {
    RecoveryPoint {
        id: PointId::new(id),
        stack: StackId::new("acme"),
        epoch: Epoch(epoch),
        taken_at: at(taken_at),
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
fn a_manifest_of_schema_1_still_loads() {
    let old = json!({
        "schema": 1, "stack": "acme", "epoch": 3, "commit": "c0ffee", "image": "debian-13",
        "taken_at": "2026-03-01T02:30:00Z", "canary": "acme e3", "packages": {"nginx": "1.26"},
        "services": {"wiki": {
            "files": {"/srv/wiki": {"count": 2, "bytes": 7, "digest": "ab"}},
            "databases": {"wiki": {"server": "17.6", "collation": "C.UTF-8", "bytes": 9, "rows": {"public.page": 3}}},
        }},
    });
    let manifest: PointManifest = serde_json::from_value(old).unwrap();
    let wiki = &manifest.services[&ServiceName::new("wiki")];
    let database = &wiki.databases["wiki"];
    assert_eq!(database.engine, Engine::Postgresql);
    assert_eq!(database.large_objects, None);
    assert!(database.sequences.is_empty());
    assert_eq!(wiki.files["/srv/wiki"].metadata, None);
}

fn ids(passed: &[holdfast::decide::point::Passed]) -> Vec<&str> {
    passed.iter().map(|p| p.point.id.as_str()).collect()
}

#[test]
fn s11_the_newest_point_proven_far_enough_is_chosen_and_newer_ones_are_named() {
    let points = [
        point("old", 1, "2026-03-01T02:30:00Z", Rung::AppVerified),
        point("half", 1, "2026-03-02T03:00:00Z", Rung::Taken),
        point("good", 1, "2026-03-02T02:30:00Z", Rung::Shipped),
        point("newest", 1, "2026-03-03T02:30:00Z", Rung::Taken),
    ];
    let choice = choose(&points, Rung::Shipped);
    assert_eq!(choice.chosen.unwrap().id.as_str(), "good");
    assert_eq!(ids(&choice.newer_less_proven), ["newest", "half"]);
    let left_behind: Vec<_> = choice
        .newer_less_proven
        .iter()
        .map(|p| p.newer_by)
        .collect();
    assert_eq!(
        left_behind,
        [
            Some(SignedDuration::from_hours(24)),
            Some(SignedDuration::from_mins(30))
        ]
    );

    let choice = choose(&points, Rung::Restored);
    assert_eq!(choice.chosen.unwrap().id.as_str(), "old");
    assert_eq!(ids(&choice.newer_less_proven), ["newest", "half", "good"]);
}

#[test]
fn s11_a_point_of_a_newer_form_is_named_and_never_chosen() {
    let mut points = [
        point("old", 1, "2026-03-01T02:30:00Z", Rung::Checked),
        point("newer", 1, "2026-03-02T02:30:00Z", Rung::AppVerified),
    ];
    points[1].schema = SCHEMA + 1;
    let choice = choose(&points, Rung::Shipped);
    assert_eq!(choice.chosen.as_ref().unwrap().id.as_str(), "old");
    assert_eq!(ids(&choice.newer_less_proven), ["newer"]);
    let said = why(&points, &choice, Rung::Shipped).join("\n");
    assert!(
        said.contains("newer is 1d 0h newer and of a newer form: a rebuild would leave the data of these 1d 0h behind")
            && said.contains("newer is of form 3, written by a newer program; this one reads up to 2"),
        "{said}"
    );
    let alone = &points[1..];
    let said = why(alone, &choose(alone, Rung::Shipped), Rung::Shipped).join("\n");
    assert!(
        said.contains("would take none") && said.contains("of form 3"),
        "{said}"
    );
}

#[test]
fn the_form_of_a_point_is_told_by_its_tag_and_the_first_had_none() {
    let acme = StackId::new("acme");
    let snapshot = |id: &str, form: &[&str]| {
        let mut tags = vec!["stack=acme", "epoch=1"];
        tags.extend(form);
        json!({"id": id, "time": "2026-03-01T02:30:00Z", "tags": tags, "bytes": 5, "rungs": []})
    };
    let seen = parse_points(
        &[&acme],
        vec![json!({"stack": "acme", "points": [
            snapshot("first", &[]),
            snapshot("second", &["schema=2"]),
            snapshot("newer", &["schema=9"]),
            snapshot("odd", &["schema=two"]),
        ]})],
    );
    let listed = seen[&acme].as_ref().unwrap();
    let forms: Vec<_> = listed
        .points
        .iter()
        .map(|p| (p.id.as_str(), p.schema))
        .collect();
    assert_eq!(forms, [("first", 1), ("second", 2), ("newer", 9)]);
    assert_eq!(listed.foreign[0].snapshot.as_str(), "odd");
}

#[test]
fn s11_without_a_proven_point_nothing_is_chosen_and_all_are_named() {
    let points = [point("a", 1, "2026-03-01T02:30:00Z", Rung::Taken)];
    let choice = choose(&points, Rung::Shipped);
    assert_eq!(choice.chosen, None);
    assert_eq!(ids(&choice.newer_less_proven), ["a"]);
    assert_eq!(choice.newer_less_proven[0].newer_by, None);
    assert_eq!(choose(&[], Rung::Taken).chosen, None);
}

#[test]
fn s11_a_machine_that_came_back_does_not_write_the_newest_point() {
    let points = [
        point("successor", 2, "2026-03-01T10:00:00Z", Rung::Shipped),
        point("zombie", 1, "2026-03-01T12:00:00Z", Rung::AppVerified),
        point("before", 1, "2026-03-01T08:00:00Z", Rung::AppVerified),
    ];
    let choice = choose(&points, Rung::Shipped);
    assert_eq!(choice.chosen.unwrap().id.as_str(), "successor");
    assert_eq!(ids(&choice.newer_less_proven), [""; 0]);
    assert_eq!(ids(&choice.outlived), ["zombie"]);
}

#[test]
fn s11_a_successor_without_a_proven_point_goes_back_to_its_predecessors() {
    let points = [
        point("predecessor", 1, "2026-03-01T10:00:00Z", Rung::Shipped),
        point("successor", 2, "2026-03-01T12:00:00Z", Rung::Taken),
    ];
    let choice = choose(&points, Rung::Shipped);
    assert_eq!(choice.chosen.unwrap().id.as_str(), "predecessor");
    assert_eq!(ids(&choice.newer_less_proven), ["successor"]);
}

#[test]
fn s11_what_claims_to_be_of_tomorrow_is_not_newest_by_claiming_it() {
    let arrived = |point: RecoveryPoint, text: &str| RecoveryPoint {
        arrived_at: Some(at(text)),
        ..point
    };
    let points = [
        arrived(
            point("good", 1, "2026-03-02T02:30:00Z", Rung::Shipped),
            "2026-03-02T02:31:00Z",
        ),
        arrived(
            point("future", 1, "2027-01-01T00:00:00Z", Rung::Shipped),
            "2026-03-01T12:00:00Z",
        ),
        // A clock that was set back: the point is the newest all the same.
        arrived(
            point("rewound", 1, "2020-01-01T00:00:00Z", Rung::Taken),
            "2026-03-03T02:31:00Z",
        ),
    ];
    let choice = choose(&points, Rung::Shipped);
    assert_eq!(choice.chosen.as_ref().unwrap().id.as_str(), "good");
    assert_eq!(ids(&choice.newer_less_proven), ["rewound"]);
    let said = why(&points, &choice, Rung::Shipped).join("\n");
    assert!(
        said.contains("future claims to have been taken 305d 12h after it arrived"),
        "{said}"
    );
    assert!(
        said.contains("rewound claims to have been taken 2253d 2h before it arrived"),
        "{said}"
    );
    let schedule = daily(2, 30, "UTC");
    let last = points.iter().map(moment).max();
    assert!(
        backup_due(&schedule, last, at("2026-03-04T03:00:00Z")),
        "a clock in the future would end all backups"
    );
}

#[test]
fn s11_the_choice_is_told_with_what_it_leaves_behind() {
    let points = [
        point(
            "aaaaaaaa-verified",
            1,
            "2026-03-01T02:30:00Z",
            Rung::AppVerified,
        ),
        point("bbbbbbbb-good", 1, "2026-03-02T02:30:00Z", Rung::Shipped),
        point("cccccccc-half", 1, "2026-03-02T14:30:00Z", Rung::Taken),
    ];
    let choice = choose(&points, Rung::Shipped);
    assert_eq!(
        why(&points, &choice, Rung::Shipped),
        [
            "a rebuild would take bbbbbbbb: of all that are at least shipped, it is the newest; it is shipped",
            "cccccccc is 12h 00m newer and only taken: a rebuild would leave the data of these 12h 00m behind",
            "aaaaaaaa is proven further, app-verified, and 1d 0h older",
        ]
    );
    let none = choose(&[], Rung::Shipped);
    assert_eq!(
        why(&[], &none, Rung::Shipped),
        ["there is no recovery point"]
    );
}

#[test]
fn s11_a_copied_point_is_as_old_as_what_it_is_a_copy_of() {
    let acme = StackId::new("acme");
    let snapshot = |id: &str, time: &str, copied: bool| json!({"id": id, "time": time, "tags": ["stack=acme", "epoch=1"], "bytes": 5, "arrived": "2026-03-10T00:00:00Z", "copied": copied, "rungs": [{"rung": "shipped"}]});
    let seen = parse_points(
        &[&acme],
        vec![json!({"stack": "acme", "points": [
            snapshot("newer", "2026-03-02T02:30:00Z", true),
            snapshot("older", "2026-01-02T02:30:00Z", true),
            snapshot("future", "2027-01-02T02:30:00Z", true),
            snapshot("own", "2026-03-09T23:59:00Z", false),
        ]})],
    );
    let points = &seen[&acme].as_ref().unwrap().points;
    let moments: Vec<_> = points.iter().map(|p| moment(p).to_string()).collect();
    assert_eq!(
        moments,
        [
            "2026-03-02T02:30:00Z",
            "2026-01-02T02:30:00Z",
            "2026-03-10T00:00:00Z",
            "2026-03-09T23:59:00Z",
        ]
    );
}

#[test]
fn s03_a_point_that_restic_passed_over_was_not_copied() {
    let copied: Copied = serde_json::from_value(json!({
        "points": [{"was": "aa", "is": "11"}],
        "damaged": [{"point": "bb", "reason": "its data is gone"}],
        "millis": 1,
    }))
    .unwrap();
    let wanted = ["aa", "bb", "cc"].map(PointId::new);
    assert_eq!(
        copied.lacking(wanted.iter()),
        [
            "bb: its data is gone",
            "cc: the old repository no longer lists it"
        ]
    );
}

fn any_point() -> impl Strategy<Value = RecoveryPoint> {
    let rungs = [
        Rung::Taken,
        Rung::Shipped,
        Rung::Checked,
        Rung::Restored,
        Rung::AppVerified,
    ];
    (0..1000u32, 1..4u32, 0..50i64, 0..rungs.len()).prop_map(move |(id, epoch, second, rung)| {
        RecoveryPoint {
            taken_at: Timestamp::from_second(second).unwrap(),
            ..point(
                &format!("{id:04}"),
                epoch,
                "2026-01-01T00:00:00Z",
                rungs[rung],
            )
        }
    })
}

proptest! {
    #[test]
    fn s11_the_choice_is_proven_and_does_not_depend_on_the_order(
        points in prop::collection::vec(any_point(), 0..12)
    ) {
        let choice = choose(&points, Rung::Shipped);
        let mut reversed = points.clone();
        reversed.reverse();
        // Two points never share an id in a repository.
        let mut names: Vec<_> = points.iter().map(|p| &p.id).collect();
        names.sort();
        names.dedup();
        prop_assume!(names.len() == points.len());
        prop_assert_eq!(&choice, &choose(&reversed, Rung::Shipped));
        match &choice.chosen {
            None => prop_assert!(points.iter().all(|p| p.rung < Rung::Shipped)),
            Some(chosen) => {
                prop_assert!(chosen.rung >= Rung::Shipped);
                for p in points.iter().filter(|p| p.rung >= Rung::Shipped) {
                    prop_assert!((p.epoch, p.taken_at) <= (chosen.epoch, chosen.taken_at));
                }
            }
        }
        prop_assert!(choice.newer_less_proven.iter().all(|p| p.point.rung < Rung::Shipped));
    }
}

#[test]
fn s01_a_stack_the_answer_does_not_speak_of_is_a_gap_and_not_empty() {
    let [acme, bell, cook, dent] = ["acme", "bell", "cook", "dent"].map(StackId::new);
    let seen = parse_points(
        &[&acme, &bell, &cook, &dent],
        vec![
            json!({"progress": {"phase": "points", "detail": ""}}),
            json!({"stack": "acme", "points": []}),
            json!({"stack": "bell", "gap": {"code": "wrong-password", "reason": "does not open"}}),
            json!({"stack": "cook", "points": [{"id": 7}]}),
            json!({"stack": "stranger", "points": []}),
        ],
    );
    assert_eq!(seen.len(), 4);
    assert_eq!(seen[&acme], Ok(Listed::default()));
    assert_eq!(seen[&bell].as_ref().unwrap_err().kind, GapKind::Denied);
    assert_eq!(seen[&cook].as_ref().unwrap_err().kind, GapKind::Unreadable);
    assert_eq!(seen[&dent].as_ref().unwrap_err().kind, GapKind::Unreadable);
}

#[test]
fn only_evidence_of_reading_back_lifts_a_point_above_taken() {
    let acme = StackId::new("acme");
    let snapshot = |id: &str, tags: &[&str], rungs: &[&str]| json!({"id": id, "time": "2026-03-01T02:30:00.5Z", "tags": tags, "bytes": 5, "rungs": rungs.iter().map(|rung| json!({"rung": rung})).collect::<Vec<_>>()});
    let ours = ["stack=acme", "epoch=3", "commit=abc"];
    let seen = parse_points(
        &[&acme],
        vec![json!({"stack": "acme", "points": [
            snapshot("none", &ours, &[]),
            snapshot("claimed", &ours, &["restored"]),
            snapshot("shipped", &ours, &["shipped"]),
            snapshot("verified", &ours, &["app-verified", "shipped", "restored"]),
            snapshot("checked", &ours, &["checked", "shipped"]),
            snapshot("unread", &ours, &["checked"]),
            snapshot("unknown", &ours, &["shipped", "blessed"]),
            snapshot("foreign", &["stack=bell", "epoch=3"], &["shipped"]),
            snapshot("untagged", &[], &["shipped"]),
            json!({"id": "unsized", "time": "2026-03-01T02:30:00Z", "tags": ours, "bytes": null, "rungs": []}),
        ]})],
    );
    let listed = seen[&acme].as_ref().unwrap();
    let points = &listed.points;
    let rungs: Vec<_> = points.iter().map(|p| (p.id.as_str(), p.rung)).collect();
    assert_eq!(
        rungs,
        [
            ("none", Rung::Taken),
            ("claimed", Rung::Taken),
            ("shipped", Rung::Shipped),
            ("verified", Rung::Shipped),
            ("checked", Rung::Checked),
            ("unread", Rung::Taken),
            ("unknown", Rung::Shipped),
            ("unsized", Rung::Taken),
        ]
    );
    assert_eq!(points[0].epoch, Epoch(3));
    assert_eq!(points[0].bytes, Bytes(5));
    let claims = listed.claims.iter().map(|c| (c.point.as_str(), c.rung));
    assert_eq!(
        claims.collect::<Vec<_>>(),
        [
            ("claimed", Rung::Restored),
            ("verified", Rung::AppVerified),
            ("verified", Rung::Restored),
        ],
        "claims wait for a document that proves them"
    );
    let foreign = listed.foreign.iter().map(|f| f.snapshot.as_str());
    assert_eq!(foreign.collect::<Vec<_>>(), ["foreign", "untagged"]);
}
