//! Bad input and bad luck, on one lab with one estate: each scene breaks something,
//! looks at what is said, and at what is still there.

mod asking;
mod moving;
mod points;
mod rebuild;

use crate::support::{Ran, Stage};
use holdfast::world::backup::Taken;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// What the scenes hand on.
struct Play {
    stage: Stage,
    /// What users have, as last seen whole.
    content: String,
    /// The point that a rebuild will take.
    taken: Option<Taken>,
}

type Scene = (&'static str, fn(&mut Play));

const SCENES: &[Scene] = &[
    ("an_unsigned_commit_does_nothing", asking::unsigned),
    ("a_fresh_estate_is_planned", asking::planned),
    ("s05_after_apply_the_plan_is_empty", asking::applied),
    ("users_write_and_a_point_is_taken", points::written),
    ("drift_is_shown_and_converged", asking::drift),
    ("s01_a_silent_hoster_is_a_gap", asking::outages),
    ("s01_a_wrong_token_is_named", asking::wrong_token),
    ("production_and_its_backups", points::backup_scenes),
    ("a_failing_dump_makes_no_point", points::failing_dump),
    (
        "a_backup_machine_cut_off_in_a_backup",
        points::cut_in_backup,
    ),
    (
        "a_changed_host_key_stops_everything",
        asking::changed_host_key,
    ),
    ("power_loss_only_switches_on_again", rebuild::power_loss),
    (
        "s01_a_loss_behind_an_outage_waits",
        rebuild::loss_behind_outage,
    ),
    ("s06_kill_9_leaves_one_server", rebuild::killed),
    ("disk_full_while_restoring", rebuild::disk_full),
    (
        "s15_what_the_point_lacks_does_not_start",
        rebuild::not_in_point,
    ),
    (
        "a_backup_machine_cut_off_in_a_restore",
        rebuild::cut_in_restore,
    ),
    ("s15_a_failing_check_stays_closed", rebuild::failing_check),
    ("s06_the_rebuild_ends_with_one_server", rebuild::rebuilt),
    ("a_machine_that_never_answers", rebuild::never_answers),
    ("no_capacity_falls_back", rebuild::no_capacity),
    ("one_line_moves_the_customer", moving::moved),
    ("s02_a_zombie_stays_closed", moving::zombie),
    ("s13_no_secret_was_said", moving::secrets),
];

#[test]
fn bad_input_and_bad_luck() {
    let begin = Instant::now();
    let mut play = Play {
        stage: Stage::new("luck"),
        content: String::new(),
        taken: None,
    };
    eprintln!("lab and estate ({:.1} s)", begin.elapsed().as_secs_f64());
    // For work on one scene: words, parted by commas; scenes that others need must be among them.
    let wanted = std::env::var("HOLDFAST_SCENES").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split(',').collect();
    let chosen = SCENES
        .iter()
        .filter(|(name, _)| wanted.iter().any(|word| name.contains(word)));
    let mut failed = Vec::new();
    for (name, scene) in chosen {
        let begin = Instant::now();
        let ended = catch_unwind(AssertUnwindSafe(|| scene(&mut play)));
        let word = if ended.is_ok() { "ok" } else { "FAILED" };
        eprintln!(
            "scene {name} ... {word} ({:.1} s)",
            begin.elapsed().as_secs_f64()
        );
        if ended.is_err() {
            failed.push(*name);
            play.stage.lab(&["heal"]);
        }
    }
    assert_eq!(failed, Vec::<&str>::new());
}

impl Play {
    /// Ids of points that count.
    fn points(&mut self) -> Vec<String> {
        let listed = self
            .stage
            .holdfast(&["points", "notes", "--format", "json"]);
        let listed = listed.exits(0).json();
        let points = listed["points"].as_array().unwrap().iter();
        points
            .filter(|p| p["rung"] != "taken")
            .map(|p| p["id"].as_str().unwrap().to_owned())
            .collect()
    }

    #[track_caller]
    fn settled(&mut self) {
        self.stage
            .holdfast(&["plan"])
            .exits(0)
            .says("Nothing to do.");
    }

    /// Users get in, and find what they had.
    #[track_caller]
    fn whole(&mut self, machine: &str) {
        let page = self
            .stage
            .get(machine, "/index.html")
            .expect("nobody gets in");
        assert!(page.contains("Notes of many people"), "{page}");
        assert_eq!(self.stage.notes_on(machine), self.content);
        assert_eq!(
            self.stage.lookup("notes.example"),
            self.stage.address(machine)
        );
    }

    #[track_caller]
    fn closed(&self, machine: &str) {
        assert_eq!(
            self.stage.get(machine, "/"),
            None,
            "{machine} lets users in"
        );
    }

    /// Our machine on a lab machine of a pool.
    #[track_caller]
    fn on(&self, machine: &str) -> String {
        let pools = self
            .stage
            .machines(|m| m["hoster"] != "hetzner" && m["power"] == "running");
        let script = format!("grep -qx \"MACHINE='{machine}'\" /etc/holdfast/identity");
        let mut pools = pools.into_iter();
        let found = pools.find(|name| self.stage.ssh(name, &script).code == 0);
        found.unwrap_or_else(|| panic!("no pool machine is {machine}"))
    }

    fn reconcile(&mut self) -> Ran {
        self.stage.holdfast(&["reconcile", "--once"])
    }
}
