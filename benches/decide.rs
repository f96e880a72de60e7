//! How long it takes to decide for 1,000 stacks, and how much memory: `decide::resolve`
//! from the files of a commit, then `decide::plan` over everything that was seen.
//!
//! Two days: every machine as it should be (the usual one), and no production machine
//! there yet (the largest plan). Ends with an error where a bound is not kept.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a bench lives outside, with a clock"
)]

mod estate;

use estate::IMAGE;
use holdfast::decide::catalogue::{self, Catalogue};
use holdfast::decide::derive::EstateKey;
use holdfast::decide::document::Files;
use holdfast::decide::history::{History, PastMachine};
use holdfast::decide::resolve::{Resolution, resolve};
use holdfast::decide::{manifest, names, plan};
use holdfast::model::desired::Desired;
use holdfast::model::ids::{CommitId, Epoch, HosterId, ImageName, MachineName, PointId, SiteId};
use holdfast::model::machine::{
    BackupAccess, Digest, FileFact, MachineFacts, MachineManifest, Role, Stage, UnitFact,
};
use holdfast::model::observed::{Inventory, Observed, Power, SeenMachine};
use holdfast::model::plan::Plan;
use holdfast::model::point::{RecoveryPoint, Rung};
use holdfast::model::secret::Secret;
use holdfast::model::units::Bytes;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
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
        resolution.diagnostics.is_empty(),
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
    let (catalogue, found) = catalogue::catalogue(&catalogue_files());
    assert!(found.is_empty(), "{found:?}");
    let files = estate::files(STACKS, estate::SIGNER);
    let commit = CommitId::new("0".repeat(40));
    let desired = sound(resolve(&files, &commit, &catalogue));
    let key = EstateKey::new(Secret::new(vec![7; 32])).unwrap();
    let now: Timestamp = NOW.parse().unwrap();

    let mut manifests = BTreeMap::new();
    let mut past = History::default();
    let mut seen = Observed {
        at: now,
        hosters: desired
            .hosters
            .keys()
            .map(|id| (id.clone(), Ok(Inventory::default())))
            .collect(),
        machines: BTreeMap::new(),
        points: BTreeMap::new(),
        names: BTreeMap::new(),
    };
    for (number, stack) in desired.stacks.values().enumerate() {
        let name = names::production_machine(&stack.id, Epoch(1));
        let backup = &stack.backup.placement;
        let access = BackupAccess {
            address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            port: 8000,
            user: stack.id.to_string(),
            password: Secret::new("p".repeat(32)),
            repository_password: Secret::new("r".repeat(32)),
            ca_pem: "certificate".to_owned(),
        };
        let manifest = manifest::production(
            stack,
            &desired.estate,
            &desired.blueprints,
            &key,
            &name,
            Epoch(1),
            &ImageName::new(IMAGE),
            &access,
        )
        .unwrap();
        let at = seen_machine(
            &name,
            &stack.production.hoster,
            &stack.production.site,
            number,
        );
        let machine = SeenMachine {
            stack: Some(stack.id.clone()),
            ..at
        };
        for service in &stack.services {
            seen.names
                .insert(service.host.clone(), Ok(vec![machine.address]));
        }
        let id = PointId::new(format!("{number:064x}"));
        past.proven.insert(id.clone(), Rung::Shipped);
        past.writers
            .insert(stack.id.clone(), (Epoch(1), name.clone()));
        seen.points.insert(
            stack.id.clone(),
            Ok(vec![RecoveryPoint {
                id,
                stack: stack.id.clone(),
                epoch: Epoch(1),
                taken_at: now - SignedDuration::from_hours(6),
                bytes: Bytes(1 << 30),
                rung: Rung::Shipped,
            }]),
        );
        put(machine, manifest, &mut manifests, &mut seen, &mut past);

        let shared = names::backup_machine(&backup.hoster, &backup.site);
        if !manifests.contains_key(&shared) {
            let stacks = desired.stacks.values();
            let users = stacks
                .filter(|s| s.backup.placement.site == backup.site)
                .map(|s| &s.id);
            let machine = SeenMachine {
                role: Role::Backup,
                ..seen_machine(
                    &shared,
                    &backup.hoster,
                    &backup.site,
                    STACKS + manifests.len(),
                )
            };
            let address = machine.address;
            let manifest =
                manifest::backup(&desired.estate, &shared, Epoch(1), users, &key, address).unwrap();
            put(machine, manifest, &mut manifests, &mut seen, &mut past);
        }
    }
    Input {
        files,
        commit,
        catalogue,
        manifests,
        seen,
        past,
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
    input.past.proven.clear();
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
        *addresses = Ok(Vec::new());
    }
    input
}

