//! The plan: what would be done, as data that leaves no choices.

mod action;

pub use action::{Action, FenceBy, Leaving};

use super::diagnostic::Place;
use super::forecast::{Forecast, TotalCost, TotalEstimate};
use super::gap::Gap;
use super::ids::{CommitId, EstateName, MachineName, PointId, StackId, StepId};
use super::machine::{Change, Digest};
use super::point::Rung;
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
    /// It is too early to tell whether it must be done; it is looked at again then.
    NotYet {
        /// When.
        until: Timestamp,
        /// What is missing, in words.
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
            Self::NotObserved { .. } | Self::NotYet { .. } => "S1",
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
