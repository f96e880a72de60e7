//! What a recovery point holds: a stack with everything that is hard to bring back, rebuilt
//! from a real point and equal; and what nobody declared, found.

use crate::support::{Stage, copy};
use std::path::Path;
use std::time::Instant;

const WRITE: &str = include_str!("scripts/write-everything.sh");
const TELL: &str = include_str!("scripts/tell-everything.sh");

type Scene = (&'static str, fn(&mut Play));

struct Play {
    stage: Stage,
    /// What production held, in words.
    held: String,
}

const SCENES: &[Scene] = &[
    ("everything_is_written", written),
    ("a_lost_machine_comes_back_equal", rebuilt),
];

#[test]
fn contents_come_back() {
    let begin = Instant::now();
    let mut play = Play {
        stage: Stage::new("contents"),
        held: String::new(),
    };
    settle_in(&mut play.stage);
    eprintln!("lab and estate ({:.1} s)", begin.elapsed().as_secs_f64());
    for (name, scene) in SCENES {
        let begin = Instant::now();
        scene(&mut play);
        eprintln!("scene {name} ({:.1} s)", begin.elapsed().as_secs_f64());
    }
}

/// One stack in place of those that other tests use.
fn settle_in(stage: &mut Stage) {
    let estate = stage.estate();
    for stack in ["notes", "annex"] {
        std::fs::remove_file(estate.join(format!("stacks/{stack}.toml"))).unwrap();
    }
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/estates/ledger"),
        &estate,
    );
    stage.git(&["add", "-A"]);
    stage.commit("One stack that holds everything");
}

fn written(play: &mut Play) {
    play.stage.holdfast(&["apply"]).exits(0);
    play.stage.ssh("ledger-e1", WRITE).exits(0);
    play.held = play.stage.ssh("ledger-e1", TELL).exits(0).stdout;
    play.stage.holdfast(&["backup", "ledger"]).exits(0);
}

fn rebuilt(play: &mut Play) {
    play.stage.lab(&["destroy", "ledger-e1"]).exits(0);
    play.stage.holdfast(&["reconcile", "--once"]).exits(0);
    let found = play.stage.ssh("ledger-e2", TELL).exits(0).stdout;
    equal(&play.held, &found);
}

/// Says the lines that differ, not both texts.
#[track_caller]
fn equal(held: &str, found: &str) {
    let beyond = |one: &str, other: &str, sign: &str| {
        let missing = one
            .lines()
            .filter(|line| !other.lines().any(|l| l == *line));
        missing
            .map(|line| format!("{sign} {line}\n"))
            .collect::<String>()
    };
    let differ = beyond(held, found, "-") + &beyond(found, held, "+");
    assert!(differ.is_empty() && held == found, "\n{differ}");
}
