//! Where what a stack asks for came from: back from the head, as long as it stays the same.

use super::approval::APPROVALS;
use super::error::TrustError;
use super::history;
use super::id::ObjectId;
use super::objects::Objects;
use super::tree::Trees;
use crate::model::ids::{CommitId, StackId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Most references of approvals that are looked through.
const APPROVALS_LIMIT: usize = 100_000;

/// Commits at which the inputs of a stack are what they are at the head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    /// Where they became so: no parent has the same.
    pub origins: BTreeSet<CommitId>,
    /// From there to the head, without a gap, both included.
    pub same: BTreeSet<CommitId>,
}

/// Walks back from `head`, never beyond `root`, once for each owner. `None` is what stacks share.
///
/// Inputs are the stack's own file, `hosters.toml`, `estate.toml` and `blueprints/`; for what
/// stacks share, all of `stacks/`.
pub fn lineages(
    repository: &Path,
    root: &CommitId,
    head: &CommitId,
    owners: BTreeSet<Option<StackId>>,
) -> Result<BTreeMap<Option<StackId>, Lineage>, TrustError> {
    let objects = super::verify::open(repository)?;
    let root = history::full_id(&objects, root)?;
    let head = history::full_id(&objects, head)?;
    let mut walk = Walk {
        objects: &objects,
        trees: Trees::new(&objects),
        steps: BTreeMap::new(),
    };
    let mut found = BTreeMap::new();
    for owner in owners {
        let lineage = walk.back(root, head, owner.as_ref())?;
        found.insert(owner, lineage);
    }
    Ok(found)
}

/// A parent, and the files in which it differs.
type Step = (ObjectId, BTreeSet<String>);

struct Walk<'w> {
    objects: &'w Objects,
    trees: Trees<'w>,
    /// Parents of the commits that were passed, compared once for all owners.
    steps: BTreeMap<CommitId, Vec<Step>>,
}

impl Walk<'_> {
    fn back(
        &mut self,
        root: ObjectId,
        head: ObjectId,
        owner: Option<&StackId>,
    ) -> Result<Lineage, TrustError> {
        let mut found = Lineage::default();
        let mut open = vec![head];
        while let Some(id) = open.pop() {
            let name = CommitId::new(id.to_string());
            if !found.same.insert(name.clone()) {
                continue;
            }
            let before = if id == root {
                &[]
            } else {
                self.parents(id, &name)?
            };
            let same: Vec<ObjectId> = before
                .iter()
                .filter(|(_, differing)| !differing.iter().any(|path| is_input(path, owner)))
                .map(|(parent, _)| *parent)
                .collect();
            if same.is_empty() {
                found.origins.insert(name);
            }
            open.extend(same);
        }
        Ok(found)
    }

    fn parents(&mut self, id: ObjectId, name: &CommitId) -> Result<&[Step], TrustError> {
        if !self.steps.contains_key(name) {
            let commit = history::read(self.objects, id)?;
            let mut steps = Vec::new();
            for &parent in &commit.parents {
                let tree = history::read(self.objects, parent)?.tree;
                steps.push((parent, self.trees.differences(id, tree, commit.tree)?));
            }
            self.steps.insert(name.clone(), steps);
        }
        Ok(self.steps.get(name).map_or(&[], Vec::as_slice))
    }
}

fn is_input(path: &str, owner: Option<&StackId>) -> bool {
    let own = match owner {
        Some(stack) => {
            let file = path.strip_prefix("stacks/");
            file.and_then(|file| file.strip_suffix(".toml")) == Some(stack.as_str())
        }
        None => path.starts_with("stacks/"),
    };
    own || matches!(path, "hosters.toml" | "estate.toml") || path.starts_with("blueprints/")
}

/// Commits over which there are approvals, good or bad.
pub fn approved(repository: &Path) -> Result<BTreeSet<CommitId>, TrustError> {
    let objects = super::verify::open(repository)?;
    let references = objects.references(APPROVALS, APPROVALS_LIMIT)?;
    let commit = |name: &str| {
        let (commit, _) = name.strip_prefix(APPROVALS)?.split_once('/')?;
        Some(CommitId::new(commit))
    };
    Ok(references
        .iter()
        .filter_map(|(name, _)| commit(name))
        .collect())
}
