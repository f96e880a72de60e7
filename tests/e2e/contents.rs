//! What a recovery point holds: a stack with everything that is hard to bring back, rebuilt
//! from a real point and equal; and what nobody declared, found.

use crate::support::{Stage, copy};
use holdfast::model::ids::MachineName;
use holdfast::world::backup;
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
    ("what_nobody_declares_is_found", undeclared),
    ("a_hook_that_fails_makes_no_point", hooks),
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

impl Play {
    /// Ids of points that count.
    fn points(&mut self) -> Vec<String> {
        let listed = self
            .stage
            .holdfast(&["points", "ledger", "--format", "json"]);
        let listed = listed.exits(0).json();
        let points = listed["points"].as_array().unwrap().iter();
        let counting = points.filter(|p| p["rung"] != "taken");
        counting
            .map(|p| p["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What nobody declares on a machine of the stack.
    fn undeclared(&self, machine: &str) -> Vec<String> {
        let (session, look) = self.stage.look();
        let name = MachineName::new(machine);
        let contact = session.contact(&name).unwrap();
        let asked = backup::undeclared(
            session.world.transport.as_ref(),
            &contact,
            &look.manifests[&name],
        );
        self.stage.runtime.block_on(asked).unwrap()
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

fn undeclared(play: &mut Play) {
    // The test itself gave a user another number.
    let numbers = ["/etc/group", "/etc/passwd", "/etc/gshadow", "/etc/shadow"];
    let ours = |found: Vec<String>| -> Vec<String> {
        let others = |path: &String| !numbers.iter().any(|n| path.starts_with(n));
        found.into_iter().filter(others).collect()
    };
    assert_eq!(ours(play.undeclared("ledger-e1")), Vec::<String>::new());
    let write = "mkdir -p /opt/app/data /var/spool/app\n\
        echo 1 >/opt/app/data/one; echo 2 >/opt/app/data/two; echo 3 >'/var/spool/app/a name'\n\
        echo '# by hand' >>/etc/adduser.conf\n\
        echo cache >/var/cache/app; echo log >/var/log/app.log\n\
        runuser -u postgres -- psql -XqAt -c 'create database forgotten' -c \"alter system set work_mem = '5MB'\"\n";
    play.stage.ssh("ledger-e1", write).exits(0);
    let found = ours(play.undeclared("ledger-e1"));
    assert_eq!(
        found,
        [
            "/etc/adduser.conf",
            "/opt/app/",
            "/var/lib/postgresql/17/main/postgresql.auto.conf",
            "/var/spool/app/a name",
            "postgresql database forgotten",
        ]
    );
}

fn hooks(play: &mut Play) {
    let before = play.points();
    let refuse = "rm -f /run/ledger-hooks; echo 'in the middle of a sale' >/run/ledger-refuses\n";
    play.stage.ssh("ledger-e1", refuse).exits(0);
    let failed = play.stage.holdfast(&["backup", "ledger"]);
    failed
        .exits(1)
        .says("before-backup of ledger")
        .says("in the middle of a sale")
        .says("Earlier ones are untouched");
    assert_eq!(play.points(), before);
    let ran = "cat /run/ledger-hooks; rm -f /run/ledger-refuses /run/ledger-hooks\n";
    assert_eq!(play.stage.ssh("ledger-e1", ran).exits(0).stdout, "after\n");
    // A dump that fails in the middle: the service goes on all the same.
    let drop = "chmod 0000 /srv/ledger; mv /srv/ledger /srv/ledger.away\n";
    play.stage.ssh("ledger-e1", drop).exits(0);
    play.stage
        .holdfast(&["backup", "ledger"])
        .exits(1)
        .says("path-missing");
    let back =
        "mv /srv/ledger.away /srv/ledger; chmod 0750 /srv/ledger; test ! -e /run/ledger-pauses\n";
    play.stage.ssh("ledger-e1", back).exits(0);
    assert_eq!(play.points(), before);
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
