//! What a signed commit says of what may happen without a person: how much at once, and what not
//! until when.

use super::diagnostic::Place;
use super::ids::{MachineName, StackId};
use jiff::{SignedDuration, Timestamp};

/// How many rebuilds may begin that nobody signed for by name (S8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caps {
    /// Under way at the same time, over all stacks; those included that people signed for.
    pub at_once: u32,
    /// Begun within 24 hours, over all stacks.
    pub per_day: u32,
    /// Begun within 24 hours for one stack: one customer's bad luck leaves something for the others.
    pub per_stack: u32,
    /// After a try that failed, until the next; twice as long after each further one.
    pub pause: SignedDuration,
}

impl Caps {
    /// What holds without any `[brake]`.
    pub const BUILT_IN: Self = Self {
        at_once: 2,
        per_day: 5,
        per_stack: 2,
        pause: SignedDuration::from_mins(5),
    };
    /// No pause between two tries is longer, unless the first is.
    pub const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);
}

impl Default for Caps {
    fn default() -> Self {
        Self::BUILT_IN
    }
}

/// Until it ends, nothing begins but what saves, reads and looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedFreeze {
    /// The id under which the stack began; `None`: every stack.
    pub of: Option<StackId>,
    /// From then on it says nothing any more.
    pub until: Timestamp,
    /// Why, in the words of whoever signed it.
    pub reason: String,
    /// What repairs what happened goes on; what people ask for does not.
    pub repairs: bool,
    /// The line that says so.
    pub place: Place,
}

/// A person's word that a machine may be replaced if it is lost, whatever `[repair]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The machine in whose place a new one may come. That one has another name, so the word is
    /// used up with it.
    pub rebuild: MachineName,
    /// From then on it says nothing any more.
    pub until: Timestamp,
    /// Why, in the words of whoever signed it.
    pub reason: String,
    /// The line that says so.
    pub place: Place,
}
