//! `holdfast check`: is the commit accepted, and do its files make sense?

use super::EstateArgs;
use crate::decide::resolve::Resolution;
use crate::flow::estate::{self, EstateError};
use crate::show::diagnostics;
use crate::show::exit::Exit;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::process::ExitCode;

/// Arguments of `holdfast check`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    estate: EstateArgs,
    /// Look at the files as they are now, before they are signed; signatures are not checked
    #[arg(long)]
    worktree: bool,
}

/// Verifies and resolves; prints all findings.
pub fn run(args: &Args) -> ExitCode {
    if args.worktree {
        return match estate::read_work_tree(&args.estate.estate) {
            Ok((files, resolution)) => report("the work tree (not signed)", &resolution, &files),
            Err(error) => {
                super::tell(&error);
                Exit::Error.into()
            }
        };
    }
    let config = match args.estate.load() {
        Ok(config) => config,
        Err(error) => {
            super::tell(&error);
            return Exit::Error.into();
        }
    };
    match estate::read(&config) {
        Ok(read) => {
            let signer = match read.commit.signed() {
                Some(signed) => format!("signed by {} ({})", signed.name, signed.fingerprint),
                None => "the trusted root".to_owned(),
            };
            let what = format!("commit {:.12}, {signer}", read.commit.id());
            report(&what, &read.resolution, read.commit.files())
        }
        Err(EstateError::Trust(error)) => {
            anstream::eprint!("{}", diagnostics::refusal(&error));
            let exit = if error.is_refusal() { Exit::Refused } else { Exit::Error };
            exit.into()
        }
        Err(error) => {
            super::tell(&error);
            Exit::Error.into()
        }
    }
}

fn report(what: &str, resolution: &Resolution, files: &BTreeMap<String, Vec<u8>>) -> ExitCode {
    if !resolution.diagnostics.is_empty() {
        let colour = std::io::stderr().is_terminal();
        let text = diagnostics::render(&resolution.diagnostics, files, colour);
        anstream::eprint!("{text}");
    }
    let Some(desired) = &resolution.desired else {
        anstream::eprintln!("nothing can be planned: what all stacks share is broken");
        return Exit::Error.into();
    };
    let services: usize = desired.stacks.values().map(|stack| stack.services.len()).sum();
    let held = if desired.broken.is_empty() {
        String::new()
    } else {
        format!(", {} held", desired.broken.len())
    };
    anstream::println!(
        "{}: {what}\n{} sound stacks with {services} services{held}",
        desired.estate,
        desired.stacks.len(),
    );
    if resolution.diagnostics.is_empty() {
        Exit::Nothing.into()
    } else {
        Exit::Error.into()
    }
}
