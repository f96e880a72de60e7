//! `holdfast why STACK`: what is decided for a stack, from what, and what would change it.

use super::estate::{EstateArgs, chosen};
use super::failure::{fail, failed};
use crate::decide::why::account;
use crate::flow::entry::Mode;
use crate::flow::reconcile::{narrowed, plan_now};
use crate::model::ids::StackId;
use crate::show::exit::Exit;
use crate::show::say::out;
use crate::show::views::{Format, why as view};

/// Below the options.
pub const HELP: &str =
    "The decision is made anew from a look at the world, as by `holdfast plan`; nothing is touched.
S-numbers are those of the safety invariants.";

#[derive(clap::Args)]
pub struct Args {
    /// Which stack
    stack: String,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub async fn run(args: Args, estate: &EstateArgs) -> Exit {
    match answer(&args, estate).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn answer(args: &Args, estate: &EstateArgs) -> Result<Exit, Exit> {
    let format = args.format;
    let session = estate.open_newest(Mode::Read, format).await?;
    let past = session.history().await.map_err(|e| fail(format, &e))?;
    let asked = StackId::new(args.stack.as_str());
    // Its file is gone, and what it left behind is still there.
    let left = session.desired.began(&asked).is_none() && past.of_stack(&asked).next().is_some();
    let stacks = if left {
        vec![asked]
    } else {
        let asked = std::slice::from_ref(&args.stack);
        chosen(&session.desired, asked, format)?.unwrap_or_default()
    };
    let planned = plan_now(&session).await.map_err(|e| fail(format, &e))?;
    let planned = narrowed(&session, planned, stacks.clone()).map_err(|e| fail(format, &e))?;
    let entries = session.entries().await.map_err(|e| fail(format, &e))?;
    let (seen, plan) = (&planned.look.observed, planned.plan.plan());
    let account = stacks
        .first()
        .and_then(|id| account(id, &session.desired, seen, &planned.past, &entries, plan));
    let Some(account) = account else {
        let message = format!("nothing can be said of {}", args.stack);
        return Err(failed(
            format,
            &message,
            Some("holdfast check shows what is wrong"),
        ));
    };
    match format {
        Format::Human => out!("{}", view::human(&account, plan, seen.at)),
        Format::Json => super::print_json(&view::json(&account, plan, seen.at)),
    }
    Ok(Exit::of_lines(plan, std::slice::from_ref(&account.line)))
}
