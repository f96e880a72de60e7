//! How such a world comes about: the estate is founded as a person does it, and everything that
//! it asks for is said to be in place, in files beside it and in its journal.

use super::{Known, now};
use crate::estate;
use crate::whole::succeed;
use holdfast::decide::assumed;
use holdfast::flow::config::Config;
use holdfast::flow::entry::{self, Mode};
use holdfast::flow::session::Session;
use holdfast::model::desired::Desired;
use holdfast::model::ids::{HosterId, MachineName, PointId, StepId};
use holdfast::model::journal::{Event, StepResult};
use holdfast::model::machine::{Digest, FileFact, MachineFacts, MachineManifest, Role, UnitFact};
use holdfast::model::observed::{Inventory, SeenMachine};
use holdfast::model::point::Rung;
use holdfast::model::units::Bytes;
use holdfast::world::store::Journal;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const HOLDFAST: &str = env!("CARGO_BIN_EXE_holdfast");

/// Where the estate is.
pub fn estate(dir: &Path) -> PathBuf {
    dir.join("estate")
}

/// An estate with so many stacks, its journal, and what everybody says who is asked of it.
pub fn found(dir: &Path, stacks: usize) {
    init(dir, stacks);
    let config = Config::load(&estate(dir), None).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let session = runtime.block_on(entry::open(&config, Mode::Read)).unwrap();
    assert_eq!(session.desired.stacks.len(), stacks);
    let mut known = in_place(&session);
    runtime.block_on(remember(&config, &session.desired, &known));
    let session = runtime.block_on(entry::open(&config, Mode::Read)).unwrap();
    known.said = say(&session, &known.inventories, &dir.join("facts"));
    fs::write(dir.join("known.json"), serde_json::to_vec(&known).unwrap()).unwrap();
}

fn init(dir: &Path, stacks: usize) {
    let to = estate(dir);
    let mut init = Command::new(HOLDFAST);
    succeed(init.arg("init").arg(&to).args(["--name", "example"]));
    fs::write(to.join("hosters.toml"), estate::HOSTERS).unwrap();
    let shared = fs::read_to_string(to.join("estate.toml")).unwrap();
    fs::write(to.join("estate.toml"), shared + "\n" + estate::DNS).unwrap();
    fs::remove_file(to.join("stacks/acme.toml")).unwrap();
    for number in 0..stacks {
        let path = to.join(format!("stacks/customer-{number:04}.toml"));
        fs::write(path, estate::stack(number)).unwrap();
    }
    for (id, secret) in [
        ("hetzner-token", "token"),
        ("dns-key", "c2VjcmV0LW9mLWEtYmVuY2g="),
    ] {
        let mut seal = Command::new(HOLDFAST);
        seal.args(["secret", id, "--estate"]).arg(&to);
        let quiet = seal.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = quiet.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(secret.as_bytes())
            .unwrap();
        assert!(child.wait().unwrap().success());
    }
    let git = |words: &[&str]| succeed(Command::new("git").arg("-C").arg(&to).args(words));
    git(&["config", "gc.auto", "0"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "Describe all customers"]);
    git(&["gc", "--quiet"]);
}

/// As if everything that is asked for were there.
fn in_place(session: &Session) -> Known {
    let (desired, key) = (&session.desired, &session.key);
    let seen = assumed::in_place(desired, key, now()).seen;
    let mut inventories = BTreeMap::new();
    for (id, inventory) in seen.hosters {
        let mut inventory: Inventory = inventory.unwrap();
        let ordered = &desired.hosters[&id].pool;
        for machine in &mut inventory.machines {
            let at = ordered
                .iter()
                .find(|one| Some(&one.site) == machine.site.as_ref());
            if let Some(ordered) = at.filter(|_| machine.role == Role::Backup) {
                machine.provider_id = ordered.name.to_string();
            }
        }
        inventories.insert(id, inventory);
    }
    let names = seen.names.into_iter();
    let points = seen.points.into_iter();
    Known {
        inventories,
        names: names
            .map(|(host, at)| (host, at.unwrap().addresses))
            .collect(),
        points: points
            .map(|(stack, all)| (stack, all.unwrap()[0].id.clone()))
            .collect(),
        said: BTreeMap::new(),
    }
}

