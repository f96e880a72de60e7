//! All commits between the root and a head, parents before children.

use super::commit::RawCommit;
use super::error::TrustError;
use git2::{ObjectType, Odb, Oid, Repository};
use std::collections::{BTreeMap, BTreeSet};

/// Reads one commit object; libgit2 checks that the bytes have this id.
pub(super) fn read(odb: &Odb<'_>, id: Oid) -> Result<RawCommit, TrustError> {
    let object = odb.read(id).map_err(|source| TrustError::Unreadable {
        what: format!("commit {id}"),
        source,
    })?;
    if object.kind() != ObjectType::Commit {
        return Err(TrustError::NotACommit { id: id.to_string() });
    }
    RawCommit::parse(object.data()).map_err(|why| TrustError::Malformed {
        commit: id.to_string(),
        why,
    })
}

/// The commits after `root` up to `head`, every one with all parents in the
/// history of the root; anything that came in from elsewhere is refused.
pub(super) fn since(
    repository: &Repository,
    root: Oid,
    head: Oid,
) -> Result<Vec<(Oid, RawCommit)>, TrustError> {
    let odb = open(repository)?;
    let mut commits: BTreeMap<Oid, RawCommit> = BTreeMap::new();
    let mut children: BTreeMap<Oid, Vec<Oid>> = BTreeMap::new();
    let mut open = vec![head];
    let mut met_root = false;
    while let Some(id) = open.pop() {
        if id == root {
            met_root = true;
            continue;
        }
        if commits.contains_key(&id) {
            continue;
        }
        let commit = read(&odb, id)?;
        for &parent in &commit.parents {
            children.entry(parent).or_default().push(id);
            open.push(parent);
        }
        commits.insert(id, commit);
    }
    if !met_root {
        return Err(TrustError::RootNotAncestor {
            root: root.to_string(),
            head: head.to_string(),
        });
    }
    // Downwards from the root: a commit's turn comes when all its parents had theirs.
    let mut accepted = BTreeSet::from([root]);
    let mut ready = vec![root];
    let mut ordered = Vec::new();
    while let Some(parent) = ready.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            let complete = commits
                .get(&child)
                .is_some_and(|commit| commit.parents.iter().all(|p| accepted.contains(p)));
            if complete && accepted.insert(child) {
                ready.push(child);
                ordered.extend(commits.remove(&child).map(|commit| (child, commit)));
            }
        }
    }
    // What is left descends from something that does not descend from the root.
    for (id, commit) in &commits {
        let outside = commit.parents.iter().find(|p| !accepted.contains(p));
        let inside = commit.parents.iter().any(|p| accepted.contains(p));
        if let (Some(outside), true) = (outside, inside) {
            return Err(TrustError::OutsideHistory {
                commit: id.to_string(),
                parent: outside.to_string(),
                root: root.to_string(),
            });
        }
    }
    if !commits.is_empty() {
        return Err(TrustError::RootNotAncestor {
            root: root.to_string(),
            head: head.to_string(),
        });
    }
    Ok(ordered)
}

/// Is `ancestor` the same as `descendant` or before it?
pub(super) fn reaches(
    repository: &Repository,
    ancestor: Oid,
    descendant: Oid,
) -> Result<bool, TrustError> {
    let odb = open(repository)?;
    read(&odb, ancestor)?;
    let mut seen = BTreeSet::new();
    let mut open = vec![descendant];
    while let Some(id) = open.pop() {
        if id == ancestor {
            return Ok(true);
        }
        if seen.insert(id) {
            open.extend(read(&odb, id)?.parents);
        }
    }
    Ok(false)
}

pub(super) fn open(repository: &Repository) -> Result<Odb<'_>, TrustError> {
    repository.odb().map_err(|source| TrustError::Unreadable {
        what: "the object store".to_owned(),
        source,
    })
}
