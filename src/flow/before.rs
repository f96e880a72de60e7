//! What was before: the commit that a change is judged against, and what follows from it.

use super::estate::built_in;
use crate::decide::document::Files;
use crate::decide::expiry;
use crate::decide::history::History;
use crate::decide::promises::{self, Measured};
use crate::decide::resolve::{Contested, Holders, Resolution, resolve, resolve_after};
use crate::decide::succession::{self, Base};
use crate::model::ids::{CommitId, HostName, StackId};
use crate::world::clock::{Clock as _, SystemClock};
use crate::world::git::compare::{Comparison, Contents, Listing};
use crate::world::git::{AcceptedCommit, TrustError};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// So many accepted heads are asked who had a name. By then the journal has seen it pointed
/// somewhere, or nobody minds.
const HEADS: usize = 64;

/// The commit with which an accepted head is compared: what both have in common with `named`,
/// or the one it was written upon.
pub fn base_of(
    repository: &Path,
    head: &AcceptedCommit,
    named: Option<&str>,
) -> Result<Option<Base>, TrustError> {
    let git = Comparison::open(repository)?;
    let id = match named {
        Some(name) => git
            .parting(head.seen(), head.id(), &git.find(name)?)?
            .map(|parting| parting.merge_base),
        // The root, which nobody signed, has nothing before it that counts.
        None if head.signed().is_none() => None,
        None => git.parent(head.id())?,
    };
    match id {
        Some(id) => read(&git, &id, &git.list(head.id())?),
        None => Ok(None),
    }
}

/// The commit with which files that are not signed yet are compared: `named`, or `HEAD`.
pub fn base_of_work_tree(
    repository: &Path,
    files: &Files,
    named: Option<&str>,
) -> Result<Option<Base>, TrustError> {
    let git = Comparison::open(repository)?;
    let id = git.find(named.unwrap_or("HEAD"))?;
    let listing = git.list(&id)?;
    let mut earlier = git.read(&listing, listing.paths())?;
    let same = |path: &String, bytes: &Vec<u8>| files.get(path) == Some(bytes);
    let gone = earlier.files.iter().filter(|(path, old)| !same(path, old));
    let come = files
        .keys()
        .filter(|path| !earlier.files.contains_key(*path));
    let changed = gone.map(|(path, _)| path).chain(come).cloned().collect();
    earlier
        .files
        .retain(|path, bytes| !(path.starts_with("stacks/") && same(path, bytes)));
    Ok(wanted(&earlier, &id, changed))
}

/// What a commit asked for, without the stacks that are the same in the later one.
fn read(git: &Comparison, id: &CommitId, later: &Listing) -> Result<Option<Base>, TrustError> {
    let listing = git.list(id)?;
    let changed = listing.changed(later);
    let read = listing
        .paths()
        .filter(|path| changed.contains(*path) || !path.starts_with("stacks/"));
    let earlier = git.read(&listing, read)?;
    Ok(wanted(&earlier, id, changed))
}

/// The same with only those stacks that may have had one of these names.
fn read_of(
    git: &Comparison,
    id: &CommitId,
    later: &Listing,
    names: &Contested,
) -> Result<Option<Base>, TrustError> {
    let listing = git.list(id)?;
    let changed = listing.changed(later);
    let hosts: BTreeSet<&str> = names.keys().map(HostName::as_str).collect();
    let (stacks, shared): (Vec<&str>, Vec<&str>) = listing
        .paths()
        .filter(|path| changed.contains(*path) || !path.starts_with("stacks/"))
        .partition(|path| path.starts_with("stacks/"));
    let mut chosen = shared;
    let mut earlier = BTreeSet::new();
    git.each(&listing, stacks, |path, bytes| {
        if may_name(&bytes, &hosts) {
            earlier.insert(path.to_owned());
        }
    })?;
    chosen.extend(earlier.iter().map(String::as_str));
    Ok(wanted(&git.read(&listing, chosen)?, id, changed))
}

/// With an escape in it, a name may be written otherwise than it reads.
fn may_name(bytes: &[u8], hosts: &BTreeSet<&str>) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let mut quoted = text.split(['"', '\'']).map(str::trim);
    text.contains('\\') || quoted.any(|part| hosts.contains(part))
}

/// `None` when what all its stacks share could not be read: then nothing of it was ever done.
fn wanted(earlier: &Contents, id: &CommitId, changed: BTreeSet<String>) -> Option<Base> {
    let resolution =
        resolve(&earlier.files, id, &built_in()).holding(&earlier.refused, &BTreeMap::new());
    Some(Base {
        desired: resolution.desired?,
        changed: Some(changed),
    })
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
    let mut found = succeed(files, id, found, base, SystemClock.now());
    if let Some(desired) = &found.desired {
        found.diagnostics.extend(promises::check(desired, measured));
        let over = expiry::check(desired, SystemClock.now());
        found.diagnostics.extend(over);
    }
    sorted(found)
}

/// What files would end, and whose names they would take.
pub fn succeed(
    files: &Files,
    id: &CommitId,
    found: Resolution,
    base: Option<&Base>,
    now: Timestamp,
) -> Resolution {
    let mut found = match base.map(|base| base.holders(&found.contested).0) {
        Some(holders) if !holders.is_empty() => again(files, id, &found, &holders),
        _ => found,
    };
    if let Some(desired) = &found.desired {
        let more = succession::check(base, desired, now);
        found.diagnostics.extend(more);
    }
    sorted(found)
}

fn sorted(mut found: Resolution) -> Resolution {
    found
        .diagnostics
        .sort_by(|a, b| (&a.place, a.code, &a.message).cmp(&(&b.place, b.code, &b.message)));
    found
}

/// Reads the files once more, knowing who had which name.
fn again(files: &Files, id: &CommitId, found: &Resolution, holders: &Holders) -> Resolution {
    let mut read = resolve_after(files, id, &built_in(), holders, &found.unlawful);
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
    past: &History,
) -> Result<Resolution, TrustError> {
    if found.contested.is_empty() {
        return Ok(found);
    }
    let pointed = &past.names;
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
    let accepted = past.heads.iter().rev().filter(|commit| *commit != head);
    let git = Comparison::open(repository)?;
    let now = git.list(head)?;
    for id in accepted.take(HEADS) {
        if open.is_empty() {
            break;
        }
        // What an earlier head said is unknown where it cannot be read, and a still earlier one
        // may no longer be true: then all who ask for the name are held.
        let Ok(base) = read_of(&git, id, &now, &open) else {
            break;
        };
        if let Some(base) = base {
            let (told, still) = base.holders(&open);
            holders.extend(told);
            open = still;
        }
    }
    Ok(again(files, head, &found, &holders))
}
