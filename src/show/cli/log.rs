//! `holdfast log [STACK]`: what has happened, from the journal alone.

use super::estate::EstateArgs;
use super::failure::{explain, fail};
use crate::decide::moment::since;
use crate::flow::log::read;
use crate::model::ids::StackId;
use crate::show::exit::Exit;
use crate::show::say::out;
use crate::show::views::{Format, log as view};
use crate::world::clock::{Clock as _, SystemClock};
use jiff::tz::TimeZone;

#[derive(clap::Args)]
pub struct Args {
    /// Which stack; without it all, and what they share
    stack: Option<String>,
    /// Only from then on: `3d`, `12h`, `2026-11-20`, `2026-11-20 14:05` (UTC)
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub async fn run(args: Args, estate: &EstateArgs) -> Exit {
    let config = match estate.config() {
        Ok(config) => config,
        Err(error) => return explain(args.format, &error),
    };
    let now = SystemClock.now();
    let from = args.since.as_deref();
    let from = match from.map(|text| since(text, &TimeZone::UTC, now)) {
        Some(Err(error)) => return fail(args.format, &error),
        Some(Ok(from)) => Some(from),
        None => None,
    };
    let stack = args.stack.map(StackId::new);
    match read(&config, stack.as_ref(), from).await {
        Ok(told) => {
            match args.format {
                Format::Human => out!("{}", view::human(&told, stack.as_ref())),
                Format::Json => super::print_json(&view::json(&told)),
            }
            Exit::Nothing
        }
        Err(error) => fail(args.format, &error),
    }
}
