//! Recovery points as they were seen last: quick to tell, and never a reason to do anything.

use holdfast::flow::points::Row;
use holdfast::model::ids::{Epoch, PointId, StackId};
use holdfast::model::machine::Digest;
use holdfast::model::point::{Proof, Rung};
use holdfast::model::remembered::{Remembered, RememberedPoint};
use holdfast::model::units::Bytes;
use holdfast::show::views::points::{fleet, fleet_json};
use holdfast::world::store::{remember, remembered};
use jiff::{SignedDuration, Timestamp};
use std::path::Path;
use std::time::Instant;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn seen(stack: &str, count: usize, seen_at: Timestamp) -> Remembered {
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
            }
        })
        .collect();
    Remembered {
        stack: StackId::new(stack),
        seen_at,
        chosen: points.first().map(|point| point.id.clone()),
        points,
    }
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
    assert_eq!(
        remembered(&state).await.unwrap(),
        [seen("acme", 4, tuesday), seen("bell", 2, monday)]
    );
    let rows = remembered(&state).await.unwrap();
    let mut rows: Vec<Row> = rows
        .into_iter()
        .map(|seen| Row {
            shown: seen.stack.clone(),
            seen: Some(seen),
        })
        .collect();
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
    assert!(line("cook").contains("never"), "{told}");
    assert!(told.contains("a rebuild never relies on it"), "{told}");
}

#[tokio::test]
async fn a_lost_or_broken_cache_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.sqlite");
    let monday = at("2026-03-02T12:00:00Z");
    std::fs::write(folder.path().join("seen-points.sqlite"), "no database").unwrap();
    remember(&state, &[seen("acme", 3, monday)]).await.unwrap();
    assert_eq!(remembered(&state).await.unwrap(), [seen("acme", 3, monday)]);
}

#[tokio::test]
#[allow(
    clippy::print_stdout,
    reason = "a measurement, for whoever asks for it"
)]
async fn a_thousand_stacks_are_remembered_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.sqlite");
    let now = at("2026-03-02T12:00:00Z");
    let all: Vec<Remembered> = (0..1000)
        .map(|number| seen(&format!("stack-{number:04}"), 60, now))
        .collect();
    let begin = Instant::now();
    remember(&state, &all).await.unwrap();
    let written = begin.elapsed();
    let begin = Instant::now();
    let rows: Vec<Row> = remembered(&state)
        .await
        .unwrap()
        .into_iter()
        .map(|seen| Row {
            shown: seen.stack.clone(),
            seen: Some(seen),
        })
        .collect();
    let told = fleet(&rows, now);
    let read = begin.elapsed();
    let json = fleet_json(&rows).to_string();
    println!(
        "1,000 stacks with 60 points: written {written:?}, told {read:?}, with JSON {:?} ({} bytes)",
        begin.elapsed(),
        json.len()
    );
    assert_eq!(
        told.lines().filter(|line| line.contains("stack-")).count(),
        1000
    );
    // Unoptimised, beside other tests; the release build is measured by the benchmarks.
    assert!(read.as_secs() < 60, "{read:?}");
}

/// What was seen last reaches people and nothing else.
#[test]
fn s11_no_plan_is_made_from_what_was_seen_last() {
    fn search(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                search(&path, found);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| text.contains("Remembered")) {
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
            "model/remembered.rs",
            "world/store/cache.rs"
        ]
    );
}
