//! With what a stack began, and whether its file came to that by right: `moved_from` hands on
//! machines, recovery points and secrets (S3, S16).
//!
//! Who takes the line away from one file and writes it into another needs the right to both, as
//! every commit's signer is asked for every path. So it counts only where both happen in one
//! commit, and who had the beginning keeps it.

use super::document::{Files, words};
use crate::model::ids::StackId;
use std::collections::BTreeMap;
use toml::de::DeTable;

/// A stack's file, and the id that it says it began with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The file's name without folder and ending.
    pub shown: StackId,
    /// What `moved_from` says; the file's own name where it says nothing.
    pub origin: StackId,
}

impl Claim {
    /// The file.
    pub fn path(&self) -> String {
        self.shown.file()
    }

    /// Is it named as it began?
    pub fn is_own(&self) -> bool {
        self.shown == self.origin
    }
}

/// Why a file does not go on with what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It was there before, beginning with something else.
    OwnStack,
    /// Nothing that began so was there when it came.
    NotThere,
    /// What has that name began with another one.
    MovedFrom(StackId),
    /// Another file goes on with it.
    Taken(StackId),
    /// The history does not tell; in words.
    Untold(String),
}

/// Files that do not go on with what they name.
pub type Unlawful = BTreeMap<StackId, Why>;

/// What this file says; `None` where it is no stack's file.
pub fn claim(path: &str, bytes: &[u8]) -> Option<Claim> {
    let shown = StackId::of_file(path)?;
    if !words::ID.fits(shown.as_str()) {
        return None;
    }
    let origin = moved_from(bytes).unwrap_or_else(|| shown.clone());
    Some(Claim { shown, origin })
}

/// Claims that the files alone do not settle: all with `moved_from`, and those of the stacks
/// that these name. A file that is refused says what its name says.
pub fn open(files: &Files, refused: &BTreeMap<String, &'static str>) -> Vec<Claim> {
    let moved = files
        .iter()
        .filter_map(|(path, bytes)| claim(path, bytes))
        .filter(|claim| !claim.is_own());
    let mut open: Vec<Claim> = moved.collect();
    let unread = |path: &String| refused.contains_key(path).then_some(Vec::new());
    let read = |path: String| {
        let bytes = files.get(&path).cloned().or_else(|| unread(&path))?;
        claim(&path, &bytes)
    };
    let named = open.iter().filter_map(|claim| read(claim.origin.file()));
    let mut own: Vec<Claim> = named.filter(Claim::is_own).collect();
    open.append(&mut own);
    open.sort();
    open.dedup();
    open
}

/// As the whole reader reads it, also in a file with errors.
fn moved_from(bytes: &[u8]) -> Option<StackId> {
    const KEY: &[u8] = b"moved_from";
    // With an escape in it, a key may be written otherwise than it reads.
    let may = bytes.contains(&b'\\') || bytes.windows(KEY.len()).any(|part| part == KEY);
    let text = std::str::from_utf8(bytes).ok().filter(|_| may)?;
    if super::document::nests_too_deep(text) {
        return None;
    }
    let (root, _) = DeTable::parse_recoverable(text);
    let stack = root.get_ref().get("stack")?.get_ref().as_table()?;
    let id = stack.get("moved_from")?.get_ref().as_str()?;
    words::ID.fits(id).then(|| StackId::new(id))
}

/// What one commit did to a claim that it has, seen from one of its parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// It was there already.
    Stood,
    /// It was one of these, whose files go on otherwise or no longer: the right to them was asked.
    From(Vec<Claim>),
    /// Nothing in the files that changed; a stack that begins, unless another file has its id.
    New,
    /// Not by right.
    Refused(Why),
}

/// `before` and `after` are the claims in the files that differ from the parent.
pub fn came(claim: &Claim, before: &[Claim], after: &[Claim]) -> Came {
    let same_file = |other: &&Claim| other.shown == claim.shown;
    let Some(_) = after.iter().find(same_file) else {
        return Came::Stood;
    };
    let earlier = before.iter().find(same_file);
    if earlier.is_some_and(|earlier| earlier.origin == claim.origin) {
        return Came::Stood;
    }
    if earlier.is_some() && !claim.is_own() {
        return Came::Refused(Why::OwnStack);
    }
    let had: Vec<Claim> = before
        .iter()
        .filter(|other| other.origin == claim.origin && !after.contains(other))
        .cloned()
        .collect();
    if !had.is_empty() {
        return Came::From(had);
    }
    if claim.is_own() {
        return Came::New;
    }
    let named = before.iter().find(|other| other.shown == claim.origin);
    let still = before.iter().find(|other| other.origin == claim.origin);
    Came::Refused(match (still, named) {
        (Some(still), _) => Why::Taken(still.shown.clone()),
        (None, Some(named)) => Why::MovedFrom(named.origin.clone()),
        (None, None) => Why::NotThere,
    })
}
