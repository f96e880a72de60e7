//! `holdfast freeze` and `holdfast unfreeze`: for a while nothing begins, by a signed word.

use super::estate::EstateArgs;
use super::failure::{fail, failed, unsound};
use super::whose::Whose;
use crate::decide::document::words::LINE;
use crate::decide::freezing::NewFreeze;
use crate::decide::moment::{written, zoned};
use crate::decide::signers::lines_changed;
use crate::decide::stop;
use crate::flow::freeze::{ChangeError, Changed, freeze, unfreeze};
use crate::model::units::{parse_duration, show_duration};
use crate::model::visible::visible_line;
use crate::show::exit::Exit;
use crate::show::say::outln;
use crate::show::views::Format;
use crate::world::clock::{Clock as _, SystemClock};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// Below the options.
pub const HELP: &str =
    "Backups, readings of repositories and looking go on, and what has shut users out comes to its
end. Nothing else begins: no change, no repair (but see --allow-repairs). It ends by
itself, on every computer that follows the estate. Unlike a pause it is signed and in Git: of
stacks in their own files, of all in estate.toml.";

/// Longer than this, and nobody remembers why.
const LONG: SignedDuration = SignedDuration::from_hours(30 * 24);

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    whose: Whose,
    /// Its end with a zone, `2027-01-04 08:00 Europe/Berlin` or `2027-01-04T07:00:00Z`, or how long: `3d`
    #[arg(long, value_name = "WHEN")]
    until: String,
    /// Why; everybody who looks sees it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// What mends what happened goes on, rebuilds included; only what people ask for waits
    #[arg(long)]
    allow_repairs: bool,
    #[command(flatten)]
    how: How,
}

#[derive(clap::Args)]
pub struct EndArgs {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    how: How,
}

#[derive(clap::Args)]
struct How {
    /// Commit it, signed with the key that Git is configured with; without it the work tree alone changes
    #[arg(long)]
    commit: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

fn words(whose: &Whose) -> String {
    let stacks = whose.stacks().map(|stacks| stacks.join(", "));
    stacks.unwrap_or_else(|| "every stack".to_owned())
}

pub fn run(args: &Args, estate: &EstateArgs) -> Exit {
    let (format, now) = (args.how.format, SystemClock.now());
    let (until, text) = match end(&args.until, now) {
        Ok(end) => end,
        Err(words) => return failed(format, &words, None),
    };
    if !LINE.fits(&args.reason) {
        let message = format!("the reason of a freeze is {}", LINE.what());
        return failed(format, &message, Some(LINE.rule()));
    }
    let new = NewFreeze {
        until: text,
        reason: args.reason.trim().to_owned(),
        repairs: args.allow_repairs,
    };
    let title = format!("Freeze {}", words(&args.whose));
    let message = format!("{title}\n\n{}\n", new.reason);
    let message = args.how.commit.then_some(message.as_str());
    let changed = match freeze(&estate.estate, args.whose.stacks(), &new, message) {
        Ok(changed) => changed,
        Err(error) => return refused(format, &error),
    };
    let mut said = vec![format!(
        "Frozen until {} (for {}): {}",
        until.strftime("%Y-%m-%d %H:%M:%S UTC"),
        show_duration(until.duration_since(now)),
        words(&args.whose)
    )];
    if until.duration_since(now) > LONG {
        said.push("That is long: check warns of what ends more than 30 days away.".to_owned());
    }
    told(&changed, &said, &title, &args.how);
    Exit::Nothing
}

pub fn end_now(args: &EndArgs, estate: &EstateArgs) -> Exit {
    let title = format!("Unfreeze {}", words(&args.whose));
    let message = format!("{title}\n");
    let message = args.how.commit.then_some(message.as_str());
    let changed = match unfreeze(&estate.estate, args.whose.stacks(), message) {
        Ok(changed) => changed,
        Err(error) => return refused(args.how.format, &error),
    };
    let now = SystemClock.now();
    let mut said = vec![format!("No longer frozen: {}", words(&args.whose))];
    let over_all = changed.standing.iter().filter(|freeze| freeze.of.is_none());
    for freeze in over_all.filter(|freeze| now < freeze.until) {
        said.push(format!("Still held: {}", stop::words(freeze)));
    }
    told(&changed, &said, &title, &args.how);
    Exit::Nothing
}

/// When it ends, and how that is written into the file.
fn end(text: &str, now: Timestamp) -> Result<(Timestamp, String), String> {
    let (until, text) = if let Ok(length) = parse_duration(text) {
        let until = now.checked_add(length).map_err(|error| error.to_string())?;
        let text = written(until);
        (zoned(&text).map_err(|error| error.to_string())?, text)
    } else {
        let until = zoned(text).map_err(|error| error.to_string())?;
        (until, text.to_owned())
    };
    if until <= now {
        return Err(format!(
            "a freeze until {} would be over already",
            until.strftime("%Y-%m-%d %H:%M:%S UTC")
        ));
    }
    Ok((until, text))
}

fn refused(format: Format, error: &ChangeError) -> Exit {
    match error {
        ChangeError::Unsound {
            findings, files, ..
        } => unsound(format, &error.to_string(), findings, files),
        other => fail(format, other),
    }
}

fn told(changed: &Changed, said: &[String], title: &str, how: &How) {
    let files: Vec<&str> = changed
        .files
        .iter()
        .map(|change| change.file.as_str())
        .collect();
    let next = match changed.commit {
        Some(_) => vec!["git push".to_owned()],
        None => vec![
            format!("git add {}", files.join(" ")),
            format!("git commit -S -m \"{title}\""),
            "git push".to_owned(),
        ],
    };
    let diff = |number: usize| {
        let change = changed.files.get(number);
        change.map_or_else(Vec::new, |c| lines_changed(&c.before, &c.after, 2))
    };
    match how.format {
        Format::Human => {
            for line in said {
                outln!("{}", visible_line(line));
            }
            for (number, file) in files.iter().enumerate() {
                outln!("\n{file}");
                for line in diff(number) {
                    outln!("  {}", visible_line(&line));
                }
            }
            match &changed.commit {
                Some(commit) => outln!("\nSigned as commit {:.12}.", commit.as_str()),
                None => outln!("\nIt counts once it is signed{}.", by_whom(changed)),
            }
            outln!("Next:");
            for command in &next {
                outln!("  {}", visible_line(command));
            }
        }
        Format::Json => super::print_json(&json!({
            "said": said,
            "files": files.iter().enumerate().map(|(number, file)| json!({
                "file": file,
                "diff": diff(number),
            })).collect::<Vec<_>>(),
            "standing": changed.standing.iter().map(|freeze| json!({
                "stack": freeze.of,
                "until": freeze.until,
                "reason": freeze.reason,
                "repairs_go_on": freeze.repairs,
                "place": freeze.place,
            })).collect::<Vec<_>>(),
            "roles": changed.roles,
            "commit": changed.commit,
            "next": next,
        })),
    }
}

fn by_whom(changed: &Changed) -> String {
    match changed.roles.as_slice() {
        [] => String::new(),
        roles => format!(", by somebody whose role is {}", roles.join(" or ")),
    }
}
