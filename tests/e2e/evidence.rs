//! Evidence on real machines: a rebuild proves its point, anybody can check what it says, nobody
//! can forge it, and all of it outlives the computer that did it.

use crate::support::{Ran, Stage, text};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

#[test]
fn a_rebuild_leaves_evidence_that_anybody_can_check() {
    let mut stage = Stage::new("evidence");
    for (name, scene) in [
        ("a_point_says_why_it_would_be_taken", why as fn(&mut Stage)),
        ("a_rebuild_proves_its_point", rebuilt),
        ("ssh_keygen_alone_checks_a_document", checked_by_anybody),
        ("s11_a_forged_rung_is_not_believed", forged),
        ("the_fleet_is_told_without_a_look", fleet),
        (
            "git_the_backups_and_one_key_bring_everything_back",
            from_nothing,
        ),
    ] {
        let begin = Instant::now();
        scene(&mut stage);
        eprintln!("scene {name} ({:.1} s)", begin.elapsed().as_secs_f64());
    }
}

fn points(stage: &mut Stage) -> Value {
    let listed = stage.holdfast(&["points", "notes", "--format", "json"]);
    listed.exits(0).json()
}

fn chosen(listed: &Value) -> &Value {
    let points = listed["points"].as_array().unwrap();
    let chosen = points.iter().find(|p| p["id"] == listed["chosen"]);
    chosen.expect("nothing would be chosen")
}

fn why(stage: &mut Stage) {
    stage.holdfast(&["apply"]).exits(0);
    let write = "head -c 20000000 /dev/urandom >/var/lib/notes/big\nchown www-data: /var/lib/notes/big\n\
        runuser -u postgres -- psql -XqAt -d notes -c \"insert into note (body) values ('kept for ever')\"\n";
    stage.ssh("notes-e1", write).exits(0);
    stage.holdfast(&["backup", "notes"]).exits(0);
    let listed = points(stage);
    let point = chosen(&listed);
    assert_eq!(point["rung"], "shipped");
    assert!(point["bytes"].as_u64().unwrap() > 20_000_000, "{point}");
    assert!(point["arrived_at"].is_string(), "{point}");
    assert_eq!(point["evidence"].as_array().unwrap().len(), 1, "{point}");
    let why = listed["why"][0].as_str().unwrap();
    assert!(why.contains("it is the newest; it is shipped"), "{why}");
    stage
        .holdfast(&["points", "notes"])
        .exits(0)
        .says("a rebuild would take");
    stage
        .holdfast(&["evidence", "notes"])
        .exits(0)
        .says("There is no evidence for notes yet");
}

fn rebuilt(stage: &mut Stage) {
    stage.lab(&["destroy", "notes-e1"]).exits(0);
    stage.holdfast(&["reconcile", "--once"]).exits(0);
    let listed = points(stage);
    let proven = listed["points"].as_array().unwrap();
    let proven = proven.iter().find(|p| p["rung"] == "app-verified");
    let proven = proven.expect("nothing is app-verified");
    let documents = proven["evidence"].as_array().unwrap();
    assert!(
        documents
            .iter()
            .any(|p| p["rung"] == "app-verified" && p["document"].is_string()),
        "{proven}"
    );
    let evidence = evidence(stage);
    assert_eq!(evidence["what"], "rebuild");
    assert_eq!(evidence["verdict"]["verdict"], "passed");
    assert_eq!(evidence["point"]["id"], proven["id"]);
    assert_eq!(
        evidence["expected"]["notes"]["files"],
        evidence["found"]["notes"]["files"]
    );
    assert_eq!(evidence["place"]["hoster"], "hetzner");
    assert!(!evidence["checks"].as_array().unwrap().is_empty());
    assert!(
        evidence["versions"]["postgresql"].is_string()
            || evidence["versions"]["restic"].is_string(),
        "{evidence}"
    );
    let phases = evidence["phases"].as_array().unwrap();
    for phase in [
        "create", "install", "fetch", "load", "check", "open", "name",
    ] {
        assert!(
            phases.iter().any(|p| p["name"] == phase),
            "{phase}: {phases:?}"
        );
    }
}

