//! `holdfast pause` and `holdfast resume`: an operator keeps Holdfast's hands off for a while.

use super::estate::{EstateArgs, chosen};
use super::failure::{explain, fail, failed};
use super::whose::Whose;
use crate::decide::pass::named;
use crate::decide::pause::{Pauses, ends};
use crate::flow::config::Config;
use crate::flow::entry::EntryError;
use crate::flow::estate;
use crate::flow::pause::{Kept, pauses, tell};
use crate::model::ids::StackId;
use crate::model::journal::Event;
use crate::model::units::{parse_duration, show_duration};
use crate::model::visible::visible_line;
use crate::show::exit::Exit;
use crate::show::say::outln;
use crate::show::views::Format;
use crate::world::clock::{Clock as _, SystemClock};
use serde_json::json;

/// Below the options.
pub const HELP: &str =
    "Backups, readings of repositories and looking go on; steps that are being done come to their
end. Whatever else is wanted is held, and shown by plan, status and why. A pause ends by itself.
It is local: it is written into the journal of this computer, and needs no signature.";

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    whose: Whose,
    /// For how long: `2h`, `3d`; 31 days at most
    #[arg(long = "for", value_name = "DURATION")]
    length: String,
    /// Why; everybody who looks sees it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(clap::Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    whose: Whose,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub async fn run(args: Args, estate: &EstateArgs) -> Exit {
    match begin(&args, estate).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn begin(args: &Args, estate: &EstateArgs) -> Result<Exit, Exit> {
    let format = args.format;
    let now = SystemClock.now();
    let length = parse_duration(&args.length).map_err(|e| fail(format, &e))?;
    let until = ends(now, length, &args.reason).map_err(|e| fail(format, &e))?;
    let config = estate.config().map_err(|e| explain(format, &e))?;
    let stacks = whose(&args.whose, &config, format)?;
    let event = || Event::Paused {
        until,
        reason: args.reason.trim().to_owned(),
    };
    let events: Vec<_> = stacks.iter().map(|id| (id.clone(), event())).collect();
    let kept = tell(&config, &events).await.map_err(|e| fail(format, &e))?;
    match format {
        Format::Human => {
            outln!(
                "Paused until {} (for {}): {}",
                until.strftime("%Y-%m-%d %H:%M:%S UTC"),
                show_duration(length),
                words(&args.whose)
            );
            outln!("Backups go on, and so does looking; whatever else is wanted is held.");
            said_where(&kept);
            outln!("Next: holdfast resume {}", words(&args.whose));
        }
        Format::Json => super::print_json(&json!({
            "stacks": args.whose.stacks().map(|_| &stacks),
            "until": until,
            "reason": args.reason.trim(),
            "left_for": left_for(&kept),
        })),
    }
    Ok(Exit::Nothing)
}

pub async fn resume(args: ResumeArgs, estate: &EstateArgs) -> Exit {
    match end(&args, estate).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn end(args: &ResumeArgs, estate: &EstateArgs) -> Result<Exit, Exit> {
    let format = args.format;
    let config = estate.config().map_err(|e| explain(format, &e))?;
    let stacks = whose(&args.whose, &config, format)?;
    let events: Vec<_> = stacks
        .iter()
        .map(|id| (id.clone(), Event::Resumed {}))
        .collect();
    let kept = tell(&config, &events).await.map_err(|e| fail(format, &e))?;
    let pauses = pauses(&config).await.map_err(|e| fail(format, &e))?;
    let still = still_paused(&pauses);
    match format {
        Format::Human => {
            outln!("No longer paused: {}", words(&args.whose));
            said_where(&kept);
            if let Some(still) = &still {
                outln!("{}", visible_line(still));
                outln!("Next: holdfast resume --all");
            }
        }
        Format::Json => super::print_json(&json!({
            "stacks": args.whose.stacks().map(|_| &stacks),
            "left_for": left_for(&kept),
            "still": still,
        })),
    }
    Ok(Exit::Nothing)
}

/// The pause of all, which ends with none of theirs.
fn still_paused(pauses: &Pauses) -> Option<String> {
    let pause = pauses.of_all(SystemClock.now())?;
    Some(format!("Still held: {}", pause.words()))
}

/// By the ids under which they began; `None` is every stack.
fn whose(whose: &Whose, config: &Config, format: Format) -> Result<Vec<Option<StackId>>, Exit> {
    let Some(named) = whose.stacks() else {
        return Ok(vec![None]);
    };
    let read = estate::read(config).map_err(|error| explain(format, &EntryError::from(error)))?;
    let Some(desired) = read.resolution.desired else {
        return Err(failed(
            format,
            "the estate's definition has errors, so its stacks have no names",
            Some("holdfast check shows them; --all needs no names"),
        ));
    };
    let stacks = chosen(&desired, named, format)?.unwrap_or_default();
    Ok(stacks.into_iter().map(Some).collect())
}

fn words(whose: &Whose) -> String {
    let stacks = whose.stacks().map(|stacks| stacks.join(" "));
    stacks.unwrap_or_else(|| "--all".to_owned())
}

fn said_where(kept: &Kept) {
    if let Kept::LeftFor { holder } = kept {
        outln!(
            "Another holdfast is at work ({}): it hears of it before it plans next, and ends what it has begun.",
            named(holder)
        );
    }
}

fn left_for(kept: &Kept) -> Option<&str> {
    match kept {
        Kept::InTheJournal => None,
        Kept::LeftFor { holder } => Some(holder),
    }
}
