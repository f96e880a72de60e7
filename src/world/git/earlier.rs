//! A commit that came before another: where it is found, and those of its files in which the
//! later one differs.
//!
//! Nothing here says that a commit is accepted. What came before an accepted commit and after
//! the root is accepted as well, and is asked for only so.

use super::error::TrustError;
use super::history::{full_id, reaches, read, resolve};
use super::id::ObjectId;
use super::objects::Objects;
use super::tree::Trees;
use super::verify::open;
use crate::model::ids::CommitId;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashSet};
use std::path::Path;

/// A repository open for looking back.
pub struct Past {
    objects: Objects,
}

/// What a commit held.
#[derive(Debug, Clone)]
pub struct Earlier {
    /// The commit.
    pub id: CommitId,
    /// Files that all stacks share, and stacks in which the later commit differs.
    pub files: BTreeMap<String, Vec<u8>>,
    /// All paths in which the later commit differs.
    pub changed: BTreeSet<String>,
}

impl Past {
    /// Opens the repository.
    pub fn open(repository: &Path) -> Result<Self, TrustError> {
        Ok(Self {
            objects: open(repository)?,
        })
    }

    /// The commit that a name stands for.
    pub fn find(&self, name: &str) -> Result<CommitId, TrustError> {
        Ok(told(resolve(&self.objects, name)?))
    }

    /// The first parent, which the commit was written upon; the root has none.
    pub fn parent(&self, root: &CommitId, of: &CommitId) -> Result<Option<CommitId>, TrustError> {
        if root == of {
            return Ok(None);
        }
        let commit = read(&self.objects, full_id(&self.objects, of)?)?;
        Ok(commit.parents.first().copied().map(told))
    }

    /// The newest commit that both have; `None` when that is none, or older than the root.
    pub fn common(
        &self,
        root: &CommitId,
        base: &CommitId,
        head: &CommitId,
    ) -> Result<Option<CommitId>, TrustError> {
        let [root, base, head] = [root, base, head].map(|id| full_id(&self.objects, id));
        let (root, base, head) = (root?, base?, head?);
        let both = if reaches(&self.objects, base, head)? {
            Some(base)
        } else {
            self.parted(base, head)?
        };
        match both {
            Some(both) if reaches(&self.objects, root, both)? => Ok(Some(told(both))),
            _ => Ok(None),
        }
    }

    /// Newer commits are looked at first.
    fn parted(&self, base: ObjectId, head: ObjectId) -> Result<Option<ObjectId>, TrustError> {
        let before = self.ancestors(base)?;
        let mut seen = HashSet::from([head]);
        let mut open = BinaryHeap::from([(read(&self.objects, head)?.dated, head)]);
        while let Some((_, id)) = open.pop() {
            if before.contains(&id) {
                return Ok(Some(id));
            }
            for parent in read(&self.objects, id)?.parents {
                if seen.insert(parent) {
                    open.push((read(&self.objects, parent)?.dated, parent));
                }
            }
        }
        Ok(None)
    }

    fn ancestors(&self, of: ObjectId) -> Result<HashSet<ObjectId>, TrustError> {
        let mut seen = HashSet::from([of]);
        let mut open = vec![of];
        while let Some(id) = open.pop() {
            for parent in read(&self.objects, id)?.parents {
                if seen.insert(parent) {
                    open.push(parent);
                }
            }
        }
        Ok(seen)
    }

    /// What the earlier commit held, without the stacks that are the same in the later one;
    /// without a later one, everything.
    pub fn files(&self, id: &CommitId, later: Option<&CommitId>) -> Result<Earlier, TrustError> {
        let trees = Trees::new(&self.objects);
        let commit = full_id(&self.objects, id)?;
        let tree = read(&self.objects, commit)?.tree;
        let changed = match later {
            Some(later) => {
                let later = read(&self.objects, full_id(&self.objects, later)?)?;
                Some(trees.differences(commit, tree, later.tree)?)
            }
            None => None,
        };
        let wanted = |path: &str| {
            let same = changed
                .as_ref()
                .is_some_and(|changed| !changed.contains(path));
            !(same && path.starts_with("stacks/"))
        };
        let files = trees.some(commit, tree, &wanted)?;
        Ok(Earlier {
            id: id.clone(),
            changed: changed.unwrap_or_else(|| files.content.keys().cloned().collect()),
            files: files.content,
        })
    }
}

fn told(id: ObjectId) -> CommitId {
    CommitId::new(id.to_string())
}
