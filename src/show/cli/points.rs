//! `holdfast points [STACK]`: recovery points, how far each is proven, and which one a rebuild would take.

use super::estate::EstateArgs;
use super::failure::{explain, fail, failed};
use crate::decide::only::not_sound;
use crate::flow::drill::trouble;
use crate::flow::entry::Mode;
use crate::flow::points::{fleet, fleet_in_full, list};
use crate::model::ids::StackId;
use crate::model::visible::visible;
use crate::show::exit::Exit;
use crate::show::say::{out, outln};
use crate::show::views::{Format, points as view};
use crate::world::clock::{Clock as _, SystemClock};

#[derive(clap::Args)]
pub struct Args {
    /// Which stack; without it all of them, as they were seen last
    stack: Option<String>,
    /// How to print them
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub async fn run(args: Args, estate: &EstateArgs) -> Exit {
    match args.stack {
        Some(stack) => one(&StackId::new(stack), args.format, estate).await,
        None => all(args.format, estate).await,
    }
}

/// A look at the repository itself.
async fn one(stack: &StackId, format: Format, estate: &EstateArgs) -> Exit {
    let session = match estate.open(Mode::Read, format).await {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let Some(known) = session.desired.stack(stack) else {
        return failed(format, &not_sound(&session.desired, stack), None);
    };
    match list(&session, &known.id).await {
        Ok(Ok(listing)) => {
            match format {
                Format::Human => {
                    let now = session.world.clock.now();
                    out!("{}", view::human(stack, &listing, now));
                    match trouble(&session, known, &listing.points).await {
                        Ok(Some(trouble)) => outln!("Drill: {}", visible(&trouble)),
                        Ok(None) => {}
                        Err(error) => return fail(format, &error),
                    }
                }
                Format::Json => super::print_json(&view::json(&listing)),
            }
            Exit::Nothing
        }
        Ok(Err(gap)) => failed(
            format,
            &format!("the recovery points could not be listed: {gap}"),
            Some("holdfast points, without a stack, tells what was seen last"),
        ),
        Err(error) => fail(format, &error),
    }
}

/// What was seen last; nothing outside is asked.
async fn all(format: Format, estate: &EstateArgs) -> Exit {
    let told = match (estate.config(), format) {
        (Err(error), _) => Err(error),
        (Ok(config), Format::Human) => fleet(&config)
            .await
            .map(|rows| out!("{}", view::fleet(&rows, SystemClock.now()))),
        (Ok(config), Format::Json) => fleet_in_full(&config)
            .await
            .map(|rows| super::print_json(&view::fleet_json(&rows))),
    };
    match told {
        Ok(()) => Exit::Nothing,
        Err(error) => explain(format, &error),
    }
}
