//! One life of an estate in the simulated world: processes that begin, work, die and begin again.

use super::Sim;
use super::cloud::Cloud;
use super::dice::Dice;
use super::ledger::{Death, Memory};
use super::plights;
use super::secrets::estate_key;
use super::state::{Disk, Faults, Server, State};
use super::strangers;
use crate::plan_world;
use holdfast::decide::history::History;
use holdfast::decide::sickness::Sickness;
use holdfast::flow::apply::{Reporter, StepError};
use holdfast::flow::book::Book;
use holdfast::flow::drill::drill_due;
use holdfast::flow::reconcile::{PlanError, Reconciled, reconcile};
use holdfast::flow::session::{self, Session};
use holdfast::model::desired::{Desired, InterfaceFamily, PoolMachine};
use holdfast::model::ids::{CommitId, HosterId, ImageName, MachineName, SiteId, StackId};
use holdfast::model::journal::Event;
use holdfast::model::plan::{Hold, Plan, Step};
use holdfast::show::service::log::Steps;
use holdfast::world::hoster::Hoster;
use holdfast::world::hoster::pool::Pool;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Enough for everything that is asked for, once nothing goes wrong any more.
const SESSIONS: usize = 16;

pub struct Life {
    pub sim: Arc<Sim>,
    pub want: Desired,
    /// Whether drills are done that are due.
    pub drills: bool,
    /// Whether its processes are loops, as `holdfast run` is one.
    pub alone: bool,
    /// Whether two share the journal while there is trouble.
    pub rivals: bool,
    /// What a person was shown, and has not executed yet.
    pub shown: Option<Plan>,
}

/// Tells the story, and the log whoever reads one.
pub struct Telling(pub Arc<Sim>);

impl Reporter for Telling {
    fn started(&self, step: &Step) {
        Steps.started(step);
        self.0.say(&format!("step {}", step.id));
    }
    fn note(&self, step: &Step, text: &str) {
        Steps.note(step, text);
        self.0.tell(&format!("step {}", step.id), text);
    }
    fn ended(&self, step: &Step, result: &Result<(), StepError>, took: Duration) {
        Steps.ended(step, result, took);
        let how = result
            .as_ref()
            .err()
            .map_or("done".to_owned(), ToString::to_string);
        self.0.tell(&format!("step {}", step.id), &how);
    }
}

/// Ordered machines: two at each of the two hosters without an interface, behind one each that is
/// not ours.
fn ordered() -> Vec<(HosterId, PoolMachine)> {
    let mut all = strangers::ordered();
    for (id, site, net) in [("netcup", "vie", 1_u8), ("ionos", "de/fra", 2)] {
        for number in 1..=2_u8 {
            all.push((HosterId::new(id), pool_machine(id, site, net, number)));
        }
    }
    all
}

pub fn pool_machine(id: &str, site: &str, net: u8, number: u8) -> PoolMachine {
    PoolMachine {
        name: MachineName::new(format!("{id}-{number}")),
        address: IpAddr::from([192, 0, net, number]),
        port: 22,
        host_key: format!("ssh-ed25519 {id}{number}"),
        site: SiteId::new(site),
        image: ImageName::new(plan_world::IMAGE),
    }
}

/// Ours and others', before the first day.
fn servers() -> Vec<Server> {
    let mut all: Vec<Server> = ordered().iter().map(|(id, m)| stands(id, m)).collect();
    strangers::nameless(&mut all[0]);
    strangers::elsewhere(&mut all[1]);
    all
}

fn stands(hoster: &HosterId, machine: &PoolMachine) -> Server {
    Server {
        hoster: hoster.clone(),
        provider_id: machine.name.to_string(),
        site: machine.site.clone(),
        hardware: None,
        image: machine.image.clone(),
        address: machine.address,
        host_key: machine.host_key.clone(),
        label: None,
        label_aside: false,
        on: true,
        dead: false,
        back_at: None,
        hung: None,
        ails: false,
        rescue: None,
        next_rescue: None,
        revives: false,
        cut_from: Timestamp::UNIX_EPOCH,
        booted_at: Timestamp::UNIX_EPOCH,
        up_at: Timestamp::UNIX_EPOCH,
        cut_until: Timestamp::UNIX_EPOCH,
        disk: Disk::default(),
    }
}

impl Life {
    /// Nothing is there yet but ordered machines.
    pub fn begin(seed: u64, want: Desired) -> Self {
        let mut state = State {
            seed,
            now: "2026-03-02T12:00:00Z".parse().unwrap(),
            dice: Dice::new(seed),
            servers: servers(),
            names: BTreeMap::new(),
            journal: Vec::new(),
            sealed: (0, 0),
            late: Vec::new(),
            is_late: false,
            lists: BTreeMap::new(),
            deaf: BTreeMap::new(),
            faults: Faults::default(),
            death: None,
            lease: None,
            given_up: None,
            may_move: BTreeSet::new(),
            slow: None,
            numbers: 0,
            encrypted: BTreeSet::new(),
            sick: BTreeMap::new(),
            unsaved: BTreeMap::new(),
            began: Timestamp::UNIX_EPOCH,
            strangers: BTreeMap::new(),
            told: Vec::new(),
            violation: None,
        };
        state.meet_strangers();
        Self::of(state, want)
    }

