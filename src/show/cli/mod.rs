//! The command line: one file per command, thin over `flow`.

mod apply;
mod approve;
mod backup;
mod check;
mod demo;
mod drill;
mod estate;
mod evidence;
mod exit_kit;
mod explain;
mod failure;
mod files;
mod fmt;
mod freeze;
mod init;
mod key;
mod lab;
mod log;
mod new;
mod password;
mod pause;
mod plan;
mod points;
pub mod reference;
mod restore;
mod run;
mod schema;
mod secret;
mod status;
mod trust;
mod verify;
mod whose;
mod why;

use super::exit::{self, Exit};
use super::say;
use crate::model::visible::visible_json;
use crate::show::say::{err, errln, out, outln};
use clap::{Parser, Subcommand};
use estate::EstateArgs;
use run::LogFormat;
use std::io::IsTerminal as _;
use std::process::ExitCode;

/// Signed intent in, proven recovery out.
#[derive(Parser)]
#[command(name = "holdfast", version, about, after_help = exit::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// A command that works on an estate.
#[derive(clap::Args)]
struct On<A: clap::Args> {
    #[command(flatten)]
    args: A,
    #[command(flatten)]
    estate: EstateArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Make a new estate: keys, trust, an example stack, a signed first commit
    #[command(
        after_help = "Nothing outside DIR and its Git directory is touched, except with --lab."
    )]
    Init(init::Args),
    /// Write the file of something new
    #[command(subcommand)]
    New(Box<new::New>),
    /// Is the commit accepted, and do its files make sense?
    Check(On<check::Args>),
    /// What a diagnostic code means, why it matters and what is right
    Explain(explain::Args),
    /// Lay out TOML files in one way; comments stay, and so does what they mean
    Fmt(fmt::Args),
    /// JSON Schemas of every file, so that editors complete and check what is written
    Schema(schema::Args),
    /// Put your name to a commit that somebody else signed
    Approve(On<approve::Args>),
    /// Who may sign for what: look at it, change it
    #[command(subcommand)]
    Trust(trust::Command),
    /// Seal a secret from standard input into the work tree, for all recipients of trust.toml
    Secret(On<secret::Args>),
    /// Print the reconciler's public SSH key, for root's `authorized_keys` on ordered machines
    Key(EstateArgs),
    /// Print the generated password of a service's admin account
    Password(On<password::Args>),
    /// Show what would be done, to whom and why; touches nothing
    #[command(after_help = plan::HELP)]
    Plan(On<plan::Args>),
    /// Make it so now, and look again until nothing is left to do
    #[command(after_help = apply::HELP)]
    Apply(On<apply::Args>),
    /// The same as apply, for timers: look, mend what [repair] allows, back up and drill what is due
    Reconcile(On<apply::ReconcileArgs>),
    /// Watch the estate without a person: look, mend what [repair] allows, and look again
    #[command(after_help = run::HELP)]
    Run(On<run::Args>),
    /// How every stack stands, worst first; looks, and touches nothing
    #[command(after_help = status::HELP)]
    Status(On<status::Args>),
    /// Why a stack is treated as it is: what is wanted, what was seen, what follows, what is held
    #[command(after_help = why::HELP)]
    Why(On<why::Args>),
    /// What has happened to a stack, or to all, as the journal tells it
    Log(On<log::Args>),
    /// For a while, do nothing for a stack but back it up and look; what else is wanted is held
    #[command(after_help = pause::HELP)]
    Pause(On<pause::Args>),
    /// End a pause before its time
    Resume(On<pause::ResumeArgs>),
    /// By a signed word, begin nothing until a day but what saves and reads; written into the estate
    #[command(after_help = freeze::HELP)]
    Freeze(On<freeze::Args>),
    /// Take freezes out of the estate before their time
    Unfreeze(On<freeze::EndArgs>),
    /// Take a recovery point of a stack now and read it back
    Backup(On<backup::Args>),
    /// Does a stack come back? Try it on a machine that is destroyed afterwards
    #[command(after_help = drill::HELP)]
    Drill(On<drill::Args>),
    /// List a stack's recovery points, how far each is proven and what a rebuild would take
    Points(On<points::Args>),
    /// Which versions of a file or folder the recovery points hold
    Files(On<files::Args>),
    /// Bring one file, folder, database or table back beside the live data, never over it
    Restore(On<restore::Args>),
    /// Write a runbook and plain scripts that rebuild a stack without Holdfast
    ExitKit(On<exit_kit::Args>),
    /// List what drills, rebuilds and moves have proven of a stack; check one document
    #[command(after_help = evidence::HELP)]
    Evidence(evidence::Args),
    /// Read every byte of a stack's recovery points where they are kept, and say what is damaged
    #[command(after_help = verify::HELP)]
    Verify(On<verify::Args>),
    /// Tell the whole story on real machines of the lab
    Demo(demo::Args),
    /// Hosters with real Linux machines on this computer
    Lab(lab::Args),
}

