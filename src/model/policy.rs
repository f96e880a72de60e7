//! What an estate demands of every stack: the built-in rules, and what `[policy]` adds to them.

use jiff::SignedDuration;

/// The rules in force. An estate may tighten them, never loosen them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Least distance between production and its backup, in kilometres (S14).
    pub distance_km: u32,
    /// Must every stack name a place where a rebuild may go if the first is lost?
    pub fallback_required: bool,
    /// Least number of escrow recipients that can open every secret.
    pub escrow: u32,
    /// The longest loss that a stack may promise; `None` when anything goes.
    pub rpo_at_most: Option<SignedDuration>,
    /// The longest rebuild that a stack may promise; `None` when anything goes.
    pub rto_at_most: Option<SignedDuration>,
    /// Is a promise that nobody has measured an error instead of a warning?
    pub measured_required: bool,
    /// Machines that must still fit into an account's quota, for a rebuild.
    pub capacity_spare: u32,
}

impl Policy {
    /// The rules without any `[policy]`.
    pub const BUILT_IN: Self = Self {
        distance_km: 50,
        fallback_required: false,
        escrow: 1,
        rpo_at_most: None,
        rto_at_most: None,
        measured_required: false,
        capacity_spare: 1,
    };
}

impl Default for Policy {
    fn default() -> Self {
        Self::BUILT_IN
    }
}
