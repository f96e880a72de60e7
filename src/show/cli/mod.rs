//! The command line: one file per command, thin over `flow`.

mod lab;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Signed intent in, proven recovery out.
#[derive(Parser)]
#[command(name = "holdfast", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Hosters with real Linux machines on this computer
    Lab(lab::Args),
}

/// Parses the arguments, runs the command, returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Command::Lab(args) => lab::run(args),
    }
}
