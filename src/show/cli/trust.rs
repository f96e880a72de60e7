//! `holdfast trust`: who may sign for what.

use super::estate::{EstateArgs, RootArgs};
use super::failure::{explain, fail, unsound};
use crate::decide::signers::{NewSigner, arrival, lines_changed, overview};
use crate::flow::approve::{Grounds, look};
use crate::flow::entry::EntryError;
use crate::flow::estate::{EstateError, verify};
use crate::flow::signers::{Changed, ListError, add_key, of_work_tree, public_key, revoke_key};
use crate::model::causes::chain;
use crate::model::codes;
use crate::model::trust::{FILE, Trust};
use crate::model::visible::visible_line;
use crate::show::diagnostics;
use crate::show::exit::Exit;
use crate::show::say::{errln, out, outln};
use crate::show::views::{self, Format};
use crate::world::clock::{Clock as _, SystemClock};
use crate::world::git::{Question, TrustError};
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;

/// What to do.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Who may do what, which thresholds can be reached, which keys end soon
    Check(CheckArgs),
    /// Who signed and approved a commit, what they were allowed, what is missing
    Show(ShowArgs),
    /// Write one more key into the work tree's trust.toml, for an owner to sign
    AddKey(AddArgs),
    /// Mark a key as revoked in the work tree's trust.toml, for an owner to sign
    Revoke(RevokeArgs),
}

#[derive(clap::Args)]
pub struct CheckArgs {
    /// Look at the list as it stands in the work tree, before it is signed
    #[arg(long)]
    worktree: bool,
    /// Look at the list of this commit
    #[arg(long, value_name = "COMMIT", default_value = "HEAD")]
    head: String,
    #[command(flatten)]
    root: RootArgs,
    #[command(flatten)]
    estate: EstateArgs,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(clap::Args)]
pub struct ShowArgs {
    /// Which commit: an id, its beginning, or a name of Git
    #[arg(default_value = "HEAD")]
    commit: String,
    #[command(flatten)]
    root: RootArgs,
    #[command(flatten)]
    estate: EstateArgs,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(clap::Args)]
pub struct AddArgs {
    /// The key's name in the list
    name: String,
    /// What it may do: owner, operator, reconciler, or a role of the list's own
    #[arg(long)]
    role: String,
    /// The public key: its .pub file, or its line in quotes
    #[arg(long, value_name = "FILE|LINE")]
    key: String,
    /// Whose key it is, if it is another name than the key's; thresholds count people
    #[arg(long)]
    person: Option<String>,
    /// Not before this time, with a zone: 2026-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Not after this time, with a zone
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// The estate's folder
    #[arg(long, default_value = ".", value_name = "DIR")]
    estate: std::path::PathBuf,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(clap::Args)]
