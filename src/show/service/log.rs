//! The loop's log: one line per event, for people or for programs.

use crate::flow::apply::{Reporter, StepError};
use crate::flow::drill::Tried;
use crate::model::causes::chain;
use crate::model::pass::{Ending, Pass};
use crate::model::plan::{Held, Plan, Step};
use crate::model::visible::visible_line;
use crate::show::views;
use std::time::Duration;

/// Tells the steps while they run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Steps;

// Which step of whose, and in which pass, is in the span around each.
impl Reporter for Steps {
    fn started(&self, step: &Step) {
        let what = views::plan::describe(step);
        tracing::info!("begins: {}", visible_line(&what));
    }

    fn note(&self, _: &Step, text: &str) {
        tracing::debug!("{}", visible_line(text));
    }

    fn ended(&self, _: &Step, result: &Result<(), StepError>, took: Duration) {
        let seconds = took.as_secs_f64();
        match result {
            Ok(()) => tracing::info!(seconds, "done"),
            Err(error) => {
                let why = chain(error);
                tracing::warn!(seconds, "failed: {}", visible_line(&why));
            }
        }
    }
}

/// What is to be done.
pub fn plan(plan: &Plan) {
    let commit = plan.basis.commit.as_str();
    tracing::info!(commit, "{}", views::plan::headline(plan));
}

/// Something may not happen now.
pub fn held(held: &Held) {
    let stack = held.stack.as_ref().map_or("shared", |s| s.as_str());
    let wanted = visible_line(&held.wanted);
    let why = views::plan::hold(&held.hold);
    let remedy = visible_line(&held.remedy);
    tracing::warn!(stack, %wanted, %remedy, "held: {}", visible_line(&why));
}

/// A drill of the schedule's has ended.
pub fn drilled(tried: &Tried) {
    let stack = tried.stack.as_str();
    match &tried.drilled {
        Ok(drilled) if views::drill::passed(drilled) => tracing::info!(stack, "the drill passed"),
        Ok(_) => tracing::error!(stack, "the drill failed; holdfast drill --list says more"),
        Err(error) => {
            let why = chain(error);
            tracing::warn!(stack, "no drill: {}", visible_line(&why));
        }
    }
}

/// A pass has ended. `news`: it ended otherwise than the one before, or did something.
pub fn pass(pass: &Pass, next: Duration, news: bool) {
    let wakes: Vec<&str> = pass.wakes.iter().map(|wake| wake.word()).collect();
    let wakes = wakes.join("+");
    let (ending, seconds) = (pass.ending.word(), pass.took.as_secs_f64());
    let next = next.as_secs_f64();
    match &pass.ending {
        Ending::Failed { class, why } => {
            let class = views::class(*class);
            let why = visible_line(why);
            tracing::error!(
                wakes,
                ending,
                class,
                seconds,
                next,
                "the pass failed: {why}"
            );
        }
        Ending::Busy { holder } => {
            tracing::info!(
                wakes,
                ending,
                holder,
                next,
                "waits: another holdfast has the journal"
            );
        }
        Ending::Standby { leader, since } if news => {
            let since = since.strftime("%F %T UTC").to_string();
            tracing::info!(
                wakes,
                ending,
                leader,
                since,
                "stands by: another loop leads"
            );
        }
        Ending::Standby { .. } => {}
        _ if news => {
            let (done, held) = (pass.done, pass.held);
            tracing::info!(
                wakes,
                ending,
                done,
                held,
                seconds,
                next,
                "the pass has ended"
            );
        }
        _ => {
            tracing::debug!(wakes, ending, seconds, next, "the pass has ended");
        }
    }
}
