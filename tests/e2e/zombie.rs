//! A hoster that is gone with interface and machines, and comes back: as `docs/when-the-hoster-is-gone.md`
//! tells it, literally.

use crate::operators_pages::typed_here;
use crate::pages::{blocks, blocks_of};
use crate::support::{Ran, Stage};
use std::time::Instant;

const PAGE: &str = "when-the-hoster-is-gone.md";
const NEWER: &str = "/var/lib/notes/newer";

/// The ordered machine that has this name.
fn on(stage: &Stage, machine: &str) -> String {
    let pools = stage.machines(|m| m["hoster"] != "hetzner" && m["power"] == "running");
    let script = format!("grep -qx \"MACHINE='{machine}'\" /etc/holdfast/identity");
    let mut pools = pools.into_iter();
    let found = pools.find(|name| stage.ssh(name, &script).code == 0);
    found.unwrap_or_else(|| panic!("no pool machine is {machine}"))
}

fn write(stage: &Stage, machine: &str, path: &str, text: &str) {
    let script = format!("echo '{text}' >{path}\nchown www-data: {path}\n");
    stage.ssh(machine, &script).exits(0);
}

/// What was to be done was done. The disk that all machines of the lab share may be nearly full,
/// which is held, and none of this test's business.
#[track_caller]
fn done(ran: Ran) -> Ran {
    let fails = ran.stderr.contains("FAIL");
    assert!(
        [0, 5].contains(&ran.code) && !fails,
        "{}\n{}",
        ran.stdout,
        ran.stderr
    );
    ran
}

#[test]
fn s02_a_hoster_that_is_gone_is_given_up_by_a_waiver_and_what_it_kept_is_saved_aside() {
    let clock = Instant::now();
    let at = |what: &str| eprintln!("{:6.1} s  {what}", clock.elapsed().as_secs_f64());
    let mut stage = Stage::new("zombie");
    stage.git(&["rm", "-q", "stacks/notes.toml"]);
    stage.commit("One customer");
    done(stage.holdfast(&["reconcile", "--once"]));
    write(
        &stage,
        "annex-e1",
        "/var/lib/notes/kept",
        "in the last point",
    );
    stage.holdfast(&["backup", "annex"]).exits(0);
    write(&stage, "annex-e1", NEWER, "written after the last point");
    at("installed, saved, and written to since");

    // Interface and machines, together: nothing is destroyed, and a person is called.
    stage.lab(&["outage", "hetzner"]).exits(0);
    stage.lab(&["cut", "hetzner"]).exits(0);
    let called = stage.holdfast(&["reconcile", "--once"]).exits(5);
    called
        .says("production of annex")
        .says("sign at the end of stacks/annex.toml:")
        .says("machine = \"annex-e1\"");
    stage
        .holdfast(&["why", "annex"])
        .exits(5)
        .says("[[waiver]]");
    assert_eq!(stage.running("annex-"), ["annex-e1"]);
    at("s01: the hoster is gone, and a person is called");

    let file = stage.estate().join("stacks/annex.toml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    let waiver = blocks_of(PAGE, "toml").concat();
    text.push_str(&format!("\n{waiver}"));
    std::fs::write(&file, text).unwrap();
    stage.commit("Give annex-e1 up");
    let rebuilt = done(stage.holdfast(&["reconcile", "--once"]));
    rebuilt
        .says("fence annex-e1")
        .says("signed waiver, stacks/annex.toml")
        .says("ok   open annex-e2");
    let machine = on(&stage, "annex-e2");
    assert!(machine.starts_with("ionos-"), "{machine}");
    let page = stage.get(&machine, "/kept").expect("nobody gets in");
    assert!(page.contains("in the last point"), "{page}");
    let marks = ". /etc/holdfast/backup.env\nexport RESTIC_REPOSITORY RESTIC_PASSWORD_FILE\n\
        restic --cacert \"$RESTIC_CACERT\" --no-lock --json snapshots | jq -c '[.[] | select(.tags | length == 2) | .tags[0]]'\n";
    stage.ssh(&machine, marks).exits(0).says("[\"epoch=2\"]");
    let points = stage.holdfast(&["points", "annex"]);
    assert!(
        !points.stdout.contains("no recovery points"),
        "{}",
        points.stdout
    );
    at("s02: the waiver lets it go on elsewhere, and the mark of e2 is in the repository");

    stage.lab(&["heal"]).exits(0);
    let healed = done(stage.holdfast(&["reconcile", "--once"]));
    healed
        .says("ok   close annex-e1")
        .says("ok   save what is on annex-e1 aside")
        .says("ok   fence annex-e1")
        .says("ok   quarantine annex-e1");
    assert_eq!(stage.running("annex-"), Vec::<String>::new());
    let points = stage
        .holdfast(&["points", "annex", "--format", "json"])
        .json();
    let points = points["points"].as_array().unwrap().clone();
    let aside: Vec<_> = points.iter().filter(|p| p["aside"] == true).collect();
    let [aside] = aside.as_slice() else {
        panic!("{points:#?}")
    };
    assert_eq!(
        (&aside["epoch"], &aside["rung"]),
        (&1.into(), &"shipped".into())
    );
    let words = stage.holdfast(&["points", "annex"]).exits(0);
    words.says("is aside, of epoch e1");
    at("s03: it comes back, is closed, saved aside, and off");

    let id = &aside["id"].as_str().unwrap()[..8];
    typed_here(&stage, &blocks(PAGE).concat().replace("3f2a9c01", id));
    let kept = stage.ssh(&machine, "cat /root/newer").exits(0);
    kept.says("written after the last point");
    let tables = "runuser -u postgres -- psql -XqAt -d notes_aside -c 'select count(*) from note'";
    stage.ssh(&machine, tables).exits(0);
    at("what was written after the last point is found in it");

    // Somebody switches it on: it was closed, and stays so.
    stage.lab(&["power-on", "annex-e1"]).exits(0);
    stage.until(
        "annex-e1",
        "systemctl is-active holdfast-gate.service\n[ \"$(/usr/local/lib/holdfast/gate status)\" = closed ]",
    );
    assert_eq!(stage.get("annex-e1", "/kept"), None);
    let again = done(stage.holdfast(&["reconcile", "--once"]));
    let again = again.says("ok   fence annex-e1");
    assert!(
        !again.stderr.contains("save what is on"),
        "{}",
        again.stderr
    );
    assert_eq!(stage.running("annex-"), Vec::<String>::new());
    let plan = stage.holdfast(&["plan", "--format", "json"]).json();
    assert_eq!(plan["steps"], serde_json::json!([]), "{plan:#}");
    at("s02: switched on again, it stays closed and is switched off");
}
