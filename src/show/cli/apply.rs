//! `holdfast apply` and `holdfast reconcile --once`: make it so, and look again until nothing is left.

use super::estate::{AT_A_STEP, EstateArgs, fail, stop_signal};
use crate::flow::apply::Reporter;
use crate::flow::entry::Mode;
use crate::flow::reconcile::{Reconciled, reconcile};
use crate::model::plan::Plan;
use crate::show::exit::Exit;
use crate::show::progress::Progress;
use crate::show::views::{self, Format};
use serde_json::json;
use std::sync::Arc;

#[derive(clap::Args)]
pub struct Args {
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
    apply: Args,
}

pub async fn run_once(args: ReconcileArgs, estate: &EstateArgs) -> Exit {
    let ReconcileArgs { once: _, apply } = args; // Required: a loop without --once comes with `holdfast run`.
    run(apply, estate).await
}

pub async fn run(args: Args, estate: &EstateArgs) -> Exit {
    let session = match estate.open_newest(Mode::Write).await {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let stop = stop_signal(AT_A_STEP);
    let reporter: Arc<dyn Reporter> = Arc::new(Progress::new());
    let on_plan = |plan: &Plan| anstream::eprintln!("{}", views::plan::headline(plan));
    match reconcile(&session, &reporter, &stop, on_plan).await {
        Ok(done) => {
            print(&done, args.format);
            exit(&done)
        }
        Err(error) => fail(&error),
    }
}

fn print(done: &Reconciled, format: Format) {
    match format {
        Format::Human => {
            for report in &done.reports {
                anstream::println!("{}\n", views::run::table(report));
            }
            if let Some(plan) = &done.left {
                anstream::print!("{}", views::plan::human(plan));
            }
        }
        Format::Json => super::print_json(&json!({
            "passes": done.reports.iter().map(views::run::json).collect::<Vec<_>>(),
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
