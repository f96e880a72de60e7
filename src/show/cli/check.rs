//! `holdfast check`: is the commit accepted, and do its files make sense?

use super::estate::{EstateArgs, explain, fail};
use crate::decide::resolve::Resolution;
use crate::flow::entry::EntryError;
use crate::flow::estate;
use crate::model::diagnostic::Diagnostic;
use crate::show::diagnostics;
use crate::show::exit::Exit;
use std::collections::BTreeMap;

/// Arguments of `holdfast check`.
#[derive(clap::Args)]
pub struct Args {
    /// Look at the files as they are now, before they are signed; signatures are not checked
    #[arg(long)]
    worktree: bool,
}

/// Verifies and resolves; prints all findings.
pub fn run(args: &Args, place: &EstateArgs) -> Exit {
    if args.worktree {
        return match estate::read_work_tree(&place.estate) {
            Ok((files, resolution)) => report("the work tree, not signed", &resolution, &files),
            Err(error) => fail(&error),
        };
    }
    let config = match place.config() {
        Ok(config) => config,
        Err(error) => return explain(&error),
    };
    match estate::read(&config) {
        Ok(read) => {
            if let Err(error) = estate::remember(&config, &read.commit) {
                return fail(&error);
            }
            let signer = match read.commit.signed() {
                Some(signed) => format!("signed by {} ({})", signed.name, signed.fingerprint),
                None => "the trusted root".to_owned(),
            };
            let what = format!("commit {:.12}, {signer}", read.commit.id());
            report(&what, &read.resolution, read.commit.files())
        }
        Err(error) => explain(&EntryError::from(error)),
    }
}

fn report(what: &str, resolution: &Resolution, files: &BTreeMap<String, Vec<u8>>) -> Exit {
    if !resolution.diagnostics.is_empty() {
        diagnostics::print(&resolution.diagnostics, files);
    }
    let Some(desired) = &resolution.desired else {
        anstream::eprintln!("nothing can be planned: what all stacks share is broken");
        return Exit::Error;
    };
    let services: usize = desired
        .stacks
        .values()
        .map(|stack| stack.services.len())
        .sum();
    let held = if desired.broken.is_empty() {
        String::new()
    } else {
        format!(", {} held", desired.broken.len())
    };
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    anstream::println!(
        "{}: {what}\n{} with {}{held}",
        desired.estate,
        count(desired.stacks.len(), "sound stack"),
        count(services, "service"),
    );
    if resolution.diagnostics.iter().any(Diagnostic::is_error) {
        Exit::Error
    } else {
        Exit::Nothing
    }
}
