//! The command line: one file per command, thin over `flow`.

mod apply;
mod backup;
mod check;
mod demo;
mod estate;
mod init;
mod key;
mod lab;
mod plan;
mod points;
mod secret;

use super::exit::{self, Exit};
use clap::{Parser, Subcommand};
use estate::EstateArgs;
use std::process::ExitCode;

/// Signed intent in, proven recovery out.
#[derive(Parser)]
#[command(name = "holdfast", version, about, after_help = exit::HELP)]
struct Cli {
    #[command(flatten)]
    estate: EstateArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a new estate: keys, trust, an example stack, a signed first commit
    Init(init::Args),
    /// Is the commit accepted, and do its files make sense?
    Check(check::Args),
    /// Seal a secret from standard input into the estate
    Secret(secret::Args),
    /// Print the reconciler's public SSH key, for root's `authorized_keys` on ordered machines
    Key,
    /// Show what would be done, to whom and why; touches nothing
    Plan(plan::Args),
    /// Make it so, and look again until nothing is left to do
    Apply(apply::Args),
    /// Look at the world, mend what policy allows
    Reconcile(apply::ReconcileArgs),
    /// Take a recovery point of a stack now and read it back
    Backup(backup::Args),
    /// List a stack's recovery points and what a rebuild would take
    Points(points::Args),
    /// Tell the whole story on real machines of the lab
    Demo(demo::Args),
    /// Hosters with real Linux machines on this computer
    Lab(lab::Args),
}

/// Parses the arguments, runs the command, returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if !matches!(cli.command, Command::Lab(_)) {
        log(); // The lab's daemon writes a log of its own.
    }
    let estate = &cli.estate;
    match cli.command {
        Command::Init(args) => block_on(init::run(args)),
        Command::Check(args) => check::run(&args, estate).into(),
        Command::Secret(args) => secret::run(&args, estate).into(),
        Command::Key => key::run(estate).into(),
        Command::Lab(args) => lab::run(args),
        Command::Plan(args) => block_on(plan::run(args, estate)),
        Command::Apply(args) => block_on(apply::run(args, estate)),
        Command::Reconcile(args) => block_on(apply::run_once(args, estate)),
        Command::Backup(args) => block_on(backup::run(args, estate)),
        Command::Points(args) => block_on(points::run(args, estate)),
        Command::Demo(args) => block_on(demo::run(args)),
    }
}

fn block_on(command: impl Future<Output = Exit>) -> ExitCode {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(command).into(),
        Err(error) => {
            anstream::eprintln!("error: no runtime: {error}");
            Exit::Error.into()
        }
    }
}

/// Traces go to standard error; `HOLDFAST_LOG` says how much (`info`, `holdfast=debug`).
fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HOLDFAST_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

/// One JSON document on standard output.
fn print_json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => anstream::println!("{text}"),
        Err(error) => anstream::eprintln!("error: the result has no JSON form: {error}"),
    }
}
