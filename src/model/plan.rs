//! The plan: what would be done, as data that leaves no choices.

mod action;

use super::diagnostic::Place;
use super::forecast::{Forecast, TotalCost, TotalEstimate};
use super::gap::Gap;
use super::ids::{
    CommitId, Epoch, EstateName, HostName, HosterId, ImageName, MachineName, PointId, ServiceName,
    SiteId, StackId, StepId,
};
use super::machine::{Change, Digest, Role};
use super::point::{Part, Rung};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the plan's JSON form.
pub const PLAN_SCHEMA: u32 = 1;

/// What would be done, what would not, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Version of this form.
    pub plan_schema: u32,
    /// What it was made from; a stale basis is refused.
    pub basis: Basis,
    /// In readable order; `after` says what really waits for what.
    pub steps: Vec<Step>,
    /// Wanted but not done now.
    pub held: Vec<Held>,
    /// Steps that are planned whole and held back, until enough people have signed or an alarm
    /// is over: what an approval would let happen.
    pub withheld: Vec<Step>,
    /// Reality differs although nobody changed the intent.
    pub drift: Vec<Drift>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// What is good to know and asks for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// What was not looked at: of this, `drift`, `gaps` and `steps` say nothing.
    pub not_observed: Vec<String>,
    /// How long it will take; `null`: no step of its kind was ever measured.
    pub estimate: Option<TotalEstimate>,
    /// What it changes in the bill.
    pub monthly_cost: TotalCost,
}

/// What a plan was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Basis {
    /// The estate. After a look at the world: with the mark of its key.
    pub estate: EstateName,
    /// The accepted commit.
    pub commit: CommitId,
    /// Digest of what was observed, times left out; `null`: nothing was.
    pub observed: Option<Digest>,
    /// The same per subject, for saying what has changed.
    pub parts: BTreeMap<String, Digest>,
    /// When it was observed, or compared.
    pub at: Timestamp,
    /// Only these stacks; `null`: all.
    pub stacks: Option<Vec<StackId>>,
    /// What the commit was compared with, where nothing was observed.
    pub compared: Option<Compared>,
}

/// What a commit was compared with. It is assumed to be in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// As it was asked for: `origin/main`.
    pub named: String,
    /// The commit of that name.
    pub base: CommitId,
    /// Where both histories parted: what is compared with, and assumed to be in place.
    pub merge_base: CommitId,
    /// Commits of the base since then. What they change is not in this plan.
    pub moved_on: usize,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// From its content.
    pub id: StepId,
    /// Whose; `None` for what stacks share.
    pub stack: Option<StackId>,
    /// What.
    #[serde(flatten)]
    pub action: Action,
    /// How far it reaches.
    pub effect: Effect,
    /// Why.
    pub why: Why,
    /// What must have ended well before.
    pub after: Vec<StepId>,
    /// What is expected of it.
    #[serde(flatten)]
    pub forecast: Forecast,
}

/// How far a step reaches.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Nobody notices.
    Safe,
    /// Users may notice.
    Disruptive,
    /// Something is replaced or lost.
    Destructive,
}

/// Why a step is there: the line in Git, or the observation that causes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Why {
    /// In words.
    pub reason: String,
    /// The line in Git, where there is one.
    pub place: Option<Place>,
    /// How that line was changed, where commits were compared.
    pub line: Option<LineChange>,
    /// Who set it off: people, or the world.
    pub cause: Cause,
}

/// A line of the estate before and after. Never one that looks like a secret (S13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineChange {
    /// `null`: it is new.
    pub before: Option<String>,
    /// `null`: it was taken out.
    pub after: Option<String>,
}

/// Who set a step off. What people ask for needs as many of them as `trust.toml` says; what
/// repairs reality was signed for with the repair policy.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The estate asks for something that has not been so yet.
    Intent,
    /// Reality departed from what the estate asks for, or its schedule says that it is time.
    Reality,
    /// Reality differs from what the estate asks for; only the past tells which of them moved.
    Difference,
}

