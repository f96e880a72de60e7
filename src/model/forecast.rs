//! What a step is expected to take, to cost and to put at risk. Unknown is said, never guessed.

use super::ids::{PointId, StepId};
use super::point::Rung;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is expected of one step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Forecast {
    /// How long it will take; `null`: not yet measured.
    pub estimate: Option<Estimate>,
    /// What it changes in the bill; `null`: nothing.
    pub monthly_cost: Option<CostChange>,
    /// What the customer's data rest on meanwhile; `null`: no data are touched.
    pub data_at_risk: Option<DataAtRisk>,
    /// Of a step that shuts users out: until this plan lets them in again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<ClosedWindow>,
}

/// A duration from this estate's own journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Median of the measured durations, in milliseconds.
    pub millis: u64,
    /// How many there were.
    pub measured: usize,
}

/// A change of the monthly bill, net.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CostChange {
    /// Cents of a euro, from the hoster's descriptor; `null`: unknown, which is never nothing.
    pub cents: Option<i64>,
    /// From when on it counts.
    pub from: CostFrom,
}

/// From when on a change of the bill counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CostFrom {
    /// From this step on.
    Step,
    /// Once a person has retired the machine that is set aside; until then it goes on costing.
    Retirement,
}

/// How long users will be shut out: the longest chain of steps from the one that shuts them out to
/// the one that lets them in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClosedWindow {
    /// Sum over that chain, in milliseconds, as far as measured; of this stack where it was.
    pub millis: u64,
    /// Verbs of its steps that were never measured: then it is a lower bound.
    pub unmeasured: Vec<String>,
    /// How long it was the last time the same was done, in milliseconds; `null`: none is known.
    pub last_millis: Option<u64>,
}

/// What a customer's data rest on while their machine is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "rests_on")]
pub enum DataAtRisk {
    /// What was written after this point was taken is lost.
    Point {
        /// Which.
        point: PointId,
        /// When it was taken.
        taken_at: Timestamp,
        /// Its age when the plan was made, in seconds.
        age_seconds: i64,
        /// How far it is proven.
        rung: Rung,
    },
    /// The point that this plan takes, after the last write.
    ThisPlan {
        /// The step that takes it.
        step: StepId,
    },
    /// Recovery points were not looked at.
    NotObserved,
}

/// How long the whole plan will take: the longest chain of steps that wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TotalEstimate {
    /// Sum over that chain, in milliseconds, as far as measured.
    pub millis: u64,
    /// Steps of the plan whose kind was never measured: then it is a lower bound.
    pub unmeasured: usize,
}

/// Changes of the monthly bill, all steps together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TotalCost {
    /// Cents of a euro from this plan on, as far as known.
    pub cents: i64,
    /// Changes whose price is unknown.
    pub unknown: usize,
    /// Cents that change once the machines set aside are retired, as far as known.
    pub after_retirement_cents: i64,
    /// Machines set aside whose price is unknown.
    pub after_retirement_unknown: usize,
}
