//! How long it takes to decide for 1,000 stacks, and how much memory: `decide::resolve`
//! from the files of a commit, then `decide::plan` over everything that was seen.
//!
//! Two days: every machine as it should be (the usual one), and no production machine
//! there yet (the largest plan). Ends with an error where a bound is not kept.
#![allow(clippy::print_stdout, missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::disallowed_methods, reason = "it has a clock")]

mod estate;

use holdfast::decide::assumed;
use holdfast::decide::catalogue::Catalogue;
use holdfast::decide::derive::EstateKey;
use holdfast::decide::document::Files;
use holdfast::decide::history::History;
use holdfast::decide::plan;
use holdfast::decide::resolve::{Resolution, resolve};
use holdfast::model::desired::Desired;
use holdfast::model::diagnostic::Diagnostic;
use holdfast::model::ids::{CommitId, MachineName};
use holdfast::model::machine::{Digest, MachineManifest, Role};
use holdfast::model::observed::{Observed, SeenName};
use holdfast::model::plan::Plan;
use holdfast::model::secret::Secret;
use holdfast::model::units::Bytes;
use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const STACKS: usize = 1_000;
const ROUNDS: usize = 15;
const MOST_TIME: Duration = Duration::from_millis(200);
const MOST_MEMORY: Bytes = Bytes(100_000_000);

const NOW: &str = "2026-11-20T12:00:00Z";

/// Everything that deciding is given.
struct Input {
    files: Files,
    commit: CommitId,
    catalogue: Catalogue,
    manifests: BTreeMap<MachineName, MachineManifest>,
    seen: Observed,
    past: History,
}

fn main() -> ExitCode {
    let mut kept = true;
    println!("{STACKS} stacks, {ROUNDS} rounds, {}", build());
    println!();
    println!(
        "{:<26} {:>9} {:>9} {:>9} {:>9} {:>7} {:>6}",
        "", "resolve", "plan", "both", "worst", "steps", "held"
    );
    let input = healthy();
    let given = status("VmRSS:");
    let plan = measure("every machine is well", &input, &mut kept);
    assert!(
        plan.steps.is_empty(),
        "nothing was to be done: {:?}",
        plan.steps[0]
    );
    assert!(plan.held.is_empty() && plan.drift.is_empty() && plan.gaps.is_empty());

    let input = before_the_first_day(input);
    let plan = measure("no production machine yet", &input, &mut kept);
    assert!(
        plan.steps.len() >= STACKS,
        "only {} steps",
        plan.steps.len()
    );

    // The kernel's count for the whole process: what deciding is given is in it.
    let most = status("VmHWM:");
    kept &= most < MOST_MEMORY;
    println!();
    println!("memory at most {most}, of which {given} is what deciding is given:");
    println!("the files, and for each machine its manifest and what it says of itself");
    println!(
        "bounds: {} ms for both (median), {MOST_MEMORY}",
        MOST_TIME.as_millis()
    );
    if kept {
        ExitCode::SUCCESS
    } else {
        println!("NOT KEPT");
        ExitCode::FAILURE
    }
}

/// Decides again and again; prints the medians.
fn measure(name: &str, input: &Input, kept: &mut bool) -> Plan {
    let mut resolving = Vec::new();
    let mut planning = Vec::new();
    let mut both = Vec::new();
    let mut last = None;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let resolution = resolve(&input.files, &input.commit, &input.catalogue);
        let resolved = start.elapsed();
        let desired = sound(resolution);
        let start = Instant::now();
        let plan = plan::plan(
            &desired,
            &input.manifests,
            &input.seen,
            &input.past,
            Digest(String::new()),
            &std::collections::BTreeSet::new(),
        );
        let planned = start.elapsed();
        resolving.push(resolved);
        planning.push(planned);
        both.push(resolved + planned);
        last = Some(plan);
    }
    let plan = last.unwrap();
    both.sort();
    let (median, worst) = (both[ROUNDS / 2], both[ROUNDS - 1]);
    println!(
        "{name:<26} {:>9} {:>9} {:>9} {:>9} {:>7} {:>6}",
        milliseconds(middle(resolving)),
        milliseconds(middle(planning)),
        milliseconds(median),
        milliseconds(worst),
        plan.steps.len(),
        plan.held.len(),
    );
    *kept &= median < MOST_TIME;
    plan
}

fn sound(resolution: Resolution) -> Desired {
    assert!(
        !resolution.diagnostics.iter().any(Diagnostic::is_error),
        "{:?}",
        resolution.diagnostics[0]
    );
    let desired = resolution.desired.unwrap();
    assert_eq!(desired.stacks.len(), STACKS);
    desired
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

fn build() -> &'static str {
    if cfg!(debug_assertions) {
        "optimised, with debug assertions and overflow checks"
    } else {
        "as released"
    }
}

/// An estate of a thousand customers, each with a machine, a recovery point and a name.
fn healthy() -> Input {
    let catalogue = estate::catalogue();
    let files = estate::files(STACKS, estate::SIGNER);
    let commit = CommitId::new("0".repeat(40));
    let desired = sound(resolve(&files, &commit, &catalogue));
    let key = EstateKey::new(Secret::new(vec![7; 32])).unwrap();
    let world = assumed::in_place(&desired, &key, NOW.parse().unwrap());
    assert!(world.unsayable.is_empty(), "{:?}", world.unsayable);
    Input {
        files,
        commit,
        catalogue,
        manifests: world.manifests,
        seen: world.seen,
        past: world.past,
    }
}

/// The same estate, its backup machines there, nothing else.
fn before_the_first_day(mut input: Input) -> Input {
    let production = |role: Role| role == Role::Production;
    for inventory in input.seen.hosters.values_mut() {
        let inventory = inventory.as_mut().unwrap();
        inventory
            .machines
            .retain(|machine| !production(machine.role));
    }
    input
        .past
        .machines
        .retain(|_, machine| !production(machine.role));
    input.past.writers.clear();
    input.seen.machines.retain(|_, facts| {
        !facts
            .as_ref()
            .is_ok_and(|f| f.role == Some(Role::Production))
    });
    input
        .manifests
        .retain(|_, manifest| !production(manifest.role));
    for points in input.seen.points.values_mut() {
        *points = Ok(Vec::new());
    }
    for addresses in input.seen.names.values_mut() {
        *addresses = Ok(SeenName::default());
    }
    input
}

/// Memory of this process (`proc(5)`, status).
fn status(key: &str) -> Bytes {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .unwrap();
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    Bytes(kilobytes * 1024)
}