/// Writes the journal.
async fn remember(config: &Config, desired: &Desired, known: &Known) {
    let journal = Journal::open(&config.journal).await.unwrap();
    let accepted = Event::Accepted {
        commit: desired.commit.clone(),
    };
    journal.append(None, accepted, now()).await.unwrap();
    let all = known.inventories.values();
    let mut machines: Vec<&SeenMachine> = all.flat_map(|one| &one.machines).collect();
    machines.sort_by_key(|machine| machine.role != Role::Backup);
    for machine in machines {
        let stack = machine.stack.as_ref();
        let point = stack.and_then(|id| known.points.get(id));
        let vault = stack.map(|id| Session::backup_machine(&desired.stacks[id]));
        for event in events(machine, point.zip(vault.as_ref())) {
            journal.append(stack, event, now()).await.unwrap();
        }
    }
    journal.close().await;
}

fn ended(step: String) -> Event {
    Event::Ended {
        step: StepId::new(step),
        result: StepResult::Done,
        millis: 1,
    }
}

fn events(machine: &SeenMachine, kept: Option<(&PointId, &MachineName)>) -> Vec<Event> {
    let mut all = vec![Event::Created {
        machine: machine.name.clone(),
        hoster: machine.hoster.clone(),
        provider_id: machine.provider_id.clone(),
        role: machine.role,
        epoch: machine.epoch,
        wanted: machine
            .site
            .clone()
            .map(|site| (machine.hoster.clone(), site)),
        machine_type: None,
        asked: None,
    }];
    if let (Some(stack), Some((point, vault))) = (&machine.stack, kept) {
        all.push(ended(format!("{stack}.repository.{vault}")));
        all.push(Event::Opened {
            machine: machine.name.clone(),
            epoch: machine.epoch,
            point: None,
        });
        all.push(Event::Proven {
            point: point.clone(),
            rung: Rung::Shipped,
        });
    }
    all
}

/// Writes what each machine says, when it is what this session says that it should be; gives where.
fn say(
    session: &Session,
    inventories: &BTreeMap<HosterId, Inventory>,
    to: &Path,
) -> BTreeMap<MachineName, (u64, usize)> {
    for (hoster, inventory) in inventories {
        session.learn(hoster, inventory);
    }
    let mut file = std::io::BufWriter::new(fs::File::create(to).unwrap());
    let (mut said, mut at) = (BTreeMap::new(), 0);
    for machine in inventories.values().flat_map(|one| &one.machines) {
        let (stack, image) = (machine.stack.as_ref(), machine.image.as_ref());
        let manifest = session.manifest(machine.role, stack, &machine.name, machine.epoch, image);
        let facts = as_described(machine, &manifest.unwrap(), now());
        let text = serde_json::to_vec(&facts).unwrap();
        file.write_all(&text).unwrap();
        said.insert(machine.name.clone(), (at, text.len()));
        at += text.len() as u64;
    }
    file.flush().unwrap();
    said
}

fn as_described(machine: &SeenMachine, manifest: &MachineManifest, now: Timestamp) -> MachineFacts {
    let fact = |digest: Digest, mode: &str, owner: &str, group: &str| FileFact {
        digest,
        mode: mode.to_owned(),
        owner: owner.to_owned(),
        group: group.to_owned(),
    };
    let state = manifest.services.iter().flat_map(|service| &service.state);
    let directories = manifest.directories.iter().chain(state);
    let well = UnitFact {
        active: true,
        enabled: true,
    };
    MachineFacts {
        image: machine.image.clone().unwrap(),
        boot_id: machine.provider_id.clone(),
        stack: machine.stack.clone(),
        estate: None,
        role: Some(machine.role),
        epoch: Some(machine.epoch),
        stage: holdfast::model::machine::Stage::Opened,
        open: true,
        restored_from: None,
        packages: manifest
            .tools
            .iter()
            .chain(&manifest.packages)
            .map(|name| (name.clone(), "1".to_owned()))
            .collect(),
        files: manifest
            .files
            .iter()
            .map(|file| {
                let found = fact(file.digest.clone(), &file.mode, &file.owner, &file.group);
                (file.path.clone(), found)
            })
            .collect(),
        directories: directories
            .map(|of| {
                let found = fact(Digest(String::new()), &of.mode, &of.owner, &of.group);
                (of.path.clone(), found)
            })
            .collect(),
        units: manifest
            .units
            .iter()
            .map(|unit| (unit.clone(), well.clone()))
            .collect(),
        disk_free: Bytes(20 << 30),
        disk_size: Bytes(40 << 30),
        clock_ms: Some(now.as_millisecond()),
        ahead_ms: 0,
        took_ms: 20,
    }
}
