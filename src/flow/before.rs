//! What was before: the commit that a change is judged against, and what follows from it.

use super::estate::built_in;
use crate::decide::document::Files;
use crate::decide::history::History;
use crate::decide::promises::{self, Measured};
use crate::decide::resolve::{Contested, Holders, Resolution, resolve, resolve_after};
use crate::decide::succession::{self, Base};
use crate::model::ids::{CommitId, StackId};
use crate::model::journal::{Entry, Event};
use crate::world::clock::{Clock as _, SystemClock};
use crate::world::git::{Past, TrustError};
use std::collections::BTreeMap;
use std::path::Path;

/// So many accepted heads are asked who had a name. By then the journal has seen it pointed
/// somewhere, or nobody minds.
const HEADS: usize = 64;

/// The commit with which an accepted head is compared: what both have in common with `named`,
/// or the one it was written upon.
pub fn base_of(
    repository: &Path,
    root: &CommitId,
    head: &CommitId,
    named: Option<&str>,
) -> Result<Option<Base>, TrustError> {
    let past = Past::open(repository)?;
    let id = match named {
        Some(name) => past.common(root, &past.find(name)?, head)?,
        None => past.parent(root, head)?,
    };
    id.map_or(Ok(None), |id| read(&past, &id, head))
}

/// The commit with which files that are not signed yet are compared: `named`, or `HEAD`.
pub fn base_of_work_tree(
    repository: &Path,
    files: &Files,
    named: Option<&str>,
) -> Result<Option<Base>, TrustError> {
    let past = Past::open(repository)?;
    let mut earlier = past.files(&past.find(named.unwrap_or("HEAD"))?, None)?;
    let same = |path: &String, bytes: &Vec<u8>| files.get(path) == Some(bytes);
    let stacks = |path: &str| path.starts_with("stacks/");
    earlier.changed = earlier
        .files
        .iter()
        .filter(|(path, bytes)| !same(path, bytes))
        .map(|(path, _)| path.clone())
        .chain(
            files
                .keys()
                .filter(|path| !earlier.files.contains_key(*path))
                .cloned(),
        )
        .collect();
    earlier
        .files
        .retain(|path, bytes| !(stacks(path) && same(path, bytes)));
    let desired = resolve(&earlier.files, &earlier.id, &built_in()).desired;
    Ok(desired.map(|desired| Base {
        desired,
        changed: Some(earlier.changed),
    }))
}

/// `None` when what all its stacks share could not be read: then nothing of it was ever done.
fn read(past: &Past, id: &CommitId, later: &CommitId) -> Result<Option<Base>, TrustError> {
    let earlier = past.files(id, Some(later))?;
    let desired = resolve(&earlier.files, &earlier.id, &built_in()).desired;
    Ok(desired.map(|desired| Base {
        desired,
        changed: Some(earlier.changed),
    }))
}

/// What is to be said of files beyond themselves: what they would end, whose names they would
/// take, and which promises nobody has measured.
pub fn judge(
    files: &Files,
    id: &CommitId,
    found: Resolution,
    base: Option<&Base>,
    measured: &BTreeMap<StackId, Measured>,
) -> Resolution {
    let mut found = match base.map(|base| base.holders(&found.contested).0) {
        Some(holders) if !holders.is_empty() => again(files, id, &found, &holders),
        _ => found,
    };
    if let Some(desired) = &found.desired {
        let more = succession::check(base, desired, SystemClock.now());
        found.diagnostics.extend(more);
        found.diagnostics.extend(promises::check(desired, measured));
        found
            .diagnostics
            .sort_by(|a, b| (&a.place, a.code, &a.message).cmp(&(&b.place, b.code, &b.message)));
    }
    found
}

/// Reads the files once more, knowing who had which name.
fn again(files: &Files, id: &CommitId, found: &Resolution, holders: &Holders) -> Resolution {
    let mut read = resolve_after(files, id, &built_in(), holders);
    // What verification held stays held.
    if let (Some(before), Some(desired)) = (&found.desired, &mut read.desired) {
        for (stack, findings) in &before.broken {
            if !desired.stacks.contains_key(stack) {
                desired
                    .broken
                    .entry(stack.clone())
                    .or_insert_with(|| findings.clone());
            }
        }
    }
    read
}

/// One customer's file cannot take another's name (S16): who had it keeps it, by the journal's
/// word, or by that of the heads that were accepted before.
pub fn settle_names(
    repository: &Path,
    head: &CommitId,
    files: &Files,
    found: Resolution,
    entries: &[Entry],
) -> Result<Resolution, TrustError> {
    if found.contested.is_empty() {
        return Ok(found);
    }
    let pointed = History::from_entries(entries).names;
    let (mut holders, mut open) = (Holders::new(), Contested::new());
    for (host, claimants) in &found.contested {
        match pointed
            .get(host)
            .filter(|id| claimants.iter().any(|one| one.id == **id))
        {
            Some(id) => drop(holders.insert(host.clone(), id.clone())),
            None => drop(open.insert(host.clone(), claimants.clone())),
        }
    }
    let accepted = entries.iter().rev().filter_map(|entry| match &entry.event {
        Event::Accepted { commit } if commit != head => Some(commit),
        _ => None,
    });
    let past = Past::open(repository)?;
    for id in accepted.take(HEADS) {
        if open.is_empty() {
            break;
        }
        if let Some(base) = read(&past, id, head)? {
            let (told, still) = base.holders(&open);
            holders.extend(told);
            open = still;
        }
    }
    Ok(again(files, head, &found, &holders))
}
