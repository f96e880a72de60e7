//! What single commits did to the files, going back.

use super::error::TrustError;
use super::history;
use super::objects::Objects;
use super::tree::Trees;
use crate::model::ids::CommitId;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A commit seen from one of its parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The parent.
    pub parent: CommitId,
    /// All paths in which the commit differs from it.
    pub changed: BTreeSet<String>,
}

/// Commits that were passed, each compared with its parents once.
pub struct Steps<'o> {
    objects: &'o Objects,
    trees: Trees<'o>,
    passed: RefCell<BTreeMap<CommitId, Rc<[Step]>>>,
}

impl<'o> Steps<'o> {
    pub(super) fn new(objects: &'o Objects) -> Self {
        Self {
            objects,
            trees: Trees::new(objects),
            passed: RefCell::default(),
        }
    }

    /// The commit from each of its parents; nothing where it has none.
    pub fn of(&self, commit: &CommitId) -> Result<Rc<[Step]>, TrustError> {
        if let Some(steps) = self.passed.borrow().get(commit) {
            return Ok(Rc::clone(steps));
        }
        let id = history::full_id(self.objects, commit)?;
        let read = history::read(self.objects, id)?;
        let mut steps = Vec::new();
        for &parent in &read.parents {
            let tree = history::read(self.objects, parent)?.tree;
            steps.push(Step {
                parent: CommitId::new(parent.to_string()),
                changed: self.trees.differences(id, tree, read.tree)?,
            });
        }
        let steps: Rc<[Step]> = steps.into();
        let mut passed = self.passed.borrow_mut();
        passed.insert(commit.clone(), Rc::clone(&steps));
        Ok(steps)
    }
}
