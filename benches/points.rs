//! How long it takes to list the recovery points of a whole fleet as they were seen last, beside
//! restic listing them from its repositories in the same run. Ends with an error where a bound
//! is not kept. Needs git, ssh-keygen, restic and GNU time; sqlite3 is optional.
#![allow(clippy::print_stdout, missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::cast_precision_loss, reason = "for people")]
#![allow(clippy::disallowed_methods, reason = "it has a clock")]

mod bounds;
mod estate;
mod whole;

use bounds::Bounds;
use holdfast::model::ids::{Epoch, PointId, StackId};
use holdfast::model::machine::Digest;
use holdfast::model::point::{Proof, Rung};
use holdfast::model::remembered::{Glance, Glimpse, Remembered, RememberedPoint};
use holdfast::model::units::Bytes;
use holdfast::world::store;
use jiff::{SignedDuration, Timestamp};
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;
use whole::{Estate, Measured, ROUNDS, best, measure, milliseconds, succeed};

const STACKS: usize = 1_000;
const POINTS: usize = 60;
const MOST_TIME: Duration = Duration::from_secs(2);
const MOST_MEMORY: u64 = 200_000_000;

fn main() -> ExitCode {
    let dir = tempfile::tempdir().unwrap();
    let mut bounds = Bounds::default();
    println!(
        "points: {STACKS} stacks with {POINTS} each, as they were seen last, best of {ROUNDS}"
    );
    let estate = Estate::new(dir.path().join("estate"), STACKS);
    estate.remember();
    let state = estate.dir.join(".git/holdfast/state.sqlite");
    see(&state);

    let check = estate.best_with_memory(&["check"], &[0]);
    println!(
        "  holdfast check                  {check}   (the same head, known: what reading the estate costs)"
    );
    let human = estate.best_with_memory(&["points"], &[0]);
    println!("  holdfast points                 {human}");
    let json = estate.best_with_memory(&["points", "--format", "json"], &[0]);
    println!("  holdfast points --format json   {json}");
    for (what, measured) in [("for people", &human), ("as JSON", &json)] {
        bounds.keep(
            &format!("{what} within {} s", MOST_TIME.as_secs()),
            measured.time < MOST_TIME,
        );
        bounds.keep(
            &format!("{what} within {} MB", MOST_MEMORY / 1_000_000),
            measured.memory < MOST_MEMORY,
        );
    }
    if let Some(sqlite) = sqlite(&state) {
        println!("  sqlite3, the same rows          {sqlite}");
    }
    let restic = restic(&dir.path().join("restic"));
    println!("  restic snapshots --json         {restic}   (one local repository with {POINTS})");
    let ratio = milliseconds(restic.time) * STACKS as f64 / milliseconds(json.time);
    bounds.keep(
        &format!("{ratio:.0} times faster than restic asked {STACKS} times (100 or more)"),
        ratio >= 100.0,
    );
    bounds.verdict()
}

/// Writes down a look that saw them all.
fn see(state: &Path) {
    let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let all: Vec<_> = (0..STACKS).map(|number| seen(number, now)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(store::remember(state, &all)).unwrap();
}

fn seen(stack: usize, seen_at: Timestamp) -> (Remembered, Vec<RememberedPoint>) {
    let points: Vec<RememberedPoint> = (0..POINTS)
        .map(|day| {
            let back = SignedDuration::from_hours(24 * i64::try_from(day).unwrap());
            let taken_at = seen_at - back;
            let proof = |rung| Proof {
                rung,
                at: taken_at,
                document: (rung > Rung::Checked).then(|| Digest("d".repeat(64))),
            };
            RememberedPoint {
                id: PointId::new(format!("{stack:08x}{day:056x}")),
                epoch: Epoch(1),
                taken_at,
                arrived_at: Some(taken_at),
                bytes: Bytes(2 << 30),
                rung: Rung::AppVerified,
                evidence: [Rung::Shipped, Rung::Checked, Rung::AppVerified]
                    .map(proof)
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
    let remembered = Remembered {
        stack: StackId::new(format!("customer-{stack:04}")),
        seen_at,
        glance: Glance {
            count: POINTS,
            newest: newest.clone(),
            chosen: newest,
            furthest: Some(Rung::AppVerified),
            doubts: Vec::new(),
        },
    };
    (remembered, points)
}

/// The program that reads such files for people; `None` without it.
fn sqlite(state: &Path) -> Option<Measured> {
    Command::new("sqlite3").arg("-version").output().ok()?;
    let cache = state.with_file_name("seen-points.sqlite");
    Some(best(|| {
        let mut command = Command::new("sqlite3");
        command
            .arg("-readonly")
            .arg(&cache)
            .arg("SELECT * FROM seen ORDER BY stack");
        measure(&mut command, &[0])
    }))
}

/// What people ask today, of one repository on this disk: a key, an index, so many snapshots.
fn restic(dir: &Path) -> Measured {
    fs::create_dir_all(dir).unwrap();
    let file = dir.join("file");
    fs::write(&file, "a small file\n").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new("restic");
        command
            .args(["--quiet", "--no-cache", "--repo"])
            .arg(dir.join("repository"))
            .args(arguments)
            .env("RESTIC_PASSWORD", "of a bench");
        command
    };
    succeed(&mut run(&["init"]));
    for _ in 0..POINTS {
        succeed(run(&["backup"]).arg(&file));
    }
    best(|| measure(&mut run(&["snapshots", "--json"]), &[0]))
}
