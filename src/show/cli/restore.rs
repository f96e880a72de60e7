//! `holdfast restore STACK`: a file, a folder, a database or a table beside the live data.

use super::estate::{AT_A_STEP, EstateArgs, stop_signal};
use super::failure::{fail, failed};
use super::files::{asked_moment, trimmed};
use crate::flow::entry::Mode;
use crate::flow::part::{Asked, From, retrieve};
use crate::model::ids::StackId;
use crate::show::exit::Exit;
use crate::show::progress::Progress;
use crate::show::say::outln;
use crate::show::views::{self, Format};
use clap::builder::NonEmptyStringValueParser;
use serde_json::json;
use std::sync::Arc;

#[derive(clap::Args)]
pub struct Args {
    /// Which stack
    stack: String,
    /// A file or folder, as it was on production: an absolute path
    #[arg(long, value_name = "PATH", required_unless_present_any = ["database", "table"])]
    path: Option<String>,
    /// A database
    #[arg(long, value_name = "NAME", conflicts_with = "path")]
    database: Option<String>,
    /// One table of it alone, without its indexes and constraints
    #[arg(
        long,
        value_name = "TABLE",
        requires = "database",
        conflicts_with = "path",
        value_parser = NonEmptyStringValueParser::new()
    )]
    table: Option<String>,
    /// From the point that was the newest then: 2026-11-20 (its end), "2026-11-20 14:05" (in the
    /// zone of the stack's schedule), or with a zone of its own [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// From this point, by the beginning of its id: also one that was saved aside
    #[arg(long, value_name = "ID", conflicts_with = "at")]
    point: Option<String>,
    /// Where to, on the machine: a path, or the name of a database, that is not there yet
    #[arg(long, value_name = "NEW")]
    to: String,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub async fn run(args: Args, estate: &EstateArgs) -> Exit {
    let session = match estate.open(Mode::Write, args.format).await {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let stack = StackId::new(args.stack);
    let at = match asked_moment(&session, &stack, args.at.as_deref()) {
        Ok(at) => at,
        Err(message) => return failed(args.format, &message, None),
    };
    let asked = match (args.path, args.database) {
        (Some(path), _) => Asked::Path(trimmed(&path).to_owned()),
        (None, Some(database)) => Asked::Database {
            database,
            table: args.table,
        },
        (None, None) => return failed(args.format, "name --path or --database", None),
    };
    let stop = stop_signal(AT_A_STEP);
    let reporter = Arc::new(Progress::new());
    let from = args.point.map_or(From::Newest(at), From::Point);
    match retrieve(&session, &stack, &asked, &from, &args.to, reporter, &stop).await {
        Ok(done) => {
            let complete = done.report.complete();
            let taken = done.point.taken_at.strftime("%Y-%m-%d %H:%M:%S UTC");
            match args.format {
                Format::Human if complete => outln!(
                    "{} is as it was on {taken} (point {}). The live data is untouched.",
                    args.to,
                    done.point.id.short()
                ),
                Format::Human => outln!(
                    "{}\nNothing was brought back, and the live data is untouched.",
                    views::run::table(&done.report)
                ),
                Format::Json => super::print_json(&json!({
                    "point": done.point.id,
                    "taken_at": done.point.taken_at,
                    "to": args.to,
                    "run": views::run::json(&done.report),
                })),
            }
            if complete { Exit::Nothing } else { Exit::Error }
        }
        Err(error) => fail(args.format, &error),
    }
}
