//! What an accepted commit asks for, resolved: every name looked up, every unit read.

use super::brakes::{Approval, Caps, SignedFreeze};
use super::diagnostic::{Diagnostic, Place};
use super::ids::{
    BlueprintId, CommitId, EstateName, HostName, HosterId, ImageName, MachineName, ServiceName,
    SiteId, StackId,
};
use super::policy::Policy;
use super::units::Bytes;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

/// All customers, at one commit.
#[derive(Debug, Clone)]
pub struct Desired {
    /// The operator's name for the estate.
    pub estate: EstateName,
    /// The accepted commit this was read from.
    pub commit: CommitId,
    /// What is demanded of every stack.
    pub policy: Policy,
    /// How much may be rebuilt without a person (S8).
    pub caps: Caps,
    /// Freezes of every stack, those included that are over.
    pub freezes: Vec<SignedFreeze>,
    /// Accounts at hosters, descriptor merged in.
    pub hosters: BTreeMap<HosterId, HosterAccount>,
    /// Where names are changed, if the estate says so.
    pub dns: Option<DnsAccount>,
    /// Stacks that are sound, by the id under which they began ([`DesiredStack::id`]).
    pub stacks: BTreeMap<StackId, DesiredStack>,
    /// Stacks that are not; they are held, the others go on (S16).
    pub broken: BTreeMap<StackId, Vec<Diagnostic>>,
    /// Blueprints that the sound stacks use.
    pub blueprints: BTreeMap<BlueprintId, super::blueprint::Blueprint>,
}

/// An account at a hoster: the estate's `hosters.toml` with the descriptor's facts.
#[derive(Debug, Clone)]
pub struct HosterAccount {
    /// As stacks name it.
    pub id: HosterId,
    /// Facts of the company, from `providers/`.
    pub descriptor: Descriptor,
    /// Base address of its interface; the descriptor's unless the estate overrides it.
    pub endpoint: Option<String>,
    /// Name of the secret that holds the token, where the interface needs one.
    pub token_secret: Option<String>,
    /// Ordered machines, for hosters reached by SSH only.
    pub pool: Vec<PoolMachine>,
    /// How many machines the hoster lets this account have; `None` when nobody says.
    pub quota: Option<Quota>,
    /// Where `hosters.toml` says so.
    pub place: Place,
}

/// A hoster's limit for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Machines, of whatever type.
    pub machines: u32,
    /// The line that says so.
    pub place: Place,
}

/// Facts about a hoster that independence is computed from (`providers/*.toml`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Name of the descriptor.
    pub id: String,
    /// Trading name.
    pub name: String,
    /// Which interface it speaks.
    pub interface: InterfaceFamily,
    /// The contracting company.
    pub legal_entity: String,
    /// The group it belongs to; the company itself where there is none.
    pub parent: String,
    /// Autonomous systems its machines live in.
    pub autonomous_systems: Vec<u32>,
    /// Default base address of the interface.
    pub endpoint: Option<String>,
    /// Where a machine goes when nobody says where: the first that the file names.
    pub default_site: SiteId,
    /// Locations.
    pub sites: BTreeMap<SiteId, Site>,
    /// Machine types, cheapest first where the price is known.
    pub machine_types: Vec<MachineType>,
}

/// Families of interfaces we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceFamily {
    /// Hetzner Cloud.
    HetznerCloud,
    /// Ordered machines reached by SSH only.
    Pool,
}

/// A location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// For people.
    pub city: String,
    /// ISO 3166 code.
    pub country: String,
    /// Thousandths of a degree, north positive.
    pub latitude_milli: i32,
    /// Thousandths of a degree, east positive.
    pub longitude_milli: i32,
}

/// How large a machine is, or must be at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Virtual processors.
    pub cpus: u32,
    /// Memory.
    pub memory: Bytes,
    /// Disk.
    pub disk: Bytes,
}

impl Size {
    /// Whether it has all that is asked for.
    pub fn has(&self, asked: &Self) -> bool {
        self.cpus >= asked.cpus && self.memory >= asked.memory && self.disk >= asked.disk
    }
}

/// A machine that can be rented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineType {
    /// The hoster's name for it.
    pub name: String,
    /// Virtual processors.
    pub cpus: u32,
    /// Memory.
    pub memory: Bytes,
    /// Disk.
    pub disk: Bytes,
    /// Price in cents of a euro per month, net, if published.
    pub monthly_cents: Option<u32>,
}

