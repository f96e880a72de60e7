//! What could not be observed: never the same as "absent" (S1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something we could not look at, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// What we wanted to see: "hoster hetzner", "machine acme-e1".
    pub subject: String,
    /// Why we could not.
    pub reason: String,
    /// What it means for what may be done.
    pub kind: GapKind,
}

/// Kinds of not knowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// No answer, time-out, 5xx: look again later.
    Unreachable,
    /// 401 or 403, or a rejected key: a person must mend it.
    Denied,
    /// It answered, and belongs to nobody we know, or to whoever runs Holdfast: never touched (S7).
    NotOurs,
    /// 429: look again later.
    RateLimited,
    /// The answer could not be read.
    Unreadable,
    /// The machine presented another host key than the one we know: everything stops for it.
    ForeignHostKey,
}

impl Gap {
    /// A gap of the given kind.
    pub fn new(kind: GapKind, subject: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            reason: reason.into(),
            kind,
        }
    }

    /// Something that was not even asked for.
    pub fn unasked(subject: impl Into<String>) -> Self {
        Self::new(GapKind::Unreachable, subject, "it was not asked")
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.reason)
    }
}
