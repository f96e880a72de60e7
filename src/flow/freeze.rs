//! Freezes written into the work tree, or taken out, and signed where somebody says so.

use super::estate::{EstateError, built_in, commit_signed};
use crate::decide::document::Files;
use crate::decide::freezing::{FreezeError, NewFreeze, add, take_out};
use crate::decide::only::{NoSuchStack, named};
use crate::decide::resolve::{resolve, trust};
use crate::decide::stop::freezes;
use crate::model::brakes::SignedFreeze;
use crate::model::diagnostic::Diagnostic;
use crate::model::ids::{CommitId, StackId};
use crate::model::trust::FILE;
use crate::world::git::compare::Comparison;
use crate::world::git::lock::{Lock, LockError};
use crate::world::git::write::{WriteError, refuse_links};
use crate::world::git::{TrustError, work_tree};
use std::collections::BTreeMap;
use std::path::Path;

/// What all stacks share.
const ESTATE: &str = "estate.toml";

/// Why no file was changed, or the change was not signed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The work tree.
    #[error("the estate's files cannot be used")]
    Read(#[from] WriteError),
    /// Whose turn it is.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The text.
    #[error(transparent)]
    Edit(#[from] FreezeError),
    /// No file of that name.
    #[error(transparent)]
    NoSuchStack(#[from] NoSuchStack),
    /// The file with the change.
    #[error("{file} would not pass with this change; nothing was written")]
    Unsound {
        /// Which.
        file: String,
        /// All findings about it.
        findings: Vec<Diagnostic>,
        /// The files as they would be.
        files: Files,
    },
    /// Nothing to take out.
    #[error("no freeze stands in {}", .files.join(", "))]
    NotFrozen {
        /// Where it was looked for.
        files: Vec<String>,
    },
    /// A signature would cover what nobody has looked at.
    #[error("{file} differs from HEAD already; commit that first, or sign this by hand")]
    Unsigned {
        /// Which.
        file: String,
    },
    /// What HEAD holds.
    #[error("HEAD cannot be read")]
    Head(#[from] TrustError),
    /// The change is in the work tree.
    #[error("the change is in the work tree, and was not signed")]
    Commit(#[source] EstateError),
}

/// A file before and after.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which.
    pub file: String,
    /// Its text before.
    pub before: String,
    /// Its text now.
    pub after: String,
}

/// What was written.
#[derive(Debug)]
pub struct Changed {
    /// Every file that is another one now.
    pub files: Vec<Change>,
    /// Roles of the work tree's `trust.toml` that may change all of them.
    pub roles: Vec<String>,
    /// Freezes that stand after it, in these files or in others.
    pub standing: Vec<SignedFreeze>,
    /// The signed commit, where one was asked for.
    pub commit: Option<CommitId>,
}

/// Freezes these stacks by their names, or all of them with `None`.
pub fn freeze(
    dir: &Path,
    stacks: Option<&[String]>,
    new: &NewFreeze,
    message: Option<&str>,
) -> Result<Changed, ChangeError> {
    let files = work_tree::files(dir)?;
    let chosen = match stacks {
        None => vec![ESTATE.to_owned()],
        Some(stacks) => files_of(&files, stacks)?,
    };
    change(dir, files, &chosen, message, |file, text| {
        add(file, text, new).map(Some)
    })
}

/// Takes every freeze out of the files of these stacks; with `None` out of all files there are.
pub fn unfreeze(
    dir: &Path,
    stacks: Option<&[String]>,
    message: Option<&str>,
) -> Result<Changed, ChangeError> {
    let files = work_tree::files(dir)?;
    let chosen = match stacks {
        None => {
            let all = files.keys().filter(|path| StackId::of_file(path).is_some());
            let all = all.filter(|path| is_frozen(&files, path)).cloned();
            std::iter::once(ESTATE.to_owned()).chain(all).collect()
        }
        Some(stacks) => files_of(&files, stacks)?,
    };
    change(dir, files, &chosen, message, take_out)
}

fn is_frozen(files: &Files, path: &str) -> bool {
    let text = files.get(path).map(|bytes| String::from_utf8_lossy(bytes));
    text.is_some_and(|text| matches!(take_out(path, &text), Ok(Some(_))))
}

fn files_of(files: &Files, stacks: &[String]) -> Result<Vec<String>, NoSuchStack> {
    let known: Vec<StackId> = files
        .keys()
        .filter_map(|path| StackId::of_file(path))
        .collect();
    let asked: Vec<StackId> = stacks.iter().map(StackId::new).collect();
    let stacks = named(&asked, known.iter().map(StackId::as_str))?;
    Ok(stacks.iter().map(StackId::file).collect())
}

fn change(
    dir: &Path,
    mut files: Files,
    chosen: &[String],
    message: Option<&str>,
    edit: impl Fn(&str, &str) -> Result<Option<String>, FreezeError>,
) -> Result<Changed, ChangeError> {
    let mut changes = Vec::new();
    let mut locks = Vec::new();
    for file in chosen {
        // Held from the first look on: two at once would each undo what the other did.
        refuse_links(dir, Path::new(file))?;
        let lock = Lock::take(&dir.join(file))?;
        let before = work_tree::file(&dir.join(file))?;
        let before = String::from_utf8(before).map_err(|_| WriteError::Refused {
            path: dir.join(file),
            why: "it is not UTF-8 text",
        })?;
        if let Some(after) = edit(file, &before)? {
            files.insert(file.clone(), after.clone().into_bytes());
            changes.push(Change {
                file: file.clone(),
                before,
                after,
            });
            locks.push(lock);
        }
    }
    if changes.is_empty() {
        return Err(ChangeError::NotFrozen {
            files: chosen.to_vec(),
        });
    }
    let standing = judged(&files, &changes)?;
    if message.is_some() {
        as_signed(dir, &changes)?;
    }
    for (change, lock) in changes.iter().zip(locks) {
        lock.replace(change.before.as_bytes(), change.after.as_bytes())?;
    }
    let commit = message.map(|message| {
        let written = changes.iter().map(|change| {
            let after = change.after.clone().into_bytes();
            (change.file.clone(), Some(after))
        });
        commit_signed(dir, message, &written.collect::<BTreeMap<_, _>>())
    });
    Ok(Changed {
        roles: roles(&files, &changes),
        commit: commit.transpose().map_err(ChangeError::Commit)?,
        files: changes,
        standing,
    })
}

/// What stands in the estate with the change, if its files are sound.
fn judged(files: &Files, changes: &[Change]) -> Result<Vec<SignedFreeze>, ChangeError> {
    let found = resolve(files, &CommitId::new("work tree"), &built_in());
    for change in changes {
        let of_it = |finding: &&Diagnostic| finding.place.file == change.file;
        let findings: Vec<Diagnostic> = found.diagnostics.iter().filter(of_it).cloned().collect();
        if findings.iter().any(Diagnostic::is_error) {
            return Err(ChangeError::Unsound {
                file: change.file.clone(),
                findings,
                files: files.clone(),
            });
        }
    }
    let standing = found
        .desired
        .as_ref()
        .map(|want| freezes(want).cloned().collect());
    Ok(standing.unwrap_or_default())
}

/// Only what is signed already is signed again with the change.
fn as_signed(dir: &Path, changes: &[Change]) -> Result<(), ChangeError> {
    let git = Comparison::open(dir)?;
    let listing = git.list(&git.find("HEAD")?)?;
    let known = git.read(&listing, changes.iter().map(|change| change.file.as_str()))?;
    for change in changes {
        if known.files.get(&change.file).map(Vec::as_slice) != Some(change.before.as_bytes()) {
            return Err(ChangeError::Unsigned {
                file: change.file.clone(),
            });
        }
    }
    Ok(())
}

fn roles(files: &Files, changes: &[Change]) -> Vec<String> {
    let list = files.get(FILE).and_then(|bytes| trust::read(FILE, bytes).0);
    let roles = list.iter().flat_map(|list| list.roles.values());
    roles
        .filter(|role| changes.iter().all(|change| role.may_change(&change.file)))
        .map(|role| role.name.clone())
        .collect()
}
