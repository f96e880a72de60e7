//! Folders of a commit, read raw, and the files in them.

use super::error::TrustError;
use super::id::{Format, Kind, Object, ObjectId};
use super::objects::Objects;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// Largest file we read.
pub const FILE_LIMIT: usize = 1 << 20;
/// Most files.
pub const COUNT_LIMIT: usize = 20_000;
/// Most bytes of all files together.
pub const TOTAL_LIMIT: usize = 256 << 20;
/// Deepest folder.
const DEPTH_LIMIT: usize = 16;
/// Largest list of one folder.
const TREE_LIMIT: usize = 8 << 20;
/// Bytes of folders that are kept for the next commit, which shares most of them.
const KEPT: usize = 64 << 20;
/// Most files in which two commits may differ.
const CHANGE_LIMIT: usize = 100_000;

/// One line of a folder's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'t> {
    pub mode: u32,
    pub name: &'t [u8],
    digest: &'t [u8],
    /// The line as it stands.
    raw: &'t [u8],
}

const FOLDER: u32 = 0o040_000;

impl Entry<'_> {
    fn id(&self, format: Format) -> Option<ObjectId> {
        ObjectId::from_bytes(format, self.digest)
    }

    fn is_folder(&self) -> bool {
        self.mode == FOLDER
    }

    /// Git's order: a folder as if its name ended with `/`.
    fn cmp(&self, other: &Entry<'_>) -> Ordering {
        let end = |entry: &Entry<'_>| u8::from(entry.is_folder()) * b'/';
        let shared = self.name.len().min(other.name.len());
        let next = |entry: &Entry<'_>| entry.name.get(shared).copied().unwrap_or(end(entry));
        self.name
            .get(..shared)
            .cmp(&other.name.get(..shared))
            .then_with(|| next(self).cmp(&next(other)))
            .then_with(|| self.name.len().cmp(&other.name.len()))
    }
}

/// The lines of a folder, in strict order. What is out of order could be read
/// in two ways and gives `Err`.
struct Lines<'t> {
    format: Format,
    rest: &'t [u8],
    last: Option<Entry<'t>>,
}

impl<'t> Lines<'t> {
    fn new(format: Format, raw: &'t [u8]) -> Self {
        Self {
            format,
            rest: raw,
            last: None,
        }
    }

    fn next(&mut self) -> Result<Option<Entry<'t>>, ()> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let entry = self.parse().ok_or(())?;
        self.step(entry)?;
        Ok(Some(entry))
    }

    fn step(&mut self, entry: Entry<'t>) -> Result<(), ()> {
        if self
            .last
            .is_some_and(|last| last.cmp(&entry) != Ordering::Less)
        {
            return Err(());
        }
        self.rest = self.rest.get(entry.raw.len()..).unwrap_or_default();
        self.last = Some(entry);
        Ok(())
    }

    /// Passes over the lines with which both go on: most of a large folder,
    /// read once instead of twice.
    fn skip_same(&mut self, other: &mut Self) -> Result<(), ()> {
        while !self.rest.is_empty() {
            let entry = self.parse().ok_or(())?;
            if !other.rest.starts_with(entry.raw) {
                break;
            }
            self.step(entry)?;
            other.step(entry)?;
        }
        Ok(())
    }

    /// `100644 name NUL digest`
    fn parse(&self) -> Option<Entry<'t>> {
        let space = self.rest.iter().take(8).position(|&b| b == b' ')?;
        let (mode, after) = self.rest.split_at(space);
        // Git writes no zero before a mode; a list that two readers read differently is none.
        if mode.first() == Some(&b'0') {
            return None;
        }
        let mut value = 0;
        for digit in mode {
            if !(b'0'..=b'7').contains(digit) {
                return None;
            }
            value = value * 8 + u32::from(digit - b'0');
        }
        let after = after.get(1..)?;
        let length = after.iter().position(|&b| b == 0)?;
        let name = after.get(..length).filter(|name| !name.is_empty())?;
        let digest = after.get(length + 1..length + 1 + self.format.bytes())?;
        let whole = space + 1 + length + 1 + digest.len();
        Some(Entry {
            mode: value,
            name,
            digest,
            raw: self.rest.get(..whole)?,
        })
    }
}

/// What a comparison has found so far.
#[derive(Default)]
struct Differences {
    paths: BTreeSet<String>,
    folders: usize,
}

/// Folders by id, and how many bytes they have together.
type Kept = (HashMap<ObjectId, Rc<[u8]>>, usize);

/// Reads folders, the same one once.
pub(super) struct Trees<'o> {
    pub objects: &'o Objects,
    kept: RefCell<Kept>,
}

impl<'o> Trees<'o> {
    pub fn new(objects: &'o Objects) -> Self {
        Self {
            objects,
            kept: RefCell::default(),
        }
    }

