//! The list of who signs, read from where it stands and changed in the work tree.

use crate::decide::resolve::trust;
use crate::decide::signers::{EditError, NewSigner, add, revoke};
use crate::model::diagnostic::Diagnostic;
use crate::model::trust::{FILE, Trust};
use crate::world::git::lock::{Lock, LockError};
use crate::world::git::work_tree;
use crate::world::git::write::WriteError;
use jiff::Timestamp;
use std::fs::{File, metadata};
use std::io::Read as _;
use std::path::Path;

/// Largest file of a public key: RSA with 16384 bits takes 3 KiB.
const KEY_FILE: u64 = 16 << 10;

/// Why the list was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file.
    #[error("the list cannot be read or written")]
    File(#[from] WriteError),
    /// Whose turn it is.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The text.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The key is given as neither a line nor the file of a public key.
    #[error("{given} is no public SSH key: give the .pub file, or its line in quotes")]
    NoKey {
        /// As given.
        given: String,
    },
    /// The list, as it is or as it would be, is not sound.
    #[error("{FILE} {would} would not pass; it was not changed", would = if *.changed { "with this change" } else { "as it stands" })]
    Unsound {
        /// With the change, or before it.
        changed: bool,
        /// What is wrong.
        findings: Vec<Diagnostic>,
        /// The text that the findings are about.
        text: String,
    },
}

/// A changed list, written to the work tree and signed by nobody yet.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The text before.
    pub before: String,
    /// The text now.
    pub after: String,
    /// The list before, which says how many must sign the change.
    pub judge: Trust,
    /// The list now.
    pub list: Trust,
}

/// The text and the list of the work tree; the list is absent when the text has errors.
pub fn of_work_tree(dir: &Path) -> Result<(String, Option<Trust>, Vec<Diagnostic>), ListError> {
    let path = dir.join(FILE);
    let text = String::from_utf8(work_tree::file(&path)?).map_err(|_| WriteError::Refused {
        path,
        why: "it is not UTF-8 text",
    })?;
    let (list, findings) = trust::read(FILE, text.as_bytes());
    Ok((text, list, findings))
}

/// Adds a key to the list in the work tree.
pub fn add_key(dir: &Path, new: &NewSigner) -> Result<Changed, ListError> {
    change(dir, |text| add(text, new))
}

/// Marks a key in the work tree's list as revoked.
pub fn revoke_key(
    dir: &Path,
    name: &str,
    at: Timestamp,
    reason: &str,
) -> Result<Changed, ListError> {
    change(dir, |text| revoke(text, name, at, reason))
}

fn change(
    dir: &Path,
    edit: impl FnOnce(&str) -> Result<String, EditError>,
) -> Result<Changed, ListError> {
    // Held from the first look on: two at once would each undo what the other did.
    let lock = Lock::take(&dir.join(FILE))?;
    let (before, judge, findings) = of_work_tree(dir)?;
    let Some(judge) = judge else {
        return Err(ListError::Unsound {
            changed: false,
            findings,
            text: before,
        });
    };
    let after = edit(&before)?;
    let (list, findings) = trust::read(FILE, after.as_bytes());
    let Some(list) = list else {
        return Err(ListError::Unsound {
            changed: true,
            findings,
            text: after,
        });
    };
    lock.replace(before.as_bytes(), after.as_bytes())?;
    Ok(Changed {
        before,
        after,
        judge,
        list,
    })
}

/// A public key as one line without what else may stand in its file: given as the line itself,
/// or as the file.
pub fn public_key(given: &str) -> Result<String, ListError> {
    let no_key = || ListError::NoKey {
        given: given.chars().take(80).collect(),
    };
    let text = if given.contains(' ') && given.parse::<ssh_key::PublicKey>().is_ok() {
        given.to_owned()
    } else {
        key_file(Path::new(given)).ok_or_else(no_key)?
    };
    let line = text.lines().find(|line| !line.trim().is_empty());
    let key: ssh_key::PublicKey = line.and_then(|line| line.parse().ok()).ok_or_else(no_key)?;
    // Comments name people and computers; the list has names of its own.
    let bare = ssh_key::PublicKey::from(key.key_data().clone());
    bare.to_openssh().map_err(|_| no_key())
}

/// An ordinary file of a key's size. Others are not even opened: a pipe would be waited for.
fn key_file(path: &Path) -> Option<String> {
    let about = metadata(path).ok()?;
    if !about.is_file() || about.len() > KEY_FILE {
        return None;
    }
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(KEY_FILE).read_to_string(&mut text).ok()?;
    Some(text)
}
