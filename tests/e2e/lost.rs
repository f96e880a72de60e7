//! Machines that are lost, and machines that only seem to be, watched by `holdfast run` alone: one
//! that hangs is reset, one that stays dead is rebuilt, and nobody is given up behind a cut network.
//! Prints how long each rule took from the loss of power to the decision.

use crate::support::{Running, Stage};
use serde_json::Value;
use std::time::{Duration, Instant};

fn begin(name: &str) -> Stage {
    let stage = Stage::new(name);
    let config = stage.estate().join(".git/holdfast/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let run = "\n[run]\ninterval = \"5s\"\nstill_after_start = \"0s\"\n";
    std::fs::write(config, text + run).unwrap();
    let waits = "lost_after = \"12s\"\nanswers_within = \"25s\"";
    for stack in ["notes", "annex"] {
        stage.edit(
            &format!("stacks/{stack}.toml"),
            "lost_after = \"1s\"",
            waits,
        );
    }
    stage.commit("Silence is waited for");
    stage
}

/// What the journal tells of a stack, as texts.
fn told(stage: &mut Stage, stack: &str) -> Vec<(f64, String)> {
    let log = stage.holdfast(&["log", stack, "--format", "json"]);
    let log = log.exits(0).json();
    let all = log["entries"].as_array().or_else(|| log["told"].as_array());
    let all = all.unwrap_or_else(|| panic!("{log:#}"));
    let at = |entry: &Value| -> f64 {
        let at: jiff::Timestamp = entry["at"].as_str().unwrap().parse().unwrap();
        at.as_duration().as_secs_f64()
    };
    all.iter()
        .map(|entry| (at(entry), entry["text"].as_str().unwrap().to_owned()))
        .collect()
}

fn end(stage: &mut Stage, running: Running) {
    let running = running.terminate();
    stage.end(running).exits(0);
}

fn now() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}

/// The first entry after this moment that holds these words.
#[track_caller]
fn when(told: &[(f64, String)], after: f64, words: &str) -> f64 {
    let found = told
        .iter()
        .find(|(at, text)| *at >= after && text.contains(words));
    found.unwrap_or_else(|| panic!("{words}: {told:#?}")).0
}

#[test]
#[ignore = "it takes minutes: make disasters"]
fn what_is_lost_is_rebuilt_and_nothing_else() {
    let clock = Instant::now();
    let at = |what: &str| eprintln!("{:6.1} s  {what}", clock.elapsed().as_secs_f64());
    let mut stage = begin("lost");
    stage.holdfast(&["reconcile", "--once"]).exits(0);
    at("two customers at one place");

    let running = stage.start(&["run"]);
    std::thread::sleep(Duration::from_secs(8));
    stage.lab(&["hang", "notes-e1"]).exits(0);
    assert!(stage.get("notes-e1", "/index.html").is_none(), "it hangs");
    at("notes-e1 hangs");
    stage.until_served("notes-e1");
    at("it was reset, and serves again");
    let until = Instant::now() + Duration::from_mins(1);
    while !stage
        .holdfast(&["log", "notes"])
        .stdout
        .contains("notes-e1 answers again")
    {
        assert!(Instant::now() < until, "nobody looks at it again");
        std::thread::sleep(Duration::from_secs(1));
    }
    end(&mut stage, running);
    assert_eq!(stage.running("notes-"), ["notes-e1"]);
    let log = stage.holdfast(&["log", "notes"]).exits(0);
    log.says("notes-e1 fell silent")
        .says("reset notes-e1: done");

    // Nobody reaches the place, its interface included: nothing is known, so nothing is done.
    let running = stage.start(&["run"]);
    std::thread::sleep(Duration::from_secs(8));
    stage.lab(&["cut", "hetzner"]).exits(0);
    std::thread::sleep(Duration::from_secs(70));
    end(&mut stage, running);
    stage
        .holdfast(&["why", "notes"])
        .exits(5)
        .says("sign at the end of stacks/notes.toml");
    stage.lab(&["heal"]).exits(0);
    assert_eq!(stage.running("notes-"), ["notes-e1"], "nothing was made");
    assert_eq!(stage.running("annex-"), ["annex-e1"], "nothing was made");
    stage.until_served("notes-e1");
    stage.holdfast(&["reconcile", "--once"]).exits(0);
    at("s01: a cut network is not mistaken for loss");

    // It hangs whatever is done.
    let mut running = stage.start(&["run"]);
    std::thread::sleep(Duration::from_secs(8));
    stage.lab(&["hang", "notes-e1", "--for-good"]).exits(0);
    at("notes-e1 hangs for good");
    running.until_says("begins: switch notes-e1 off, and on");
    at("a reset did not help");
    stage.until_served("notes-e2");
    at("rebuilt");
    end(&mut stage, running);
    assert_eq!(stage.running("notes-"), ["notes-e2"]);
    let log = stage.holdfast(&["log", "notes"]).exits(0);
    log.says("was switched off and on")
        .says("can no longer write");

    // Power loss, as it is decided with what an estate gets that says nothing.
    for stack in ["notes", "annex"] {
        let file = format!("stacks/{stack}.toml");
        stage.edit(&file, "lost_after = \"12s\"", "lost_after = \"90s\"");
        stage.edit(&file, "answers_within = \"25s\"", "answers_within = \"2m\"");
    }
    stage.commit("As usual");
    let config = stage.estate().join(".git/holdfast/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(
        &config,
        text.replace("interval = \"5s\"", "interval = \"1m\""),
    )
    .unwrap();
    let running = stage.start(&["run"]);
    std::thread::sleep(Duration::from_secs(8));
    let lost = now();
    stage.lab(&["destroy", "notes-e2"]).exits(0);
    at("notes-e2 loses its power and its disk");
    stage.until_served("notes-e3");
    at("rebuilt, with what is usual");
    end(&mut stage, running);
    let told = told(&mut stage, "notes");
    let silent = when(&told, lost, "fell silent");
    let tried = when(&told, lost, "could not be switched on");
    let decided = when(&told, lost, "create notes-e3");
    eprintln!(
        "From power loss to the decision to rebuild: {:.1} s",
        decided - lost
    );
    eprintln!("  {:6.1} s  until the next look (every 1m)", silent - lost);
    eprintln!(
        "  {:6.1} s  switching on was tried, and refused",
        tried - silent
    );
    eprintln!(
        "  {:6.1} s  the rest of 90s of silence, and the last look",
        decided - tried
    );
    assert!(decided - lost < 180.0, "{:.1} s", decided - lost);
}