    fn raw(&self, commit: ObjectId, id: ObjectId, path: &str) -> Result<Rc<[u8]>, TrustError> {
        if let Some(raw) = self.kept.borrow().0.get(&id) {
            return Ok(Rc::clone(raw));
        }
        let what = || format!("the folder /{path} of commit {commit}");
        let raw: Rc<[u8]> = match self.objects.read(id, Kind::Tree, TREE_LIMIT, &what)? {
            Object::Content(raw) => raw.into(),
            Object::TooLarge => return Err(refuse(commit, path, "the folder is too large")),
            Object::OtherKind => return Err(refuse(commit, path, "it is no folder")),
        };
        let mut kept = self.kept.borrow_mut();
        if kept.1 + raw.len() > KEPT {
            *kept = (HashMap::new(), 0);
        }
        kept.1 += raw.len();
        kept.0.insert(id, Rc::clone(&raw));
        Ok(raw)
    }

    /// The ordinary file of this name directly in the tree.
    pub fn file(
        &self,
        commit: ObjectId,
        tree: ObjectId,
        name: &str,
    ) -> Result<Option<ObjectId>, TrustError> {
        let raw = self.raw(commit, tree, "")?;
        let mut lines = Lines::new(self.objects.format(), &raw);
        while let Some(entry) = lines.next().map_err(|()| disorder(commit, ""))? {
            if entry.name == name.as_bytes() {
                let id = entry.id(self.objects.format());
                return Ok(id.filter(|_| ordinary(entry.mode)));
            }
        }
        Ok(None)
    }

    /// All files in which two trees differ, content or mode, by path. Folders
    /// that are the same are not looked into.
    pub fn differences(
        &self,
        commit: ObjectId,
        old: ObjectId,
        new: ObjectId,
    ) -> Result<BTreeSet<String>, TrustError> {
        let mut found = Differences::default();
        self.compare(commit, Some(old), Some(new), "", &mut found)?;
        Ok(found.paths)
    }

    fn compare(
        &self,
        commit: ObjectId,
        old: Option<ObjectId>,
        new: Option<ObjectId>,
        under: &str,
        found: &mut Differences,
    ) -> Result<(), TrustError> {
        if old == new {
            return Ok(());
        }
        if under.matches('/').count() > DEPTH_LIMIT {
            return Err(refuse(commit, under, "folders lie too deep"));
        }
        // Few objects can name each other so often that nobody sees the end.
        found.folders += 1;
        if found.folders > CHANGE_LIMIT {
            return Err(refuse(commit, under, "too many folders change at once"));
        }
        let read = |id: Option<ObjectId>| match id {
            Some(id) => self.raw(commit, id, under),
            None => Ok(Rc::from([])),
        };
        let (old, new) = (read(old)?, read(new)?);
        let format = self.objects.format();
        let (mut old, mut new) = (Lines::new(format, &old), Lines::new(format, &new));
        let disorder = |()| disorder(commit, under);
        old.skip_same(&mut new).map_err(disorder)?;
        let (mut left, mut right) = (old.next().map_err(disorder)?, new.next().map_err(disorder)?);
        loop {
            let order = match (&left, &right) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(left), Some(right)) => left.cmp(right),
            };
            let gone = left.filter(|_| order != Ordering::Greater);
            let come = right.filter(|_| order != Ordering::Less);
            if gone.map(|entry| entry.raw) != come.map(|entry| entry.raw) {
                self.entry(commit, gone, come, under, found)?;
            }
            if gone.is_some() && come.is_some() {
                old.skip_same(&mut new).map_err(disorder)?;
            }
            if gone.is_some() {
                left = old.next().map_err(disorder)?;
            }
            if come.is_some() {
                right = new.next().map_err(disorder)?;
            }
        }
    }

    /// Two entries of one name that differ, or one that is only on one side.
    fn entry(
        &self,
        commit: ObjectId,
        gone: Option<Entry<'_>>,
        come: Option<Entry<'_>>,
        under: &str,
        found: &mut Differences,
    ) -> Result<(), TrustError> {
        let Some(name) = gone.or(come).map(|entry| entry.name) else {
            return Ok(());
        };
        // What is no text never fits a rule, and is refused in the head anyway.
        let path = format!("{under}{}", String::from_utf8_lossy(name));
        let folder = |entry: Option<Entry<'_>>| {
            let folder = entry.filter(Entry::is_folder)?;
            folder.id(self.objects.format())
        };
        let (old, new) = (folder(gone), folder(come));
        let file = |entry: Option<Entry<'_>>| entry.is_some_and(|entry| !entry.is_folder());
        if file(gone) || file(come) {
            if found.paths.len() >= CHANGE_LIMIT {
                return Err(refuse(commit, &path, "too many files change at once"));
            }
            found.paths.insert(path.clone());
        }
        self.compare(commit, old, new, &format!("{path}/"), found)
    }

    /// All files of a tree.
    pub fn files(&self, commit: ObjectId, tree: ObjectId) -> Result<Files, TrustError> {
        Ok(self.walk(commit, tree, true)?.files)
    }

    /// All of them without their contents: where each is, and which are refused.
    pub fn listing(&self, commit: ObjectId, tree: ObjectId) -> Result<Names, TrustError> {
        let reader = self.walk(commit, tree, false)?;
        Ok(Names {
            objects: reader.objects,
            refused: reader.files.refused,
        })
    }

    fn walk(
        &self,
        commit: ObjectId,
        tree: ObjectId,
        contents: bool,
    ) -> Result<Reader<'_>, TrustError> {
        let mut reader = Reader {
            trees: self,
            commit,
            files: Files::default(),
            objects: BTreeMap::new(),
            contents,
            folders: 0,
            total: 0,
        };
        reader.folder(tree, "", 0)?;
        Ok(reader)
    }
}