impl MachineType {
    /// How large it is.
    pub fn size(&self) -> Size {
        Size {
            cpus: self.cpus,
            memory: self.memory,
            disk: self.disk,
        }
    }
}

/// An ordered machine in a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolMachine {
    /// The hoster's name for it.
    pub name: MachineName,
    /// Where SSH answers.
    pub address: IpAddr,
    /// SSH port.
    pub port: u16,
    /// Pinned public host key, OpenSSH format without comment.
    pub host_key: String,
    /// Location.
    pub site: SiteId,
    /// What it runs.
    pub image: ImageName,
}

/// Where names are changed: RFC 2136 with TSIG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsAccount {
    /// The primary name server.
    pub server: SocketAddr,
    /// The zone that updates name, without trailing dot.
    pub zone: String,
    /// TSIG key name.
    pub key_name: String,
    /// TSIG algorithm, `hmac-sha256`.
    pub algorithm: String,
    /// Name of the secret that holds the TSIG key (base64).
    pub key_secret: String,
    /// Time to live of records we write.
    pub ttl: SignedDuration,
}

/// One customer's stack.
#[derive(Debug, Clone)]
pub struct DesiredStack {
    /// Never changes: machines, labels, repositories and secrets are named after it. The file's
    /// name, or what `moved_from` says it once was.
    pub id: StackId,
    /// What people call it now: the file's name.
    pub shown: StackId,
    /// The line with the id.
    pub place: Place,
    /// When it ends, if it does.
    pub retired: Option<Retirement>,
    /// For people.
    pub name: String,
    /// `de` or `en`.
    pub language: String,
    /// Whom to reach about it: `mailto:` or `tel:`.
    pub contacts: Vec<String>,
    /// Promises: how much data may be lost, how long a rebuild may take.
    pub objectives: Objectives,
    /// Where it runs.
    pub production: Placement,
    /// Where a rebuild may go if the first has no capacity, in order.
    pub fallback: Vec<Placement>,
    /// Where its recovery points live.
    pub backup: BackupIntent,
    /// Its applications.
    pub services: Vec<DesiredService>,
    /// What may happen without a person.
    pub repair: Vec<Repair>,
    /// How long is waited before its machine counts as lost.
    pub waits: Waits,
    /// Machines that a signed commit declares unable to write (S2).
    pub waivers: Vec<Waiver>,
    /// Former backup machines of which a signed commit says that its repository may go (S3).
    pub discards: Vec<Discard>,
    /// Freezes of this stack alone, those included that are over.
    pub freezes: Vec<SignedFreeze>,
    /// Rebuilds that people signed for by name.
    pub approvals: Vec<Approval>,
}

/// The end of a stack, declared before its file may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retirement {
    /// From the beginning of this day (UTC) nobody is let in any more.
    pub on: Date,
    /// The line that says so.
    pub place: Place,
}

impl Desired {
    /// The file of the stack that began under this id.
    pub fn file_of(&self, id: &StackId) -> String {
        let stack = self.stacks.get(id);
        stack.map_or_else(|| id.file(), DesiredStack::file)
    }
    /// A stack by what people call it, or by the id under which it began.
    pub fn stack(&self, name: &StackId) -> Option<&DesiredStack> {
        let now = || self.stacks.values().find(|stack| stack.shown == *name);
        match self.stacks.get(name) {
            Some(stack) if stack.shown == *name => Some(stack),
            began => now().or(began),
        }
    }

    /// The id under which a stack began, sound or not, by what people call it or by that id.
    pub fn began(&self, name: &StackId) -> Option<StackId> {
        if let Some(stack) = self.stack(name) {
            return Some(stack.id.clone());
        }
        let file = name.file();
        let of_file = |found: &Diagnostic| found.place.file == file;
        let by_file = self
            .broken
            .iter()
            .find(|(_, found)| found.iter().any(of_file));
        let by_id = || self.broken.get_key_value(name);
        by_file.or_else(by_id).map(|(id, _)| id.clone())
    }

    /// All names that [`Self::began`] knows.
    pub fn names(&self) -> BTreeSet<StackId> {
        let sound = self.stacks.values();
        let files = self.broken.values().flatten();
        let shown = files.filter_map(|found| StackId::of_file(&found.place.file));
        let mut names: BTreeSet<StackId> = shown.collect();
        names.extend(sound.flat_map(|stack| [stack.id.clone(), stack.shown.clone()]));
        names.extend(self.broken.keys().cloned());
        names
    }
}

