//! The gate: from a repository that anybody could have written to a commit
//! whose every step since the root was signed by somebody its parents trust.

use super::commit::{RawCommit, oid};
use super::error::TrustError;
use super::signature::Signature;
use super::{history, tree, trust};
use crate::model::ids::CommitId;
use crate::model::trust::Trust;
use git2::{Oid, Repository, RepositoryOpenFlags};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
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
        .or_else(|_| repository.revparse_single(head_ref).map(|object| object.id()))
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
