//! `holdfast backup STACK`: a recovery point now, read back from the backup hoster.

use super::estate::{AT_A_STEP, EstateArgs, stop_signal};
use super::failure::fail;
use crate::flow::back_up::back_up;
use crate::flow::entry::Mode;
use crate::model::ids::StackId;
use crate::show::exit::Exit;
use crate::show::progress::Progress;
use crate::show::say::outln;
use crate::show::views::{self, Format};
use std::sync::Arc;

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
    match back_up(&session, &stack, Arc::new(Progress::new()), &stop).await {
        Ok(report) => {
            match args.format {
                Format::Human if report.complete() => outln!(
                    "{stack} has a new recovery point, read back from the backup hoster.\nNext: holdfast points {stack}"
                ),
                Format::Human => outln!(
                    "{}\nNo new recovery point. Earlier ones are untouched.",
                    views::run::table(&report)
                ),
                Format::Json => super::print_json(&views::run::json(&report)),
            }
            if report.complete() {
                Exit::Nothing
            } else {
                Exit::Error
            }
        }
        Err(error) => fail(args.format, &error),
    }
}
