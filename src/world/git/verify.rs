//! The gate: from a repository that anybody could have written to a commit
//! whose every step since the root was signed by somebody its parents trust.

use super::commit::{Malformed, RawCommit, oid};
use super::signature::{Signature, Unsound};
use super::{history, tree, trust};
use crate::model::ids::CommitId;
use crate::model::trust::Trust;
use git2::{Oid, Repository, RepositoryOpenFlags};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A commit that may be acted on. Only [`verify`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedCommit {
    id: CommitId,
    files: BTreeMap<String, Vec<u8>>,
    signed: Option<Signed>,
    trust: Trust,
    checked: usize,
}

/// Who signed a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// As `trust.toml` of the parent names them.
    pub name: String,
    /// `SHA256:…`
    pub fingerprint: String,
}

impl VerifiedCommit {
    /// Its id.
    pub fn id(&self) -> &CommitId {
        &self.id
    }
    /// Its files, by path with `/`.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }
    /// Who signed it; `None` for the root, which is trusted by configuration.
    pub fn signed(&self) -> Option<&Signed> {
        self.signed.as_ref()
    }
    /// Who may sign its children, and who can read its secrets.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }
    /// How many commits after the root were checked.
    pub fn checked(&self) -> usize {
        self.checked
    }
}

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

/// Checks the whole chain from `root` to `head_ref` (`HEAD`, or a full
/// reference name) and gives the head with its files.
///
/// The root is trusted because the configuration names it. Each later commit
/// must carry one SSH signature by a key that the `trust.toml` of **each** of
/// its parents lists; its own list never judges it.
pub fn verify(
    repository: &Path,
    root: &CommitId,
    head_ref: &str,
) -> Result<VerifiedCommit, TrustError> {
    let path = repository;
    let repository = open(path)?;
    if repository.is_shallow() {
        return Err(TrustError::Shallow {
            path: path.to_owned(),
        });
    }
    let head = repository
        .refname_to_id(head_ref)
        .map_err(|_| TrustError::NoHead {
            name: head_ref.to_owned(),
        })?;
    let root = full_id(root)?;
    let mut lists = Lists {
        repository: &repository,
        by_blob: BTreeMap::new(),
    };
    let odb = repository.odb().map_err(|source| TrustError::Unreadable {
        what: "the object store".to_owned(),
        source,
    })?;
    let first = history::read(&odb, root)?;
    let mut trees = BTreeMap::from([(root, first.tree)]);
    let mut signed = None;
    let commits = history::since(&repository, root, head)?;
    let checked = commits.len();
    for (id, commit) in &commits {
        let signature = one_signature(*id, commit)?;
        for parent in &commit.parents {
            // Parents come first in the order, so their trees are known.
            let Some(&tree) = trees.get(parent) else {
                return Err(TrustError::OutsideHistory {
                    commit: id.to_string(),
                    parent: parent.to_string(),
                    root: root.to_string(),
                });
            };
            let list = lists.of(*parent, tree)?;
            let verdict = signature
                .check(&commit.payload)
                .and_then(|()| signature.made_by(&list.signers));
            let author = verdict.map_err(|why| TrustError::Signature {
                commit: id.to_string(),
                fingerprint: signature.fingerprint(),
                parent: parent.to_string(),
                why,
            })?;
            if *id == head {
                signed = Some(Signed {
                    name: author.name.clone(),
                    fingerprint: signature.fingerprint(),
                });
            }
        }
        trees.insert(*id, commit.tree);
    }
    let tree = trees.get(&head).copied().unwrap_or(first.tree);
    // A head whose own list is broken would let no child in: it is told now.
    let trust = lists.of(head, tree)?;
    Ok(VerifiedCommit {
        id: CommitId::new(head.to_string()),
        files: tree::files(&repository, head, tree)?,
        signed,
        trust: (*trust).clone(),
        checked,
    })
}

/// Is `new` the same commit as `old`, or one of its descendants? The accepted
/// head may only move this way (S9).
pub fn is_descendant(
    repository: &Path,
    old: &CommitId,
    new: &CommitId,
) -> Result<bool, TrustError> {
    let repository = open(repository)?;
    history::reaches(&repository, full_id(old)?, full_id(new)?)
}

fn open(path: &Path) -> Result<Repository, TrustError> {
    let none: [&OsStr; 0] = [];
    Repository::open_ext(path, RepositoryOpenFlags::NO_SEARCH, none).map_err(|source| {
        TrustError::Open {
            path: path.to_owned(),
            source,
        }
    })
}

fn full_id(id: &CommitId) -> Result<Oid, TrustError> {
    oid(id.as_str().as_bytes()).ok_or_else(|| TrustError::Root {
        root: id.as_str().chars().take(60).collect(),
    })
}

fn one_signature(id: Oid, commit: &RawCommit) -> Result<Signature, TrustError> {
    let commit_id = || id.to_string();
    let signature = match commit.signatures.as_slice() {
        [] if commit.foreign_signature.is_none() => {
            return Err(TrustError::Unsigned {
                commit: commit_id(),
            });
        }
        [one] if commit.foreign_signature.is_none() => one,
        _ => {
            return Err(TrustError::SeveralSignatures {
                commit: commit_id(),
            });
        }
    };
    Signature::parse(signature).map_err(|why| TrustError::Signature {
        commit: commit_id(),
        fingerprint: "unknown".to_owned(),
        parent: commit
            .parents
            .first()
            .map(Oid::to_string)
            .unwrap_or_default(),
        why,
    })
}

/// The trust lists, each read once.
struct Lists<'r> {
    repository: &'r Repository,
    by_blob: BTreeMap<Oid, Rc<Trust>>,
}

impl Lists<'_> {
    fn of(&mut self, commit: Oid, tree: Oid) -> Result<Rc<Trust>, TrustError> {
        let broken = |why: String| TrustError::TrustList {
            commit: commit.to_string(),
            why,
        };
        let root = self
            .repository
            .find_tree(tree)
            .map_err(|source| TrustError::Unreadable {
                what: format!("the tree of {commit}"),
                source,
            })?;
        let entry = root
            .get_name("trust.toml")
            .filter(|entry| matches!(entry.filemode_raw(), 0o100_644 | 0o100_755))
            .ok_or_else(|| broken("it is not there".to_owned()))?;
        if let Some(list) = self.by_blob.get(&entry.id()) {
            return Ok(Rc::clone(list));
        }
        let blob =
            self.repository
                .find_blob(entry.id())
                .map_err(|source| TrustError::Unreadable {
                    what: format!("trust.toml of {commit}"),
                    source,
                })?;
        if blob.size() > tree::FILE_LIMIT {
            return Err(broken("it is larger than 1 MiB".to_owned()));
        }
        let list = Rc::new(trust::parse(blob.content()).map_err(broken)?);
        self.by_blob.insert(entry.id(), Rc::clone(&list));
        Ok(list)
    }
}
