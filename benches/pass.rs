//! How long a pass of `holdfast run` takes over many stacks with nothing to do, how much memory it
//! needs, and what the loop costs between its passes.
//!
//! Real: the loop itself, from Git and the journal on the disk to the plan and its check, each
//! time from nothing; every size in a process of its own. Not real: who answers. Hosters and
//! machines do after 20 ms, as many at once as the real transport lets; the name server at once.
//! With a number as an argument (10000) only so many stacks, with `idle` only what it costs to wait.
//! Ends with an error where a bound is not kept. Needs git, ssh-keygen; for `idle` root and Linux.
#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "it has a clock")]
#![allow(clippy::cast_precision_loss, reason = "for people")]

mod bounds;
mod estate;
mod everywhere;
mod process;
mod whole;

use bounds::Bounds;
use everywhere::{Everywhere, founding, lived};
use holdfast::flow::apply::{Reporter, StepError};
use holdfast::flow::config::Config;
use holdfast::flow::drill::Tried;
use holdfast::flow::run::{self, Wakes, Watcher};
use holdfast::model::ids::StackId;
use holdfast::model::pass::{Ending, Pass, Wake};
use holdfast::model::plan::{Plan, Step};
use process::{Process, Reading};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tikv_jemallocator::Jemalloc;
use tokio_util::sync::CancellationToken;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const ROUNDS: usize = 5;
/// From one to the next: the usual minute takes a minute, and what one needed is given back by then.
const APART: Duration = Duration::from_secs(12);
/// So long it is watched while it waits.
const WATCHED: Duration = Duration::from_mins(2);
/// Where everything is that the simulated hosters speak of (RFC 2544).
const ADDRESSES: &str = "198.18.0.0/15";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["loop", dir] => look(Path::new(dir)),
        ["wait", dir] => wait(Path::new(dir)),
        _ => return table(&words),
    }
    ExitCode::SUCCESS
}

fn table(words: &[&str]) -> ExitCode {
    let mut bounds = Bounds::default();
    let number = words.iter().find_map(|word| word.parse().ok());
    let idle = words.contains(&"idle");
    if let Some(stacks) = number {
        measured(stacks, 0);
    } else if !idle {
        passes(&mut bounds);
    }
    if idle || number.is_none() {
        waiting(&mut bounds);
    }
    bounds.verdict()
}

fn passes(bounds: &mut Bounds) {
    println!(
        "a pass with nothing to do, machines answer in 20 ms, {ROUNDS} rounds {} s apart, {}",
        APART.as_secs(),
        process::load()
    );
    let thousand = measured(1_000, 0);
    let many = measured(3_000, 0);
    let old = measured(1_000, 365);
    let (seconds, megabytes) = (thousand.median(), thousand.most as f64 / 1e6);
    bounds.keep(
        &format!("1,000 stacks in {seconds:.2} s (under 5)"),
        seconds < 5.0,
    );
    bounds.keep(
        &format!("{megabytes:.0} MB of memory at the most (under 150)"),
        megabytes < 150.0,
    );
    let ratio = many.busy / thousand.busy;
    bounds.keep(
        &format!("three times the stacks cost {ratio:.1} times as much of a core (under 3.6)"),
        ratio < 3.6,
    );
    let (seconds, megabytes) = (old.median(), old.most as f64 / 1e6);
    bounds.keep(
        &format!("1,000 stacks with a year behind them in {seconds:.2} s (under 5)"),
        seconds < 5.0,
    );
    bounds.keep(
        &format!("{megabytes:.0} MB of memory at the most then (under 150)"),
        megabytes < 150.0,
    );
}

