//! What there is in the simulated world.

use super::dice::Dice;
use super::ledger::Death;
use super::strangers::Likeness;
use super::vault::Shelf;
use holdfast::model::identity::Identity;
use holdfast::model::ids::{
    Epoch, HostName, HosterId, ImageName, MachineName, PointId, SiteId, StackId,
};
use holdfast::model::journal::Entry;
use holdfast::model::lease::Lease;
use holdfast::model::machine::{FileFact, Role, Stage};
use holdfast::model::observed::{Hardware, SeenName};
use holdfast::model::operation::OwnerLabel;
use jiff::Timestamp;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

/// A computer somewhere, with what is on its disk.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each goes wrong by itself, in any mixture"
)]
pub struct Server {
    pub hoster: HosterId,
    pub provider_id: String,
    pub site: SiteId,
    pub image: ImageName,
    pub hardware: Option<Hardware>,
    pub address: IpAddr,
    pub host_key: String,
    /// The hoster's labels; an ordered machine has none.
    pub label: Option<(MachineName, OwnerLabel)>,
    pub label_aside: bool,
    pub on: bool,
    /// It will never start again.
    pub dead: bool,
    /// When it was switched on again by nobody of us.
    pub back_at: Option<Timestamp>,
    /// It is on, says nothing and serves nobody.
    pub hung: Option<Hung>,
    /// Its hoster's rescue system runs in its place, under this host key.
    pub rescue: Option<String>,
    /// That is what it boots next, once.
    pub next_rescue: Option<String>,
    /// It runs again once it is started anew, from its own disk.
    pub revives: bool,
    /// A service of it fails again and again until the next boot.
    pub ails: bool,
    /// From then on it answers.
    pub up_at: Timestamp,
    /// When it was started last.
    pub booted_at: Timestamp,
    /// Since when nobody reaches it.
    pub cut_from: Timestamp,
    /// Nobody reaches it until then; it runs all the same.
    pub cut_until: Timestamp,
    pub disk: Disk,
}

/// What becomes of a hung machine that is started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hung {
    Once,
    /// It hangs again.
    ForGood,
}

/// Whether users get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gate {
    #[default]
    None,
    Closed,
    /// Closed since the boot, until it is certain that no younger machine serves.
    Checking,
    Open,
}

#[derive(Debug, Clone, Default)]
pub struct Disk {
    pub identity: Option<String>,
    pub aside: bool,
    pub stage: Option<Stage>,
    pub gate: Gate,
    pub opened_at: Option<Timestamp>,
    /// When users were shut out last.
    pub closed_at: Option<Timestamp>,
    pub boots: u32,
    pub files: BTreeMap<String, FileFact>,
    /// Contents of those files that a machine reads itself.
    pub texts: BTreeMap<String, String>,
    pub directories: BTreeMap<String, FileFact>,
    pub packages: BTreeSet<String>,
    pub units: BTreeSet<String>,
    pub restored_from: Option<String>,
    /// Whether the last functional checks passed.
    pub checked: Option<bool>,
    /// Points that were fetched, with what they hold.
    pub fetched: BTreeMap<String, super::vault::Snapshot>,
    pub data: Option<Data>,
    pub isolated: bool,
    pub shelf: Shelf,
}

/// What users have written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    pub stack: StackId,
    /// When it was empty.
    pub born: Timestamp,
    /// Until when users wrote.
    pub written: Timestamp,
}

impl Disk {
    /// What looks like somebody's, on a machine that is nobody's by name.
    pub fn holds(&self) -> &'static str {
        if self.identity.is_some() {
            ""
        } else if self.data.is_some() {
            "/var/lib/postgresql/17"
        } else if !self.fetched.is_empty() || !self.shelf.repositories.is_empty() {
            "/var/lib/holdfast"
        } else if self.stage.is_some() {
            "/etc/holdfast/stage"
        } else {
            ""
        }
    }

    /// Asked after every effect, and always the same few.
    pub fn identity(&self) -> Option<Identity> {
        thread_local! {
            static READ: RefCell<HashMap<String, Option<Identity>>> = RefCell::default();
        }
        let text = self.identity.as_ref()?;
        READ.with_borrow_mut(|read| {
            if let Some(known) = read.get(text) {
                return known.clone();
            }
            let identity = Identity::parse(text).ok();
            read.insert(text.clone(), identity.clone());
            identity
        })
    }

    pub fn stage(&self) -> Stage {
        self.stage.unwrap_or(Stage::Blank)
    }
}

impl Server {
    /// By its label, or by what its disk says.
    pub fn owner(&self) -> Option<(MachineName, OwnerLabel)> {
        let own = || self.disk.identity().map(|own| (own.machine, own.owner));
        self.label.clone().or_else(own)
    }

    pub fn name(&self) -> Option<MachineName> {
        self.owner().map(|(name, _)| name)
    }

    pub fn called(&self) -> String {
        self.name()
            .map_or_else(|| self.provider_id.clone(), |name| name.to_string())
    }

    pub fn is(&self, role: Role, stack: Option<&StackId>) -> bool {
        self.owner()
            .is_some_and(|(_, owner)| owner.role == role && owner.stack.as_ref() == stack)
    }

    pub fn epoch(&self) -> Option<Epoch> {
        self.owner().map(|(_, owner)| owner.epoch)
    }

    pub fn boot_id(&self) -> String {
        format!("{}-{}", self.provider_id, self.disk.boots)
    }

    pub fn answers(&self, now: Timestamp) -> bool {
        let speaks = self.hung.is_none() || self.rescue.is_some();
        self.on && speaks && now >= self.up_at && now >= self.cut_until
    }

