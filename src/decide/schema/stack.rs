//! `stacks/<id>.toml`.

use super::words::{
    Allowed, Contact, Day, Duration, Edition, Host, Id, KnownImage, Language, Line, Machine,
    Natural, Often, Repair, Schedule, Site, Size, Times, Value,
};
use schemars::JsonSchema;
use std::collections::BTreeMap;

/// One customer: where it runs, where its backups live, what it consists of.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Stack {
    /// The edition of the format, always 1.
    pub schema: Edition,
    /// Who it is for.
    pub stack: Head,
    /// Promises, compared with what was measured.
    pub objectives: Option<Objectives>,
    /// Where it runs.
    pub production: Production,
    /// Where its recovery points live. Independent of production: company, network, place (S14).
    pub backup: Backup,
    /// Its applications.
    #[schemars(length(min = 1))]
    pub service: Vec<Service>,
    /// What may happen without a person. Without it: nothing.
    pub repair: Option<Repairs>,
    /// Machines that can no longer write, by a person's word (S2).
    pub waiver: Option<Vec<Waiver>>,
    /// Backup machines that the stack named before, and that its repository may be deleted on (S3).
    pub discard: Option<Vec<Discard>>,
    /// Until when nothing begins for this stack but what saves, reads and looks.
    pub freeze: Option<Vec<Freeze>>,
    /// Rebuilds that a person allows by name, whatever [repair] says.
    pub approve: Option<Vec<Approve>>,
}

/// Until it ends, nothing begins but what saves, reads and looks.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Freeze {
    /// Its end, with a zone: "2027-01-04 08:00 Europe/Berlin"; a day alone means its end.
    pub until: Line,
    /// Why; everybody who looks sees it.
    pub reason: Line,
    /// repair: what mends what happened goes on, rebuilds included. Without it: nothing.
    pub allow: Option<Vec<Allowed>>,
}

/// A rebuild that a person allows.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Approve {
    /// The machine in whose place a new one may come.
    pub rebuild: Machine,
    /// How long the word holds, with a zone.
    pub until: Line,
    /// Why.
    pub reason: Line,
}

/// Who it is for.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Head {
    /// The file's name; never changes, the name may.
    pub id: Id,
    /// As people call the customer.
    pub name: Line,
    /// The customer's language.
    #[schemars(extend("default" = "en"))]
    pub language: Option<Language>,
    /// Whom to tell when something happens.
    pub contacts: Option<Vec<Contact>>,
    /// The day (UTC) on which it ends: closed, saved a last time, switched off and kept. The file may be deleted when the retention is over.
    pub retired: Option<Day>,
    /// The id with which the stack began, when its file has another name now. Stays for good.
    pub moved_from: Option<Id>,
}

/// Promises.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Objectives {
    /// Recovery point objective: the most data that may be lost, as time.
    pub rpo: Option<Duration>,
    /// Recovery time objective: the longest that a rebuild may take.
    pub rto: Option<Duration>,
}

/// Where it runs.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Production {
    /// An account of hosters.toml.
    pub hoster: Id,
    /// One of the hoster's sites. Without it: where its first ordered machine stands, else its first site.
    pub site: Option<Site>,
    /// The least that the machine must have; the cheapest type that has it is rented. Needed where machines are rented.
    pub machine: Option<MachineSize>,
    /// Operating system.
    pub image: KnownImage,
    /// Where a rebuild may go when the first place has no capacity or is lost, in this order.
    pub fallback: Option<Vec<Fallback>>,
}

/// The least that a machine must have.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct MachineSize {
    /// Virtual processors.
    pub cpus: Natural,
    /// Memory, for example "4 GiB".
    pub memory: Size,
    /// Disk, for example "40 GB".
    pub disk: Size,
}

/// Another place.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Fallback {
    /// An account of hosters.toml, not that of the backup.
    pub hoster: Id,
    /// One of its sites.
    pub site: Option<Site>,
    /// Another operating system than production's.
    pub image: Option<KnownImage>,
}

/// Where recovery points live, when they are made, how long they are kept.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Backup {
    /// An account of hosters.toml, of another company than production's.
    pub hoster: Id,
    /// One of its sites, at least 50 km from production.
    pub site: Option<Site>,
    /// The least that the backup machine must have; as production without it.
    pub machine: Option<MachineSize>,
    /// Operating system of the backup machine; debian-13 without it.
    pub image: Option<KnownImage>,
    /// When a recovery point is due: daily, time, time zone.
    pub schedule: Schedule,
    /// How long recovery points are kept.
    pub retention: Retention,
    /// How often a restore is tried, and where. Without it: every 30 days, at a third hoster if there is one.
    pub drill: Option<Drill>,
}

/// How long recovery points are kept.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Retention {
    /// Every point of this time.
    pub within: Duration,
    /// Then so many daily ones.
    pub daily: Option<Times>,
    /// Then so many weekly ones.
    pub weekly: Option<Times>,
    /// Then so many monthly ones.
    pub monthly: Option<Times>,
    /// Then so many yearly ones.
    pub yearly: Option<Times>,
    /// Points that look wrong and are right: at least eight characters of their ids.
    pub right: Option<Vec<String>>,
}

/// How often a restore is tried, and where.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Drill {
    /// At least so often: one is overdue when the last that passed is older.
    pub every: Duration,
    /// The first choice; another place is taken when there is no room.
    pub at: Option<Place>,
}

/// A hoster and one of its sites.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Place {
    /// An account of hosters.toml.
    pub hoster: Id,
    /// One of its sites.
    pub site: Option<Site>,
    /// The least that the machine must have; as production without it.
    pub machine: Option<MachineSize>,
    /// Operating system; as production without it.
    pub image: Option<KnownImage>,
}

/// One application.
#[expect(
    clippy::zero_sized_map_values,
    reason = "only the schema of the value is used"
)]
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Service {
    /// Unique in the stack; backups carry it.
    pub name: Id,
    /// Which blueprint: built in, or blueprints/<id>/ of the estate.
    pub blueprint: Id,
    /// The blueprint's version.
    pub version: Natural,
    /// The name that users type; unique in the estate.
    pub host: Host,
    /// What the blueprint leaves open, by its names.
    pub settings: Option<BTreeMap<String, Value>>,
}

/// What may happen without a person.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Repairs {
    /// restart: a unit. reinstall: packages and files. reboot: a machine that is on and silent is reset, then switched off and on; one that answers and does not stay well is rebooted once. rebuild: a new machine from the newest proven recovery point.
    pub automatic: Option<Vec<Repair>>,
    /// A machine in use must have been silent for so long before it counts as lost.
    #[schemars(extend("default" = "90s"))]
    pub lost_after: Option<Duration>,
    /// So long a machine that was started anew may take to answer.
    #[schemars(extend("default" = "2m"))]
    pub answers_within: Option<Duration>,
    /// So long it is tried to save what is on the disk of a machine that is given up, from its
    /// hoster's rescue system; off: not at all.
    #[schemars(extend("default" = "10m"))]
    pub last_chance: Option<Often>,
}

/// A machine that can no longer write, by a person's word.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Waiver {
    /// The machine.
    pub machine: Machine,
    /// Why a person is sure.
    pub reason: Line,
}

/// A repository that may be deleted once everything in it is elsewhere and a newer point is proven further.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Discard {
    /// The backup machine that keeps it.
    pub machine: Machine,
    /// Why it may go.
    pub reason: Line,
}
