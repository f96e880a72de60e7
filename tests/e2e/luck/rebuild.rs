//! Machines that are lost, and rebuilding them against the odds.

use super::Play;
use super::points::{contact, with_scene};
use crate::backup;
use std::time::Duration;

pub fn power_loss(play: &mut Play) {
    let before = play.points();
    play.stage.lab(&["kill", "notes-e1"]).exits(0);
    left_alone_while_paused(play);
    play.reconcile().exits(0).says("ok   power on notes-e1");
    play.settled();
    let log = play.stage.holdfast(&["log", "notes"]).exits(0);
    log.says("power-on notes-e1: done in").says("works on it");
    let status = play.stage.holdfast(&["status", "--format", "json"]).json();
    let stacks = status["stacks"].as_array().unwrap();
    let notes = stacks.iter().find(|line| line["stack"] == "notes").unwrap();
    assert_eq!(notes["state"], "as-wanted", "{notes:#}");
    assert_eq!(play.stage.running("notes-"), ["notes-e1"]);
    assert!(before.iter().all(|point| play.points().contains(point)));
    play.whole("notes-e1");
    // The state that everything after this must bring back.
    let mut taken = None;
    with_scene(play, "notes-e1", async |scene| {
        taken = Some(scene.ship().await);
    });
    play.taken = taken;
}

/// A machine that is off, and an operator who knows why.
fn left_alone_while_paused(play: &mut Play) {
    let pause = [
        "pause",
        "notes",
        "--for",
        "1h",
        "--reason",
        "ada works on it",
    ];
    play.stage.holdfast(&pause).exits(0).says("Paused until");
    play.reconcile()
        .exits(5)
        .says("pause: an operator paused it");
    assert_eq!(play.stage.running("notes-"), Vec::<String>::new());
    let status = play.stage.holdfast(&["status"]).exits(5);
    status.says("1 down").says("holdfast why notes");
    let why = play.stage.holdfast(&["why", "notes"]).exits(5);
    why.says("off, by its hoster's word")
        .says("held by pause: power-on notes-e1")
        .says("holdfast resume notes");
    play.stage.holdfast(&["resume", "notes"]).exits(0);
}

pub fn loss_behind_outage(play: &mut Play) {
    play.stage.lab(&["outage", "hetzner"]).exits(0);
    play.stage.lab(&["destroy", "notes-e1"]).exits(0);
    play.reconcile().exits(5).says("hoster hetzner");
    assert_eq!(play.stage.running("notes-"), Vec::<String>::new());
    play.stage.lab(&["heal"]).exits(0);
    // The hoster says "off"; whether the disk is there is known once it was tried.
    let plan = play.stage.holdfast(&["plan"]).exits(2);
    plan.says("power on notes-e1");
}

pub fn killed(play: &mut Play) {
    let mut running = play.stage.start(&["reconcile", "--once"]);
    running.until_says("install notes-e2");
    let pause = ["pause", "notes", "--for", "1h", "--reason", "ada looks"];
    let pause = play.stage.holdfast(&pause).exits(0);
    pause.says("Another holdfast is at work");
    std::thread::sleep(Duration::from_secs(2));
    let said = running.kill();
    play.stage.hear(&said);
    assert!(
        !said.contains("ok   install notes-e2"),
        "killed too late:\n{said}"
    );
    assert_eq!(play.stage.running("notes-"), ["notes-e2"]);
    play.closed("notes-e2");
    // What was asked for while it ran, it never heard of; the next one does.
    let why = play.stage.holdfast(&["why", "notes"]).exits(5);
    why.says("held by pause").says("ada looks");
    play.reconcile().exits(5).says("ada looks");
    play.closed("notes-e2");
    play.stage.holdfast(&["resume", "notes"]).exits(0);
}

pub fn disk_full(play: &mut Play) {
    // A disk with too little room, where points are fetched to.
    let small = "mkdir -p /var/lib/holdfast/restore\nmount -t tmpfs -o size=20m,mode=0711 small /var/lib/holdfast/restore\n";
    play.stage.ssh("notes-e2", small).exits(0);
    let failed = play.reconcile();
    play.stage
        .ssh("notes-e2", "umount /var/lib/holdfast/restore")
        .exits(0);
    failed
        .exits(1)
        .says("/var/lib/holdfast/restore")
        .says("disk-full")
        .says("free");
    play.closed("notes-e2");
    assert_eq!(play.stage.running("notes-"), ["notes-e2"]);
}

