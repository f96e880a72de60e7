//! Recovery points as they were seen last: quick to tell, and never a reason to do anything.

use super::plan_world::{HETZNER, World, acme, gap};
use holdfast::decide::point::choose;
use holdfast::flow::points::{Row, glance};
use holdfast::model::ids::{Epoch, PointId, StackId};
use holdfast::model::listed::Beside;
use holdfast::model::machine::Digest;
use holdfast::model::plan::{Held, Hold};
use holdfast::model::point::{Proof, RecoveryPoint, Rung, SCHEMA};
use holdfast::model::remembered::{Glance, Glimpse, Remembered, RememberedPoint, Written};
use holdfast::model::units::Bytes;
use holdfast::show::views::points::{fleet, fleet_json};
use holdfast::world::store::{remember, remembered, remembered_in_full};
use jiff::{SignedDuration, Timestamp};
use std::path::Path;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

type Seen = (Remembered, Vec<RememberedPoint>);

fn seen(stack: &str, count: usize, seen_at: Timestamp) -> Seen {
    let points: Vec<RememberedPoint> = (0..count)
        .map(|day| {
            let back = SignedDuration::from_hours(24 * i64::try_from(day).unwrap());
            let taken_at = seen_at - back;
            RememberedPoint {
                id: PointId::new(format!("{day:08x}{:056x}", stack.len())),
                epoch: Epoch(1),
                taken_at,
                arrived_at: Some(taken_at),
                bytes: Bytes(2 << 30),
                rung: if day == 3 {
                    Rung::AppVerified
                } else {
                    Rung::Shipped
                },
                evidence: [Rung::Shipped, Rung::Checked, Rung::AppVerified]
                    .map(|rung| Proof {
                        rung,
                        at: taken_at,
                        document: (rung > Rung::Checked).then(|| Digest("d".repeat(64))),
                    })
                    .to_vec(),
                damaged: None,
            }
        })
        .collect();
    let newest = points.first().map(|point| Glimpse {
        id: point.id.clone(),
        taken_at: point.taken_at,
        bytes: point.bytes,
        rung: point.rung,
    });
    let glance = Glance {
        count,
        newest: newest.clone(),
        chosen: newest,
        furthest: points.iter().map(|point| point.rung).max(),
        doubts: Vec::new(),
    };
    let remembered = Remembered {
        stack: StackId::new(stack),
        seen_at,
        glance,
    };
    (remembered, points)
}

fn short(all: impl IntoIterator<Item = Seen>) -> Vec<Remembered> {
    all.into_iter().map(|(remembered, _)| remembered).collect()
}

fn row(seen: Remembered) -> Row<Remembered> {
    Row {
        shown: seen.stack.clone(),
        seen: Some(seen),
    }
}

/// A whole row, its points read as they were written.
fn read((remembered, points): (Remembered, Written)) -> Seen {
    (remembered, serde_json::from_str(points.get()).unwrap())
}

#[tokio::test]
async fn the_last_look_is_remembered_and_a_gap_forgets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.sqlite");
    assert_eq!(remembered(&state).await.unwrap(), []);
    let monday = at("2026-03-02T12:00:00Z");
    let tuesday = at("2026-03-03T12:00:00Z");
    remember(&state, &[seen("acme", 3, monday), seen("bell", 2, monday)])
        .await
        .unwrap();
    // On Tuesday bell's backup machine did not answer.
    remember(&state, &[seen("acme", 4, tuesday)]).await.unwrap();
    // A look that began earlier and ended later says nothing newer.
    remember(&state, &[seen("acme", 1, monday)]).await.unwrap();
    let mut now = remembered(&state).await.unwrap();
    now.sort_by(|one, other| one.stack.cmp(&other.stack));
    let expected = [seen("acme", 4, tuesday), seen("bell", 2, monday)];
    assert_eq!(now, short(expected.clone()));
    let full = remembered_in_full(&state).await.unwrap();
    let mut full: Vec<Seen> = full.into_iter().map(read).collect();
    full.sort_by(|(one, _), (other, _)| one.stack.cmp(&other.stack));
    assert_eq!(full, expected);
    let mut rows: Vec<Row<Remembered>> = now.into_iter().map(row).collect();
    rows.push(Row {
        shown: StackId::new("cook"),
        seen: None,
    });
    let told = fleet(&rows, at("2026-03-04T12:00:00Z"));
    let line = |stack: &str| {
        told.lines()
            .find(|line| line.trim().starts_with(stack))
            .unwrap()
    };
    assert!(line("bell").contains("2d 0h ago"), "{told}");
    assert!(line("bell").contains("the newest"), "{told}");
    assert!(line("cook").contains("never"), "{told}");
    assert!(told.contains("a rebuild never relies on it"), "{told}");
}