/// Where a restore takes its data from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum Source {
    /// A point that is there already (S11).
    Point {
        /// Which.
        point: PointId,
        /// When it was taken.
        taken_at: Timestamp,
        /// How far it is proven.
        rung: Rung,
        /// The backup machine that keeps it.
        on: MachineName,
    },
    /// The point that this plan's backup step will make.
    Step {
        /// The step.
        step: StepId,
    },
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Action {
    /// Rent a machine, or take an ordered one, with the host key we made.
    Create {
        /// Its name.
        machine: MachineName,
        /// Which ordered machine, for pools.
        take: Option<MachineName>,
        /// At.
        hoster: HosterId,
        /// Location.
        site: SiteId,
        /// Machine type, where there are types.
        machine_type: Option<String>,
        /// Operating system.
        image: ImageName,
        /// What it is for.
        role: Role,
        /// Epoch.
        epoch: Epoch,
    },
    /// First contact; the base tools; the gate is closed.
    Prepare {
        /// The machine.
        machine: MachineName,
    },
    /// All packages and files of the manifest, on a new machine.
    Install {
        /// The machine.
        machine: MachineName,
    },
    /// Mend what differs on a machine that is in use.
    Converge {
        /// The machine.
        machine: MachineName,
        /// What differs.
        changes: Vec<Change>,
    },
    /// First installation into empty state. Only where no state ever was (S15).
    Initialise {
        /// The machine.
        machine: MachineName,
    },
    /// A point into a fresh path of the new machine while the old one still serves, so that after
    /// its closing only what has changed since is fetched.
    Precopy {
        /// The new machine.
        machine: MachineName,
        /// From.
        source: Source,
    },
    /// The point's files and dumps into a fresh path of the new machine.
    Fetch {
        /// The machine.
        machine: MachineName,
        /// From.
        source: Source,
    },
    /// Databases loaded, files put in place, counts and digests compared, after-hooks.
    Load {
        /// The machine.
        machine: MachineName,
        /// From.
        source: Source,
    },
    /// Functional checks while closed.
    Check {
        /// The machine.
        machine: MachineName,
        /// Services.
        services: Vec<ServiceName>,
    },
    /// No user gets in any more; services stop writing.
    Close {
        /// The machine.
        machine: MachineName,
    },
    /// Switch on a machine that its hoster says is off.
    PowerOn {
        /// The machine.
        machine: MachineName,
    },
    /// Make sure that a machine can no longer write (S2).
    Fence {
        /// The machine.
        machine: MachineName,
        /// How.
        by: FenceBy,
    },
    /// Let users in.
    Open {
        /// The machine.
        machine: MachineName,
        /// Its epoch.
        epoch: Epoch,
        /// The machines that must be fenced; empty only when none ever was.
        fenced: Vec<MachineName>,
    },
    /// Point a name at an address.
    Name {
        /// The name.
        host: HostName,
        /// The machine it will point to.
        machine: MachineName,
    },
    /// Take a recovery point and read it back.
    Backup {
        /// From.
        machine: MachineName,
        /// On which backup machine.
        to: MachineName,
        /// Before a move closes the machine, so that the last point after it has little to add.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        ahead: bool,
    },
    /// Save what users wrote on a closed machine of an epoch that is over, into a point that is
    /// never chosen by itself, and read it back.
    SaveAside {
        /// From.
        machine: MachineName,
        /// On which backup machine.
        to: MachineName,
    },
    /// Give a stack its own repository on a backup machine.
    Repository {
        /// The backup machine.
        machine: MachineName,
        /// The backup machine whose repository it cuts files like, so that what is copied from
        /// there is not stored twice.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        like: Option<MachineName>,
    },
    /// Set a machine aside: labelled, off, kept.
    Quarantine {
        /// The machine.
        machine: MachineName,
    },
    /// Read a repository where it is kept: its structure, and one part of its data, so that
    /// every byte is read within the cycle. What is found damaged is told, never mended.
    Verify {
        /// The backup machine.
        machine: MachineName,
        /// Which part of the data, from 1.
        part: u32,
        /// Of how many.
        of: u32,
    },
    /// Take these points out of a repository; from the vault side only (S10), never the last
    /// copy (S3), never in doubt (S12).
    Forget {
        /// The backup machine.
        machine: MachineName,
        /// Which, and why each.
        points: Vec<Leaving>,
        /// Beginnings of ids of points that look wrong, and that a signed line calls right.
        right: Vec<String>,
    },
    /// Copy a stack's points from the repository of another backup machine, and check them.
    Copy {
        /// The backup machine that gets them.
        machine: MachineName,
        /// The backup machine that has them.
        from: MachineName,
    },
    /// Delete a stack's repository from a backup machine that the stack no longer names, as a
    /// signed line asks by name (S3).
    Discard {
        /// The backup machine.
        machine: MachineName,
        /// What it holds, copied and checked elsewhere; with anything else in it, it stays.
        points: Vec<PointId>,
    },
    /// Bring one part of a point back beside the live data, never over it (S4).
    Retrieve {
        /// The machine that gets it.
        machine: MachineName,
        /// From which point.
        point: PointId,
        /// What.
        part: Part,
        /// Where to: a path, or the name of a database. It must not exist.
        to: String,
    },
    /// Keep a machine of a drill from talking to anybody.
    Isolate {
        /// The machine.
        machine: MachineName,
    },
    /// Destroy the machine of a drill.
    Destroy {
        /// The machine.
        machine: MachineName,
    },
}

