//! A small world in memory for the tests of the planner: it is planned over, and plans change it.
//!
//! [`World::perform`] does what each step does to real machines, journal entries included, and
//! refuses what the scripts on a machine refuse. After every step the world looks at itself:
//! one machine of a stack is open at most, no machine is made twice, nothing starts empty twice.

mod drill;
mod estate;
mod machine;
mod run;
mod vault;

pub use estate::*;
pub use machine::STATE;

use holdfast::decide::adoption::{adoptable, found, sized};
use holdfast::decide::check::{CheckedPlan, Violation, check};
use holdfast::decide::drill::gates;
use holdfast::decide::heard;
use holdfast::decide::history::History;
use holdfast::decide::mandate::{Mandate, allowed, keep_drift};
use holdfast::decide::plan::plan;
use holdfast::decide::silence::LOOKS;
use holdfast::decide::stop::under_way;
use holdfast::decide::why::{Account, account};
use holdfast::model::blueprint::Engine;
use holdfast::model::desired::{Desired, InterfaceFamily};
use holdfast::model::gap::{Gap, GapKind};
use holdfast::model::given::Given;
use holdfast::model::ids::{
    CommitId, HostName, HosterId, ImageName, MachineName, SiteId, StackId, StepId,
};
use holdfast::model::journal::{Entry, Event};
use holdfast::model::machine::{Digest, MachineFacts, MachineManifest};
use holdfast::model::observed::{FreeMachine, Inventory, Observed, Power, SeenMachine, SeenName};
use holdfast::model::plan::{Drift, Plan};
use holdfast::model::point::RecoveryPoint;
use holdfast::model::repository::KeysSeen;
use holdfast::model::vault::Holdings;
use holdfast::model::verification::Verification;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

pub const IMAGE: &str = "debian-13";
pub const BACKUP: &str = "backup-netcup-vie";

/// Where a step is cut off, as by a power failure of the reconciler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The intent is in the journal, nothing was done.
    BeforeTheEffect,
    /// Everything was done, the journal does not know.
    AfterTheEffect,
}

/// Which of the steps that may run goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    First,
    Last,
}

#[derive(Clone)]
pub struct World {
    pub want: Desired,
    /// Who signed for what it wants.
    pub mandate: Mandate,
    pub now: Timestamp,
    pub inventories: BTreeMap<HosterId, Inventory>,
    /// Hosters whose interface does not answer.
    pub deaf: BTreeMap<HosterId, Gap>,
    /// What machines would say of themselves.
    pub facts: BTreeMap<MachineName, MachineFacts>,
    /// Machines that do not say it.
    pub silent: BTreeMap<MachineName, Gap>,
    /// What [`BACKUP`] holds.
    pub points: BTreeMap<StackId, Vec<RecoveryPoint>>,
    /// What other backup machines hold.
    pub elsewhere: BTreeMap<MachineName, BTreeMap<StackId, Vec<RecoveryPoint>>>,
    pub points_gap: Option<Gap>,
    /// Repositories whose keys are not in order.
    pub keys: BTreeMap<StackId, KeysSeen>,
    /// What lies beside the points on their backup machine.
    pub holdings: BTreeMap<StackId, Holdings>,
    pub names: BTreeMap<HostName, Vec<IpAddr>>,
    /// For how long others remember them.
    pub ttls: BTreeMap<HostName, u32>,
    /// Whom they were given to.
    pub given: BTreeMap<HostName, Given>,
    /// What backup machines keep of their readings, where a test says so.
    pub verified: BTreeMap<StackId, Verification>,
    /// What a reading would find damaged.
    pub damage: Vec<String>,
    pub journal: Vec<Entry>,
    /// Places without room, whatever is asked of them.
    pub full: BTreeSet<HosterId>,
    /// Types of which nothing is left.
    pub sold_out: BTreeSet<String>,
    /// Machines that cannot be switched on any more.
    pub dead: BTreeSet<MachineName>,
    /// Machines whose disk can be read from the rescue system.
    pub readable: BTreeSet<MachineName>,
    /// What every customer's service keeps its records in.
    pub engine: Option<Engine>,
    /// Machines whose functional checks fail.
    pub broken: BTreeSet<MachineName>,
    /// Machines on which a unit fails again and again, and whether a reboot helps.
    pub ill: BTreeMap<MachineName, bool>,
    /// Machines that begin no connection.
    pub isolated: BTreeSet<MachineName>,
    repositories: BTreeSet<(MachineName, StackId)>,
    made: BTreeSet<MachineName>,
    next_address: u8,
}