    /// It accepts writes of users, whether or not we reach it.
    pub fn serves(&self, now: Timestamp) -> bool {
        let runs = self.hung.is_none() && self.rescue.is_none();
        self.on && runs && now >= self.up_at && self.disk.gate == Gate::Open
    }

    /// The key that whoever answers there shows.
    pub fn shows(&self) -> &str {
        self.rescue.as_deref().unwrap_or(&self.host_key)
    }

    /// Nobody reaches it until then; it runs all the same.
    pub fn cut(&mut self, now: Timestamp, until: Timestamp) {
        if self.cut_until <= now {
            self.cut_from = now;
        }
        // A shorter trouble does not end a longer one.
        self.cut_until = self.cut_until.max(until);
    }

    /// Nobody reached it, and starting it anew did not help: it is as good as lost.
    pub fn was_given_its_chance(&self, now: Timestamp) -> bool {
        self.cut_until > now && self.booted_at > self.cut_from
    }

    pub fn boot(&mut self, now: Timestamp, up_at: Timestamp) {
        (self.on, self.up_at, self.booted_at) = (true, up_at.max(now), now);
        let rescue = self.next_rescue.take();
        if self.revives && rescue.is_some() {
            self.hung = None;
        } else if rescue.is_some() {
            // Another system boots, and nothing on its disk.
            self.rescue = rescue;
            return;
        }
        self.hung = self.hung.filter(|hung| *hung == Hung::ForGood);
        self.ails = false;
        self.rescue = None;
        self.disk.boots += 1;
        if self.disk.gate == Gate::Open {
            self.disk.gate = Gate::Checking;
        }
    }
}

/// An effect on its way, of which whoever began it hears nothing more.
#[derive(Debug, Clone)]
pub enum Late {
    Script {
        address: IpAddr,
        script: &'static str,
        input: String,
    },
    Create(Box<Server>),
    /// Somebody switches on what is off.
    ComesBack,
    /// A point is read back that was taken before.
    ReadBack(StackId, PointId),
}

/// How much goes wrong, in thousandths of the calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Scripts, effects at hosters, name updates.
    pub calls: u64,
    /// Lists of hosters that do not come, or are old.
    pub lists: u64,
    /// Machines that cannot be reached for a while, at each call.
    pub cuts: u64,
    /// The process dies, at each entry.
    pub deaths: u64,
    /// Somebody sets the reconciler's clock, at each entry.
    pub clocks: u64,
    /// Lists of hosters in which a machine is missing, and nothing says so.
    pub partial: u64,
}

#[derive(Clone)]
pub struct State {
    pub seed: u64,
    pub now: Timestamp,
    pub dice: Dice,
    pub servers: Vec<Server>,
    pub names: BTreeMap<HostName, SeenName>,
    pub journal: Vec<Entry>,
    /// What it was when somebody looked last: how long, and the seal over all of it.
    pub sealed: (usize, u64),
    pub late: Vec<(Timestamp, Late)>,
    /// What runs now was begun long ago.
    pub is_late: bool,
    /// What cloud hosters would have answered some time ago.
    pub lists: BTreeMap<HosterId, (Timestamp, Vec<Server>)>,
    /// Hosters whose interface does not answer, until then.
    pub deaf: BTreeMap<HosterId, Timestamp>,
    pub faults: Faults,
    pub death: Option<Death>,
    /// Who may write to the journal, where several could.
    pub lease: Option<Lease>,
    /// A machine that nobody reached and people gave up, until it is found and closed.
    pub given_up: Option<MachineName>,
    /// Stacks whose production may be replaced while it serves: somebody asked for it.
    pub may_move: BTreeSet<StackId>,
    /// A script that takes this many milliseconds on a machine.
    pub slow: Option<(String, &'static str, u64)>,
    pub numbers: u32,
    /// Stacks whose production is in the hands of somebody who encrypts.
    pub encrypted: BTreeSet<StackId>,
    /// Stacks whose functional checks fail, until then.
    pub sick: BTreeMap<StackId, Timestamp>,
    /// Stacks of which nothing can be saved, until then.
    pub unsaved: BTreeMap<StackId, Timestamp>,
    /// When the processes that work now began.
    pub began: Timestamp,
    /// What is not ours, and what it was like when the world began.
    pub strangers: BTreeMap<String, Likeness>,
    /// What happened, for people.
    pub told: Vec<String>,
    /// The first invariant that did not hold.
    pub violation: Option<String>,
}

impl State {
    pub fn at(&mut self, address: IpAddr) -> Option<&mut Server> {
        self.servers.iter_mut().find(|s| s.address == address)
    }

    /// By chance, unless that never goes wrong in this life.
    pub fn chance(&mut self, of: impl Fn(&Faults) -> u64) -> bool {
        let often = of(&self.faults);
        often > 0 && self.dice.happens(often)
    }

    pub fn is_sick(&self, at: usize) -> bool {
        let stack = self.servers[at].owner().and_then(|(_, owner)| owner.stack);
        let until = stack.and_then(|stack| self.sick.get(&stack));
        until.is_some_and(|until| *until > self.now)
    }

    pub fn is_deaf(&self, hoster: &HosterId) -> bool {
        self.deaf.get(hoster).is_some_and(|until| *until > self.now)
    }

    pub fn violate(&mut self, words: String) {
        self.told.push(format!("VIOLATION {words}"));
        self.violation.get_or_insert(words);
    }

    pub fn say(&mut self, words: &str) {
        let words = format!("{} {words}", self.now);
        self.told.push(words);
    }
}
