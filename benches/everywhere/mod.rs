//! A world in which all is well, for as many stacks as one likes: hosters, machines and names. A
//! machine answers after 20 ms what it was found to be; nothing changes.

pub mod founding;
pub mod lived;

use async_trait::async_trait;
use holdfast::flow::session::World;
use holdfast::model::gap::Gap;
use holdfast::model::given::Given;
use holdfast::model::ids::{EstateName, HostName, HosterId, MachineName, PointId, StackId, StepId};
use holdfast::model::observed::{Inventory, SeenName};
use holdfast::model::operation::{Operation, Outcome};
use holdfast::model::point::SCHEMA;
use holdfast::model::secret::Secret;
use holdfast::model::verification::Verification;
use holdfast::world::clock::Clock;
use holdfast::world::dns::Names;
use holdfast::world::hoster::Hoster;
use holdfast::world::machine::{Answered, Contact, Script, Transport};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::net::IpAddr;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// When all of it happens: no backup is due, and no drill.
const NOW: &str = "2026-11-20T12:00:00Z";

/// As fast as a machine is.
const ANSWER: Duration = Duration::from_millis(20);

/// As many as the real transport runs at once.
const SCRIPTS: usize = 192;

/// All that is known by heart.
#[derive(Serialize, Deserialize)]
struct Known {
    inventories: BTreeMap<HosterId, Inventory>,
    names: BTreeMap<HostName, Vec<IpAddr>>,
    points: BTreeMap<StackId, PointId>,
    /// Where in the file stands what each machine says.
    said: BTreeMap<MachineName, (u64, usize)>,
}

/// All that answers. What machines say stays on the disk: it is not the reconciler's memory.
pub struct Everywhere {
    known: Known,
    facts: File,
    running: Semaphore,
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

impl Everywhere {
    /// What was founded in this folder.
    pub fn beside(dir: &Path) -> Arc<Self> {
        let known = std::fs::read(dir.join("known.json")).unwrap();
        Arc::new(Self {
            known: serde_json::from_slice(&known).unwrap(),
            facts: File::open(dir.join("facts")).unwrap(),
            running: Semaphore::new(SCRIPTS),
        })
    }

    /// In place of whatever is outside.
    pub fn instead(self: &Arc<Self>, world: World) -> World {
        let accounts = world.hosters.into_keys().map(|id| {
            let all = self.clone();
            let account: Arc<dyn Hoster> = Arc::new(Account {
                id: id.clone(),
                all,
            });
            (id, account)
        });
        World {
            hosters: accounts.collect(),
            transport: self.clone(),
            names: Some(self.clone()),
            clock: self.clone(),
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
                let (from, length) = self.known.said[machine];
                let mut said = vec![0; length];
                self.facts.read_exact_at(&mut said, from).unwrap();
                vec![serde_json::from_slice(&said).unwrap()]
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
        let rung = |rung: &str| json!({"rung": rung, "at": now()});
        json!({"stack": stack, "points": [{
            "id": self.known.points[stack], "time": now(), "arrived": now(), "bytes": 1 << 20,
            "tags": [format!("stack={stack}"), "epoch=1", format!("schema={SCHEMA}")],
            "rungs": [rung("shipped"), rung("checked")],
        }]})
    }
}

#[async_trait]
impl Transport for Everywhere {
    async fn run(&self, contact: &Contact, script: Script, input: &Secret) -> Answered {
        let _one = self.running.acquire().await.unwrap();
        tokio::time::sleep(ANSWER).await;
        let input = input.expose_text().unwrap();
        Ok(self.answer(script.name, &contact.machine, input))
    }
}

#[async_trait]
impl Names for Everywhere {
    async fn lookup(&self, host: &HostName) -> Result<SeenName, Gap> {
        Ok(SeenName {
            addresses: self.known.names[host].clone(),
            ..SeenName::default()
        })
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
        now()
    }
}

/// One account.
struct Account {
    id: HosterId,
    all: Arc<Everywhere>,
}

#[async_trait]
impl Hoster for Account {
    fn id(&self) -> &HosterId {
        &self.id
    }

    async fn observe(&self, _: &EstateName) -> Result<Inventory, Gap> {
        tokio::time::sleep(ANSWER).await;
        Ok(self.all.known.inventories[&self.id].clone())
    }

    async fn perform(&self, op: &Operation, _: &StepId) -> Outcome {
        panic!("nothing was to be done: {op:?}");
    }
}
