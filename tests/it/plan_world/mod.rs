//! A small world in memory for the tests of the planner: it is planned over, and plans change it.
//!
//! [`World::perform`] does what each step does to real machines, journal entries included, and
//! refuses what the scripts on a machine refuse. After every step the world looks at itself:
//! one machine of a stack is open at most, no machine is made twice, nothing starts empty twice.

mod drill;
mod estate;
mod machine;
mod vault;

pub use estate::*;
pub use machine::STATE;

use holdfast::decide::adoption::adoptable;
use holdfast::decide::check::{CheckedPlan, Violation, check};
use holdfast::decide::drill::gates;
use holdfast::decide::history::History;
use holdfast::decide::mandate::{Mandate, keep_drift, withhold};
use holdfast::decide::plan::plan;
use holdfast::decide::settle::{Progress, closing, settle};
use holdfast::model::blueprint::Engine;
use holdfast::model::desired::{Desired, InterfaceFamily};
use holdfast::model::gap::{Gap, GapKind};
use holdfast::model::ids::{
    CommitId, HostName, HosterId, ImageName, MachineName, PointId, SiteId, StackId,
};
use holdfast::model::journal::{Entry, Event, StepResult};
use holdfast::model::machine::{Digest, MachineFacts, MachineManifest, Stage};
use holdfast::model::observed::{FreeMachine, Inventory, Observed, Power, SeenMachine};
use holdfast::model::operation::FaultClass;
use holdfast::model::plan::{Action, Drift, FenceBy, Plan, Step};
use holdfast::model::point::{RecoveryPoint, Rung};
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
    /// What backup machines keep of their readings, where a test says so.
    pub verified: BTreeMap<StackId, Verification>,
    /// What a reading would find damaged.
    pub damage: Vec<String>,
    pub journal: Vec<Entry>,
    /// Places without room, whatever is asked of them.
    pub full: BTreeSet<HosterId>,
    /// Machines that cannot be switched on any more.
    pub dead: BTreeSet<MachineName>,
    /// What every customer's service keeps its records in.
    pub engine: Option<Engine>,
    /// Machines whose functional checks fail.
    pub broken: BTreeSet<MachineName>,
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
            dead: BTreeSet::new(),
            engine: None,
            broken: BTreeSet::new(),
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
    }

    pub fn record(&mut self, stack: Option<&StackId>, event: Event) {
        self.journal.push(Entry {
            seq: i64::try_from(self.journal.len()).unwrap() + 1,
            at: self.now,
            stack: stack.cloned(),
            event,
        });
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
                    None => Ok(self.facts[&m.name].clone()),
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
                .map(|(n, a)| (n.clone(), Ok(a.clone())))
                .collect(),
        }
    }

    fn manifests(&self) -> BTreeMap<MachineName, MachineManifest> {
        let all = self.inventories.values().flat_map(|i| &i.machines);
        all.map(|m| (m.name.clone(), self.manifest(m))).collect()
    }

    /// Receipts for machines that a cut left without one, as each run writes them before it plans.
    pub fn adopt(&mut self) {
        for (owner, created) in adoptable(&self.seen(), &self.past()) {
            self.record(owner.as_ref(), created);
        }
    }

    /// The plan as the planner writes it.
    pub fn draft(&self) -> Plan {
        let digest = Digest("d".repeat(64));
        plan(
            &self.want,
            &self.manifests(),
            &self.seen(),
            &self.past(),
            digest,
        )
    }

    /// The plan, checked; a violation is a failure of every test.
    pub fn plan(&self) -> CheckedPlan {
        let past = self.past();
        let plan = self.draft();
        let in_line = |d: &&Drift| past.in_line_under(d.stack.as_ref(), &d.machine);
        let unchanged = plan.drift.iter();
        let unchanged = unchanged.filter(|d| in_line(d) == Some(&self.want.commit));
        let unchanged = unchanged.map(|d| d.machine.clone()).collect();
        let plan = withhold(keep_drift(plan, &unchanged), &self.mandate());
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
            ..self.mandate.clone()
        }
    }

    /// Plans and applies until nothing is to be done; gives the ids of the steps done.
    pub fn settle(&mut self) -> Vec<String> {
        self.settle_in(Order::First)
    }

    pub fn settle_in(&mut self, order: Order) -> Vec<String> {
        let mut done = Vec::new();
        let mut refused = Vec::new();
        // A repository that was not read for a month is read part by part.
        for _ in 0..40 {
            self.adopt();
            let plan = self.plan();
            if plan.plan().steps.is_empty() {
                return done;
            }
            refused.clear();
            self.apply(&plan, order, None, &mut done, &mut refused);
        }
        panic!("it never comes to rest; done {done:#?}, refused {refused:#?}")
    }

    /// Applies one plan, up to a cut in the step with that number; whether it came to the cut.
    pub fn apply(
        &mut self,
        plan: &CheckedPlan,
        order: Order,
        cut: Option<(usize, Cut)>,
        done: &mut Vec<String>,
        refused: &mut Vec<String>,
    ) -> bool {
        let mut progress = BTreeMap::new();
        let mut made = BTreeMap::new();
        for number in 0.. {
            let ready = settle(plan, &progress);
            let next = match order {
                Order::First => ready.first(),
                Order::Last => ready.last(),
            };
            let ends = closing(plan, &progress);
            let Some(&step) = next.or(ends.first()) else {
                return false;
            };
            let here = cut.filter(|(at, _)| *at == number).map(|(_, cut)| cut);
            let ended = self.perform(step, here, &mut made);
            self.look_at_itself(&step.id.to_string());
            if here.is_some() {
                return true;
            }
            match &ended {
                Ok(()) => done.push(step.id.to_string()),
                Err(why) => refused.push(format!("{}: {why}", step.id)),
            }
            let state = if ended.is_ok() {
                Progress::Done
            } else {
                Progress::Failed
            };
            progress.insert(step.id.clone(), state);
        }
        false
    }

    /// Intent, effect, outcome; with a cut, only the first or the first two of them.
    fn perform(
        &mut self,
        step: &Step,
        cut: Option<Cut>,
        made: &mut BTreeMap<String, PointId>,
    ) -> Result<(), String> {
        self.now += SignedDuration::from_secs(1);
        let action = format!("{} {}", step.action.verb(), step.action.machine());
        let started = Event::Started {
            step: step.id.clone(),
            action,
            repair: step.why.cause == holdfast::model::plan::Cause::Reality,
        };
        self.record(step.stack.as_ref(), started);
        if cut == Some(Cut::BeforeTheEffect) {
            return Ok(());
        }
        let before = self.journal.len();
        let ended = self.act(step, made);
        if cut == Some(Cut::AfterTheEffect) {
            self.journal.truncate(before);
            return Ok(());
        }
        let result = match &ended {
            Ok(()) => StepResult::Done,
            Err(reason) => StepResult::Refused {
                reason: reason.clone(),
                class: FaultClass::Retry,
            },
        };
        let ended_event = Event::Ended {
            step: step.id.clone(),
            result,
            millis: 1,
        };
        self.record(step.stack.as_ref(), ended_event);
        ended
    }

    fn act(&mut self, step: &Step, made: &mut BTreeMap<String, PointId>) -> Result<(), String> {
        if let Some(ended) = self.act_on_a_drill(step) {
            return ended;
        }
        let owner = step.stack.as_ref();
        let name = step.action.machine().clone();
        match &step.action {
            Action::Create { .. } => self.create(step)?,
            Action::PowerOn { .. } if self.dead.contains(&name) => {
                let reason = "it will not start".to_owned();
                let failed = Event::PowerOnFailed {
                    machine: name,
                    reason: reason.clone(),
                };
                self.record(owner, failed);
                return Err(reason);
            }
            Action::PowerOn { .. } => {
                self.machine_mut(name.as_str()).power = Power::On;
                let epoch = self.facts[&name].epoch.unwrap_or_default();
                let over = owner.is_some_and(|s| self.points[s].iter().any(|p| p.epoch > epoch));
                if over {
                    // The gate's own check at boot.
                    let facts = self.facts_mut(name.as_str());
                    (facts.open, facts.stage) = (false, Stage::Retired);
                }
            }
            Action::Fence { by, .. } => {
                if *by == FenceBy::PowerOff {
                    self.machine_mut(name.as_str()).power = Power::Off;
                }
                let proof = format!("{by:?}");
                self.record(
                    owner,
                    Event::Fenced {
                        machine: name,
                        proof,
                    },
                );
            }
            Action::Quarantine { .. } => {
                self.machine_mut(name.as_str()).quarantined = true;
                self.record(owner, Event::Quarantined { machine: name });
            }
            Action::Name { host, .. } => {
                let address = self.machine(name.as_str()).ok_or("no address")?.address;
                self.names.insert(host.clone(), vec![address]);
                self.record(
                    owner,
                    Event::Named {
                        host: host.clone(),
                        address,
                    },
                );
            }
            Action::Backup { to, .. } => {
                let owner = owner.ok_or("no stack")?;
                let point = self.back_up(owner, &name, to)?;
                made.insert(step.id.to_string(), point.clone());
                self.prove(owner, point, Rung::Shipped);
            }
            Action::Verify { part, of, .. } => {
                self.answers(&name)?;
                let (part, of) = (*part, *of);
                let findings = self.damage.clone();
                self.record(
                    owner,
                    Event::Verified {
                        machine: name,
                        part,
                        of,
                        findings,
                    },
                );
            }
            Action::Forget { points, .. } => self.forget(step, points)?,
            Action::Discard { points, .. } => self.discard(step, points)?,
            Action::Repository { .. } => {
                self.answers(&name)?;
                let owner = owner.ok_or("no stack")?.clone();
                self.keys.remove(&owner);
                self.repositories.insert((name, owner));
            }
            Action::Copy { from, .. } => self.copy(owner.ok_or("no stack")?, from, &name)?,
            _ => self.on_the_machine(step, made)?,
        }
        Ok(())
    }
}
