//! `holdfast drill STACK`: does the stack come back from its recovery point? Tried on a machine
//! that is destroyed afterwards.

use super::estate::{AT_A_STEP, EstateArgs, stop_signal};
use super::failure::{fail, failed};
use crate::decide::plan::Asked;
use crate::flow::drill::{Drilled, drill, standings};
use crate::flow::entry::Mode;
use crate::flow::reconcile::plan_now;
use crate::flow::session::Session;
use crate::model::ids::{HosterId, SiteId, StackId};
use crate::show::exit::Exit;
use crate::show::progress::Progress;
use crate::show::say::outln;
use crate::show::views::{self, Format};
use clap::builder::NonEmptyStringValueParser;
use std::path::PathBuf;
use std::sync::Arc;

/// Below the options.
pub const HELP: &str =
    "The machine is cut off before the data comes: no mail, no calls, nothing by the clock. It is
destroyed in the end, however the drill went. Exit codes: 0 it passed; 1 it failed, or was
stopped; with --list 5: a drill failed or is overdue.";

#[derive(clap::Args)]
pub struct Args {
    /// Which stack
    #[arg(required_unless_present = "list", value_parser = NonEmptyStringValueParser::new())]
    stack: Option<String>,
    /// Another recovery point than a rebuild would take: its id, or the beginning of it
    #[arg(long, value_name = "ID", requires = "stack")]
    point: Option<String>,
    /// Where, instead of the schedule's choice
    #[arg(long, value_name = "HOSTER[/SITE]", requires = "stack")]
    at: Option<String>,
    /// Open everything with nothing but the escrow key: the estate's secrets, and on the drill's
    /// machine the repository
    #[arg(
        long,
        value_name = "FILE",
        requires = "stack",
        conflicts_with = "identity"
    )]
    with_escrow_key: Option<PathBuf>,
    /// Do none: show how every stack stands with its drills
    #[arg(long, conflicts_with_all = ["stack", "point", "at", "with_escrow_key"])]
    list: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub async fn run(args: Args, estate: &EstateArgs) -> Exit {
    let mode = if args.list { Mode::Read } else { Mode::Write };
    let opened = match &args.with_escrow_key {
        Some(key) => estate.open_with_escrow(key, mode, args.format).await,
        None => estate.open(mode, args.format).await,
    };
    let session = match opened {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let Some(stack) = &args.stack else {
        return list(&session, args.format).await;
    };
    let stack = StackId::new(stack.as_str());
    let asked = Asked {
        point: args.point,
        at: args.at.as_deref().map(place),
    };
    if asked
        .at
        .as_ref()
        .is_some_and(|(hoster, _)| hoster.as_str().is_empty())
    {
        return failed(
            args.format,
            "--at names no hoster",
            Some("write --at HOSTER or --at HOSTER/SITE"),
        );
    }
    let stop = stop_signal(AT_A_STEP);
    match drill(&session, &stack, &asked, Arc::new(Progress::new()), &stop).await {
        Ok(drilled) => {
            match args.format {
                Format::Human => outln!("{}", views::drill::human(&drilled)),
                Format::Json => super::print_json(&views::drill::json(&drilled)),
            }
            if passed(&drilled) {
                Exit::Nothing
            } else {
                Exit::Error
            }
        }
        Err(error) => fail(args.format, &error),
    }
}

/// It passed, and nothing is left of it.
pub fn passed(drilled: &Drilled) -> bool {
    views::drill::passed(drilled) && drilled.report.complete()
}

/// `ionos` or `ionos/de/fra`: a site may have a slash in it, a hoster has none.
fn place(text: &str) -> (HosterId, Option<SiteId>) {
    match text.split_once('/') {
        Some((hoster, site)) => (HosterId::new(hoster), Some(SiteId::new(site))),
        None => (HosterId::new(text), None),
    }
}

async fn list(session: &Arc<Session>, format: Format) -> Exit {
    let planned = match plan_now(session).await {
        Ok(planned) => planned,
        Err(error) => return fail(format, &error),
    };
    let standings = standings(session, &planned);
    let now = planned.look.observed.at;
    match format {
        Format::Human => outln!("{}", views::drill::table(&standings, now)),
        Format::Json => super::print_json(&views::drill::list_json(&standings, now)),
    }
    if standings
        .values()
        .any(|standing| standing.trouble.is_some() || standing.escrow_overdue.is_some())
    {
        Exit::Held
    } else {
        Exit::Nothing
    }
}