pub fn hoster(id: &str) -> HosterId {
    HosterId::new(id)
}
pub fn stack(id: &str) -> StackId {
    StackId::new(id)
}
pub fn machine(name: &str) -> MachineName {
    MachineName::new(name)
}
pub fn gap(subject: &str) -> Gap {
    Gap::new(GapKind::Unreachable, subject, "no answer in 10 s")
}

impl World {
    /// Nothing is there yet but ordered machines: two at netcup, two at ionos.
    pub fn before_the_first_day(want: Desired) -> Self {
        let mut inventories: BTreeMap<HosterId, Inventory> = want
            .hosters
            .keys()
            .map(|id| (id.clone(), Inventory::default()))
            .collect();
        for (id, site, net) in [("netcup", "vie", 1_u8), ("ionos", "de/fra", 2)] {
            for number in 1..=2_u8 {
                inventories
                    .get_mut(&hoster(id))
                    .unwrap()
                    .free
                    .push(FreeMachine {
                        name: machine(&format!("{id}-{number}")),
                        site: SiteId::new(site),
                        image: ImageName::new(IMAGE),
                        address: IpAddr::from([192, 0, net, number]),
                        port: 22,
                    });
            }
        }
        let names = want.stacks.values().flat_map(|s| &s.services);
        let now = "2026-03-02T12:00:00Z".parse().unwrap();
        let first = Entry {
            seq: 1,
            at: now,
            stack: None,
            event: Event::Accepted {
                commit: want.commit.clone(),
            },
        };
        Self {
            names: names.map(|s| (s.host.clone(), Vec::new())).collect(),
            ttls: BTreeMap::new(),
            given: BTreeMap::new(),
            points: want
                .stacks
                .keys()
                .map(|id| (id.clone(), Vec::new()))
                .collect(),
            want,
            mandate: estate::mandate(),
            now,
            inventories,
            deaf: BTreeMap::new(),
            facts: BTreeMap::new(),
            silent: BTreeMap::new(),
            verified: BTreeMap::new(),
            damage: Vec::new(),
            points_gap: None,
            keys: BTreeMap::new(),
            holdings: BTreeMap::new(),
            journal: vec![first],
            full: BTreeSet::new(),
            sold_out: BTreeSet::new(),
            dead: BTreeSet::new(),
            readable: BTreeSet::new(),
            engine: None,
            broken: BTreeSet::new(),
            ill: BTreeMap::new(),
            isolated: BTreeSet::new(),
            elsewhere: BTreeMap::new(),
            repositories: BTreeSet::new(),
            made: BTreeSet::new(),
            next_address: 1,
        }
    }

    /// Everything installed and open, one recovery point each.
    pub fn running(want: Desired) -> Self {
        let mut world = Self::before_the_first_day(want);
        world.settle();
        world
    }

    /// The same world under another commit.
    pub fn now_wants(&mut self, want: Desired) {
        self.want = want;
        self.want.commit = CommitId::new(format!("c0ffeec0ffee{:028x}", self.journal.len()));
        let commit = self.want.commit.clone();
        self.record(None, Event::Accepted { commit });
    }

    pub fn machine(&self, name: &str) -> Option<&SeenMachine> {
        let mut all = self.inventories.values().flat_map(|i| &i.machines);
        all.find(|m| m.name.as_str() == name)
    }