#[tokio::test]
async fn a_lost_or_broken_cache_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.sqlite");
    let monday = at("2026-03-02T12:00:00Z");
    std::fs::write(folder.path().join("seen-points.sqlite"), "no database").unwrap();
    assert_eq!(remembered(&state).await.unwrap(), []);
    let acme = seen("acme", 3, monday);
    remember(&state, std::slice::from_ref(&acme)).await.unwrap();
    assert_eq!(remembered(&state).await.unwrap(), short([acme]));
}

#[test]
fn a_glance_tells_what_a_rebuild_would_take_and_what_is_in_doubt() {
    let point = |id: &str, taken_at: &str, rung| RecoveryPoint {
        id: PointId::new(id),
        stack: StackId::new("acme"),
        epoch: Epoch(1),
        taken_at: at(taken_at),
        bytes: Bytes(1),
        rung,
        arrived_at: None,
        evidence: Vec::new(),
        damaged: None,
        aside: false,
        cold: false,
        schema: SCHEMA,
    };
    let mut points = [
        point("new", "2026-03-03T02:30:00Z", Rung::Taken),
        point("good", "2026-03-02T02:30:00Z", Rung::Checked),
        point("old", "2026-03-01T02:30:00Z", Rung::AppVerified),
    ];
    points[2].damaged = Some("a pack is gone".to_owned());
    let told = |points: &[RecoveryPoint]| {
        let glance = glance(points, &choose(points, Rung::Shipped), &Beside::default());
        let remembered = Remembered {
            stack: StackId::new("acme"),
            seen_at: at("2026-03-03T12:00:00Z"),
            glance,
        };
        fleet(&[row(remembered)], at("2026-03-03T12:30:00Z"))
    };
    let said = told(&points);
    assert!(said.contains("good, 1d 10h ago, checked"), "{said}");
    assert!(said.contains("the newest is taken; 1 damaged"), "{said}");
    assert!(told(&points[..1]).contains("a rebuild would take none"));
    assert!(told(&[]).contains("there is none"));
}

/// How long it takes is measured by `make bench`.
#[tokio::test]
async fn a_thousand_stacks_are_remembered_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.sqlite");
    let now = at("2026-03-02T12:00:00Z");
    let all: Vec<Seen> = (0..1000)
        .map(|number| seen(&format!("stack-{number:04}"), 60, now))
        .collect();
    remember(&state, &all).await.unwrap();
    let rows: Vec<Row<Remembered>> = remembered(&state)
        .await
        .unwrap()
        .into_iter()
        .map(row)
        .collect();
    let told = fleet(&rows, now);
    let told = told.lines().filter(|line| line.contains("stack-"));
    assert_eq!(told.count(), 1000);
    let full = remembered_in_full(&state).await.unwrap();
    let full: Vec<Row<(Remembered, Written)>> = full
        .into_iter()
        .map(|seen| Row {
            shown: seen.0.stack.clone(),
            seen: Some(seen),
        })
        .collect();
    let json = serde_json::to_value(fleet_json(&full)).unwrap();
    let stacks = json["stacks"].as_array().unwrap();
    assert_eq!(stacks.len(), 1000);
    for stack in stacks {
        assert_eq!(stack["points"].as_array().unwrap().len(), 60);
        assert_eq!(stack["points"][0]["id"], stack["chosen_then"]);
    }
}

/// Everything is remembered, and nobody can list it now: nothing is rebuilt.
#[tokio::test]
async fn s11_the_cache_is_never_trusted_for_a_rebuild() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.sqlite");
    let mut world = World::running(acme(HETZNER));
    let warm = seen("acme", 60, world.now);
    remember(&state, &[warm]).await.unwrap();
    let known = remembered(&state).await.unwrap();
    assert!(known[0].glance.chosen.is_some());
    world.points_gap = Some(gap("recovery points"));
    world.lose("acme-e1");
    let plan = world.plan();
    let plan = plan.plan();
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    let unseen = |held: &Held| matches!(held.hold, Hold::NotObserved { .. });
    assert!(plan.held.iter().any(unseen), "{:#?}", plan.held);
}

/// What was seen last reaches people and nothing else.
#[test]
fn s11_no_plan_is_made_from_what_was_seen_last() {
    fn search(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                search(&path, found);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| text.contains("remembered::"))
            {
                let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    search(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    found.sort();
    assert_eq!(
        found,
        [
            "flow/points.rs",
            "show/views/points.rs",
            "world/store/cache.rs"
        ]
    );
}
