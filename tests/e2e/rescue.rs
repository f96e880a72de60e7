//! A machine that is given up, with a whole disk: what was written since its last point is saved
//! from its hoster's rescue system, beside the points that count, and users go on from those.

use crate::support::Stage;
use std::time::Instant;

#[test]
#[ignore = "it takes minutes: make disasters"]
fn what_is_on_the_disk_of_a_machine_that_is_given_up_is_saved_from_its_rescue_system() {
    let clock = Instant::now();
    let at = |what: &str| eprintln!("{:6.1} s  {what}", clock.elapsed().as_secs_f64());
    let mut stage = Stage::new("rescue");
    let config = stage.estate().join(".git/holdfast/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let run = "\n[run]\ninterval = \"5s\"\nstill_after_start = \"0s\"\n";
    std::fs::write(config, text + run).unwrap();
    let waits = "lost_after = \"6s\"\nanswers_within = \"8s\"\nlast_chance = \"5m\"";
    stage.edit("stacks/notes.toml", "lost_after = \"1s\"", waits);
    stage.commit("Silence is waited for");
    stage.holdfast(&["reconcile", "--once"]).exits(0);
    at("two customers at one place");

    let newer = "echo 'written after the last point' >/var/lib/notes/newer; sync\n\
        runuser -u postgres -- psql -Xqd notes -c \"insert into note (body) values ('after the last point')\"\n";
    stage.ssh("notes-e1", newer).exits(0);
    let mut running = stage.start(&["run"]);
    running.until_says("pass");
    stage.lab(&["hang", "notes-e1", "--for-good"]).exits(0);
    at("notes-e1 hangs for good");
    stage.until_served("notes-e2");
    at("rebuilt");
    stage.end_in_order(running);
    assert_eq!(stage.running("notes-"), ["notes-e2"]);
    let log = stage.holdfast(&["log", "notes"]).exits(0);
    log.says("notes-e1 was switched off and on")
        .says("what was on the disk of notes-e1 was saved from its hoster's rescue system")
        .says("notes-e1 can no longer write");
    let points = stage
        .holdfast(&["points", "notes", "--format", "json"])
        .json();
    let points = points["points"].as_array().unwrap().clone();
    let aside: Vec<_> = points.iter().filter(|p| p["aside"] == true).collect();
    let [aside] = aside.as_slice() else {
        panic!("{points:#?}")
    };
    assert_eq!(aside["cold"], true, "{aside:#}");
    assert_eq!(aside["rung"], "shipped");
    let words = stage.holdfast(&["points", "notes"]).exits(0);
    words.says("from the rescue system");
    let files = stage.holdfast(&["files", "notes", "/var/lib/notes/newer"]);
    files.says(&aside["id"].as_str().unwrap()[..8]);
    // The successor has what the newest point that counts has, and no more.
    let newer = stage.ssh("notes-e2", "test ! -e /var/lib/notes/newer");
    newer.exits(0);
    at("what was written after the last point lies aside");

    let id = aside["id"].as_str().unwrap()[..8].to_owned();
    let to = "/root/newer";
    let back = [
        "restore",
        "notes",
        "--path",
        "/var/lib/notes/newer",
        "--point",
        &id,
        "--to",
        to,
    ];
    stage.holdfast(&back).exits(0);
    let kept = stage.ssh("notes-e2", "cat /root/newer").exits(0);
    kept.says("written after the last point");
    at("and comes back from there");

    // It is kept, off.
    let status = stage.lab_status();
    let machines = status["machines"].as_array().unwrap();
    let old = machines.iter().find(|m| m["name"] == "notes-e1").unwrap();
    assert_eq!(old["power"], "off");
    stage.holdfast(&["reconcile", "--once"]).exits(0);
}
