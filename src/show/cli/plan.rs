//! `holdfast plan`: what would be done, to whom, and why. Touches nothing.

use super::estate::{EstateArgs, chosen};
use super::failure::{distrust, fail, failed, unsound};
use crate::flow::entry::Mode;
use crate::flow::offline::{OfflineError, Question, plan_between};
use crate::flow::plan_file;
use crate::flow::reconcile::{narrowed, plan_now};
use crate::model::causes::chain;
use crate::model::ids::{CommitId, StackId};
use crate::model::plan::Plan;
use crate::show::diagnostics;
use crate::show::exit::Exit;
use crate::show::say::{errln, out};
use crate::show::views::{self, PlanFormat};
use crate::world::clock::{Clock as _, SystemClock};
use std::path::PathBuf;

/// Below the options.
pub const HELP: &str = "Examples:
  holdfast plan                               everything, against the world as it is
  holdfast plan acme --out acme.json          one customer, to be applied as shown
  holdfast plan --base origin/main --format markdown
                                              what a pull request would change, for a comment

With --base nothing is looked at: drift, gaps and recovery points are unknown then, not absent.

Exit codes: 0 nothing to do, 1 error, 2 changes, 3 changes with destructive effect,
4 refused by trust or policy, 5 held or not seen";

#[derive(clap::Args)]
pub struct Args {
    /// Only these stacks, and the shared steps that they wait for
    #[arg(value_name = "STACK")]
    stacks: Vec<String>,
    /// Offline: what --head would change against this commit, which is assumed to be in place.
    /// Needs no network, no secrets and no configuration
    #[arg(long, value_name = "REF")]
    base: Option<String>,
    /// With --base: the commit that would become the accepted head
    #[arg(long, value_name = "REF", default_value = "HEAD", requires = "base")]
    head: String,
    /// With --base: the trusted root [default: the one in the configuration, if there is one]
    #[arg(
        long,
        value_name = "COMMIT",
        env = "HOLDFAST_ROOT",
        hide_env_values = true
    )]
    root: Option<String>,
    /// Also write the plan to this file, for `holdfast apply FILE`; `-` is standard output, in
    /// place of what --format prints
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = PlanFormat::Human)]
    format: PlanFormat,
}

pub async fn run(args: Args, estate: &EstateArgs) -> Exit {
    let plan = match &args.base {
        Some(base) => offline(&args, base, estate),
        None => live(&args, estate).await,
    };
    let plan = match plan {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    if let Some(out) = &args.out {
        if out.as_os_str() == "-" {
            return match plan_file::bytes(&plan) {
                Ok(bytes) => {
                    out!("{}", String::from_utf8_lossy(&bytes));
                    Exit::of(&plan)
                }
                Err(error) => fail(args.format, &error),
            };
        }
        if let Err(error) = plan_file::write(out, &plan, &estate.estate) {
            return fail(args.format, &error);
        }
        let use_of_it = if plan.basis.compared.is_some() {
            "to be read; it was made without looking, so `holdfast apply` refuses it"
        } else {
            "`holdfast apply FILE` executes exactly this, or nothing"
        };
        errln!("plan written to {}: {use_of_it}", out.display());
    }
    print(&plan, args.format);
    Exit::of(&plan)
}

async fn live(args: &Args, estate: &EstateArgs) -> Result<Plan, Exit> {
    let session = estate.open_newest(Mode::Read, args.format).await?;
    let stacks = chosen(&session.desired, &args.stacks, args.format)?;
    let planned = plan_now(&session)
        .await
        .map_err(|error| fail(args.format, &error))?;
    let planned = match stacks {
        Some(stacks) => {
            narrowed(&session, planned, stacks).map_err(|error| fail(args.format, &error))?
        }
        None => planned,
    };
    Ok(planned.plan.plan().clone())
}

fn offline(args: &Args, base: &str, estate: &EstateArgs) -> Result<Plan, Exit> {
    let configured = || estate.config().ok().map(|config| config.root);
    let Some(root) = args.root.as_ref().map(CommitId::new).or_else(configured) else {
        return Err(failed(
            args.format,
            "no trusted root is known here",
            Some("name the commit that is trusted with --root or HOLDFAST_ROOT"),
        ));
    };
    let question = Question {
        repository: &estate.estate,
        root: &root,
        head: &args.head,
        base,
        stacks: &ids(args),
        now: SystemClock.now(),
    };
    match plan_between(&question) {
        Ok(offline) => {
            if !offline.findings.is_empty() {
                diagnostics::print(&offline.findings, &offline.files);
            }
            Ok(offline.plan.plan().clone())
        }
        Err(error) => Err(explain(args.format, &error)),
    }
}

fn explain(format: PlanFormat, error: &OfflineError) -> Exit {
    match error {
        OfflineError::Broken {
            findings, files, ..
        } => unsound(format, &chain(error), findings, files),
        OfflineError::Trust { source, .. } | OfflineError::Compare(source) => {
            distrust(format, source)
        }
        _ => fail(format, error),
    }
}

fn ids(args: &Args) -> Vec<StackId> {
    args.stacks.iter().map(StackId::new).collect()
}

/// One plan on standard output.
pub fn print(plan: &Plan, format: PlanFormat) {
    match format {
        PlanFormat::Human => out!("{}", views::plan::human(plan)),
        PlanFormat::Json => super::print_json(plan),
        PlanFormat::Markdown => out!("{}", views::markdown::markdown(plan)),
    }
}
