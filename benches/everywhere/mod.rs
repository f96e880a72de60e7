//! A world in which all is well, for as many stacks as one likes: hosters, machines, names and the
//! journal in memory. A machine answers after 20 ms what it was found to be; nothing changes.

use async_trait::async_trait;
use holdfast::decide::assumed;
use holdfast::decide::catalogue::{self, Catalogue};
use holdfast::decide::derive::EstateKey;
use holdfast::decide::document::Files;
use holdfast::flow::session::Session;
use holdfast::model::desired::Desired;
use holdfast::model::gap::Gap;
use holdfast::model::given::Given;
use holdfast::model::ids::{EstateName, HostName, HosterId, MachineName, PointId, StackId, StepId};
use holdfast::model::journal::{Entry, Event, StepResult};
use holdfast::model::machine::{Digest, FileFact, MachineFacts, MachineManifest, Role, UnitFact};
use holdfast::model::observed::{Inventory, SeenMachine, SeenName};
use holdfast::model::operation::{Operation, Outcome};
use holdfast::model::point::{Rung, SCHEMA};
use holdfast::model::secret::Secret;
use holdfast::model::units::Bytes;
use holdfast::model::verification::Verification;
use holdfast::world::clock::Clock;
use holdfast::world::dns::Names;
use holdfast::world::hoster::Hoster;
use holdfast::world::machine::{Contact, MachineError, Script, Transport};
use holdfast::world::store::{Ledger, StoreError};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;

const NOW: &str = "2026-11-20T12:00:00Z";

/// As fast as a machine is.
const ANSWER: Duration = Duration::from_millis(20);

/// As many as the real transport runs at once.
const SCRIPTS: usize = 192;

/// Every secret derives from it.
pub fn key() -> EstateKey {
    EstateKey::new(Secret::new(vec![7; 32])).unwrap()
}