impl DesiredStack {
    /// Its file, by the name that it has now.
    pub fn file(&self) -> String {
        self.shown.file()
    }
    /// Why nobody is let in any more, once the last day has come.
    pub fn ended(&self, now: Timestamp) -> Option<&Retirement> {
        self.retired.as_ref().filter(|end| end.begins() <= now)
    }
}

impl Retirement {
    /// When that day begins.
    pub fn begins(&self) -> Timestamp {
        let midnight = self.on.to_zoned(TimeZone::UTC);
        midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp())
    }
}

/// RPO and RTO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Objectives {
    /// Most data that may be lost, as time.
    pub rpo: Option<SignedDuration>,
    /// Longest rebuild.
    pub rto: Option<SignedDuration>,
}

/// A place for a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The account.
    pub hoster: HosterId,
    /// The location.
    pub site: SiteId,
    /// Machine type of the hoster; `None` for pools.
    pub machine_type: Option<String>,
    /// What it was chosen for, where the file says how large it must be.
    pub size: Option<Size>,
    /// Operating system.
    pub image: ImageName,
    /// The line that asks for it.
    pub place: Place,
}

/// Backup, as the stack asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupIntent {
    /// Account, location and image of the backup machine.
    pub placement: Placement,
    /// As written: `daily 02:30 Europe/Berlin`.
    pub schedule: Schedule,
    /// How long points are kept.
    pub retention: Retention,
    /// When it is proven that they come back, and where. `None`: every 30 days, anywhere.
    pub drill: Option<DrillIntent>,
}

/// How long points are kept. All of them are within a time, then one of each day, week, month
/// and year for as many of these as it says, counted from now and not from the newest point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Everything younger is kept.
    pub within: SignedDuration,
    /// Days of which one point is kept.
    pub daily: u16,
    /// Weeks of which one point is kept.
    pub weekly: u16,
    /// Months of which one point is kept.
    pub monthly: u16,
    /// Years of which one point is kept.
    pub yearly: u16,
    /// Beginnings of ids of points that look wrong, and that a person says are right (S12).
    pub right: Vec<String>,
    /// The line that says so.
    pub place: Place,
}

/// Drills, as the stack asks for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillIntent {
    /// One is overdue when the last that passed is older.
    pub every: SignedDuration,
    /// Where; `None`: wherever neither production nor backup is, if there is such a place.
    pub at: Option<Placement>,
    /// The line that says so.
    pub place: Place,
}

/// When a backup is due: every day at a local time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Hour, 0 to 23.
    pub hour: i8,
    /// Minute.
    pub minute: i8,
    /// IANA time zone.
    pub zone: String,
}

impl Schedule {
    /// The time between two points by the schedule. The clock change makes one night a year an
    /// hour longer, which no promise of a day is meant to exclude.
    pub fn longest_gap(&self) -> SignedDuration {
        SignedDuration::from_hours(24)
    }
}

/// One application.
#[derive(Debug, Clone)]
pub struct DesiredService {
    /// Unique in the stack.
    pub name: ServiceName,
    /// Which blueprint.
    pub blueprint: BlueprintId,
    /// The DNS name users type.
    pub host: HostName,
    /// Settings, defaults filled in.
    pub settings: BTreeMap<String, String>,
    /// The line that asks for it.
    pub place: Place,
}

/// Rungs of the repair ladder that need no person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repair {
    /// Restart a unit.
    Restart,
    /// Converge packages and files.
    Reinstall,
    /// Reset, then off and on again.
    Reboot,
    /// A new machine beside the old.
    Rebuild,
}

/// How long is waited before a machine in use counts as lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// It must have been silent for so long.
    pub lost_after: SignedDuration,
    /// So long it may take to answer after it was started anew.
    pub answers_within: SignedDuration,
    /// So long it is tried to save what is on the disk of one that is given up; zero: not at all.
    pub last_chance: SignedDuration,
}

impl Default for Waits {
    /// With a look every minute, three minutes are not over when a machine that lost its power
    /// is given up.
    fn default() -> Self {
        Self {
            lost_after: SignedDuration::from_secs(90),
            answers_within: SignedDuration::from_mins(2),
            last_chance: SignedDuration::from_mins(10),
        }
    }
}

/// A signed statement that a machine can no longer write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The machine it names.
    pub machine: MachineName,
    /// Why a person is sure.
    pub reason: String,
    /// The line that says so.
    pub place: Place,
}

/// A signed statement that the stack's repository on a former backup machine may be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discard {
    /// The backup machine it names.
    pub machine: MachineName,
    /// Why, in a person's words.
    pub reason: String,
    /// The line that says so.
    pub place: Place,
}
