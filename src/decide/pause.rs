//! An operator's pause: until it ends, nothing is done for a stack but to save it and to look.

use crate::model::ids::StackId;
use crate::model::plan::{Action, Hold};
use crate::model::visible::hidden;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// What holds what a pause stands in the way of.
pub const RULE: &str = "pause";

/// A pause is for a while: whoever is still at it pauses again.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);

/// A pause of one stack, or of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// When the journal heard of it.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// Why, in the operator's words.
    pub reason: String,
    /// Of every stack, those included that come to the estate meanwhile.
    pub of_all: bool,
}

/// The pauses that the journal tells of, those included that have ended by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pauses {
    /// `None`: of every stack.
    of: BTreeMap<Option<StackId>, Pause>,
}

/// Text that cannot be a pause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPause {
    /// Nothing, or less.
    #[error("a pause takes some time")]
    NoTime,
    /// For longer than somebody remembers it.
    #[error("a pause is for 31 days at most")]
    TooLong,
    /// Nobody would know why.
    #[error("a pause needs a reason")]
    NoReason,
    /// It would look like something else in a plan.
    #[error("the reason of a pause is one line of characters that people see")]
    NotReadable,
}

/// When a pause of this length ends, if it can be one.
pub fn ends(now: Timestamp, length: SignedDuration, reason: &str) -> Result<Timestamp, NoPause> {
    if reason.trim().is_empty() {
        return Err(NoPause::NoReason);
    }
    if reason.trim().contains(hidden) {
        return Err(NoPause::NotReadable);
    }
    if length <= SignedDuration::ZERO {
        return Err(NoPause::NoTime);
    }
    if length > LONGEST {
        return Err(NoPause::TooLong);
    }
    now.checked_add(length).map_err(|_| NoPause::TooLong)
}

impl Pauses {
    /// A pause begins, in place of the one before.
    pub(super) fn begin(&mut self, stack: Option<&StackId>, pause: Pause) {
        self.of.insert(stack.cloned(), pause);
    }

    /// One ends; without a stack, all.
    pub(super) fn end(&mut self, stack: Option<&StackId>) {
        match stack {
            Some(_) => {
                self.of.remove(&stack.cloned());
            }
            None => self.of.clear(),
        }
    }

    /// The pause that holds a stack now; of two, the one that ends later.
    pub fn holding(&self, stack: &StackId, now: Timestamp) -> Option<&Pause> {
        let own = self.of.get(&Some(stack.clone()));
        let all = self.of_all(now);
        let own = own.filter(|pause| now < pause.until);
        own.into_iter().chain(all).max_by_key(|pause| pause.until)
    }

    /// The pause of every stack, if there is one now.
    pub fn of_all(&self, now: Timestamp) -> Option<&Pause> {
        self.of.get(&None).filter(|pause| now < pause.until)
    }
}

impl Pause {
    /// `an operator paused it until …: WHY`.
    pub fn words(&self) -> String {
        let what = if self.of_all { "every stack" } else { "it" };
        let until = self.until.strftime("%Y-%m-%d %H:%M UTC");
        format!("an operator paused {what} until {until}: {}", self.reason)
    }

    /// The same for what is wanted meanwhile.
    pub fn hold(&self) -> Hold {
        Hold::Forbidden {
            rule: RULE.to_owned(),
            reason: self.words(),
        }
    }

    /// What ends it before its time.
    pub fn remedy(&self, shown: &StackId) -> String {
        let whose = if self.of_all { "--all" } else { shown.as_str() };
        format!("it ends by itself; or now: holdfast resume {whose}")
    }
}

/// Goes on during a pause: it adds to recovery points or reads them, and touches nothing else.
pub fn goes_on(action: &Action) -> bool {
    matches!(
        action,
        Action::Backup { .. }
            | Action::Repository { .. }
            | Action::Verify { .. }
            | Action::Copy { .. }
    )
}
