//! `holdfast lab`: start, look at, break and remove the lab.

use crate::lab::faults::{Mode, Outage};
use crate::lab::fleet::Power;
use crate::lab::image::DEFAULT_CACHE;
use crate::lab::{DEFAULT_BASE, Lab, LabConfig, LabError, LabStatus, pool};
use crate::show::lab_progress::LabProgress;
use crate::show::say::{errln, outln};
use crate::show::views::Format;
use clap::{Parser, Subcommand, ValueEnum};
use comfy_table::{Table, presets};
use std::path::PathBuf;
use std::process::ExitCode;

const DEFAULT_NAME: &str = "default";

/// Hosters with real Linux machines on this computer.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
    /// The lab's name
    #[arg(long, global = true, default_value = DEFAULT_NAME, value_name = "LAB")]
    name: String,
    /// Where labs are kept
    #[arg(long, global = true, env = "HOLDFAST_LAB_DIR", hide_env_values = true, default_value = DEFAULT_BASE, value_name = "DIR")]
    dir: PathBuf,
    /// Where images are kept
    #[arg(long, global = true, env = "HOLDFAST_LAB_CACHE", hide_env_values = true, default_value = DEFAULT_CACHE, value_name = "DIR")]
    cache: PathBuf,
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Subcommand)]
enum Verb {
    /// Start it, or finish a start that was broken off
    Up(UpArgs),
    /// Remove everything it made
    Down {
        /// Remove the cached images as well
        #[arg(long)]
        images: bool,
    },
    /// Show addresses, keys, tokens and machines
    Status,
    /// Power loss of a machine; its disk stays
    Kill {
        /// As status names it
        machine: String,
    },
    /// Everything in a machine stops, and its hoster says that it is on
    Hang {
        /// As status names it
        machine: String,
        /// It hangs again whenever it is started
        #[arg(long)]
        for_good: bool,
    },
    /// Power loss of a machine, and its disk is gone for good
    Destroy {
        /// As status names it
        machine: String,
    },
    /// Start a machine that is off
    PowerOn {
        /// As status names it
        machine: String,
    },
    /// Drop every packet from and to a hoster, its interface included
    Cut {
        /// hetzner, netcup or ionos
        hoster: String,
    },
    /// End cuts and outages, of one hoster or of all
    Heal {
        /// Only this one [default: all]
        hoster: Option<String>,
    },
    /// Make a hoster's interface fail
    Outage(OutageArgs),
    /// Let public keys log in to pool machines as root
    Authorize {
        /// Such as `id_ed25519.pub`; `-` reads standard input
        file: PathBuf,
    },
    /// Serve the hosters' interfaces (started by `up`)
    #[command(hide = true)]
    Serve,
}

#[derive(Parser)]
struct UpArgs {
    /// Hosters, separated by commas [default: hetzner,netcup,ionos]
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    hosters: Option<Vec<String>>,
    /// Machines in each pool [default: 2]
    #[arg(long, value_name = "N")]
    pool_size: Option<usize>,
    /// The name server's zone [default: example.]
    #[arg(long)]
    zone: Option<String>,
    /// Where images get their packages [default: where this computer's apt gets its own]
    #[arg(
        long,
        env = "HOLDFAST_LAB_MIRROR",
        hide_env_values = true,
        value_name = "URL"
    )]
    mirror: Option<String>,
    /// A file of public keys that may log in to pool machines as root; may be repeated
    #[arg(long, value_name = "FILE")]
    authorized_key: Vec<PathBuf>,
    /// Build this image now, not at the first order; may be repeated
    #[arg(long, value_name = "IMAGE")]
    prepare: Vec<String>,
}

