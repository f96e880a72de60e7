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
}

impl Wake {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Start, Self::Timer, Self::Again, Self::Push];

    /// As it stands in logs and labels.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Timer => "timer",
            Self::Again => "again",
            Self::Push => "push",
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

    /// Another look before the interval is over may bring more.
    pub fn wants_another(&self) -> bool {
        !matches!(self, Self::Settled | Self::Held { .. })
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
    /// Something is wanted that may not happen now.
    Held,
    /// A step failed.
    Failing,
    /// Its definition has errors.
    Broken,
}

impl StackState {
    /// All of them, the best first.
    pub const ALL: [Self; 5] = [
        Self::Settled,
        Self::Changing,
        Self::Held,
        Self::Failing,
        Self::Broken,
    ];

    /// As it stands in logs and labels.
    pub fn word(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Changing => "changing",
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
    /// Steps that were done in it.
    pub done: usize,
    /// Where each stack stands; empty where it did not look.
    pub stacks: BTreeMap<StackId, StackState>,
    /// How much is held, drills and refused commits included.
    pub held: usize,
}

fn seconds<S: serde::Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(took.as_secs_f64())
}
