//! Why a commit is not accepted: said once, for reading, walking and judging alike.

use super::commit::Malformed;
use super::signature::Unsound;
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
    #[error("the root {root:?} is not a commit id of 40 hexadecimal digits")]
    Root {
        /// As configured.
        root: String,
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
    /// A signature that does not count.
    #[error(
        "commit {commit} is not accepted (key {fingerprint}, judged by trust.toml of {parent})"
    )]
    Signature {
        /// Which.
        commit: String,
        /// The key's fingerprint, or "unknown".
        fingerprint: String,
        /// Whose list judged it.
        parent: String,
        /// Why.
        #[source]
        why: Unsound,
    },
    /// The list that must judge cannot be used.
    #[error("trust.toml of commit {commit} cannot be used: {why}")]
    TrustList {
        /// Whose list.
        commit: String,
        /// In words.
        why: String,
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
}

impl TrustError {
    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Open { .. } => {
                "name the estate's folder with --estate; it must be a Git repository that belongs to you"
            }
            Self::Unreadable { .. } | Self::Malformed { .. } => {
                "run `git fsck`; if objects are damaged, fetch the repository again"
            }
            Self::Shallow { .. } => "run `git fetch --unshallow`",
            Self::NoHead { .. } => "commit something first, or check the branch",
            Self::Root { .. } | Self::NotACommit { .. } => {
                "set root in holdfast's config.toml to the full id of the first trusted commit"
            }
            Self::RootNotAncestor { .. } => {
                "this is not the history that was trusted; find out who rewrote it, and do not change the root to silence this"
            }
            Self::OutsideHistory { .. } => {
                "do not merge other histories; take their content over in a signed commit"
            }
            Self::Unsigned { .. } => {
                "sign it: `git commit --amend --no-edit -S` for the newest one, `git rebase --exec` for older ones, before anybody builds on it"
            }
            Self::SeveralSignatures { .. } => "make the commit again with one SSH signature",
            Self::Signature { why, .. } => match why {
                Unsound::OpenPgp => "sign with SSH: git config gpg.format ssh",
                Unsound::UnknownKey => {
                    "sign with a key that the parent's trust.toml lists; to add a key, let a known one sign the commit that lists it"
                }
                Unsound::Key(_) => "sign with an Ed25519 key: ssh-keygen -t ed25519",
                Unsound::Wrong | Unsound::Unreadable => {
                    "the commit was changed after it was signed; find out by whom"
                }
                Unsound::Namespace { .. } => "sign with git itself (gpg.format ssh)",
                Unsound::NotTouched => "use a hardware key that demands a touch",
            },
            Self::TrustList { .. } => {
                "mend trust.toml in that commit; `holdfast check` shows where"
            }
            Self::File { .. } => "keep plain files of at most 1 MiB in the estate",
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
