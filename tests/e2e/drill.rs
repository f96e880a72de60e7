//! A drill on real machines: it passes and nothing is left, nothing goes out while the data is
//! there, and one that fails or is killed leaves no machine either.

use crate::support::Stage;
use serde_json::Value;
use std::time::Instant;

/// Ways out that work on production: the backup machine, and names and time by the next hop.
fn ways(stage: &Stage) -> String {
    let backup = stage.ssh(
        "notes-e1",
        "sed -n 's#^RESTIC_REPOSITORY=.*@\\([^/]*\\)/.*#\\1#p' /etc/holdfast/backup.env",
    );
    let backup = backup.stdout.trim().replace(':', " ");
    format!("tcp {backup}\nudp $hop 53\nudp $hop 123\n")
}

/// A script that fails as soon as one of the ways lets it out.
fn out_by(ways: &str) -> String {
    format!(
        "hop=$(ip route show default | sed -n 's/^default via \\([^ ]*\\).*/\\1/p')\nwhile read -r kind host port; do\n    if timeout 3 bash -c 'exec 3<>\"/dev/$0/$1/$2\" && printf x >&3' \"$kind\" \"$host\" \"$port\" </dev/null 2>/dev/null; then\n        echo \"got out: $kind $host $port\" >&2\n        exit 1\n    fi\ndone <<END\n{ways}END\n"
    )
}

/// Only on the machine of a drill.
fn in_a_drill(script: &str) -> String {
    format!("set -eu\nif grep -q \"^ROLE='drill'\" /etc/holdfast/identity; then\n{script}fi\n")
}

/// The ordered machine is as it was before anybody had it.
fn is_free(stage: &Stage, machine: &str) {
    let looks = "test ! -e /etc/holdfast\ntest ! -e /var/lib/notes\ntest ! -e /var/lib/postgresql\n\
                 test ! -e /var/lib/holdfast\ntest ! -e /var/lib/holdfast-before\n\
                 ! id postgres 2>/dev/null\n! dpkg-query -W nginx restic postgresql 2>/dev/null | grep -q '[0-9]$'\n\
                 ! grep -rqs 'a note of the customer' /var /etc /srv /tmp /home /root\n";
    stage.ssh(machine, looks).exits(0);
}

fn drilled(json: &Value) -> (bool, &Value) {
    (json["passed"].as_bool().unwrap(), &json["evidence"])
}

#[test]
fn drills_on_real_machines() {
    let begin = Instant::now();
    let at = |what: &str| eprintln!("{:6.1} s  {what}", begin.elapsed().as_secs_f64());
    let mut stage = Stage::new("drill");
    stage.holdfast(&["apply"]).exits(0);
    let write = "runuser -u postgres -- psql -Xq notes -c \"insert into note (body) select 'a note of the customer ' || n from generate_series(1, 500) n\"\n\
                 echo 'a note of the customer' >/var/lib/notes/kept\nchown www-data: /var/lib/notes/kept\n";
    stage.ssh("notes-e1", write).exits(0);
    stage.holdfast(&["backup", "notes"]).exits(0);
    at("production with data and a point");

    // What a drill's machine must not do works on production.
    let ways = ways(&stage);
    let ran = stage.ssh("notes-e1", &out_by(&ways));
    assert!(ran.stderr.contains("got out: tcp"), "{ran:?}");
    let check = "blueprints/notes/checks/table.sh";
    stage.edit(check, "set -eu\n", &in_a_drill(&out_by(&ways)));
    stage.commit("Try to get out of a drill");
    stage.holdfast(&["apply"]).exits(0);

    let took = Instant::now();
    let ran = stage
        .holdfast(&["drill", "notes", "--format", "json"])
        .exits(0);
    eprintln!(
        "        a drill of notes: {:.1} s",
        took.elapsed().as_secs_f64()
    );
    at("it passes at a third hoster");
    let json = ran.json();
    let (passed, evidence) = drilled(&json);
    assert!(passed, "{json:#}");
    assert_eq!(evidence["place"]["hoster"], "ionos", "{evidence:#}");
    assert_eq!(evidence["place"]["third"], true);
    let digest = |of: &str| evidence[of]["notes"]["files"]["/var/lib/notes"]["digest"].clone();
    assert!(digest("found").is_string() && digest("found") == digest("expected"));
    let names: Vec<&str> = evidence["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    assert!(
        names.iter().any(|name| name.contains("pg_amcheck")),
        "{names:?}"
    );
    let phases: Vec<&str> = evidence["phases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|phase| phase["name"].as_str().unwrap())
        .collect();
    for phase in [
        "create", "prepare", "install", "fetch", "isolate", "load", "check",
    ] {
        assert!(phases.contains(&phase), "{phases:?}");
    }
    let free = json["run"]["steps"].as_array().unwrap();
    assert!(
        free.iter()
            .any(|step| step["kind"] == "destroy" && step["error"].is_null())
    );
    for machine in stage.running("ionos-") {
        is_free(&stage, &machine);
    }
    stage.holdfast(&["plan"]).exits(0);
    stage.holdfast(&["drill", "--list"]).exits(0).says("passed");

    // A failing check, at production's own hoster, where the machine is deleted.
    stage.edit(check, "if grep", "grep -q \"^ROLE='production'\" /etc/holdfast/identity || { echo 'the table is on strike' >&2; exit 1; }\nif grep");
    stage.commit("A check that fails in drills");
    stage.holdfast(&["apply"]).exits(0);
    stage
        .holdfast(&["drill", "notes", "--at", "hetzner"])
        .exits(1)
        .says("did NOT come back")
        .says("the table is on strike")
        .says("Note: hetzner is production's hoster")
        .says("is gone");
    assert_eq!(
        stage.machines(|m| m["name"].as_str().unwrap().contains("drill")),
        [""; 0]
    );
    stage.holdfast(&["plan"]).exits(5).says("the drill of");
    stage.holdfast(&["drill", "--list"]).exits(5).says("FAILED");
    stage
        .holdfast(&["points", "notes"])
        .exits(0)
        .says("Drill: the drill of");
    at("one that fails is told everywhere");

    // kill -9 in the middle.
    let mut running = stage.start(&["drill", "notes"]);
    running.until_says("ok   isolate notes-drill-3");
    let said = running.kill();
    stage.hear(&said);
    stage.holdfast(&["plan"]).says("destroy notes-drill-3");
    stage
        .holdfast(&["reconcile", "--once"])
        .exits(5)
        .says("ok   destroy notes-drill-3");
    for machine in stage.running("ionos-") {
        is_free(&stage, &machine);
    }
    at("one that was killed is cleared away");

    // One that never boots.
    let mut running = stage.start(&["drill", "notes", "--at", "hetzner"]);
    running.until_says("ok   create notes-drill-4");
    stage.lab(&["kill", "notes-drill-4"]).exits(0);
    let failed = stage.end(running);
    failed
        .exits(1)
        .says("notes-drill-4 has not answered on SSH");
    assert_eq!(
        stage.machines(|m| m["name"].as_str().unwrap().contains("drill")),
        [""; 0]
    );
    stage.holdfast(&["drill", "--list"]).exits(5).says("FAILED");
    at("one whose machine never answers ends as failed, and without it");
    assert!(!stage.said().contains("a note of the customer"));
}
