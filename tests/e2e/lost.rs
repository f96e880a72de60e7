//! Machines that are lost, and machines that only seem to be, watched by `holdfast run` alone: one
//! that hangs is reset, one that stays dead is rebuilt, and nobody is given up behind a cut network.
//! Prints how long each rule took from the loss of power to the decision.

use crate::support::Stage;
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
    stage.end_in_order(running);
    assert_eq!(stage.running("notes-"), ["notes-e1"]);
    let log = stage.holdfast(&["log", "notes"]).exits(0);
    log.says("notes-e1 fell silent")
        .says("reset notes-e1: done");

    // Nobody reaches the place, its interface included: nothing is known, so nothing is done.
    let running = stage.start(&["run"]);
    std::thread::sleep(Duration::from_secs(8));
    stage.lab(&["cut", "hetzner"]).exits(0);
    std::thread::sleep(Duration::from_secs(70));
    stage.end_in_order(running);
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
    stage.end_in_order(running);
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
    let lost = stage.lose_power("notes-e2", "notes-e3");
    at("notes-e2 lost its power and its disk; rebuilt, with what is usual");
    eprintln!(
        "From power loss to the decision to rebuild: {:.1} s",
        lost.decided()
    );
    eprintln!("  {:6.1} s  until the next look (every 1m)", lost.looked);
    eprintln!(
        "  {:6.1} s  switching on was tried, and refused",
        lost.tried
    );
    eprintln!(
        "  {:6.1} s  the rest of 90s of silence, and the last look",
        lost.waited
    );
    eprintln!("  {:6.1} s  more until users got in", lost.served);
    assert!(lost.decided() < 180.0, "{:.1} s", lost.decided());
}
