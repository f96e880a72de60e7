//! Why a commit is not accepted: said once, for reading, walking and judging alike.

use super::commit::Malformed;
use super::signature::Unsound;
use crate::model::authority::Breach;
use crate::model::diagnostic::Diagnostic;
use std::path::PathBuf;

/// Why a commit is not accepted, or could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// No repository there, or not ours to read.
    #[error("cannot open the estate's repository at {path}")]
    Open {
        /// Where.
        path: PathBuf,
        /// What libgit2 said.
        #[source]
        source: git2::Error,
    },
    /// Something in it could not be read.
    #[error("cannot read {what}")]
    Unreadable {
        /// What.
        what: String,
        /// What libgit2 said.
        #[source]
        source: git2::Error,
    },
    /// History was cut off at fetching.
    #[error(
        "the repository at {path} is a shallow clone: its history does not reach back to the root"
    )]
    Shallow {
        /// Where.
        path: PathBuf,
    },
    /// The head does not exist.
    #[error("{name} names no commit")]
    NoHead {
        /// As asked for.
        name: String,
    },
    /// The configured root is no full commit id.
    #[error("the root {root:?} is not a full commit id: {digits} digits of 0-9 and a-f")]
    Root {
        /// As configured.
        root: String,
        /// As many as the repository's format has.
        digits: usize,
    },
    /// A commit object or a history beyond all measure.
    #[error("commit {id} is too large, or its history too long")]
    TooLarge {
        /// Its id.
        id: String,
    },
    /// An object of another kind.
    #[error("{id} is not a commit")]
    NotACommit {
        /// Its id.
        id: String,
    },
    /// An object that Git would not write.
    #[error("commit {commit} is malformed")]
    Malformed {
        /// Which.
        commit: String,
        /// Why.
        #[source]
        why: Malformed,
    },
    /// Another history altogether.
    #[error("the root {root} is not an ancestor of {head}")]
    RootNotAncestor {
        /// As configured.
        root: String,
        /// Where the head is.
        head: String,
    },
    /// A merge brought in commits from elsewhere.
    #[error("commit {commit} has a parent {parent} that does not descend from the root {root}")]
    OutsideHistory {
        /// The merge.
        commit: String,
        /// What it brought in.
        parent: String,
        /// As configured.
        root: String,
    },
    /// Nobody signed.
    #[error("commit {commit} is not signed")]
    Unsigned {
        /// Which.
        commit: String,
    },
    /// More than one signature, or one of another object format.
    #[error("commit {commit} carries more than one signature")]
    SeveralSignatures {
        /// Which.
        commit: String,
    },
    /// A signature that says nothing, whoever made it.
    #[error("commit {commit} is not accepted (key {fingerprint})")]
    Signature {
        /// Which.
        commit: String,
        /// The key's fingerprint, or "unknown".
        fingerprint: String,
        /// Why.
        #[source]
        why: Unsound,
    },
    /// A sound signature by somebody who may not do this.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The list that must judge cannot be used.
    #[error("trust.toml of commit {commit} cannot be used: {why}")]
    TrustList {
        /// Whose list.
        commit: String,
        /// In words.
        why: String,
        /// With places, where it was read at all.
        findings: Vec<Diagnostic>,
    },
    /// A file that leads out of what was signed, or is too large.
    #[error("{path} in commit {commit} is refused: {why}")]
    File {
        /// Which commit.
        commit: String,
        /// Which file.
        path: String,
        /// Why.
        why: &'static str,
    },
    /// A sound commit, but history went back (S9).
    #[error(
        "{head:.12} does not descend from {accepted:.12}, which was accepted before: history only grows"
    )]
    SetBack {
        /// Where the head is.
        head: String,
        /// Where it was.
        accepted: String,
    },
}

/// Who wanted what, and which rule stands against it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("commit {commit} by {who} is not accepted by trust.toml of {judge}")]
pub struct Refusal {
    /// Which commit.
    pub commit: String,
    /// Whose list judged it: a parent, or the head for a later revocation.
    pub judge: String,
    /// `anna (operator, key SHA256:…)`, or the key alone.
    pub who: String,
    /// `SHA256:…`
    pub fingerprint: String,
    /// Which rule.
    #[source]
    pub why: Breach,
}