/// The one document there is.
fn evidence(stage: &mut Stage) -> Value {
    let listed = stage.holdfast(&["evidence", "notes", "--format", "json"]);
    let listed = listed.exits(0).json();
    let documents = listed["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 1, "{documents:?}");
    assert_eq!(documents[0]["signed"], true);
    assert_eq!(documents[0]["there"], true);
    assert_eq!(documents[0]["here"], true);
    documents[0]["evidence"].clone()
}

/// What an auditor is handed: a document, its signature, and the key from Git.
fn handed_over(stage: &mut Stage) -> (PathBuf, PathBuf) {
    let folder = stage.dir().join("auditor");
    std::fs::create_dir_all(&folder).unwrap();
    let to = text(&folder);
    let shown = stage.holdfast(&["evidence", "show", "notes", "--to", &to]);
    shown.exits(0);
    let key = folder.join("evidence.allowed_signers");
    std::fs::copy(stage.estate().join("evidence.allowed_signers"), &key).unwrap();
    let files = std::fs::read_dir(&folder).unwrap();
    let document = files
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "json"))
        .unwrap();
    (document, key)
}

/// As the auditor's page says, word for word.
fn ssh_keygen(document: &Path) -> bool {
    let script = "ssh-keygen -Y verify -f evidence.allowed_signers -I \"$(jq -r .estate \"$1.json\")\" \\\n    \
        -n holdfast-evidence -s \"$1.sig\" < \"$1.json\"";
    let ran = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(document.file_stem().unwrap())
        .current_dir(document.parent().unwrap())
        .output()
        .unwrap();
    ran.status.success()
}

fn checked_by_anybody(stage: &mut Stage) {
    let (document, key) = handed_over(stage);
    let (file, key) = (text(&document), text(&key));
    let verify = ["evidence", "verify", &file, "--key", &key];
    stage
        .holdfast_anywhere(&verify)
        .exits(0)
        .says("rebuild of notes: passed")
        .says("equal to what the point's manifest says");
    stage
        .holdfast(&["evidence", "verify", &file])
        .exits(0)
        .says("unchanged since");
    assert!(ssh_keygen(&document));
    // The committed key is the one that the estate would print.
    let printed = stage.holdfast(&["evidence", "key"]).exits(0).stdout;
    assert_eq!(printed, std::fs::read_to_string(&key).unwrap());

    let told = std::fs::read_to_string(&document).unwrap();
    std::fs::write(&document, told.replace("\"passed\"", "\"Passed\"")).unwrap();
    stage
        .holdfast_anywhere(&verify)
        .exits(4)
        .says("is not what was signed");
    assert!(!ssh_keygen(&document));
    std::fs::write(&document, told).unwrap();
    assert!(ssh_keygen(&document));
    let other = stage.estate().join(".git/holdfast/keys/machines.pub");
    let other = text(&other);
    stage
        .holdfast_anywhere(&["evidence", "verify", &file, "--key", &other])
        .exits(4);
}

