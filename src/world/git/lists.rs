//! The trust lists of commits, each blob read once.

use super::error::TrustError;
use super::id::{Kind, Object, ObjectId};
use super::tree::{FILE_LIMIT, Trees};
use crate::model::authority::{Authority, in_words};
use crate::model::trust::{FILE, Trust};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// A list and the blob it stands in.
#[derive(Debug, Clone)]
pub(super) struct List {
    pub blob: ObjectId,
    pub trust: Rc<Trust>,
}

pub(super) struct Lists<'l> {
    trees: &'l Trees<'l>,
    authority: &'l dyn Authority,
    by_blob: RefCell<HashMap<ObjectId, Rc<Trust>>>,
}

impl<'l> Lists<'l> {
    pub fn new(trees: &'l Trees<'l>, authority: &'l dyn Authority) -> Self {
        Self {
            trees,
            authority,
            by_blob: RefCell::default(),
        }
    }

    /// The list of a commit that has this tree.
    pub fn of(&self, commit: ObjectId, tree: ObjectId) -> Result<List, TrustError> {
        let broken = |why: &str| TrustError::TrustList {
            commit: commit.to_string(),
            why: why.to_owned(),
            findings: Vec::new(),
        };
        let blob = self
            .trees
            .file(commit, tree, FILE)?
            .ok_or_else(|| broken("there is no such file"))?;
        if let Some(trust) = self.by_blob.borrow().get(&blob) {
            let trust = Rc::clone(trust);
            return Ok(List { blob, trust });
        }
        let what = || format!("{FILE} of {commit}");
        let bytes = match self
            .trees
            .objects
            .read(blob, Kind::Blob, FILE_LIMIT, &what)?
        {
            Object::Content(bytes) => bytes,
            Object::TooLarge => return Err(broken("it is larger than 1 MiB")),
            Object::OtherKind => return Err(broken("it is no file")),
        };
        let read = self.authority.read(&bytes);
        let trust = read.map_err(|findings| TrustError::TrustList {
            commit: commit.to_string(),
            why: in_words(&findings),
            findings,
        })?;
        let trust = Rc::new(trust);
        self.by_blob.borrow_mut().insert(blob, Rc::clone(&trust));
        Ok(List { blob, trust })
    }
}