    pub fn machine_mut(&mut self, name: &str) -> &mut SeenMachine {
        let mut all = self.inventories.values_mut().flat_map(|i| &mut i.machines);
        all.find(|m| m.name.as_str() == name)
            .unwrap_or_else(|| panic!("no machine {name}"))
    }

    pub fn facts_mut(&mut self, name: &str) -> &mut MachineFacts {
        self.facts.get_mut(&machine(name)).unwrap()
    }

    /// The hoster no longer lists it.
    /// Gone by its hoster's word; of an ordered machine: wiped, it answers blank.
    pub fn lose(&mut self, name: &str) {
        for (id, inventory) in &mut self.inventories {
            let pool = self.want.hosters[id].descriptor.interface == InterfaceFamily::Pool;
            let lost = inventory.machines.iter().find(|m| m.name.as_str() == name);
            let wiped = lost.filter(|_| pool).map(|m| FreeMachine {
                name: MachineName::new(m.provider_id.clone()),
                site: m.site.clone().unwrap(),
                image: m.image.clone().unwrap(),
                address: m.address,
                port: m.port,
            });
            inventory.free.extend(wiped);
            inventory.machines.retain(|m| m.name.as_str() != name);
        }
        self.facts.remove(&machine(name));
        self.forget_disk(&machine(name));
        self.has_long_been_silent(name);
    }

    /// A hung machine answers after it; one that is dead, or that nobody reaches, does not.
    pub fn start_anew(&mut self, name: &MachineName) {
        if !self.dead.contains(name) {
            self.silent.remove(name);
        }
    }

    /// It was looked at often enough, long enough ago.
    pub fn has_long_been_silent(&mut self, name: &str) {
        let name = machine(name);
        let owner = self
            .past()
            .machines
            .get(&name)
            .and_then(|m| m.stack.clone());
        let now = self.now;
        self.now -= SignedDuration::from_hours(1);
        let mut listed = self.inventories.values().flat_map(|i| &i.machines);
        let seen = if listed.any(|machine| machine.name == name) {
            "nothing".to_owned()
        } else {
            "its hoster no longer lists it".to_owned()
        };
        let fell = Event::FellSilent {
            machine: name.clone(),
            seen,
        };
        self.record(owner.as_ref(), fell);
        for _ in 1..LOOKS {
            let machine = name.clone();
            self.record(owner.as_ref(), Event::StillSilent { machine });
        }
        self.now = now;
    }

    pub fn record(&mut self, stack: Option<&StackId>, event: Event) {
        self.journal.push(Entry {
            seq: i64::try_from(self.journal.len()).unwrap() + 1,
            at: self.now,
            stack: stack.cloned(),
            event,
        });
    }

    /// A step of acme whose end nobody knows.
    pub fn begun(&mut self, step: &str) {
        let started = Event::Started {
            step: StepId::new(step),
            action: step.to_owned(),
            repair: false,
            head: None,
            mends: Vec::new(),
        };
        self.record(Some(&stack("acme")), started);
    }

    pub fn past(&self) -> History {
        History::from_entries(&self.journal)
    }

    pub fn seen(&self) -> Observed {
        let mut machines = BTreeMap::new();
        for (id, inventory) in &self.inventories {
            let on = inventory.machines.iter().filter(|m| m.power != Power::Off);
            for m in on.filter(|_| !self.deaf.contains_key(id)) {
                let said = match self.silent.get(&m.name) {
                    Some(gap) => Err(gap.clone()),
                    None => Ok(self.facts_of(&m.name)),
                };
                machines.insert(m.name.clone(), said);
            }
        }
        let (points, former) = self.seen_points();
        Observed {
            at: self.now,
            hosters: self
                .inventories
                .iter()
                .map(|(id, inventory)| match self.deaf.get(id) {
                    Some(gap) => (id.clone(), Err(gap.clone())),
                    None => (id.clone(), Ok(inventory.clone())),
                })
                .collect(),
            machines,
            points,
            former,
            keys: self.keys.clone(),
            verified: self.verified.clone(),
            vaults: self.vaults(),
            names: self
                .names
                .iter()
                .map(|(host, addresses)| {
                    let name = SeenName {
                        addresses: addresses.clone(),
                        ttl: self.ttls.get(host).copied(),
                        given: self.given.get(host).cloned().into_iter().collect(),
                    };
                    (host.clone(), Ok(name))
                })
                .collect(),
        }
    }

