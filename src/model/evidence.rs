//! What a drill, a rebuild or a move proved: a document that is signed, and that anybody can check without us.

use super::ids::{
    CommitId, Epoch, EstateName, HosterId, ImageName, MachineName, PointId, ServiceName, SiteId,
    StackId,
};
use super::point::{PointManifest, ServiceContent};
use super::units::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the document's form.
pub const EVIDENCE_SCHEMA: u32 = 1;

/// What was done, when, where and by what; what was expected and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Version of this form.
    pub evidence_schema: u32,
    /// What was done.
    pub what: What,
    /// Whose.
    pub estate: EstateName,
    /// Whose.
    pub stack: StackId,
    /// The commit that described the machine.
    pub commit: CommitId,
    /// Which version of the program did it.
    pub holdfast: String,
    /// What was proven.
    pub point: PointProven,
    /// Where it was proven.
    pub place: DrillPlace,
    /// When it began: before the machine was ordered.
    pub began_at: Timestamp,
    /// When the last check had ended.
    pub ended_at: Timestamp,
    /// In the order of their beginnings; some run beside others.
    pub phases: Vec<Phase>,
    /// Versions on the machine: restic, database servers, packages that were asked for.
    pub versions: BTreeMap<String, String>,
    /// What the point's manifest promised.
    pub expected: BTreeMap<ServiceName, ServiceContent>,
    /// What was counted and digested on the machine before anything could change it.
    pub found: BTreeMap<ServiceName, ServiceContent>,
    /// Functional checks on the restored data, and database integrity.
    pub checks: Vec<CheckDone>,
    /// Paths that were written and that nobody declares: they would be lost in a rebuild.
    pub undeclared: Vec<String>,
    /// What was not looked at, and why: of that, this document says nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_looked_at: Vec<String>,
    /// Which key opened the repository, in the word of its role: "production", "maintenance" or "escrow".
    pub opened_with: String,
    /// What came of it.
    pub verdict: Verdict,
}

impl Evidence {
    /// Part of the point was there before users were shut out.
    pub fn copied_ahead(&self) -> bool {
        let mut phases = self.phases.iter();
        phases.any(|phase| matches!(phase.name.as_str(), "pre-copy" | "catch-up"))
    }

    /// How long users were shut out, in milliseconds; `None`: this run did not shut them out, or
    /// did not let them in again.
    pub fn shut_millis(&self) -> Option<u64> {
        let end = |name: &str| {
            let mut phases = self.phases.iter();
            let phase = phases.find(|phase| phase.name == name && phase.error.is_none())?;
            Some(phase.began_millis + phase.millis)
        };
        end("open")?.checked_sub(end("close")?)
    }
}

/// What was done: the same steps, for different reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// To prove a point; its machine was destroyed afterwards.
    Drill,
    /// Production was lost, and came back on the machine.
    Rebuild,
    /// Production was moved to the machine.
    Move,
}

/// The point that was proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointProven {
    /// The restic snapshot.
    pub id: PointId,
    /// Epoch of the machine that wrote it.
    pub epoch: Epoch,
    /// When it was taken, by the clock of production.
    pub taken_at: Timestamp,
    /// When it arrived, by the clock of the backup machine.
    pub arrived_at: Option<Timestamp>,
    /// Bytes that the restore wrote.
    pub bytes: Bytes,
    /// The backup machine that holds it.
    pub from: MachineName,
}

/// Where it was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillPlace {
    /// The machine; that of a drill was destroyed afterwards.
    pub machine: MachineName,
    /// At.
    pub hoster: HosterId,
    /// Location.
    pub site: SiteId,
    /// The hoster's machine type, where it has types.
    pub machine_type: Option<String>,
    /// Operating system.
    pub image: ImageName,
    /// Neither production's hoster nor the backup's.
    pub third: bool,
}

/// One phase, measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// The verb of its step: `create`, `prepare`, `install`, `fetch`, `load`, `check`.
    pub name: String,
    /// From the beginning.
    pub began_millis: u64,
    /// How long it took.
    pub millis: u64,
    /// Why it failed; `None`: it ended well.
    pub error: Option<String>,
}

/// A check that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckDone {
    /// Of which service.
    pub service: ServiceName,
    /// What it is called.
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// What was found instead, if it did not.
    pub detail: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// Everything came back, equal, and every check passed.
    Passed,
    /// It did not.
    Failed {
        /// Why, in words.
        reasons: Vec<String>,
    },
}

/// Evidence as it is kept: the bytes that were signed, and an SSH signature over these very bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedEvidence {
    /// An [`Evidence`] as JSON, with its final line break.
    pub text: String,
    /// In namespace `holdfast-evidence`, armored.
    pub signature: String,
}

/// What one run saw on a machine that it restored to: what evidence is written from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Where the machine stands; `None`: nobody said.
    pub place: Option<DrillPlace>,
    /// The point that was fetched.
    pub point: Option<PointId>,
    /// When that point arrived, by the clock of the backup machine.
    pub arrived_at: Option<Timestamp>,
    /// Its manifest, as it came with it.
    pub manifest: Option<PointManifest>,
    /// Bytes that were fetched.
    pub bytes: Bytes,
    /// What was counted and digested after loading.
    pub found: BTreeMap<ServiceName, ServiceContent>,
    /// Versions on the machine.
    pub versions: BTreeMap<String, String>,
    /// Functional checks and database integrity.
    pub checks: Vec<CheckDone>,
    /// Paths that were written and that nobody declares.
    pub undeclared: Vec<String>,
    /// What was to be looked at and could not be, and why.
    pub not_looked_at: Vec<String>,
    /// Which key opened the repository; empty: production's own.
    pub opened_with: String,
}