pub fn not_in_point(play: &mut Play) {
    let taken = play.taken.clone().expect("no point was taken");
    let new = contact(play, "notes-e2");
    with_scene(play, "notes-e2", async |scene| {
        backup::s15_a_service_that_the_point_does_not_hold_does_not_start_empty(
            scene,
            &new,
            &taken.point,
        )
        .await;
    });
    play.closed("notes-e2");
    // The next scene fetches again.
    play.stage
        .ssh("notes-e2", "rm -rf /var/lib/holdfast/restore/*")
        .exits(0);
}

pub fn cut_in_restore(play: &mut Play) {
    let running = play.stage.start(&["reconcile", "--once"]);
    play.stage.until("notes-e2", "pgrep -f 'restic restore'");
    play.stage.lab(&["cut", "netcup"]).exits(0);
    let failed = play.stage.end(running);
    play.closed("notes-e2");
    play.stage.lab(&["heal"]).exits(0);
    failed.exits(5).says("FAIL fetch").says("backup-netcup-vie");
    assert_eq!(play.stage.running("notes-"), ["notes-e2"]);
}

pub fn failing_check(play: &mut Play) {
    let check = "blueprints/notes/checks/table.sh";
    play.stage.edit(
        check,
        "set -eu\n",
        "set -eu\necho 'the table is on strike' >&2\nexit 1\n",
    );
    play.stage.commit("A check that fails");
    let points = play.points();
    let failed = play.reconcile();
    failed
        .exits(1)
        .says("FAIL check")
        .says("the table answers")
        .says("the table is on strike");
    play.closed("notes-e2");
    assert_eq!(play.points(), points);
    // What came back is what production held, although nobody may see it yet.
    assert_eq!(play.stage.notes_on("notes-e2"), play.content);
    let (taken, new) = (play.taken.clone().unwrap(), contact(play, "notes-e2"));
    with_scene(play, "notes-e2", async |scene| {
        backup::a_restored_machine_holds_what_production_held(scene, &new, &taken).await;
    });
    play.closed("notes-e2");
    play.stage
        .edit(check, "echo 'the table is on strike' >&2\nexit 1\n", "");
    play.stage.commit("A check that passes");
}

pub fn rebuilt(play: &mut Play) {
    play.reconcile().exits(0);
    play.settled();
    assert_eq!(play.stage.running("notes-"), ["notes-e2"]);
    assert_eq!(
        play.stage.machines(|m| m["name"] == "notes-e3"),
        Vec::<String>::new()
    );
    play.whole("notes-e2");
}

pub fn never_answers(play: &mut Play) {
    play.stage.lab(&["destroy", "annex-e1"]).exits(0);
    let mut running = play.stage.start(&["reconcile", "--once"]);
    running.until_says("ok   create annex-e2");
    play.stage.lab(&["cut", "hetzner"]).exits(0);
    let failed = play.stage.end(running);
    play.stage.lab(&["heal"]).exits(0);
    failed
        .exits(5)
        .says("annex-e2 has not answered on SSH for 12 s");
    play.reconcile().exits(0);
    play.settled();
    assert_eq!(play.stage.running("annex-"), ["annex-e2"]);
    play.whole("notes-e2");
}

pub fn no_capacity(play: &mut Play) {
    let stage = &mut play.stage;
    stage
        .ssh("annex-e2", "echo kept >/var/lib/notes/kept")
        .exits(0);
    stage.holdfast(&["backup", "annex"]).exits(0);
    stage.lab(&["outage", "hetzner", "--mode", "full"]).exits(0);
    stage.lab(&["destroy", "annex-e2"]).exits(0);
    let ran = stage.holdfast(&["reconcile", "--once"]);
    stage.lab(&["heal"]).exits(0);
    ran.says("resource_unavailable").says("at ionos de/fra");
    let machine = play.on("annex-e3");
    assert!(machine.starts_with("ionos-"), "{machine}");
    let page = play.stage.get(&machine, "/kept").expect("nobody gets in");
    assert!(page.contains("kept"), "{page}");
    assert_eq!(
        play.stage.lookup("annex.example"),
        play.stage.address(&machine)
    );
    assert_eq!(play.stage.running("annex-"), Vec::<String>::new());
    // The estate says so from now on.
    play.stage.edit(
        "stacks/annex.toml",
        "hoster = \"hetzner\"\nsite = \"fsn1\"",
        "hoster = \"ionos\"\nsite = \"de/fra\"",
    );
    play.stage.edit(
        "stacks/annex.toml",
        "[[production.fallback]]\nhoster = \"ionos\"\nsite = \"de/fra\"\n",
        "",
    );
    play.stage.commit("Annex stays at ionos");
    play.settled();
}