/// With so many days in the journal.
fn measured(stacks: usize, days: u32) -> Measured {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    founding::found(dir.path(), stacks);
    if days > 0 {
        let entries = lived::live(dir.path(), stacks, days);
        println!("  {days} days: {entries} entries in the journal");
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    let child = child.arg("loop").arg(dir.path()).stderr(Stdio::inherit());
    let output = child.output().unwrap();
    assert!(
        output.status.success(),
        "{stacks} stacks: {}",
        output.status
    );
    let measured: Measured = serde_json::from_slice(&output.stdout).unwrap();
    let times = &measured.seconds;
    println!(
        "  {stacks:>6} stacks  {:>7.2} s a pass ({:.2} to {:.2}, {:.2} the first), {:>6.2} s of a core; {:>4.0} MB at the most, {:.0} before the first",
        measured.median(),
        times[0],
        times[times.len() - 1],
        measured.first,
        measured.busy / ROUNDS as f64,
        measured.most as f64 / 1e6,
        measured.before as f64 / 1e6,
    );
    measured
}

/// What a process tells of its passes.
#[derive(serde::Serialize, serde::Deserialize)]
struct Measured {
    /// Sorted.
    seconds: Vec<f64>,
    /// The first of them reads all that the journal holds.
    first: f64,
    /// Seconds of a core for all of them.
    busy: f64,
    /// Bytes, with the simulated world's own.
    before: u64,
    most: u64,
}

impl Measured {
    fn median(&self) -> f64 {
        self.seconds[ROUNDS / 2]
    }
}

/// Nothing is to be done, and nothing is.
struct Silent {
    seconds: Mutex<Vec<f64>>,
    rounds: usize,
    stop: CancellationToken,
}

impl Reporter for Silent {
    fn started(&self, step: &Step) {
        panic!("nothing was to be done: {}", step.id);
    }
    fn note(&self, _: &Step, _: &str) {}
    fn ended(&self, _: &Step, _: &Result<(), StepError>, _: Duration) {}
}

impl Watcher for Silent {
    fn begins(&self, _: &BTreeSet<Wake>) {}
    fn planned(&self, plan: &Plan) {
        assert!(plan.steps.is_empty(), "{:#?}", plan.steps[0]);
        assert!(plan.held.is_empty(), "{:#?}", plan.held[0]);
        assert!(plan.gaps.is_empty(), "{:#?}", plan.gaps[0]);
        assert!(plan.drift.is_empty(), "{:#?}", plan.drift[0]);
    }
    fn drilled(&self, tried: &Tried) {
        panic!("no drill was due: {}", tried.stack);
    }
    fn ended(&self, pass: &Pass, _: Duration, _: &BTreeMap<StackId, Duration>) {
        if pass.ending != Ending::Settled {
            eprintln!("{:?}", pass.ending);
            std::process::exit(1);
        }
        let mut seconds = self.seconds.lock().unwrap();
        seconds.push(pass.took.as_secs_f64());
        if seconds.len() == 1 {
            println!();
        }
        if seconds.len() == self.rounds {
            self.stop.cancel();
        }
    }
    fn alive(&self) {}
}

/// The loop over everything that was founded there, for so many passes.
fn go(dir: &Path, rounds: usize, set: impl FnOnce(&mut Config)) -> Vec<f64> {
    let mut config = Config::load(&founding::estate(dir), None).unwrap();
    // What is told of its first five minutes would be a hold.
    config.run.still = Duration::ZERO;
    set(&mut config);
    let everywhere = Everywhere::beside(dir);
    let silent = Arc::new(Silent {
        seconds: Mutex::default(),
        rounds,
        stop: CancellationToken::new(),
    });
    let reporter: Arc<dyn Reporter> = silent.clone();
    let wakes = Arc::new(Wakes::default());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run::run_by(
        &move |world| everywhere.instead(world),
        &config,
        &wakes,
        (&reporter, &*silent),
        Duration::from_mins(1),
        &silent.stop,
    ));
    silent.seconds.lock().unwrap().clone()
}

/// One pass after the other.
fn look(dir: &Path) {
    let this = Process::this();
    let before = this.read();
    let mut seconds = go(dir, ROUNDS, |config| {
        config.run.interval = APART;
        config.run.probe = None;
    });
    let first = seconds[0];
    seconds.sort_by(f64::total_cmp);
    let after = this.read();
    let measured = Measured {
        seconds,
        first,
        busy: after.busy - before.busy,
        before: before.memory,
        most: after.most,
    };
    println!("{}", serde_json::to_string(&measured).unwrap());
}

/// As it is by itself, for ever; whatever it probes takes its connections.
fn wait(dir: &Path) {
    for port in [22, 443] {
        let listener = TcpListener::bind(("0.0.0.0", port)).unwrap();
        std::thread::spawn(move || listener.incoming().for_each(drop));
    }
    go(dir, usize::MAX, |_| ());
}

fn waiting(bounds: &mut Bounds) {
    const STACKS: usize = 1_000;
    const DAYS: u32 = 365;
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    founding::found(dir.path(), STACKS);
    lived::live(dir.path(), STACKS, DAYS);
    let within = format!(
        "ip link set lo up && ip route add local {ADDRESSES} dev lo && exec \"$0\" wait \"$1\""
    );
    let mut child = Command::new("unshare")
        .args(["--net", "sh", "-c", &within])
        .arg(std::env::current_exe().unwrap())
        .arg(dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let process = Process::of(child.id());
    // What it does after its first pass, and nothing of how it began.
    let mut readings = vec![process.read()];
    for _ in 0..WATCHED.as_secs() {
        std::thread::sleep(Duration::from_secs(1));
        readings.push(process.read());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let (first, last) = (readings[0], readings[readings.len() - 1]);
    let share = (last.busy - first.busy) / (last.at - first.at) * 100.0;
    let mut memory: Vec<u64> = readings.iter().map(|one: &Reading| one.memory).collect();
    memory.sort_unstable();
    let middle = memory[memory.len() / 2] as f64 / 1e6;
    println!(
        "\nidle: {STACKS} stacks with {DAYS} days behind them, a look every minute, a probe of everything every 30 s, watched for {} s, {}",
        WATCHED.as_secs(),
        process::load()
    );
    println!(
        "  {share:.2} % of a core; {middle:.1} MB (median; {:.1} to {:.1}), {:.1} at the most in a pass",
        memory[0] as f64 / 1e6,
        memory[memory.len() - 1] as f64 / 1e6,
        last.most as f64 / 1e6
    );
    bounds.keep(&format!("{share:.2} % of a core (under 2)"), share < 2.0);
    bounds.keep(
        &format!("{middle:.1} MB while it waits (under 64)"),
        middle < 64.0,
    );
}
