//! One pass of `holdfast run`: what woke it, and what came of it.

use super::ids::StackId;
use super::operation::FaultClass;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Why a pass begins. It only begins it: what is done is decided by looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wake {
    /// The loop has just started.
    Start,
    /// The interval is over.
    Timer,
    /// Something is to be tried again.
    Again,
    /// Somebody pushed, and signed for saying so.
    Push,
    /// What was under way has come to its end.
    Ended,
    /// What answered before answers no longer.
    Probe,
}

impl Wake {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Start,
        Self::Timer,
        Self::Again,
        Self::Push,
        Self::Ended,
        Self::Probe,
    ];

    /// As it stands in logs and labels.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Timer => "timer",
            Self::Again => "again",
            Self::Push => "push",
            Self::Ended => "ended",
            Self::Probe => "probe",
        }
    }
}

/// How a pass ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "how")]
pub enum Ending {
    /// All is as wanted.
    Settled,
    /// Nothing to do now, but something is held or could not be seen.
    Held {
        /// Holds and gaps.
        count: usize,
    },
    /// Steps are under way; the loop goes on looking meanwhile.
    UnderWay {
        /// Of how many stacks.
        stacks: usize,
    },
    /// Steps are left: some failed, or were not begun because of that.
    Unfinished {
        /// How many.
        left: usize,
    },
    /// A person's command holds the journal.
    Busy {
        /// Its process id, or "unknown".
        holder: String,
    },
    /// Another loop leads; this one takes over when that one is gone.
    Standby {
        /// Its computer and process.
        leader: String,
        /// Since when.
        since: Timestamp,
    },
    /// It came to no plan, or the plan was thrown away.
    Failed {
        /// What that means for what happens next.
        class: FaultClass,
        /// In words.
        why: String,
    },
}

impl Ending {
    /// As it stands in logs and labels.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Held { .. } => "held",
            Self::UnderWay { .. } => "under-way",
            Self::Unfinished { .. } => "unfinished",
            Self::Busy { .. } => "busy",
            Self::Standby { .. } => "standby",
            Self::Failed { .. } => "failed",
        }
    }

    /// It looked at the estate, whatever it found.
    pub fn looked(&self) -> bool {
        !matches!(
            self,
            Self::Busy { .. } | Self::Standby { .. } | Self::Failed { .. }
        )
    }
}

/// Where a stack stands at the end of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StackState {
    /// As wanted.
    Settled,
    /// Steps are left that nothing speaks against.
    Changing,
    /// Steps are being done.
    UnderWay,
    /// Something is wanted that may not happen now.
    Held,
    /// A step failed.
    Failing,
    /// Its definition has errors.
    Broken,
}

impl StackState {
    /// All of them, the best first.
    pub const ALL: [Self; 6] = [
        Self::Settled,
        Self::Changing,
        Self::UnderWay,
        Self::Held,
        Self::Failing,
        Self::Broken,
    ];

    /// As it stands in logs and labels.
    pub fn word(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Changing => "changing",
            Self::UnderWay => "under-way",
            Self::Held => "held",
            Self::Failing => "failing",
            Self::Broken => "broken",
        }
    }
}

/// A pass that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pass {
    /// What woke it, everything that came meanwhile in one.
    pub wakes: BTreeSet<Wake>,
    /// When it began.
    pub began: Timestamp,
    /// Measured.
    #[serde(serialize_with = "seconds")]
    pub took: Duration,
    /// What came of it.
    #[serde(flatten)]
    pub ending: Ending,
    /// Steps that were done since the one before.
    pub done: usize,
    /// Where each stack stands; empty where it did not look.
    pub stacks: BTreeMap<StackId, StackState>,
    /// How much is held, drills and refused commits included.
    pub held: usize,
}

fn seconds<S: serde::Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(took.as_secs_f64())
}
