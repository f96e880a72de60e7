//! `holdfast apply` and `holdfast reconcile --once`: make it so, and look again until nothing is
//! left; or, with a plan from a file, exactly that and nothing else.

use super::estate::{AT_A_STEP, EstateArgs, chosen, stop_signal};
use super::failure::{fail, refused};
use crate::flow::apply::Reporter;
use crate::flow::drill::{Tried, drill_due};
use crate::flow::entry::Mode;
use crate::flow::exactly::{Executed, NotThis, executable, execute};
use crate::flow::plan_file;
use crate::flow::reconcile::{Reconciled, reconcile};
use crate::model::causes::chain;
use crate::model::plan::Plan;
use crate::show::exit::Exit;
use crate::show::progress::Progress;
use crate::show::say::{errln, out, outln};
use crate::show::views::{self, Format};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Below the options.
pub const HELP: &str =
    "With FILE: if the commit, what is seen, or what would be planned is no longer what it was,
nothing is done, it is said what has changed, and the exit code is 4. Otherwise the exit code
says what is left: 0 nothing, 2 or 3 more to do, 5 something held, 1 a step failed.";

#[derive(clap::Args)]
pub struct Args {
    /// A plan that `holdfast plan --out FILE` wrote: one pass over exactly its steps, or nothing
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only this stack, and the shared steps that it waits for; may be given several times
    #[arg(long, value_name = "STACK", conflicts_with = "file")]
    only: Vec<String>,
    #[command(flatten)]
    result: ResultArgs,
}

#[derive(clap::Args)]
pub struct ResultArgs {
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(clap::Args)]
pub struct ReconcileArgs {
    /// Look, act until nothing is left to do, and end
    #[arg(long, required = true)]
    once: bool,
    #[command(flatten)]
    result: ResultArgs,
}

pub async fn run_once(args: ReconcileArgs, estate: &EstateArgs) -> Exit {
    let ReconcileArgs { once: _, result } = args; // Required: a loop without --once comes with `holdfast run`.
    until_settled(&[], &result, estate, Drills::WhatIsDue).await
}

pub async fn run(args: Args, estate: &EstateArgs) -> Exit {
    match &args.file {
        Some(file) => exactly(file, &args.result, estate).await,
        None => until_settled(&args.only, &args.result, estate, Drills::None).await,
    }
}

/// Exactly the plan in the file: all of it is read before anything is opened.
async fn exactly(file: &Path, args: &ResultArgs, estate: &EstateArgs) -> Exit {
    let plan = match plan_file::read(file) {
        Ok(plan) => plan,
        Err(error) => return fail(args.format, &error),
    };
    if let Err(error) = executable(&plan) {
        fail(args.format, &error);
        return Exit::Refused;
    }
    let session = match estate.open_newest(Mode::Write, args.format).await {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let stop = stop_signal(AT_A_STEP);
    let reporter: Arc<dyn Reporter> = Arc::new(Progress::new());
    match execute(&session, plan, reporter, &stop).await {
        Ok(executed) => {
            print_executed(&executed, args.format);
            if executed.report.complete() {
                Exit::of(&executed.left)
            } else {
                Exit::Error
            }
        }
        Err(NotThis::Stale(stale)) => {
            let changes = stale.changes.join("\n  ");
            refused(
                args.format,
                &format!("the plan no longer holds, so nothing was done\n  {changes}"),
                Some("plan again, and look at what is planned now"),
            )
        }
        Err(error) => fail(args.format, &error),
    }
}

fn print_executed(executed: &Executed, format: Format) {
    match format {
        Format::Human => {
            outln!("{}\n", views::run::table(&executed.report));
            outln!("What is left now:");
            out!("{}", views::plan::human(&executed.left));
        }
        Format::Json => super::print_json(&json!({
            "passes": [views::run::json(&executed.report)],
            "left": executed.left,
        })),
    }
}

/// What comes after the plan's own steps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drills {
    None,
    WhatIsDue,
}

async fn until_settled(
    only: &[String],
    args: &ResultArgs,
    estate: &EstateArgs,
    drills: Drills,
) -> Exit {
    let session = match estate.open_newest(Mode::Write, args.format).await {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let stacks = match chosen(&session.desired, only, args.format) {
        Ok(stacks) => stacks,
        Err(exit) => return exit,
    };
    let stop = stop_signal(AT_A_STEP);
    let reporter: Arc<dyn Reporter> = Arc::new(Progress::new());
    let on_plan = |plan: &Plan| errln!("{}", views::plan::headline(plan));
    let mut done = match reconcile(&session, stacks.as_deref(), &reporter, &stop, on_plan).await {
        Ok(done) => done,
        Err(error) => return fail(args.format, &error),
    };
    let mut drilled = Vec::new();
    if drills == Drills::WhatIsDue {
        match drill_due(&session, &reporter, &stop, &mut done).await {
            Ok(all) => drilled = all,
            Err(error) => return fail(args.format, &error),
        }
    }
    print(&done, &drilled, args.format);
    exit(&done)
}

fn print(done: &Reconciled, drilled: &[Tried], format: Format) {
    match format {
        Format::Human => {
            for report in &done.reports {
                outln!("{}\n", views::run::table(report));
            }
            for tried in drilled {
                match &tried.drilled {
                    Ok(drilled) => outln!("{}\n", views::drill::human(drilled)),
                    Err(error) => outln!("{}\n", chain(error)),
                }
            }
            if let Some(plan) = &done.left {
                out!("{}", views::plan::human(plan));
            }
        }
        Format::Json => super::print_json(&json!({
            "passes": done.reports.iter().map(views::run::json).collect::<Vec<_>>(),
            "drills": drilled.iter().map(|tried| match &tried.drilled {
                Ok(drilled) => views::drill::json(drilled),
                Err(error) => json!({"stack": tried.stack, "error": chain(error)}),
            }).collect::<Vec<_>>(),
            "left": done.left,
        })),
    }
}

/// 0 when all is as wanted; 5 when something is held or could not be seen; 1 when a step failed.
fn exit(done: &Reconciled) -> Exit {
    match &done.left {
        Some(plan) if plan.steps.is_empty() => Exit::of(plan),
        _ => Exit::Error,
    }
}
