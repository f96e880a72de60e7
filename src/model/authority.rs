//! What is asked when somebody signs something: the words that verification
//! (which reads objects) and the rules (which know no objects) share.

use super::diagnostic::Diagnostic;
use super::trust::{Signer, Threshold, Trust};
use jiff::Timestamp;
use ssh_key::public::KeyData;
use std::collections::BTreeSet;
use std::fmt;

/// When an act is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// The date in the act itself, where it has one. Anybody can write any.
    pub dated: Option<Timestamp>,
    /// The present.
    pub now: Timestamp,
    /// When this computer first saw it. `None` where nothing is known of that
    /// and somebody whose key is valid now has built upon it.
    pub first_seen: Option<Timestamp>,
}

/// What one merged branch means for the files that differ from the other.
#[derive(Debug)]
pub struct Sides<'s> {
    /// Files in which this parent differs from where the branches parted.
    pub ours: &'s BTreeSet<String>,
    /// Files in which the merge differs from the other parent.
    pub theirs: &'s BTreeSet<String>,
}

/// The rules: who may do what. Pure functions; verification is handed them.
pub trait Authority: Sync {
    /// Reads a `trust.toml`; all or nothing.
    fn read(&self, bytes: &[u8]) -> Result<Trust, Vec<Diagnostic>>;
    /// Whose key it is, if it counts at that time.
    fn admit<'t>(&self, list: &'t Trust, key: &KeyData, when: &When) -> Result<&'t Signer, Breach>;
    /// May the signer's role change all of these files?
    fn allow(&self, list: &Trust, signer: &Signer, changed: &[String]) -> Result<(), Breach>;
    /// Files that a merge changes itself: those in `changed` that no other
    /// parent brought as a plain merge brings them.
    fn own_changes(&self, changed: &BTreeSet<String>, sides: &[Sides<'_>]) -> Vec<String>;
    /// For each approval in turn: whose it is, if it counts beside the signer's own word.
    fn approvers<'t>(
        &self,
        list: &'t Trust,
        signer: Option<&Signer>,
        approvals: &[KeyData],
        when: &When,
    ) -> Vec<Result<&'t Signer, Breach>>;
    /// Are signer and approvers as many people as the threshold wants?
    fn suffice(
        &self,
        list: &Trust,
        threshold: &Threshold,
        signer: Option<&Signer>,
        approvers: &[&Signer],
    ) -> Result<(), Breach>;
    /// A key that the head's list revokes counts only for what stood before the revocation.
    fn outlived(&self, head: &Trust, key: &KeyData, behind: bool) -> Result<(), Breach>;
}

/// Which rule an act breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Breach {
    /// Not in the list.
    UnknownKey,
    /// In the list, but revoked there.
    Revoked {
        /// As the list says.
        at: Timestamp,
        /// As the list says.
        reason: String,
    },
    /// Revoked by the list of the head, and nothing shows that the act stood before.
    RevokedSince {
        /// As the list says.
        at: Timestamp,
        /// As the list says.
        reason: String,
    },
    /// Not valid yet.
    TooEarly {
        /// Valid from.
        from: Timestamp,
    },
    /// No longer valid when it was first seen.
    Expired {
        /// Valid until.
        until: Timestamp,
        /// First seen.
        seen: Timestamp,
    },
    /// The date in it lies outside the key's validity.
    Dated {
        /// The date.
        at: Timestamp,
        /// Valid from.
        from: Option<Timestamp>,
        /// Valid until.
        until: Option<Timestamp>,
    },
    /// Files that the role may not change.
    Paths {
        /// The role.
        role: String,
        /// What it may change, for people.
        may: String,
        /// Which files; all of them.
        paths: Vec<String>,
    },
    /// Not enough people.
    Approvals {
        /// What for.
        have: usize,
        /// How many the threshold wants.
        need: usize,
        /// Names of signers who could still approve.
        could: Vec<String>,
    },
    /// An approval by who signed the commit.
    OwnApproval,
    /// A second approval by the same person.
    Repeated {
        /// Whose.
        person: String,
    },
}

