//! "Install it", "leave it alone" and "when it calls you", typed as they stand: the reconciler is
//! a service of its own on a machine of the lab, dies, is started again, calls because an ordered
//! machine is gone, and rebuilds when a person has signed the waiver of the page.

use crate::pages::blocks;
use crate::support::{Ran, Stage};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The reconciler's own computer.
const HERE: &str = "ionos-3";

/// Lines typed in one shell, like a reader would, where every one must end well.
#[track_caller]
fn typed(stage: &mut Stage, lines: &str) -> Ran {
    let ran = stage.typed(HERE, "bash -seux", lines).exits(0);
    stage.hear(&ran.stdout);
    stage.hear(&ran.stderr);
    ran
}

/// One customer on ordered machines; the lab's interface and its name server answer on the
/// loopback of this computer alone.
fn describe(stage: &Stage) {
    let estate = stage.estate();
    let all = std::fs::read_to_string(estate.join("hosters.toml")).unwrap();
    let parts: Vec<&str> = all.split_inclusive("\n\n").collect();
    let kept = |part: &&&str| !part.contains("\"hetzner\"") && !part.contains(HERE);
    let hosters: String = parts.iter().filter(kept).copied().collect();
    std::fs::write(estate.join("hosters.toml"), hosters).unwrap();
    let shared = std::fs::read_to_string(estate.join("estate.toml")).unwrap();
    let (shared, _) = shared.split_once("[dns]").unwrap();
    std::fs::write(estate.join("estate.toml"), shared).unwrap();
    stage.edit("stacks/notes.toml", "\"netcup\"", "\"ionos\"");
    stage.edit("stacks/notes.toml", "\"vie\"", "\"de/fra\"");
    let production = "hoster = \"netcup\"\nsite = \"vie\"";
    stage.edit("stacks/notes.toml", "hoster = \"hetzner\"", production);
    stage.git(&["rm", "-q", "stacks/annex.toml"]);
    stage.commit("One customer, on ordered machines");
}

/// What the pages say lies there already, and a remote that only the lab knows.
fn bring(stage: &Stage) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let keys = stage.estate().join(".git/holdfast/keys");
    let unit = source.join("docs/systemd/holdfast.service");
    let program = Path::new(env!("CARGO_BIN_EXE_holdfast"));
    stage.send(program, HERE, "/root/holdfast");
    stage.send(&unit, HERE, "/root/holdfast.service");
    let key = keys.join("reconciler.age-key");
    stage.send(&key, HERE, "/root/reconciler.age-key");
    // A forge has users of its own.
    let forge = "printf '[safe]\\n\\tdirectory = *\\n' >/etc/gitconfig\napt-get -qq update >/dev/null\napt-get -qq install --no-install-recommends git >/dev/null 2>&1\ngit init -q --bare --initial-branch main /srv/estate.git\n";
    stage.ssh(HERE, forge).exits(0);
    let remote = format!("root@{}:/srv/estate.git", stage.address(HERE));
    stage.git(&["config", "core.sshCommand", &stage.ssh_words()]);
    stage.git(&["remote", "add", "origin", &remote]);
    stage.git(&["push", "-q", "--set-upstream", "origin", "main"]);
}

/// "Install it", with the lab's values in the places of the example's.
fn install(stage: &mut Stage) {
    let root = stage.git(&["rev-list", "--max-parents=0", "HEAD"]);
    let mut page = blocks("install-it.md").concat();
    for (example, here) in [
        ("git@forge.example:firm/estate.git", "/srv/estate.git"),
        ("29bb617e3ccc104e960f834046275a3f910fa778", root.trim()),
        // Five minutes are long for a test.
        ("[run]\n", "[run]\nstill_after_start = \"0s\"\n"),
    ] {
        assert_eq!(page.matches(example).count(), 1, "{example}");
        page = page.replace(example, here);
    }
    typed(stage, &page)
        .says("\"well\":true")
        .says("1 stack: 1 as wanted.");
}

/// Typed in one's own clone of the estate, on one's own computer.
#[track_caller]
pub fn typed_here(stage: &Stage, lines: &str) {
    let ours = Path::new(env!("CARGO_BIN_EXE_holdfast")).parent().unwrap();
    let path = format!("{}:{}", ours.display(), std::env::var("PATH").unwrap());
    let ran = Command::new("bash")
        .args(["-euxc", lines])
        .current_dir(stage.estate())
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
}

/// Waits until the loop's metrics say this.
#[track_caller]
fn until_measured(stage: &Stage, line: &str) {
    let look = format!("curl -s http://127.0.0.1:9467/metrics | grep -qxF '{line}'");
    stage.until_within(Duration::from_mins(3), HERE, &look);
}

#[test]
fn the_pages_install_it_leave_it_alone_and_when_it_calls_you_are_true_to_the_letter() {
    let mut stage = Stage::with_lab(
        "pages",
        &["--hosters", "netcup,ionos,hetzner", "--pool-size", "3"],
    );
    describe(&stage);
    bring(&stage);
    install(&mut stage);
    let page = stage.get("netcup-1", "/index.html").unwrap_or_default();
    assert!(page.contains("Notes of many people"), "{page}");

    // It dies, and systemd starts it again.
    let died = "old=$(systemctl show holdfast -p MainPID --value)\nkill -9 \"$old\"\n";
    stage.ssh(HERE, died).exits(0);
    let again =
        "[ \"$(systemctl show holdfast -p NRestarts --value)\" = 1 ]\nsystemctl is-active holdfast";
    stage.until_within(Duration::from_mins(2), HERE, again);
    let note =
        "echo 'a note of the customer' >/var/lib/notes/kept\nchown www-data: /var/lib/notes/kept\n";
    stage.ssh("netcup-1", note).exits(0);
    let backup = "cd /var/lib/holdfast/estate\nrunuser -u holdfast -- holdfast backup notes";
    stage.until_within(Duration::from_mins(2), HERE, backup);

    let run = blocks("run.md").concat();
    typed(&mut stage, &run)
        .says("holdfast_wakes_total{reason=\"push\"}")
        .says("Result=success\nExecMainStatus=0");

    stage.lab(&["destroy", "netcup-1"]).exits(0);
    until_measured(&stage, "holdfast_stacks{state=\"held\"} 1");
    let page = blocks("when-it-calls-you.md");
    let signing = page.iter().position(|block| block.contains("[[waiver]]"));
    let (before, rest) = page.split_at(signing.unwrap());
    let asked = typed(&mut stage, &before.concat());
    asked
        .says("1 stack: 1 unknown.")
        .says("a gap is not absence (S1)")
        .says("sign at the end of stacks/notes.toml:")
        .says("a rebuild would take");
    typed_here(&stage, &rest[0]);
    let rest = rest[1..].concat();
    let first = before[0].clone();
    let after = typed(&mut stage, &(first + &rest));
    after
        .says("notes-e2 (netcup vie)")
        .says("paused")
        .says("\"well\":true");
    let kept = stage.get("netcup-2", "/kept").unwrap_or_default();
    assert!(kept.contains("a note of the customer"), "{kept}");
}