impl TrustError {
    /// Stable; a script may rely on it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "HF0201",
            Self::Unreadable { .. } => "HF0202",
            Self::Shallow { .. } => "HF0203",
            Self::NoHead { .. } => "HF0204",
            Self::Root { .. } => "HF0205",
            Self::NotACommit { .. } => "HF0206",
            Self::Malformed { .. } => "HF0207",
            Self::TooLarge { .. } => "HF0208",
            Self::RootNotAncestor { .. } => "HF0209",
            Self::OutsideHistory { .. } => "HF0210",
            Self::Unsigned { .. } => "HF0211",
            Self::SeveralSignatures { .. } => "HF0212",
            Self::Signature { why, .. } => why.code(),
            Self::Refused(refusal) => refusal.why.code(),
            Self::TrustList { .. } => "HF0232",
            Self::File { .. } => "HF0233",
            Self::SetBack { .. } => "HF0234",
        }
    }

    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Open { .. } => {
                "run it in the estate's own folder, not below it, or name that folder with --estate; it must be a Git repository that belongs to you"
            }
            Self::Unreadable { .. } | Self::Malformed { .. } => {
                "run `git fsck`; if objects are damaged or were left out (`--filter`), clone the repository again as a whole"
            }
            Self::Shallow { .. } => {
                "run `git fetch --unshallow`; on a CI runner, let the checkout fetch everything (fetch-depth: 0)"
            }
            Self::NoHead { .. } => "commit something first, or check the branch",
            Self::Root { .. } | Self::NotACommit { .. } => {
                "name the full id of the first trusted commit, in lower case: with --root or HOLDFAST_ROOT (which must not be empty), or as root in holdfast's config.toml"
            }
            Self::RootNotAncestor { .. } => {
                "is the root (--root, HOLDFAST_ROOT or config.toml) written as it was told to you? Then this is not the history that was trusted; find out who rewrote it, and do not change the root to silence this"
            }
            Self::OutsideHistory { .. } => {
                "do not merge other histories; take their content over in a signed commit"
            }
            Self::Unsigned { .. } => {
                "sign it: `git commit --amend --no-edit -S` for the newest one, `git rebase --exec` for older ones, before anybody builds on it"
            }
            Self::SeveralSignatures { .. } => "make the commit again with one SSH signature",
            Self::TooLarge { .. } => {
                "an estate holds text; take the large content out in a history without it"
            }
            Self::Signature { why, .. } => why.remedy(),
            Self::Refused(refusal) => refusal.why.remedy(),
            Self::TrustList { .. } => {
                "mend trust.toml in that commit; `holdfast check` shows where"
            }
            Self::File { why, .. } => remedy_of_file(why),
            Self::SetBack { .. } => {
                "find out who moved the branch; bring it back to the accepted commit or a descendant of it (if this repository was restored from an old copy, fetch the newest)"
            }
        }
    }

    /// True when the commit was looked at and refused; false when it could not be looked at.
    pub fn is_refusal(&self) -> bool {
        !matches!(
            self,
            Self::Open { .. }
                | Self::Unreadable { .. }
                | Self::Shallow { .. }
                | Self::NoHead { .. }
                | Self::Root { .. }
        )
    }
}

/// What to do about a file that is refused for this reason.
fn remedy_of_file(why: &str) -> &'static str {
    match why {
        "it is a symbolic link" => "commit the file itself in place of the link",
        "it is a submodule" => "take the submodule out; an estate is one repository of plain files",
        "folders lie too deep" => "lay the folders out flatter: at most 16 lie in each other",
        "too many files change at once" | "too many folders change at once" => {
            "spread it over several commits, each signed"
        }
        "the estate has too many files"
        | "the estate has too many folders"
        | "the estate is too large"
        | "the folder is too large" => {
            "take out what is no definition: an estate holds at most 20,000 files and 256 MiB"
        }
        _ => "keep plain files of at most 1 MiB in the estate",
    }
}