/// Root on the backup machine writes what nobody signed.
fn forged(stage: &mut Stage) {
    stage.holdfast(&["backup", "notes"]).exits(0);
    let listed = points(stage);
    let newest = listed["points"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(listed["points"][0]["rung"], "shipped");
    let vault = vault(stage);
    let forge = format!(
        "cd /srv/holdfast\n\
         printf '{{\"schema\":2,\"rung\":\"restored\",\"stack\":\"notes\",\"point\":\"{newest}\",\"at\":\"2026-01-01T00:00:00Z\",\"document\":\"none\"}}' >rungs/notes/{newest}.restored.json\n\
         real=$(ls evidence/notes/*.json)\n\
         sed 's/\"id\": \"[0-9a-f]*\"/\"id\": \"{newest}\"/' \"$real\" >evidence/notes/forged.json\n\
         cp \"${{real%.json}}.sig\" evidence/notes/forged.sig\n\
         printf '{{\"schema\":2,\"rung\":\"app-verified\",\"stack\":\"notes\",\"point\":\"{newest}\",\"at\":\"2026-01-01T00:00:00Z\",\"document\":\"forged\"}}' >rungs/notes/{newest}.app-verified.json\n"
    );
    stage.ssh(&vault, &forge).exits(0);
    let listed = points(stage);
    assert_eq!(listed["points"][0]["rung"], "shipped");
    let reasons: Vec<&str> = listed["not_believed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|claim| claim["reason"].as_str().unwrap())
        .collect();
    assert!(
        reasons.contains(&"its signed document is not there"),
        "{reasons:?}"
    );
    assert!(
        reasons.contains(&"its document is not signed by this estate's key"),
        "{reasons:?}"
    );
    stage
        .holdfast(&["points", "notes"])
        .exits(0)
        .says("that is not believed");
    stage
        .holdfast(&["evidence", "notes"])
        .exits(0)
        .says("it proves nothing");
    let clean = format!(
        "rm /srv/holdfast/rungs/notes/{newest}.restored.json /srv/holdfast/rungs/notes/{newest}.app-verified.json /srv/holdfast/evidence/notes/forged.*\n"
    );
    stage.ssh(&vault, &clean).exits(0);
}

/// The lab's machine that is our backup machine.
fn vault(stage: &Stage) -> String {
    let pools = stage.machines(|m| m["hoster"] == "netcup" && m["power"] == "running");
    let script = "grep -qx \"MACHINE='backup-netcup-vie'\" /etc/holdfast/identity";
    let mut pools = pools.into_iter();
    pools
        .find(|name| stage.ssh(name, script).code == 0)
        .expect("no backup machine")
}

fn fleet(stage: &mut Stage) {
    stage.lab(&["cut", "netcup"]).exits(0);
    let told: Ran = stage.holdfast(&["points"]);
    let unreachable = stage.holdfast(&["evidence", "notes"]);
    stage.lab(&["heal"]).exits(0);
    told.exits(0)
        .says("a rebuild never relies on it")
        .says("app-verified");
    unreachable
        .exits(0)
        .says("these are the copies on this computer")
        .says("rebuild");
}

/// The reconciler's computer is gone, and so is production. What is left: a clone, the backup
/// hoster, and the key for escrow.
fn from_nothing(stage: &mut Stage) {
    let before = points(stage);
    let content = stage.notes_on("notes-e2");
    let (old, new) = (stage.estate(), stage.dir().join("another-computer"));
    let cloned = Command::new("git")
        .args(["clone", "-q"])
        .args([&old, &new])
        .status();
    assert!(cloned.unwrap().success());
    let root = stage.git(&["rev-list", "--max-parents=0", "HEAD"]);
    let folder = new.join(".git/holdfast");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(
        old.join(".git/holdfast/keys/escrow.age-key"),
        folder.join("escrow.age-key"),
    )
    .unwrap();
    let config = format!(
        "root = \"{}\"\nidentity = \"escrow.age-key\"\nstate = \"state.sqlite\"\n\n[patience]\nhoster = \"4s\"\nfirst_contact = \"12s\"\n",
        root.trim()
    );
    std::fs::write(folder.join("config.toml"), config).unwrap();
    std::fs::rename(old.join(".git/holdfast"), stage.dir().join("lost")).unwrap();
    stage.lab(&["destroy", "notes-e2"]).exits(0);

    stage.holdfast_in(&new, &["reconcile", "--once"]).exits(0);
    let listed = stage.holdfast_in(&new, &["points", "notes", "--format", "json"]);
    let after = listed.exits(0).json();
    for point in before["points"].as_array().unwrap() {
        let same = after["points"]
            .as_array()
            .unwrap()
            .iter()
            .find(|p| p["id"] == point["id"]);
        let same = same.expect("a point is lost");
        assert!(
            same["rung"] == point["rung"] || same["rung"] == "app-verified",
            "{same}"
        );
    }
    stage
        .holdfast_in(&new, &["evidence", "notes"])
        .exits(0)
        .says("rebuild");
    std::fs::rename(stage.dir().join("lost"), old.join(".git/holdfast")).unwrap();
    let rebuilt = stage.running("notes-");
    assert_eq!(rebuilt.len(), 1, "{rebuilt:?}");
    assert_eq!(stage.notes_on(&rebuilt[0]), content);
    assert!(content.contains("kept for ever"));
}
