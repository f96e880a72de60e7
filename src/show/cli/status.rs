//! `holdfast status`: one line per stack, worst first. Looks, and touches nothing.

use super::estate::EstateArgs;
use super::failure::fail;
use crate::decide::status::lines;
use crate::flow::entry::Mode;
use crate::flow::leads::leads;
use crate::flow::reconcile::plan_now;
use crate::show::exit::Exit;
use crate::show::say::out;
use crate::show::views::{Format, status as view};

/// Below the options.
pub const HELP: &str =
    "States, worst first: down, unknown, held, paused, frozen, to do, as wanted, retired. What could not be
seen is unknown, never as wanted.

Exit codes: 0 all is as wanted, 1 error, 2 changes, 3 changes with destructive effect,
4 refused by trust or policy, 5 something is down, held, paused, frozen or could not be seen";

#[derive(clap::Args)]
pub struct Args {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub async fn run(args: Args, estate: &EstateArgs) -> Exit {
    let session = match estate.open_newest(Mode::Read, args.format).await {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let planned = match plan_now(&session).await {
        Ok(planned) => planned,
        Err(error) => return fail(args.format, &error),
    };
    let (seen, plan) = (&planned.look.observed, planned.plan.plan());
    let lines = lines(&session.desired, seen, &planned.past, plan);
    let leads = leads(&session).await;
    match args.format {
        Format::Human => {
            out!("{}", view::human(&lines, plan, seen.at));
            if let Some(leads) = &leads {
                out!("{}", view::leads(leads));
            }
        }
        Format::Json => {
            let mut value = view::json(&lines, plan, seen.at);
            if let Some(leads) = &leads {
                value["reconcilers"] = view::leads_json(leads);
            }
            super::print_json(&value);
        }
    }
    Exit::of_lines(plan, &lines)
}
