//! Where what a stack asks for came from: back from the head, as long as it stays the same.

use super::error::TrustError;
use super::fetch::APPROVALS;
use super::history;
use crate::model::ids::{CommitId, StackId};
use git2::{Oid, Repository};
use std::collections::BTreeSet;
use std::path::Path;

/// Commits at which the inputs of a stack are what they are at the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// Where they became so: no parent has the same.
    pub origins: BTreeSet<CommitId>,
    /// From there to the head, without a gap, both included.
    pub same: BTreeSet<CommitId>,
}

/// Walks back from `head`, never beyond `root`. `stack` is `None` for what stacks share.
///
/// Inputs are the stack's own file, `hosters.toml`, `estate.toml` and `blueprints/`; for what
/// stacks share, all of `stacks/`.
pub fn lineage(
    repository: &Path,
    root: &CommitId,
    head: &CommitId,
    stack: Option<&StackId>,
) -> Result<Lineage, TrustError> {
    let repository = super::verify::open(repository)?;
    let (root, head) = (super::verify::full_id(root)?, super::verify::full_id(head)?);
    let odb = history::open(&repository)?;
    let paths = inputs(stack);
    let now = entries(&repository, history::read(&odb, head)?.tree, &paths)?;
    let mut found = Lineage {
        origins: BTreeSet::new(),
        same: BTreeSet::new(),
    };
    let mut open = vec![head];
    while let Some(id) = open.pop() {
        if !found.same.insert(CommitId::new(id.to_string())) {
            continue;
        }
        let mut changed_here = true;
        if id != root {
            for parent in history::read(&odb, id)?.parents {
                let tree = history::read(&odb, parent)?.tree;
                if entries(&repository, tree, &paths)? == now {
                    changed_here = false;
                    open.push(parent);
                }
            }
        }
        if changed_here {
            found.origins.insert(CommitId::new(id.to_string()));
        }
    }
    Ok(found)
}

/// Commits over which there are approvals, good or bad.
pub fn approved(repository: &Path) -> Result<BTreeSet<CommitId>, TrustError> {
    let repository = super::verify::open(repository)?;
    let unreadable = |source| TrustError::Unreadable {
        what: "the references of approvals".to_owned(),
        source,
    };
    let names = repository
        .references_glob(&format!("{APPROVALS}*"))
        .map_err(unreadable)?;
    let mut commits = BTreeSet::new();
    for reference in names {
        let reference = reference.map_err(unreadable)?;
        let name = reference.name().unwrap_or_default();
        if let Some((commit, _)) = name
            .strip_prefix(APPROVALS)
            .and_then(|rest| rest.split_once('/'))
        {
            commits.insert(CommitId::new(commit));
        }
    }
    Ok(commits)
}

/// The commit that a name stands for now.
pub fn tip(repository: &Path, name: &str) -> Result<CommitId, TrustError> {
    let repository = super::verify::open(repository)?;
    let object = repository
        .revparse_single(name)
        .and_then(|object| object.peel(git2::ObjectType::Commit))
        .map_err(|_| TrustError::NoHead {
            name: name.to_owned(),
        })?;
    Ok(CommitId::new(object.id().to_string()))
}

fn inputs(stack: Option<&StackId>) -> Vec<String> {
    let own = stack.map_or("stacks".to_owned(), |id| format!("stacks/{id}.toml"));
    let shared = ["hosters.toml", "estate.toml", "blueprints"];
    shared.into_iter().map(str::to_owned).chain([own]).collect()
}

/// What stands at these paths: kind and id, or nothing.
fn entries(
    repository: &Repository,
    tree: Oid,
    paths: &[String],
) -> Result<Vec<Option<(i32, Oid)>>, TrustError> {
    let unreadable = |source| TrustError::Unreadable {
        what: format!("the tree {tree}"),
        source,
    };
    let tree = repository.find_tree(tree).map_err(unreadable)?;
    paths
        .iter()
        .map(|path| match tree.get_path(Path::new(path)) {
            Ok(entry) => Ok(Some((entry.filemode_raw(), entry.id()))),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(error) => Err(unreadable(error)),
        })
        .collect()
}