/// Memory of this process (`proc(5)`, status), in bytes.
pub fn memory(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// `stacks/blueprints` and `providers`, as they stand in this repository.
pub fn catalogue() -> Catalogue {
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
    let (catalogue, found) = catalogue::catalogue(&files);
    assert!(found.is_empty(), "{found:?}");
    catalogue
}

/// All that answers.
pub struct Everywhere {
    now: Timestamp,
    inventories: BTreeMap<HosterId, Inventory>,
    names: BTreeMap<HostName, SeenName>,
    points: BTreeMap<StackId, PointId>,
    entries: Vec<Entry>,
    /// What each machine says, as text, so that it is read each time.
    facts: Mutex<BTreeMap<MachineName, String>>,
    running: Semaphore,
}

fn ended(step: String) -> Event {
    Event::Ended {
        step: StepId::new(step),
        result: StepResult::Done,
        millis: 1,
    }
}

fn events(machine: &SeenMachine, point: &PointId, vault: Option<&MachineName>) -> Vec<Event> {
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
    }];
    if let (Some(stack), Some(vault)) = (&machine.stack, vault) {
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

impl Everywhere {
    /// As if everything that is asked for were in place.
    pub fn where_all_is_well(desired: &Desired) -> Self {
        let world = assumed::in_place(desired, &key(), NOW.parse().unwrap());
        let now: Timestamp = NOW.parse().unwrap();
        let seen = world.seen;
        let inventories: BTreeMap<HosterId, Inventory> = seen
            .hosters
            .into_iter()
            .map(|(id, inventory)| (id, inventory.unwrap()))
            .collect();
        let points: BTreeMap<StackId, PointId> = seen
            .points
            .into_iter()
            .map(|(stack, points)| (stack, points.unwrap()[0].id.clone()))
            .collect();
        let accepted = Event::Accepted {
            commit: desired.commit.clone(),
        };
        let mut told = vec![(None, accepted)];
        let none = PointId::new("");
        let mut machines: Vec<&SeenMachine> = inventories
            .values()
            .flat_map(|inventory| &inventory.machines)
            .collect();
        machines.sort_by_key(|machine| machine.role != Role::Backup);
        for machine in machines {
            let stack = machine.stack.as_ref();
            let point = stack.and_then(|id| points.get(id)).unwrap_or(&none);
            let vault = stack.map(|id| Session::backup_machine(&desired.stacks[id]));
            let events = events(machine, point, vault.as_ref());
            told.extend(events.into_iter().map(|event| (stack.cloned(), event)));
        }
        let entries = (1..)
            .zip(told)
            .map(|(seq, (stack, event))| Entry {
                seq,
                at: now,
                stack,
                event,
            })
            .collect();
        Self {
            now,
            inventories,
            names: seen
                .names
                .into_iter()
                .map(|(host, addresses)| (host, addresses.unwrap()))
                .collect(),
            points,
            entries,
            facts: Mutex::default(),
            running: Semaphore::new(SCRIPTS),
        }
    }

    /// Every machine is what this session says that it should be.
    pub fn learn(&self, session: &Session) {
        for (hoster, inventory) in &self.inventories {
            session.learn(hoster, inventory);
        }
        let mut facts = self.facts.lock().unwrap();
        for machine in self.inventories.values().flat_map(|i| &i.machines) {
            let (stack, image) = (machine.stack.as_ref(), machine.image.as_ref());
            let manifest =
                session.manifest(machine.role, stack, &machine.name, machine.epoch, image);
            let said = as_described(machine, &manifest.unwrap(), self.now);
            facts.insert(machine.name.clone(), serde_json::to_string(&said).unwrap());
        }
    }

    fn answer(&self, script: &str, machine: &MachineName, input: &str) -> Vec<Value> {
        let asked = || {
            let lines = input.lines().map(|line| line.split('\t'));
            lines.filter_map(|mut words| {
                (words.next() == Some("stack")).then(|| StackId::new(words.next().unwrap()))
            })
        };
        match script {
            "facts" => {
                let said = self.facts.lock().unwrap()[machine].clone();
                vec![serde_json::from_str(&said).unwrap()]
            }
            "points" => asked().map(|stack| self.listed(&stack)).collect(),
            "keys" => asked()
                .map(|stack| json!({"stack": stack, "keys": {"missing": [], "strangers": 0}}))
                .collect(),
            "vault" => {
                let disk = json!({"disk": {"free": 100_u64 << 30, "size": 200_u64 << 30}});
                let each = asked().map(
                    |stack| json!({"stack": stack, "shapes": {}, "unreadable": [], "aside": {}}),
                );
                std::iter::once(disk).chain(each).collect()
            }
            "verified" => asked()
                .map(|stack| json!({"stack": stack, "verification": Verification::default()}))
                .collect(),
            "anchor-read" => vec![json!({"anchor": null})],
            other => panic!("nothing but looking was expected, and {other} came"),
        }
    }

    fn listed(&self, stack: &StackId) -> Value {
        let rung = |rung: &str| json!({"rung": rung, "at": self.now});
        json!({"stack": stack, "points": [{
            "id": self.points[stack], "time": self.now, "arrived": self.now, "bytes": 1 << 20,
            "tags": [format!("stack={stack}"), "epoch=1", format!("schema={SCHEMA}")],
            "rungs": [rung("shipped"), rung("checked")],
        }]})
    }
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

#[async_trait]
impl Transport for Everywhere {
    async fn run(
        &self,
        contact: &Contact,
        script: Script,
        input: &Secret,
    ) -> Result<Vec<Value>, MachineError> {
        let _one = self.running.acquire().await.unwrap();
        tokio::time::sleep(ANSWER).await;
        let input = input.expose_text().unwrap();
        Ok(self.answer(script.name, &contact.machine, input))
    }
}

#[async_trait]
impl Names for Everywhere {
    async fn lookup(&self, host: &HostName) -> Result<SeenName, Gap> {
        Ok(self.names[host].clone())
    }

    async fn give(&self, host: &HostName, _: &Given, _: SignedDuration) -> Outcome {
        panic!("{host} is given to whom it should");
    }

    async fn point(&self, host: &HostName, _: IpAddr, _: SignedDuration) -> Outcome {
        panic!("{host} points right");
    }
}

impl Clock for Everywhere {
    fn now(&self) -> Timestamp {
        self.now
    }
}

/// One account.
struct Account {
    id: HosterId,
    all: Arc<Everywhere>,
}

pub fn hosters(all: &Arc<Everywhere>, desired: &Desired) -> BTreeMap<HosterId, Arc<dyn Hoster>> {
    let each = desired.hosters.keys().map(|id| {
        let account: Arc<dyn Hoster> = Arc::new(Account {
            id: id.clone(),
            all: all.clone(),
        });
        (id.clone(), account)
    });
    each.collect()
}

#[async_trait]
impl Hoster for Account {
    fn id(&self) -> &HosterId {
        &self.id
    }

    async fn observe(&self, _: &EstateName) -> Result<Inventory, Gap> {
        tokio::time::sleep(ANSWER).await;
        Ok(self.all.inventories[&self.id].clone())
    }

    async fn perform(&self, op: &Operation, _: &StepId) -> Outcome {
        panic!("nothing was to be done: {op:?}");
    }
}

/// The journal, of which nothing is forgotten and to which nothing is added.
pub struct Remembers(pub Arc<Everywhere>);

#[async_trait]
impl Ledger for Remembers {
    async fn append(
        &self,
        _: Option<&StackId>,
        event: Event,
        _: Timestamp,
    ) -> Result<Entry, StoreError> {
        panic!("nothing has happened: {event:?}");
    }

    async fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        Ok(self.0.entries.clone())
    }
}
