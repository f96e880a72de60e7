//! What is asked for: trust, plans, drift, and hosters that do not answer as they should.

use super::Play;
use crate::support::text;

pub fn unsigned(play: &mut Play) {
    let stage = &mut play.stage;
    // The commit that wrote these stacks took the example's file away.
    let checked = stage.holdfast(&["check"]).exits(1);
    checked.says("2 sound stacks").says("would destroy acme");
    let machines = stage.machines(|_| true);
    stage.edit("stacks/notes.toml", "Notes GmbH", "Notes AG");
    stage.git(&[
        "-c",
        "commit.gpgsign=false",
        "commit",
        "-qam",
        "No signature",
    ]);
    let head = stage.git(&["rev-parse", "HEAD"]);
    for command in [
        &["check"][..],
        &["plan"],
        &["apply"],
        &["reconcile", "--once"],
        &["backup", "notes"],
    ] {
        let ran = stage.holdfast(command).exits(4).says("nothing was done");
        assert!(ran.stderr.contains(&head[..12]), "{}", ran.stderr);
        assert!(ran.stderr.contains("to mend it:"), "{}", ran.stderr);
    }
    // By somebody whom nobody knows.
    let key = text(&stage.dir().join("stranger"));
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f", &key])
        .status();
    assert!(made.unwrap().success());
    stage.git(&[
        "-c",
        &format!("user.signingkey={key}"),
        "commit",
        "-q",
        "--amend",
        "--no-edit",
    ]);
    stage.holdfast(&["apply"]).exits(4).says("to mend it:");
    assert_eq!(stage.machines(|_| true), machines);
    assert!(!stage.estate().join(".git/holdfast/state.sqlite").exists());
    stage.git(&["reset", "-q", "--hard", "HEAD~1"]);
}

pub fn planned(play: &mut Play) {
    let stage = &mut play.stage;
    let human = stage.holdfast(&["plan"]).exits(2);
    let human = human
        .says("create notes-e1")
        .says("create annex-e1")
        .says("backup");
    assert!(
        human.stdout.contains("stacks/notes.toml"),
        "{}",
        human.stdout
    );
    let plan = stage
        .holdfast(&["plan", "--format", "json"])
        .exits(2)
        .json();
    assert_eq!(plan["plan_schema"], 1);
    let steps = plan["steps"].as_array().unwrap();
    let ids: Vec<&str> = steps.iter().map(|s| s["id"].as_str().unwrap()).collect();
    for step in steps {
        assert_ne!(step["effect"], "destructive", "{step}");
        for after in step["after"].as_array().unwrap() {
            assert!(ids.contains(&after.as_str().unwrap()), "{after} is no step");
        }
    }
    assert_eq!(
        stage.machines(|m| m["hoster"] == "hetzner"),
        Vec::<String>::new()
    );
}

pub fn applied(play: &mut Play) {
    play.stage.holdfast(&["apply"]).exits(0);
    play.settled();
    let plan = play
        .stage
        .holdfast(&["plan", "--format", "json"])
        .exits(0)
        .json();
    for part in ["steps", "held", "drift", "gaps"] {
        assert_eq!(plan[part], serde_json::json!([]), "{part}");
    }
    assert_eq!(play.stage.running("notes-"), ["notes-e1"]);
    play.content = play.stage.notes_on("notes-e1");
    play.whole("notes-e1");
}

pub fn drift(play: &mut Play) {
    let stage = &mut play.stage;
    let harm = "echo '# by hand' >>/etc/nginx/sites-enabled/default\n\
        apt-get remove -qq -y tree >/dev/null 2>&1\n\
        systemctl stop nginx\n";
    stage.ssh("notes-e1", harm).exits(0);
    let plan = stage.holdfast(&["plan"]).exits(2);
    let plan = plan
        .says("Drift")
        .says("/etc/nginx/sites-enabled/default")
        .says("nginx.service");
    assert!(plan.stdout.contains("tree"), "{}", plan.stdout);
    let json = stage
        .holdfast(&["plan", "--format", "json"])
        .exits(2)
        .json();
    assert_eq!(
        json["drift"].as_array().unwrap().len(),
        3,
        "{}",
        json["drift"]
    );
    let status = stage.holdfast(&["status"]).exits(2);
    status.says("1 to do").says("1 step");
    let unknown = stage.holdfast(&["apply", "--only", "nodes"]).exits(1);
    unknown.says("did you mean");
    let only = ["apply", "--only", "notes", "--format", "json"];
    let left = stage.holdfast(&only).exits(0).json();
    let stacks = &left["left"]["basis"]["stacks"];
    assert_eq!(*stacks, serde_json::json!(["notes"]));
    let mended = "! grep -q 'by hand' /etc/nginx/sites-enabled/default\ndpkg -s tree >/dev/null\nsystemctl is-active nginx\n";
    stage.ssh("notes-e1", mended).exits(0);
    play.settled();
    play.whole("notes-e1");
}

pub fn outages(play: &mut Play) {
    let machines = play.stage.machines(|_| true);
    for mode in ["503", "429", "500", "hang"] {
        play.stage
            .lab(&["outage", "hetzner", "--mode", mode])
            .exits(0);
        play.stage
            .holdfast(&["plan"])
            .exits(5)
            .says("Not seen (never taken for absent)")
            .says("hoster hetzner")
            .says("production of notes");
    }
    play.stage
        .lab(&["outage", "hetzner", "--mode", "503"])
        .exits(0);
    play.reconcile().exits(5);
    play.stage
        .lab(&["outage", "hetzner", "--mode", "slow", "--delay-ms", "300"])
        .exits(0);
    play.settled();
    play.stage.lab(&["heal"]).exits(0);
    assert_eq!(play.stage.machines(|_| true), machines);
    play.whole("notes-e1");
}

pub fn wrong_token(play: &mut Play) {
    let stage = &mut play.stage;
    let machines = stage.machines(|_| true);
    stage.seal("hetzner-token", "not-the-token-that-was-given-to-us");
    stage.commit("A wrong token");
    stage
        .holdfast(&["apply"])
        .exits(5)
        .says("unauthorized")
        .says("hoster hetzner");
    assert_eq!(stage.machines(|_| true), machines);
    let token = stage.lab_status()["hetzner"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    stage.seal("hetzner-token", &token);
    stage.commit("The right token");
    play.settled();
}

pub fn changed_host_key(play: &mut Play) {
    let change = "mkdir /root/keys\nmv /etc/ssh/ssh_host_* /root/keys/\nssh-keygen -q -A\nsystemctl restart ssh\n";
    play.stage.ssh("notes-e1", change).exits(0);
    let plan = play.stage.holdfast(&["plan"]).exits(5);
    let plan = plan
        .says("production of notes")
        .says("notes-e1")
        .says("key");
    assert!(
        plan.stdout.contains("somebody may be in between"),
        "{}",
        plan.stdout
    );
    play.reconcile().exits(5);
    play.stage
        .holdfast(&["backup", "notes"])
        .exits(1)
        .says("key");
    assert_eq!(play.stage.running("notes-"), ["notes-e1"]);
    let back = "rm /etc/ssh/ssh_host_*\nmv /root/keys/* /etc/ssh/\nrmdir /root/keys\nsystemctl restart ssh\n";
    play.stage.ssh("notes-e1", back).exits(0);
    play.settled();
    play.whole("notes-e1");
}