/// What a commit holds.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// By path with `/`.
    pub content: BTreeMap<String, Vec<u8>>,
    /// Files of single stacks that were not read, and why not.
    pub refused: BTreeMap<String, &'static str>,
}

/// What a commit holds, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// By path with `/`.
    pub objects: BTreeMap<String, ObjectId>,
    /// Files of single stacks that are not to be read, and why not.
    pub refused: BTreeMap<String, &'static str>,
}

struct Reader<'r> {
    trees: &'r Trees<'r>,
    commit: ObjectId,
    files: Files,
    objects: BTreeMap<String, ObjectId>,
    /// Are the files read, or only found?
    contents: bool,
    folders: usize,
    total: usize,
}

impl Reader<'_> {
    /// One customer's own file holds that customer only (S16); anything else
    /// leads out of what was signed for all.
    fn refuse(&mut self, path: &str, why: &'static str) -> Result<(), TrustError> {
        let own = path
            .strip_prefix("stacks/")
            .and_then(|name| name.strip_suffix(".toml"))
            .is_some_and(|name| !name.contains('/'));
        if !own {
            return Err(refuse(self.commit, path, why));
        }
        self.files.refused.insert(path.to_owned(), why);
        Ok(())
    }

    fn folder(&mut self, tree: ObjectId, under: &str, depth: usize) -> Result<(), TrustError> {
        if depth > DEPTH_LIMIT {
            return Err(refuse(self.commit, under, "folders lie too deep"));
        }
        self.folders += 1;
        if self.folders > COUNT_LIMIT {
            return Err(refuse(
                self.commit,
                under,
                "the estate has too many folders",
            ));
        }
        let raw = self.trees.raw(self.commit, tree, under)?;
        let mut lines = Lines::new(self.trees.objects.format(), &raw);
        let mut names = BTreeSet::new();
        while let Some(entry) = lines.next().map_err(|()| disorder(self.commit, under))? {
            let name = std::str::from_utf8(entry.name)
                .ok()
                .filter(|name| sound(name));
            let Some(name) = name else {
                let shown = String::from_utf8_lossy(entry.name).into_owned();
                let path = format!("{under}{shown}");
                return Err(refuse(self.commit, &path, "its name is not acceptable"));
            };
            let path = format!("{under}{name}");
            // A file and a folder of one name are not neighbours in Git's order.
            if !names.insert(name) {
                return Err(refuse(self.commit, &path, "it stands twice"));
            }
            let Some(id) = entry.id(self.trees.objects.format()) else {
                return Err(disorder(self.commit, under));
            };
            match entry.mode {
                mode if ordinary(mode) => self.file(&path, id)?,
                FOLDER => self.folder(id, &format!("{path}/"), depth + 1)?,
                0o120_000 => self.refuse(&path, "it is a symbolic link")?,
                0o160_000 => return Err(refuse(self.commit, &path, "it is a submodule")),
                _ => return Err(refuse(self.commit, &path, "it is no ordinary file")),
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str, id: ObjectId) -> Result<(), TrustError> {
        if self.files.content.len() >= COUNT_LIMIT {
            return Err(refuse(self.commit, path, "the estate has too many files"));
        }
        if !self.contents {
            self.objects.insert(path.to_owned(), id);
            return if self.objects.len() > COUNT_LIMIT {
                Err(refuse(self.commit, path, "the estate has too many files"))
            } else {
                Ok(())
            };
        }
        let what = || format!("the file {path}");
        match self.trees.objects.read(id, Kind::Blob, FILE_LIMIT, &what)? {
            Object::Content(content) => {
                self.total = self.total.saturating_add(content.len());
                if self.total > TOTAL_LIMIT {
                    return Err(refuse(self.commit, path, "the estate is too large"));
                }
                self.files.content.insert(path.to_owned(), content);
                Ok(())
            }
            Object::TooLarge => self.refuse(path, "it is larger than 1 MiB"),
            Object::OtherKind => Err(refuse(self.commit, path, "it is no ordinary file")),
        }
    }
}

fn refuse(commit: ObjectId, path: &str, why: &'static str) -> TrustError {
    TrustError::File {
        commit: commit.to_string(),
        path: path.escape_debug().to_string(),
        why,
    }
}

fn disorder(commit: ObjectId, path: &str) -> TrustError {
    refuse(commit, path, "the folder's list is malformed")
}

fn ordinary(mode: u32) -> bool {
    matches!(mode, 0o100_644 | 0o100_755 | 0o100_664)
}

fn sound(name: &str) -> bool {
    !name.is_empty()
        && !matches!(name, "." | "..")
        && !name.eq_ignore_ascii_case(".git")
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control)
}