    fn facts_of(&self, name: &MachineName) -> MachineFacts {
        let mut facts = self.facts[name].clone();
        if self.ill.contains_key(name) {
            facts.units.values_mut().next().unwrap().active = false;
        }
        facts
    }

    fn manifests(&self) -> BTreeMap<MachineName, MachineManifest> {
        let all = self.inventories.values().flat_map(|i| &i.machines);
        all.map(|m| (m.name.clone(), self.manifest(m))).collect()
    }

    /// Receipts for machines that a cut left without one, as each run writes them before it plans.
    pub fn adopt(&mut self) {
        let (seen, past) = (self.seen(), self.past());
        let repositories = found(&self.want, &seen, &past);
        let news = heard::news(&self.want, &seen, &past);
        let sized = sized(&self.want, &seen, &past);
        let well = heard::healed(&self.manifests(), &seen, &past);
        for (owner, event) in [adoptable(&seen, &past), repositories, news, well, sized].concat() {
            self.record(owner.as_ref(), event);
        }
    }

    /// The plan as the planner writes it.
    pub fn draft(&self) -> Plan {
        self.draft_of(&self.seen(), &BTreeSet::new())
    }

    /// The same where this is what is seen, and some stacks may not be moved.
    pub fn draft_of(&self, seen: &Observed, stay: &BTreeSet<StackId>) -> Plan {
        let digest = Digest("d".repeat(64));
        plan(
            &self.want,
            &self.manifests(),
            seen,
            &self.past(),
            digest,
            stay,
        )
    }

    /// What `holdfast why` tells of a stack.
    pub fn account(&self, owner: &str) -> Account {
        let (seen, past, plan) = (self.seen(), self.past(), self.draft());
        let told = account(
            &stack(owner),
            &self.want,
            &seen,
            &past,
            &self.journal,
            &plan,
        );
        told.unwrap()
    }

    /// The plan, checked; a violation is a failure of every test.
    pub fn plan(&self) -> CheckedPlan {
        let past = self.past();
        let in_line = |d: &&Drift| past.in_line_under(d.stack.as_ref(), &d.machine);
        let draw = |stay: &BTreeSet<StackId>| {
            let plan = self.draft_of(&self.seen(), stay);
            let unchanged = plan.drift.iter();
            let unchanged = unchanged.filter(|d| in_line(d) == Some(&self.want.commit));
            let unchanged = unchanged.map(|d| d.machine.clone()).collect();
            keep_drift(plan, &unchanged)
        };
        let plan = allowed(draw(&BTreeSet::new()), draw, &self.mandate());
        self.check(plan).unwrap_or_else(|violations| {
            let said: Vec<String> = violations.iter().map(ToString::to_string).collect();
            panic!("the plan breaks invariants: {said:#?}")
        })
    }

    /// Whether a plan may be executed in this world.
    pub fn check(&self, plan: Plan) -> Result<CheckedPlan, Vec<Violation>> {
        check(plan, &self.seen(), &self.past(), &self.mandate())
    }

    /// Who signed for what, and whose drills stand in the way of what.
    fn mandate(&self) -> Mandate {
        Mandate {
            gates: gates(&self.want, &self.past(), &self.seen()),
            now: self.now,
            under_way: under_way(&self.want, &self.past(), &self.seen()),
            ..self.mandate.clone().heeding(&self.want)
        }
    }
}
