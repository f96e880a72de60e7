//! What was begun and what came of it: append-only, hash-chained (S6, S9).

use super::desired::Size;
use super::evidence::What;
use super::ids::{
    CommitId, Epoch, HostName, HosterId, MachineName, PointId, SiteId, StackId, StepId,
};
use super::machine::{Digest, Role};
use super::operation::FaultClass;
use super::point::Rung;
use super::units::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// 1, 2, 3 …
    pub seq: i64,
    /// When it was written.
    pub at: Timestamp,
    /// Whose.
    pub stack: Option<StackId>,
    /// What.
    pub event: Event,
}

/// What is recorded. Never a secret (S13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// A commit was accepted as head (S9).
    Accepted {
        /// Which.
        commit: CommitId,
    },
    /// The repository offered a head that does not descend from the accepted one: moved back,
    /// or another history put in its place. It was refused (S9); an incident.
    SetBack {
        /// What was offered.
        head: CommitId,
    },
    /// About to do a step.
    Started {
        /// The step.
        step: StepId,
        /// The action's name and target, in words.
        action: String,
        /// It repairs what happened, and nobody asked for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        repair: bool,
        /// The head that it was planned from: steps end while a newer one is accepted already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        head: Option<CommitId>,
        /// What is wrong on a machine in use, and is mended by it: `unit nginx.service`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mends: Vec<String>,
    },
    /// The step came to an end.
    Ended {
        /// The step.
        step: StepId,
        /// What came of it.
        result: StepResult,
        /// Measured.
        millis: u64,
    },
    /// A machine was made: the creation receipt (S7).
    Created {
        /// Our name for it.
        machine: MachineName,
        /// Where.
        hoster: HosterId,
        /// The hoster's id.
        provider_id: String,
        /// What it is for.
        role: Role,
        /// Epoch.
        epoch: Epoch,
        /// Where the estate wanted it when it was made; elsewhere means that it went to a
        /// fallback. `None` when nobody remembers.
        wanted: Option<(HosterId, SiteId)>,
        /// The hoster's machine type. `None` when it has none, or nobody remembers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        machine_type: Option<String>,
        /// The size that was asked for. `None` when nobody remembers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked: Option<Size>,
    },
    /// About to take an ordered machine: until then the taking may still arrive there, whatever
    /// was answered (S6).
    Ordered {
        /// Our name for it.
        machine: MachineName,
        /// Where.
        hoster: HosterId,
        /// The ordered machine.
        take: MachineName,
        /// From then on it refuses.
        until: Timestamp,
    },
    /// A machine can no longer write (S2).
    Fenced {
        /// Which.
        machine: MachineName,
        /// By whose word: "hoster says off", "hoster says gone", "waiver stacks/acme.toml:40".
        proof: String,
    },
    /// Users were let in.
    Opened {
        /// Which.
        machine: MachineName,
        /// Epoch.
        epoch: Epoch,
        /// From which point its state came, if restored.
        point: Option<PointId>,
    },
    /// Users were shut out.
    Closed {
        /// Which.
        machine: MachineName,
    },
    /// A machine is of another type than before, or nobody remembered of which, by its hoster's
    /// word and as the estate asks; or it is of the type that fits another size than before.
    Resized {
        /// Which.
        machine: MachineName,
        /// The hoster's name for the type.
        machine_type: String,
        /// The size that was asked for. `None` when nobody asked for that type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked: Option<Size>,
    },
    /// Switching a machine on failed: it is off for good.
    PowerOnFailed {
        /// Which.
        machine: MachineName,
        /// The hoster's words.
        reason: String,
    },
    /// A machine that would not start was seen running again.
    SeenOn {
        /// Which.
        machine: MachineName,
    },
    /// A machine in use was found silent: off, not listed, or without an answer on SSH. What that
    /// means is not said here.
    FellSilent {
        /// Which.
        machine: MachineName,
        /// What was seen, in words.
        seen: String,
    },
    /// It was looked at again some time later, and was as silent.
    StillSilent {
        /// Which.
        machine: MachineName,
    },
    /// It says something again.
    Answered {
        /// Which.
        machine: MachineName,
    },
    /// A silent machine was started anew, by its hoster's word.
    Tried {
        /// Which.
        machine: MachineName,
        /// How.
        remedy: Remedy,
    },
    /// A machine that answers was started anew in order, because mending it again and again did
    /// not help. Its boot is another one since.
    Rebooted {
        /// Which.
        machine: MachineName,
    },
    /// Nothing of what a machine was rebooted for was wrong any more for long enough.
    Healed {
        /// Which.
        machine: MachineName,
    },
    /// The rescue system of a machine that is given up was tried, and is over: the machine is off.
    LastChance {
        /// Which.
        machine: MachineName,
        /// The point that what was on its disk lies in.
        point: Option<PointId>,
        /// Why there is none, or what is not in it, in words.
        why: String,
    },
    /// A machine was set aside.
    Quarantined {
        /// Which.
        machine: MachineName,
    },
    /// What users wrote on a machine that came back after another had taken its place lies in a
    /// point of its own.
    SavedAside {
        /// Which.
        machine: MachineName,
        /// The point.
        point: PointId,
    },
    /// A hoster had no room.
    NoCapacity {
        /// The hoster.
        hoster: HosterId,
        /// The location.
        site: SiteId,
    },
    /// A recovery point reached a rung.
    Proven {
        /// Which.
        point: PointId,
        /// Rung.
        rung: Rung,
    },
    /// A repository was read where it is kept.
    Verified {
        /// The backup machine.
        machine: MachineName,
        /// Which part of the data, from 1.
        part: u32,
        /// Of how many.
        of: u32,
        /// What is damaged, in words; empty: nothing.
        findings: Vec<String>,
    },
    /// A drill, or a rebuild or move that proves as much, came to its end.
    Drilled {
        /// Which of them.
        what: What,
        /// Which point.
        point: PointId,
        /// The machine it was done on.
        machine: MachineName,
        /// Everything came back and every check passed.
        passed: bool,
        /// Of the evidence document, as it was signed.
        evidence: Digest,
        /// Age of the point when it began, in seconds: what a loss then would have cost.
        data_age: u64,
        /// From the order of the machine to the last check, in milliseconds.
        millis: u64,
        /// Everything was opened with nothing but the escrow key.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        escrow: bool,
    },
    /// The machine of a drill is gone, and nothing of it is left.
    Destroyed {
        /// Which.
        machine: MachineName,
    },
    /// Points were taken out of a repository.
    Forgotten {
        /// The backup machine.
        machine: MachineName,
        /// Which.
        points: Vec<PointId>,
    },
    /// Points were copied from one repository to another, and checked there.
    Copied {
        /// The backup machine that had them.
        from: MachineName,
        /// The backup machine that has them now as well.
        to: MachineName,
        /// How many.
        points: usize,
    },
    /// A repository of a stack was found there, of which the journal knew nothing: it was lost.
    Found {
        /// The backup machine.
        machine: MachineName,
        /// The stack's file names it, so that new points go there.
        named: bool,
        /// What was read back there, and when it arrived.
        points: BTreeMap<PointId, Timestamp>,
    },
    /// A stack's repository was deleted from a backup machine that the stack no longer names (S3).
    Discarded {
        /// The backup machine.
        machine: MachineName,
        /// Points that it held, copied and checked elsewhere before; 0 where an earlier run was cut
        /// short.
        points: usize,
        /// Room that it took, as measured there before.
        freed: Bytes,
    },
    /// An operator wants nothing done but backups for a while: for the entry's stack, or without
    /// one for all of them.
    Paused {
        /// It ends by itself then.
        until: Timestamp,
        /// Why, in the operator's words.
        reason: String,
    },
    /// An operator ended a pause: of the entry's stack, or without one every pause there is.
    Resumed {},
    /// For how long others may remember where a name leads was changed.
    TtlSet {
        /// The name.
        host: HostName,
        /// In seconds.
        seconds: u32,
        /// Until then.
        before: u32,
    },
    /// A name was pointed at an address.
    Named {
        /// The name.
        host: HostName,
        /// Where.
        address: IpAddr,
    },
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum StepResult {
    /// It is so.
    Done,
    /// Certainly nothing changed.
    Refused {
        /// Why.
        reason: String,
        /// Class.
        class: FaultClass,
    },
    /// Look again.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// How a machine that is on and silent is started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// Reset through its hoster's interface.
    Reset,
    /// Off, confirmed by its hoster, and on again.
    PowerCycle,
}

impl Remedy {
    /// As the step that does it is called.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::PowerCycle => "power-cycle",
        }
    }
}