#[derive(Parser)]
struct OutageArgs {
    /// One with an interface: hetzner
    hoster: String,
    /// How it fails; `none` ends it
    #[arg(long, value_enum, default_value_t = OutageMode::Unavailable)]
    mode: OutageMode,
    /// The share of requests that are hit, 0 to 1
    #[arg(long, default_value_t = 1.0)]
    rate: f64,
    /// With `slow`: how long each answer waits, in milliseconds
    #[arg(long, default_value_t = 2_000)]
    delay_ms: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum OutageMode {
    /// HTTP 503
    #[value(name = "503")]
    Unavailable,
    /// Never answers
    Hang,
    /// HTTP 429
    #[value(name = "429")]
    TooMany,
    /// HTTP 500
    #[value(name = "500")]
    Broken,
    /// Answers late
    Slow,
    /// Has no server left to order
    Full,
    /// Works again
    None,
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            errln!("error: cannot start the async runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let name = args.name.clone();
    let code = runtime.block_on(async {
        tokio::select! {
            result = perform(args) => report(result),
            _ = tokio::signal::ctrl_c() => {
                errln!("interrupted; remove what was begun with: holdfast lab down --name {name}");
                ExitCode::from(130)
            }
        }
    });
    // Blocking work that was interrupted must not keep the process alive.
    runtime.shutdown_background();
    code
}

fn report(result: Result<(), LabError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(LabError::Preflight(missing)) => {
            errln!("error: this computer cannot run the lab");
            for condition in &missing.conditions {
                errln!("  {condition}");
            }
            if !missing.tools.is_empty() {
                errln!("  not found: {}", missing.tools.join(", "));
            }
            if let Some(command) = missing.command() {
                errln!("install with: {command}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            errln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn perform(args: Args) -> Result<(), LabError> {
    let lab = Lab::new(&args.name, &args.dir)?.with_cache(&args.cache);
    let format = args.format;
    // For the next commands that are shown: the default name is left out.
    let which = if args.name == DEFAULT_NAME {
        String::new()
    } else {
        format!(" --name {}", args.name)
    };
    match args.verb {
        Verb::Up(up) => {
            let ticker = LabProgress::new();
            let status = lab
                .up(config(up)?, move |progress| ticker.show(&progress))
                .await?;
            print(&status, format);
        }
        Verb::Down { images } => {
            lab.down(images).await?;
            say(&format!("lab {} is gone", lab.name()));
        }
        Verb::Status => print(&lab.status().await?, format),
        Verb::Kill { machine } => {
            lab.kill(&machine).await?;
            say(&format!(
                "{machine} has lost its power; start it again with: holdfast lab power-on {machine}{which}"
            ));
        }
        Verb::Hang { machine, for_good } => {
            lab.hang(&machine, for_good).await?;
            say(&format!(
                "{machine} hangs; a reset through its hoster starts it anew"
            ));
        }
        Verb::Destroy { machine } => {
            lab.destroy(&machine).await?;
            say(&format!("{machine} has lost its power and its disk"));
        }
        Verb::PowerOn { machine } => {
            lab.power_on(&machine).await?;
            say(&format!("{machine} is starting"));
        }
        Verb::Cut { hoster } => {
            lab.cut(&hoster).await?;
            say(&format!(
                "{hoster} is cut off; end it with: holdfast lab heal {hoster}{which}"
            ));
        }
        Verb::Heal { hoster } => {
            lab.heal(hoster.as_deref()).await?;
            say(&format!(
                "{} healed",
                hoster.as_deref().unwrap_or("all hosters")
            ));
        }
        Verb::Outage(outage) => {
            lab.outage(&outage.hoster, outage_of(&outage)).await?;
            let state = if outage_of(&outage).is_some() {
                "fails"
            } else {
                "works"
            };
            say(&format!(
                "the interface of {} {state} from now on",
                outage.hoster
            ));
        }
        Verb::Authorize { file } => {
            let keys = pool::keys_in(&or_standard_input(file))?;
            let count = keys.len();
            lab.authorize(keys).await?;
            say(&format!(
                "{count} {} may log in to all pool machines as root",
                if count == 1 { "key" } else { "keys" }
            ));
        }
        Verb::Serve => {
            tracing_subscriber::fmt()
                .with_ansi(false)
                .with_writer(std::io::stderr)
                .init();
            lab.serve().await?;
        }
    }
    Ok(())
}

fn or_standard_input(file: PathBuf) -> PathBuf {
    if file.as_os_str() == "-" {
        return PathBuf::from("/dev/stdin");
    }
    file
}

fn config(up: UpArgs) -> Result<LabConfig, LabError> {
    let mut authorized_keys = Vec::new();
    for file in &up.authorized_key {
        authorized_keys.extend(pool::keys_in(file)?);
    }
    Ok(LabConfig {
        program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("holdfast")),
        hosters: up.hosters,
        pool_size: up.pool_size,
        zone: up.zone,
        mirror: up.mirror,
        authorized_keys,
        images: up.prepare,
    })
}

fn outage_of(args: &OutageArgs) -> Option<Outage> {
    let mode = match args.mode {
        OutageMode::Unavailable => Mode::Unavailable,
        OutageMode::Hang => Mode::Hang,
        OutageMode::TooMany => Mode::TooMany,
        OutageMode::Broken => Mode::Broken,
        OutageMode::Slow => Mode::Slow,
        OutageMode::Full => Mode::Full,
        OutageMode::None => return None,
    };
    Some(Outage {
        mode,
        delay_ms: args.delay_ms,
        rate: args.rate,
    })
}

fn say(line: &str) {
    errln!("{line}");
}

fn print(status: &LabStatus, format: Format) {
    let text = match format {
        Format::Json => serde_json::to_string_pretty(status).unwrap_or_default(),
        Format::Human => human(status),
    };
    outln!("{text}");
}

/// The status for people. Tokens and secrets are left to `--format json`.
fn human(status: &LabStatus) -> String {
    let mut lines = vec![format!(
        "lab {}  network {}  {}",
        status.name,
        status.network,
        status.directory.display()
    )];
    if let Some(interface) = &status.hetzner {
        lines.push(format!(
            "hetzner interface  {}{}",
            interface.endpoint,
            stopped(interface.running)
        ));
    }
    let dns = &status.dns;
    lines.push(format!(
        "name server        {} port {}, zone {}, key {} ({}){}",
        dns.address,
        dns.port,
        dns.zone,
        dns.key_name,
        dns.algorithm,
        stopped(dns.running)
    ));
    for hoster in &status.hosters {
        if hoster.cut {
            lines.push(format!("{} is CUT OFF", hoster.name));
        }
        if let Some(outage) = &hoster.outage {
            lines.push(format!(
                "{} has an OUTAGE: {:?}, {:.0} % of requests",
                hoster.name,
                outage.mode,
                outage.rate * 100.0
            ));
        }
    }
    if status.machines.is_empty() {
        lines.push("no machines yet".to_owned());
    } else {
        lines.push(machines(status));
    }
    lines.push(format!(
        "tokens and keys: holdfast lab status --name {} --format json",
        status.name
    ));
    lines.join("\n")
}

fn stopped(running: bool) -> &'static str {
    if running {
        ""
    } else {
        "  NOT RUNNING (start it with: holdfast lab up)"
    }
}

fn machines(status: &LabStatus) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["MACHINE", "HOSTER", "IMAGE", "ADDRESS", "POWER"]);
    for machine in &status.machines {
        let power = match machine.power {
            Power::Running => "running",
            Power::Off => "off",
            Power::Destroyed => "destroyed",
        };
        table.add_row([
            &machine.name,
            &machine.hoster,
            &machine.image,
            &machine.address.to_string(),
            power,
        ]);
    }
    table.trim_fmt()
}