impl Breach {
    /// Stable; a script may rely on it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownKey => "HF0220",
            Self::Revoked { .. } => "HF0221",
            Self::RevokedSince { .. } => "HF0222",
            Self::TooEarly { .. } => "HF0223",
            Self::Expired { .. } => "HF0224",
            Self::Dated { .. } => "HF0225",
            Self::Paths { .. } => "HF0226",
            Self::Approvals { .. } => "HF0227",
            Self::OwnApproval => "HF0228",
            Self::Repeated { .. } => "HF0229",
        }
    }

    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::UnknownKey => {
                "sign with a key that the parent's trust.toml lists; to add a key, let an owner sign the commit that lists it"
            }
            Self::Revoked { .. } | Self::RevokedSince { .. } => {
                "let somebody whose key counts make the change again and sign it; do not merge what a revoked key signed"
            }
            Self::TooEarly { .. } => "wait until then, or let an owner move `from`",
            Self::Expired { .. } | Self::Dated { .. } => {
                "let an owner extend `until` in trust.toml, then sign the change again; or let somebody else sign it"
            }
            Self::Paths { .. } => {
                "let somebody whose role covers these files sign the change, or take them out of the commit; `holdfast trust show` says who may"
            }
            Self::Approvals { .. } => {
                "let them run `holdfast approve` on this commit, then fetch the approvals"
            }
            Self::OwnApproval | Self::Repeated { .. } => "let another person approve",
        }
    }
}

/// How many files an error names before it only counts.
const SHOWN: usize = 5;

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey => write!(f, "its key is not in trust.toml of its parent"),
            Self::Revoked { at, reason } => {
                write!(f, "its key was revoked on {at} ({reason})")
            }
            Self::RevokedSince { at, reason } => write!(
                f,
                "its key was revoked on {at} ({reason}), and nothing shows that the commit is older than that: it neither lies behind the revocation nor was it accepted here before"
            ),
            Self::TooEarly { from } => write!(f, "its key is valid from {from} only"),
            Self::Expired { until, seen } => write!(
                f,
                "its key was valid until {until}, and the commit was first seen on {seen}"
            ),
            Self::Dated { at, from, until } => {
                write!(f, "it is dated {at}, when its key was not valid (")?;
                match (from, until) {
                    (Some(from), Some(until)) => write!(f, "{from} to {until})"),
                    (Some(from), None) => write!(f, "from {from})"),
                    (None, Some(until)) => write!(f, "until {until})"),
                    (None, None) => write!(f, "always)"),
                }
            }
            Self::Paths { role, may, paths } => {
                // Names come from Git as they are; a terminal shall not obey them.
                let shown: Vec<String> = paths
                    .iter()
                    .take(SHOWN)
                    .map(|path| super::visible::visible_line(path).into_owned())
                    .collect();
                write!(
                    f,
                    "the role {role} may change {may}, not {}",
                    shown.join(", ")
                )?;
                match paths.len().saturating_sub(SHOWN) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::Approvals { have, need, could } => {
                write!(f, "it needs {need} people, {have} signed or approved; ")?;
                if could.is_empty() {
                    write!(f, "nobody else in the list could")
                } else {
                    write!(f, "missing: {} of {}", need - have, could.join(", "))
                }
            }
            Self::OwnApproval => write!(f, "it is by the person who signed the commit"),
            Self::Repeated { person } => {
                write!(f, "{person} has approved already; people count, not keys")
            }
        }
    }
}

impl std::error::Error for Breach {}

/// The errors among findings in one line, for a message.
pub fn in_words(findings: &[Diagnostic]) -> String {
    let lines: Vec<String> = findings
        .iter()
        .filter(|found| found.is_error())
        .map(|found| format!("line {}: {}", found.place.line, found.message))
        .collect();
    lines.join("; ")
}
