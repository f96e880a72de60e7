//! `holdfast check`: is the commit accepted, and do its files make sense? Needs no
//! network, no secret, and with `--root` no configuration: as CI has it.

use super::estate::EstateArgs;
use super::failure::{Reader, explain, fail, failed};
use crate::decide::resolve::Resolution;
use crate::decide::statistics::measured_in;
use crate::decide::succession::Base;
use crate::flow::before;
use crate::flow::entry::{self, EntryError};
use crate::flow::estate::{self, Estate, EstateError};
use crate::model::causes::chain;
use crate::model::diagnostic::Diagnostic;
use crate::model::ids::CommitId;
use crate::model::visible::visible_line;
use crate::show::diagnostics;
use crate::show::exit::Exit;
use crate::show::say::{errln, outln};
use crate::show::views::findings::{Checked, Finding, sarif};
use crate::world::clock::{Clock as _, SystemClock};
use clap::ValueEnum;
use std::collections::BTreeMap;

/// Arguments of `holdfast check`.
#[derive(clap::Args)]
pub struct Args {
    /// Look at the files as they are now, before they are signed; signatures are not checked
    #[arg(long)]
    worktree: bool,
    /// Trust this commit, by its full id, instead of the configured root; then no configuration is needed
    #[arg(
        long,
        env = "HOLDFAST_ROOT",
        hide_env_values = true,
        value_name = "COMMIT"
    )]
    root: Option<String>,
    /// Look at this reference [default: the configured one, or HEAD]
    #[arg(long, value_name = "REF", conflicts_with = "worktree")]
    head: Option<String>,
    /// Compare with this commit: what it would end or rename is told [default: the commit before, or HEAD for the work tree]
    #[arg(long, value_name = "REF")]
    base: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the lines they are about.
    #[value(help = None::<&'static str>)]
    Human,
    /// `check_schema` 1.
    #[value(help = None::<&'static str>)]
    Json,
    /// SARIF 2.1.0, for code hosts.
    #[value(help = None::<&'static str>)]
    Sarif,
}

impl From<Format> for Reader {
    fn from(format: Format) -> Self {
        match format {
            Format::Json => Self::Programs,
            // What is no result is no SARIF either.
            Format::Human | Format::Sarif => Self::People,
        }
    }
}

type Files = BTreeMap<String, Vec<u8>>;

/// Verifies and resolves; prints all findings.
pub async fn run(args: Args, place: EstateArgs) -> Exit {
    let (args, place) = (&args, &place);
    if args.worktree {
        return match estate::read_work_tree(&place.estate) {
            Ok((files, resolution)) => {
                let base = before::base_of_work_tree(&place.estate, &files, args.base.as_deref());
                match compared(args, base) {
                    Ok(base) => {
                        let found = judged(
                            &files,
                            &CommitId::new("work tree"),
                            resolution,
                            base.as_ref(),
                        );
                        report(args.format, None, &found, &files)
                    }
                    Err(exit) => exit,
                }
            }
            Err(error) => fail(args.format, &error),
        };
    }
    match read(args, place).await {
        Ok(Estate { commit, resolution }) => {
            let base = args.base.as_deref();
            let base = before::base_of(&place.estate, &commit, base);
            let base = match compared(args, base) {
                Ok(base) => base,
                Err(exit) => return exit,
            };
            let resolution = judged(commit.files(), commit.id(), resolution, base.as_ref());
            let told = Commit {
                id: commit.id().to_string(),
                signed_by: commit
                    .signed()
                    .map(|signed| format!("{} ({})", signed.name, signed.fingerprint)),
            };
            report(args.format, Some(told), &resolution, commit.files())
        }
        Err(error) => refused(args.format, &error),
    }
}

/// What it would change, as far as it can be compared. Who asks for a base must get it.
fn compared<E: std::error::Error>(
    args: &Args,
    base: Result<Option<Base>, E>,
) -> Result<Option<Base>, Exit> {
    match base {
        Ok(None) if args.base.is_some() => {
            let message = "nothing after the root is common to it and that base";
            Err(failed(args.format, message, None))
        }
        Err(error) if args.base.is_some() => Err(fail(args.format, &error)),
        Err(error) => {
            errln!("not compared with what was before: {}", chain(&error));
            Ok(None)
        }
        Ok(base) => Ok(base),
    }
}