/// A point that is taken out of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Leaving {
    /// Which.
    pub point: PointId,
    /// When it was taken, by the clock of production.
    pub taken_at: Timestamp,
    /// How far it is proven.
    pub rung: Rung,
    /// Why it need not stay.
    pub why: String,
}

/// How a machine is fenced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum FenceBy {
    /// Powered off, confirmed by the hoster's interface.
    PowerOff,
    /// Gone by the hoster's own word.
    Gone,
    /// A signed waiver names it.
    Waiver {
        /// The line that says so.
        place: Place,
    },
}

/// A step that is wanted but not done now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// Whose.
    pub stack: Option<StackId>,
    /// What is wanted, in words.
    pub wanted: String,
    /// Why not now.
    pub hold: Hold,
    /// Who or what can lift it.
    pub remedy: String,
}

/// Why not now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "hold")]
pub enum Hold {
    /// It could not be seen (S1).
    NotObserved {
        /// What.
        gap: Gap,
    },
    /// The stack's definition is broken; it stays at its last accepted state (S16).
    Broken {
        /// How many findings.
        findings: usize,
    },
    /// A rule forbids it.
    Forbidden {
        /// Which: "S2", "S11", "repair policy".
        rule: String,
        /// In words.
        reason: String,
    },
    /// Too few people have signed for it.
    NeedsApproval {
        /// The effect that asks for it.
        effect: Effect,
        /// People who have signed for it.
        have: u8,
        /// People who must have.
        need: u8,
        /// Who could still give it, as `trust.toml` names them.
        by: Vec<String>,
    },
    /// A newer commit is not accepted; what was accepted before still holds.
    NotAccepted {
        /// The commit.
        commit: CommitId,
        /// Why, in words.
        reason: String,
    },
    /// The storm brake (S8).
    Brake {
        /// In words.
        reason: String,
    },
}

impl Hold {
    /// The rule that it stands for: of the safety invariants its number.
    pub fn rule(&self) -> &str {
        match self {
            Self::NotObserved { .. } => "S1",
            Self::Broken { .. } => "S16",
            Self::Forbidden { rule, .. } => rule,
            Self::NeedsApproval { .. } => "S5",
            Self::NotAccepted { .. } => "S9",
            Self::Brake { .. } => "S8",
        }
    }
}

/// Reality differs although nobody changed the intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// Whose.
    pub stack: Option<StackId>,
    /// Where.
    pub machine: MachineName,
    /// What.
    pub change: Change,
}

/// What is good to know and asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// Whose.
    pub stack: Option<StackId>,
    /// In words.
    pub text: String,
}

/// The JSON Schema of a plan.
pub fn plan_schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(Plan);
    schema.insert("title".into(), "Plan of holdfast".into());
    if let Some(version) = schema.pointer_mut("/properties/plan_schema")
        && let Some(version) = version.as_object_mut()
    {
        version.insert("const".into(), PLAN_SCHEMA.into());
    }
    schema
}
