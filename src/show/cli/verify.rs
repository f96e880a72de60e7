//! `holdfast verify STACK`: every byte of its recovery points, read where they are kept.

use super::estate::{AT_A_STEP, EstateArgs, stop_signal};
use super::failure::fail;
use crate::flow::entry::Mode;
use crate::flow::verify::{Verdict, verify};
use crate::model::ids::StackId;
use crate::show::exit::Exit;
use crate::show::progress::Progress;
use crate::show::say::outln;
use crate::show::views::{self, Format};
use serde_json::json;
use std::sync::Arc;

/// Below the options.
pub const HELP: &str =
    "Nothing is mended. What is found damaged stands in every plan until it reads well again.
Exit codes: 0 nothing is damaged, 5 something is, 1 it could not be read.";

#[derive(clap::Args)]
pub struct Args {
    /// Which stack
    stack: String,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub async fn run(args: Args, estate: &EstateArgs) -> Exit {
    let session = match estate.open(Mode::Write, args.format).await {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let stop = stop_signal(AT_A_STEP);
    let stack = StackId::new(args.stack);
    match verify(&session, &stack, Arc::new(Progress::new()), &stop).await {
        Ok(verdict) => {
            match args.format {
                Format::Human => human(&stack, &verdict),
                Format::Json => super::print_json(&json!({
                    "findings": verdict.findings,
                    "damaged": verdict.damaged,
                    "run": views::run::json(&verdict.report),
                })),
            }
            if !verdict.report.complete() {
                Exit::Error
            } else if verdict.findings.is_empty() {
                Exit::Nothing
            } else {
                Exit::Held
            }
        }
        Err(error) => fail(args.format, &error),
    }
}

fn human(stack: &StackId, verdict: &Verdict) {
    if !verdict.report.complete() {
        outln!("{}", views::run::table(&verdict.report));
        return;
    }
    let points = verdict.points.unwrap_or_default();
    if verdict.findings.is_empty() {
        outln!(
            "Everything that the {points} recovery points of {stack} rest on was read and is whole."
        );
        return;
    }
    outln!("Something that recovery points of {stack} rest on is damaged:");
    for words in &verdict.findings {
        outln!("  {words}");
    }
    for (point, why) in &verdict.damaged {
        outln!("Not to be trusted any more: {}, {why}", point.short());
    }
    outln!("Of {points} points, {}.", verdict.last_good);
    outln!("Nothing was mended. Next: docs/damage.md, then holdfast verify {stack}");
}