/// A machine that its hoster lists, that answers as its manifest says, and that we remember.
fn put(
    machine: SeenMachine,
    manifest: MachineManifest,
    manifests: &mut BTreeMap<MachineName, MachineManifest>,
    seen: &mut Observed,
    past: &mut History,
) {
    past.machines.insert(
        machine.name.clone(),
        PastMachine {
            hoster: machine.hoster.clone(),
            provider_id: machine.provider_id.clone(),
            role: machine.role,
            stack: machine.stack.clone(),
            epoch: machine.epoch,
            wanted: None,
            fenced: None,
            power_on_failed: None,
        },
    );
    seen.machines
        .insert(machine.name.clone(), Ok(facts(&machine, &manifest)));
    manifests.insert(machine.name.clone(), manifest);
    let inventory = seen.hosters.get_mut(&machine.hoster).unwrap();
    inventory.as_mut().unwrap().machines.push(machine);
}

fn seen_machine(
    name: &MachineName,
    hoster: &HosterId,
    site: &SiteId,
    number: usize,
) -> SeenMachine {
    let [.., high, low] = u32::try_from(number).unwrap().to_be_bytes();
    SeenMachine {
        name: name.clone(),
        provider_id: number.to_string(),
        hoster: hoster.clone(),
        site: Some(site.clone()),
        role: Role::Production,
        stack: None,
        epoch: Epoch(1),
        image: Some(ImageName::new(IMAGE)),
        quarantined: false,
        power: Power::On,
        address: IpAddr::V4(Ipv4Addr::new(198, 18, high, low)),
        port: 22,
    }
}

/// What a machine says that is exactly as it should be.
fn facts(machine: &SeenMachine, manifest: &MachineManifest) -> MachineFacts {
    let packages = manifest.tools.iter().chain(&manifest.packages);
    MachineFacts {
        image: ImageName::new(IMAGE),
        boot_id: machine.provider_id.clone(),
        stack: machine.stack.clone(),
        estate: Some("example".to_owned()),
        role: Some(machine.role),
        epoch: Some(machine.epoch),
        stage: Stage::Opened,
        open: true,
        restored_from: None,
        packages: packages
            .map(|name| (name.clone(), "1.0-1".to_owned()))
            .collect(),
        files: manifest
            .files
            .iter()
            .map(|f| {
                (
                    f.path.clone(),
                    fact(&f.digest.0, &f.mode, &f.owner, &f.group),
                )
            })
            .collect(),
        directories: manifest
            .directories
            .iter()
            .chain(manifest.services.iter().flat_map(|service| &service.state))
            .map(|d| (d.path.clone(), fact("", &d.mode, &d.owner, &d.group)))
            .collect(),
        units: manifest
            .units
            .iter()
            .map(|unit| {
                let well = UnitFact {
                    active: true,
                    enabled: true,
                };
                (unit.clone(), well)
            })
            .collect(),
        disk_free: Bytes(20 << 30),
        disk_size: Bytes(40 << 30),
        took_ms: 80,
    }
}

fn fact(digest: &str, mode: &str, owner: &str, group: &str) -> FileFact {
    FileFact {
        digest: Digest(digest.to_owned()),
        mode: mode.to_owned(),
        owner: owner.to_owned(),
        group: group.to_owned(),
    }
}

/// `stacks/blueprints` and `providers`, as they stand in this repository.
fn catalogue_files() -> Files {
    fn walk(root: &Path, dir: &Path, files: &mut Files) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, files);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                files.insert(name.to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Files::new();
    walk(root, &root.join("stacks/blueprints"), &mut files);
    walk(root, &root.join("providers"), &mut files);
    files
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