fn judged(files: &Files, id: &CommitId, found: Resolution, base: Option<&Base>) -> Resolution {
    before::judge(
        files,
        id,
        found,
        base,
        &measured_in(files, SystemClock.now()),
    )
}

/// A head that is asked for may be an older one; the configured one only grows (S9).
async fn read(args: &Args, place: &EstateArgs) -> Result<Estate, EntryError> {
    if let Some(root) = &args.root {
        let head = args.head.as_deref().unwrap_or("HEAD");
        let root = CommitId::new(root);
        return Ok(estate::read_anew(&place.estate, &root, head)?);
    }
    let config = place.config()?;
    if let Some(head) = &args.head {
        return Ok(estate::read_at(&config, head)?);
    }
    let read = entry::read_newest(&config).await?;
    estate::remember(&config, &read.commit)?;
    Ok(read)
}

/// An accepted commit, in words.
struct Commit {
    id: String,
    signed_by: Option<String>,
}

/// The reason, as a finding where somebody reads findings.
fn refused(format: Format, error: &EntryError) -> Exit {
    if let EntryError::Estate(EstateError::Trust(trust)) = error
        && format != Format::Human
    {
        let finding = Finding::refusal(trust.code(), &chain(trust), trust.remedy());
        print(format, &Checked::of(vec![finding]));
        return if trust.is_refusal() {
            Exit::Refused
        } else {
            Exit::Error
        };
    }
    explain(format, error)
}

fn report(format: Format, commit: Option<Commit>, found: &Resolution, files: &Files) -> Exit {
    if format == Format::Human {
        human(commit.as_ref(), found, files);
    } else {
        print(format, &checked(commit, found, files));
    }
    if found.desired.is_none() || found.diagnostics.iter().any(Diagnostic::is_error) {
        Exit::Error
    } else {
        Exit::Nothing
    }
}

fn checked(commit: Option<Commit>, found: &Resolution, files: &Files) -> Checked {
    let findings = found
        .diagnostics
        .iter()
        .map(|finding| Finding::new(finding, files))
        .collect();
    let mut checked = Checked::of(findings);
    if let Some(commit) = commit {
        checked.commit = Some(commit.id);
        checked.signed_by = commit.signed_by;
    }
    if let Some(desired) = &found.desired {
        checked.estate = Some(desired.estate.to_string());
        checked.stacks = Some(desired.stacks.len());
        checked.services = Some(desired.stacks.values().map(|s| s.services.len()).sum());
        checked.held = desired.broken.keys().map(ToString::to_string).collect();
    }
    checked
}

fn print(format: Format, checked: &Checked) {
    match format {
        Format::Sarif => super::print_json(&sarif(checked)),
        Format::Human | Format::Json => super::print_json(checked),
    }
}

fn human(commit: Option<&Commit>, found: &Resolution, files: &Files) {
    if !found.diagnostics.is_empty() {
        diagnostics::print(&found.diagnostics, files);
        let near = found.diagnostics.iter().find(|f| f.is_error());
        if let Some(finding) = near {
            errln!("next: holdfast explain {}", finding.code);
        }
    }
    let Some(desired) = &found.desired else {
        errln!("nothing can be planned: what all stacks share is broken");
        return;
    };
    let what = match commit {
        None => "the work tree, not signed".to_owned(),
        Some(Commit { id, signed_by }) => {
            let signer = signed_by.as_ref().map_or_else(
                || "the trusted root".to_owned(),
                |signer| format!("signed by {}", visible_line(signer)),
            );
            format!("commit {id:.12}, {signer}")
        }
    };
    let services: usize = desired.stacks.values().map(|s| s.services.len()).sum();
    let held = if desired.broken.is_empty() {
        String::new()
    } else {
        format!(", {} held", desired.broken.len())
    };
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    outln!(
        "{}: {what}\n{} with {}{held}",
        desired.estate,
        count(desired.stacks.len(), "sound stack"),
        count(services, "service"),
    );
}
