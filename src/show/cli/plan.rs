//! `holdfast plan`: what would be done, to whom, and why. Touches nothing.

use super::estate::{EstateArgs, fail};
use crate::flow::entry::Mode;
use crate::flow::reconcile::plan_now;
use crate::model::plan::Plan;
use crate::show::exit::Exit;
use crate::show::views::{self, Format};

#[derive(clap::Args)]
pub struct Args {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub async fn run(args: Args, estate: &EstateArgs) -> Exit {
    let session = match estate.open_newest(Mode::Read).await {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    match plan_now(&session).await {
        Ok(planned) => {
            print(planned.plan.plan(), args.format);
            Exit::of(planned.plan.plan())
        }
        Err(error) => fail(&error),
    }
}

/// One plan on standard output.
pub fn print(plan: &Plan, format: Format) {
    match format {
        Format::Human => anstream::print!("{}", views::plan::human(plan)),
        Format::Json => super::print_json(plan),
    }
}
