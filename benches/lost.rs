//! How long it takes from the loss of a machine's power and disk to the decision to rebuild it, on
//! the lab, with what an estate gets that says nothing, and which rule takes what share of it.
//! With a number as an argument so often, each time another machine of the stack. Ends with an
//! error where the bound is not kept. Needs what the lab needs: root and Linux.
#![allow(dead_code, reason = "the tests' stage has more than is measured here")]
#![allow(clippy::disallowed_methods, reason = "it has a clock")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]
#![allow(clippy::print_stdout, clippy::print_stderr)]
#![allow(clippy::cast_precision_loss, reason = "for people")]

mod bounds;
mod lab;
mod process;
#[path = "../tests/e2e/support/mod.rs"]
mod support;

use bounds::Bounds;
use std::process::ExitCode;
use support::Stage;

/// In a lab whoever breaks a machine watches it; this takes the usual patience back.
const IMPATIENT: &str = "lost_after = \"1s\" # a lab is watched by whoever breaks it\n";

fn main() -> ExitCode {
    let mut bounds = Bounds::default();
    let asked = std::env::args().find_map(|word| word.parse().ok());
    let rounds: u32 = asked.unwrap_or(1);
    let mut stage = Stage::new("bench-lost");
    stage.edit("stacks/notes.toml", IMPATIENT, "");
    // The first five minutes of a loop are another rule's, for destruction alone.
    let config = stage.estate().join(".git/holdfast/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + "\n[run]\nstill_after_start = \"0s\"\n").unwrap();
    lab::only(&mut stage, "notes");
    println!(
        "\npower loss to the decision to rebuild: usual settings, {rounds} runs, {}",
        process::load()
    );
    for round in 1..=rounds {
        let (lost, next) = (format!("notes-e{round}"), format!("notes-e{}", round + 1));
        let lost = stage.lose_power(&lost, &next);
        println!(
            "  {:>6.1} s until the next look (every minute)",
            lost.looked
        );
        println!(
            "  {:>6.1} s switching it on was tried, and refused",
            lost.tried
        );
        println!(
            "  {:>6.1} s the rest of 90 s of silence, and the last look",
            lost.waited
        );
        println!("  {:>6.1} s more until users got in to {next}", lost.served);
        let decided = lost.decided();
        bounds.keep(
            &format!("{decided:.1} s from power loss to the decision (under 180)"),
            decided < 180.0,
        );
    }
    bounds.verdict()
}
