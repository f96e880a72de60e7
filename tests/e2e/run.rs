//! `holdfast run` alone with real machines: it brings up what a commit asks for, goes on where
//! `kill -9` cut it off, leaves a loss alone as long as it is new, rebuilds without anybody
//! typing, and ends at a step boundary.

use crate::support::{Running, Stage};
use std::time::{Duration, Instant};

fn configure(stage: &Stage, still: &str) {
    let config = stage.estate().join(".git/holdfast/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.split("\n[run]\n").next().unwrap();
    let run = format!("{text}\n[run]\ninterval = \"2s\"\nstill_after_start = \"{still}\"\n");
    std::fs::write(config, run).unwrap();
}

fn begin(stage: &mut Stage) -> Running {
    stage.start(&["run"])
}

#[test]
fn left_alone_it_installs_rebuilds_and_ends_in_order() {
    let clock = Instant::now();
    let at = |what: &str| eprintln!("{:6.1} s  {what}", clock.elapsed().as_secs_f64());
    let mut stage = Stage::new("run");
    configure(&stage, "0s");
    at("lab and estate");

    let mut first = begin(&mut stage);
    first.until_says("begins: install notes-e1");
    std::thread::sleep(Duration::from_secs(1));
    let said = first.kill();
    assert!(
        !said.contains("ending=\"settled\""),
        "killed too late:\n{said}"
    );
    stage.hear(&said);
    let mut second = begin(&mut stage);
    second.until_says("ending=\"settled\"");
    stage.until_served("notes-e1");
    assert_eq!(stage.running("notes-"), ["notes-e1"]);
    assert_eq!(stage.running("annex-"), ["annex-e1"]);
    at("a commit is real, with kill -9 in the middle of it");

    // A person works between two passes.
    let write =
        "echo 'a note of the customer' >/var/lib/notes/kept\nchown www-data: /var/lib/notes/kept\n";
    stage.ssh("notes-e1", write).exits(0);
    let until = Instant::now() + Duration::from_mins(1);
    while stage.holdfast(&["backup", "notes"]).code != 0 {
        assert!(Instant::now() < until, "the journal is never free");
        std::thread::sleep(Duration::from_millis(300));
    }
    let ended = second.terminate();
    let ended = stage.end(ended).exits(0);
    assert!(
        ended.stderr.contains("the loop has ended"),
        "{}",
        ended.stderr
    );

    // New, it destroys nothing; and says why.
    configure(&stage, "1h");
    let mut young = begin(&mut stage);
    young.until_says("the pass has ended");
    stage.lab(&["destroy", "notes-e1"]).exits(0);
    young.until_says("held: S8: the loop has run for");
    young.until_says("wanted=create notes-e2");
    let young = young.terminate();
    stage.end(young).exits(0);
    assert!(!stage.running("notes-").iter().any(|m| m == "notes-e2"));
    at("s08: a loss is left alone by a loop that has just begun");

    // Stopped in the middle: what runs comes to its end, nothing else begins.
    configure(&stage, "0s");
    let mut third = begin(&mut stage);
    third.until_says("begins: install notes-e2");
    let third = third.terminate();
    let ended = stage.end(third).exits(0);
    let said = &ended.stderr;
    let stopping = said.find("stopping at the next step boundary").unwrap();
    let after = &said[stopping..];
    let is_end = |line: &str| line.contains("step{stack=\"notes\"") && line.contains(": done ");
    assert!(after.lines().any(is_end), "{said}");
    assert!(!after.contains("begins:"), "{said}");
    at("SIGTERM: it has ended at a step boundary");

    let last = begin(&mut stage);
    stage.until_served("notes-e2");
    let kept = stage.get("notes-e2", "/kept").unwrap_or_default();
    assert!(kept.contains("a note of the customer"), "{kept}");
    assert_eq!(stage.running("notes-"), ["notes-e2"]);
    at("rebuilt, and nobody typed anything");
    std::thread::sleep(Duration::from_secs(10));
    let masters = last.masters();
    // Two customers' machines and four that were ordered, the backup machine among them.
    assert!(masters <= 6, "{masters} connections to six machines");
    let last = last.terminate();
    stage.end(last).exits(0);
    stage.holdfast(&["plan"]).exits(0).says("Nothing to do.");
}