    /// Goes on from a world as it was kept.
    pub fn of(state: State, want: Desired) -> Self {
        let mut life = Self {
            sim: Arc::new(Sim::new(state)),
            want: want.clone(),
            drills: true,
            alone: false,
            rivals: false,
            shown: None,
        };
        life.order(want);
        life
    }

    fn order(&mut self, mut want: Desired) {
        for (id, machine) in ordered() {
            want.hosters.get_mut(&id).unwrap().pool.push(machine);
        }
        self.want = want;
    }

    /// Another commit is accepted.
    pub fn now_wants(&mut self, want: Desired) {
        self.order(want);
        self.another_commit();
    }

    pub fn session(&self, past: &History) -> Arc<Session> {
        self.session_of(&self.sim, self.alone_writing(), past)
    }

    /// The journal where nobody else may take over.
    pub fn alone_writing(&self) -> Memory {
        Memory {
            sim: self.sim.clone(),
            term: None,
        }
    }

    /// What a process opens that acts through `sim`.
    pub fn session_of(&self, sim: &Arc<Sim>, ledger: Memory, past: &History) -> Arc<Session> {
        let hoster = |(id, account): (&HosterId, &holdfast::model::desired::HosterAccount)| {
            let (id, estate) = (id.clone(), self.want.estate.clone());
            let hoster: Arc<dyn Hoster> = match account.descriptor.interface {
                InterfaceFamily::HetznerCloud => Arc::new(Cloud {
                    id: id.clone(),
                    sim: sim.clone(),
                }),
                InterfaceFamily::Pool => {
                    let machines = account.pool.clone();
                    Arc::new(Pool::new(id.clone(), estate, machines, sim.clone()))
                }
            };
            (id, hoster)
        };
        let outside = session::World {
            hosters: self.want.hosters.iter().map(hoster).collect(),
            transport: sim.clone(),
            names: Some(sim.clone()),
            clock: sim.clone(),
        };
        let trust = plan_world::mandate().trust;
        let standing = crate::sample::standing(&self.want.commit, &trust);
        let key = estate_key();
        let book = Book::writing(ledger);
        let session = Session::new(self.want.clone(), key, outside, book, standing);
        Arc::new(session.with_past(past))
    }

    /// The past as it stands in the journal, and a session that has accepted what is wanted.
    pub async fn opened(
        &self,
        sim: &Arc<Sim>,
        ledger: Memory,
    ) -> Result<(History, Arc<Session>), PlanError> {
        let past = History::from_entries(&sim.state().journal);
        let session = self.session_of(sim, ledger, &past);
        if past.accepted.as_ref() != Some(&self.want.commit) {
            let commit = self.want.commit.clone();
            session.record(None, Event::Accepted { commit }).await?;
        }
        Ok((past, session))
    }

    /// One process, as `holdfast reconcile --once` is one; `None`: it died.
    pub fn process(&self) -> Option<Reconciled> {
        if self.alone && self.drills {
            return self.left_alone(|_| ());
        }
        self.sim.say("a process begins");
        let reporter: Arc<dyn Reporter> = Arc::new(Telling(self.sim.clone()));
        let ledger = || self.alone_writing();
        let work = self.once(&self.sim, &ledger, &reporter);
        let ended = self.sim.process(work).map(Result::unwrap);
        self.goes_by();
        ended
    }

    pub async fn once(
        &self,
        sim: &Arc<Sim>,
        ledger: &impl Fn() -> Memory,
        reporter: &Arc<dyn Reporter>,
    ) -> Result<Reconciled, PlanError> {
        let stop = CancellationToken::new();
        let (_, session) = self.opened(sim, ledger()).await?;
        let mut done = reconcile(&session, None, reporter, &stop, |plan| sim.shows(plan)).await?;
        if !self.drills {
            done.due.clear();
        }
        for tried in drill_due(&session, reporter, &stop, &mut done).await? {
            let went = tried.drilled.map(|drilled| drilled.evidence.is_some());
            sim.say(&format!("drill of {}: {went:?}", tried.stack));
        }
        Ok(done)
    }

    /// A while, until the next process begins.
    pub fn goes_by(&self) {
        self.sim.state().look_at_history();
        self.judge();
        let mut state = self.sim.state();
        let pause = i64::try_from(state.dice.between(5, 60)).unwrap();
        let now = state.now + SignedDuration::from_secs(pause);
        drop(state);
        self.sim.becomes(now);
        self.judge();
    }

    /// Time goes by, and nobody looks.
    pub fn later(&self, span: SignedDuration) {
        let now = self.sim.state().now + span;
        self.sim.becomes(now);
        self.judge();
    }

    /// Ends the test where an invariant did not hold.
    pub fn judge(&self) {
        let state = self.sim.state();
        let Some(violation) = state.violation.clone() else {
            return;
        };
        let (seed, told) = (state.seed, state.told.clone());
        drop(state);
        panic!("{violation}; {}", telling(seed, &told));
    }