/// Parses the arguments, runs the command, returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    say::ended(run())
}

fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return not_run(&error),
    };
    match &cli.command {
        Command::Lab(_) => {} // The lab's daemon writes a log of its own.
        Command::Run(on) => trace("warn,holdfast=info", on.args.log),
        _ => trace("error", LogFormat::Text),
    }
    match cli.command {
        Command::Init(args) => block_on(init::run(args)),
        Command::New(new) => new::run(&new).into(),
        Command::Check(on) => block_on(check::run(on.args, on.estate)),
        Command::Explain(args) => explain::run(&args).into(),
        Command::Fmt(args) => fmt::run(&args).into(),
        Command::Schema(args) => schema::run(&args).into(),
        Command::Approve(on) => block_on(approve::run(on.args, on.estate)),
        Command::Trust(command) => trust::run(&command).into(),
        Command::Secret(on) => secret::run(&on.args, &on.estate).into(),
        Command::Key(estate) => key::run(&estate).into(),
        Command::Password(on) => password::run(&on.args, &on.estate).into(),
        Command::Lab(args) => lab::run(args),
        Command::Plan(on) => block_on(plan::run(on.args, &on.estate)),
        Command::Apply(on) => block_on(apply::run(on.args, &on.estate)),
        Command::Reconcile(on) => block_on(apply::run_once(on.args, &on.estate)),
        Command::Run(on) => block_on(run::run(on.args, &on.estate)),
        Command::Status(on) => block_on(status::run(on.args, &on.estate)),
        Command::Why(on) => block_on(why::run(on.args, &on.estate)),
        Command::Log(on) => block_on(log::run(on.args, &on.estate)),
        Command::Pause(on) => block_on(pause::run(on.args, &on.estate)),
        Command::Resume(on) => block_on(pause::resume(on.args, &on.estate)),
        Command::Freeze(on) => freeze::run(&on.args, &on.estate).into(),
        Command::Unfreeze(on) => freeze::end_now(&on.args, &on.estate).into(),
        Command::Backup(on) => block_on(backup::run(on.args, &on.estate)),
        Command::Drill(on) => block_on(drill::run(on.args, &on.estate)),
        Command::Points(on) => block_on(points::run(on.args, &on.estate)),
        Command::Files(on) => block_on(files::run(on.args, &on.estate)),
        Command::Restore(on) => block_on(restore::run(on.args, &on.estate)),
        Command::ExitKit(on) => block_on(exit_kit::run(on.args, &on.estate)),
        Command::Evidence(args) => block_on(evidence::run(args)),
        Command::Verify(on) => block_on(verify::run(on.args, &on.estate)),
        Command::Demo(args) => block_on(demo::run(args)),
    }
}

/// What clap prints instead of running anything: help and version, or what is wrong with the
/// arguments. Its own exit code for that, 2, means changes here.
fn not_run(said: &clap::Error) -> ExitCode {
    let exit = if said.use_stderr() {
        Exit::Error
    } else {
        Exit::Nothing
    };
    // With colours; the streams take them out where there is no terminal.
    let text = said.render().ansi().to_string();
    match exit {
        Exit::Nothing => out!("{text}"),
        _ => err!("{text}"),
    }
    exit.into()
}

fn block_on(command: impl Future<Output = Exit>) -> ExitCode {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(command).into(),
        Err(error) => {
            errln!("error: no runtime: {error}");
            Exit::Error.into()
        }
    }
}

/// Traces go to standard error; `HOLDFAST_LOG` says how much (`info`, `holdfast=debug`).
fn trace(usual: &str, format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HOLDFAST_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // A standard error that takes nothing is no reason to end.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// One JSON document on standard output.
fn print_json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value).map(visible_json) {
        Ok(text) => outln!("{text}"),
        Err(error) => errln!("error: the result has no JSON form: {error}"),
    }
}