pub struct RevokeArgs {
    /// The key's name in the list
    name: String,
    /// Why, for those who read it later
    #[arg(long)]
    reason: String,
    /// The estate's folder
    #[arg(long, default_value = ".", value_name = "DIR")]
    estate: std::path::PathBuf,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Runs one of them.
pub fn run(command: &Command) -> Exit {
    match command {
        Command::Check(args) => check(args),
        Command::Show(args) => show(args),
        Command::AddKey(args) => add(args),
        Command::Revoke(args) => revoke(args),
    }
}

fn check(args: &CheckArgs) -> Exit {
    let now = SystemClock.now();
    let list = if args.worktree {
        match of_work_tree(&args.estate.estate) {
            Ok((text, list, mut findings)) => {
                let files = BTreeMap::from([(FILE.to_owned(), text.into_bytes())]);
                let Some(list) = list else {
                    let message = "trust.toml cannot be used";
                    return unsound(args.format, message, &findings, &files);
                };
                // The overview says so below.
                findings.retain(|found| found.code != codes::LAST_OWNERS);
                if !findings.is_empty() {
                    diagnostics::print(&findings, &files);
                }
                list
            }
            Err(error) => return fail(args.format, &error),
        }
    } else {
        let read = args
            .estate
            .grounds(&args.root)
            .and_then(|grounds| accepted(&grounds, &args.head).map_err(refusal));
        match read {
            Ok(list) => list,
            Err(error) => return explain(args.format, &error),
        }
    };
    let seen = overview(&list, now);
    match args.format {
        Format::Human => out!("{}", views::trust::overview(&seen)),
        Format::Json => super::print_json(&seen),
    }
    if seen.thresholds.iter().all(|row| row.reachable) {
        Exit::Nothing
    } else {
        Exit::Error
    }
}

fn accepted(grounds: &Grounds, head: &str) -> Result<Trust, TrustError> {
    let commit = verify(&Question {
        repository: &grounds.repository,
        root: &grounds.root,
        head,
        known: &grounds.known,
        now: grounds.now,
    })?;
    Ok(commit.trust().clone())
}

fn refusal(error: TrustError) -> EntryError {
    EntryError::Estate(EstateError::Trust(error))
}

fn show(args: &ShowArgs) -> Exit {
    let grounds = match args.estate.grounds(&args.root) {
        Ok(grounds) => grounds,
        Err(error) => return explain(args.format, &error),
    };
    let looked = match look(&grounds, &args.commit) {
        Ok(looked) => looked,
        Err(error) => return explain(args.format, &refusal(error)),
    };
    match args.format {
        Format::Human => out!("{}", views::trust::commit(&looked, grounds.now)),
        Format::Json => super::print_json(&views::trust::commit_json(&looked, grounds.now)),
    }
    match &looked.refused {
        None => Exit::Nothing,
        Some(error) => {
            errln!("to mend it: {}", error.remedy());
            Exit::Refused
        }
    }
}

fn add(args: &AddArgs) -> Exit {
    let changed = public_key(&args.key).and_then(|key| {
        let new = NewSigner {
            name: args.name.clone(),
            person: args.person.clone(),
            role: args.role.clone(),
            key,
            from: args.from,
            until: args.until,
        };
        add_key(&args.estate, &new)
    });
    let title = format!("Let {} sign as {}", args.name, args.role);
    written(changed, &title, Some(&args.name), args.format)
}

fn revoke(args: &RevokeArgs) -> Exit {
    let now = SystemClock.now();
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let changed = revoke_key(&args.estate, &args.name, now, &args.reason);
    let title = format!("Revoke {}", args.name);
    written(changed, &title, None, args.format)
}

fn written(
    changed: Result<Changed, ListError>,
    title: &str,
    added: Option<&str>,
    format: Format,
) -> Exit {
    let changed = match changed {
        Ok(changed) => changed,
        Err(error) => {
            if let ListError::Unsound { findings, text, .. } = &error {
                let files = BTreeMap::from([(FILE.to_owned(), text.clone().into_bytes())]);
                return unsound(format, &chain(&error), findings, &files);
            }
            return fail(format, &error);
        }
    };
    let diff = lines_changed(&changed.before, &changed.after, 3);
    let arrived = added.and_then(|name| arrival(&changed.list, name));
    let need = changed.judge.thresholds.trust.signers;
    let mut next = vec![
        format!("git add {FILE}"),
        format!(
            "git commit -S -m \"{}\"",
            title.replace(['"', '\\', '$', '`'], "")
        ),
    ];
    if need > 1 {
        next.push("holdfast approve HEAD --push".to_owned());
    }
    match format {
        Format::Human => {
            outln!("Changed {FILE} in the work tree; it counts once it is signed.\n");
            for line in diff.iter().map(|line| visible_line(line)) {
                outln!("{line}");
            }
            if let Some(arrived) = &arrived {
                outln!("\n{}", views::trust::arrival(arrived));
            }
            outln!("\nnext, by an owner:");
            for command in next.iter().take(2).map(|command| visible_line(command)) {
                outln!("  {command}");
            }
            if let Some(command) = next.get(2) {
                let others = need - 1;
                let people = if others == 1 { "owner" } else { "owners" };
                outln!("then, by {others} other {people}:\n  {command}");
            }
        }
        Format::Json => super::print_json(&json!({
            "file": FILE,
            "diff": diff,
            "arrival": arrived,
            "signers": need,
            "next": next,
        })),
    }
    Exit::Nothing
}