    /// Faults, for some processes; between them, what nobody of us does.
    pub fn in_trouble(
        &mut self,
        faults: Faults,
        processes: u64,
        mut between: impl FnMut(&mut Self),
    ) {
        self.sim.state().faults = faults;
        for _ in 0..processes {
            if self.rivals {
                self.two_processes();
            } else {
                self.process();
            }
            // Now and then nobody begins one for long.
            if self.sim.state().dice.happens(20) {
                self.later(SignedDuration::from_hours(4));
            }
            between(self);
        }
        let mut state = self.sim.state();
        state.faults = Faults::default();
        self.sim.own.has_its_clock_set(SignedDuration::ZERO);
        state.deaf.clear();
        state.sick.clear();
        state.unsaved.clear();
        let now = state.now;
        // Where nobody knows what came of two reboots, a person looks.
        let past = History::from_entries(&state.journal);
        for server in &mut state.servers {
            let known = server.name();
            let known = known.and_then(|name| past.sicknesses.of(&name));
            server.ails &= known.is_none_or(Sickness::may_be_rebooted);
            if server.cut_until < plights::forever() {
                server.cut_until = server.cut_until.min(now);
            }
        }
        drop(state);
        // Where there was no room, nobody asks again before.
        self.later(SignedDuration::from_hours(2));
    }

    /// Another head that asks for the same.
    pub fn another_commit(&mut self) {
        let number = self.sim.state().journal.len();
        self.want.commit = CommitId::new(format!("c0ffeec0ffee{number:028x}"));
        self.sim.say(&format!("commit {}", self.want.commit));
    }

    /// Nothing goes wrong any more: the plan becomes empty, and stays it.
    pub fn comes_to_rest(&self) -> Plan {
        let mut left = None;
        for _ in 0..SESSIONS {
            // What was still on its way has come by then.
            self.later(SignedDuration::from_mins(6));
            let done = self.process().expect("nobody kills it");
            let waits = done.left.iter().flat_map(|plan| &plan.held);
            let waits = waits
                .filter(|held| matches!(held.hold, Hold::NotYet { .. }))
                .count();
            let settled = done.settled() && done.due.is_empty() && waits == 0;
            left = done.left;
            for held in left.iter().flat_map(|plan| &plan.held) {
                self.sim
                    .say(&format!("held: {}: {:?}", held.wanted, held.hold));
            }
            if settled {
                self.sim.state().look_at_rest();
                self.judge();
                return left.unwrap();
            }
        }
        let state = self.sim.state();
        let (seed, told) = (state.seed, state.told.clone());
        drop(state);
        let left: Vec<String> = left.map_or_else(Vec::new, |plan| {
            plan.steps.iter().map(|step| step.id.to_string()).collect()
        });
        panic!(
            "it never comes to rest, {left:?} are left; {}",
            telling(seed, &told)
        );
    }

    /// Users get in at one machine, the names say where, and what they wrote is saved.
    pub fn is_well(&self, stack: &str) -> String {
        let stack = StackId::new(stack);
        let mut state = self.sim.state();
        let now = state.now;
        let open: Vec<Server> = state
            .production(&stack)
            .filter(|s| s.serves(now))
            .cloned()
            .collect();
        let wrong = match open.as_slice() {
            [one] => self.lacks(&state, &stack, one),
            others => Some(format!("{} machines serve {stack}", others.len())),
        };
        if let Some(words) = wrong {
            state.violate(format!("at rest: {words}"));
        }
        drop(state);
        self.judge();
        open[0].called()
    }

    fn lacks(&self, state: &State, stack: &StackId, server: &Server) -> Option<String> {
        for service in &self.want.stacks[stack].services {
            let name = state.names.get(&service.host);
            if !name.is_some_and(|name| name.leads_to(server.address)) {
                return Some(format!(
                    "{} does not point at {}",
                    service.host,
                    server.called()
                ));
            }
        }
        let shelves = state.servers.iter().map(|s| &s.disk.shelf.repositories);
        let mut kept = shelves.filter_map(|all| all.get(stack));
        let saved = kept.any(|of| {
            let mut points = of.snapshots.iter();
            points
                .any(|(id, point)| of.read_back(id) && Some(point.manifest.epoch) == server.epoch())
        });
        (!saved).then(|| format!("{} has no recovery point", server.called()))
    }

    /// Ends the test where this does not hold.
    pub fn holds(&self, so: bool, words: &str) {
        if !so {
            self.sim
                .state()
                .violate(format!("at rest, not so: {words}"));
        }
        self.judge();
    }

    /// The process dies there, once.
    pub fn dies_at(&self, death: Option<Death>) {
        self.sim.state().death = death;
    }
}

/// The end of what happened, and how to see it again.
fn telling(seed: u64, told: &[String]) -> String {
    let all = std::env::var_os("HOLDFAST_SEED").is_some();
    let begin = if all {
        0
    } else {
        told.len().saturating_sub(60)
    };
    format!(
        "seed {seed}: HOLDFAST_SEED={seed} cargo test --test it -- seeds\n{}",
        told[begin..].join("\n")
    )
}
