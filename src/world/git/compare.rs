//! Two commits beside each other: where their histories parted, which files differ, and the
//! files themselves, each read when somebody asks for it.
//!
//! Nothing here says that a commit is accepted; that is [`verify`](super::verify)'s word alone.

use super::commit::oid;
use super::error::TrustError;
use super::tree::FILE_LIMIT;
use crate::model::ids::CommitId;
use git2::{ObjectType, Odb, Oid, Repository, RepositoryOpenFlags, Tree};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;

/// Most files of one commit.
const COUNT_LIMIT: usize = 50_000;
/// Deepest folder.
const DEPTH_LIMIT: usize = 16;

/// A repository open for comparing.
pub struct Comparison {
    repository: Repository,
}

/// What a commit holds, without the contents: path to object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing(BTreeMap<String, Oid>);

impl Listing {
    /// All paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
    /// Is there such a file?
    pub fn contains(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }
    /// Paths whose content is not the same on both sides.
    pub fn changed(&self, other: &Self) -> BTreeSet<String> {
        let (mut one, mut two) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut changed = BTreeSet::new();
        loop {
            match (one.peek(), two.peek()) {
                (Some((a, x)), Some((b, y))) if a == b => {
                    if x != y {
                        changed.insert((*a).clone());
                    }
                    one.next();
                    two.next();
                }
                (Some((a, _)), Some((b, _))) if a < b => {
                    changed.insert((*a).clone());
                    one.next();
                }
                (_, Some((b, _))) => {
                    changed.insert((*b).clone());
                    two.next();
                }
                (Some((a, _)), None) => {
                    changed.insert((*a).clone());
                    one.next();
                }
                (None, None) => return changed,
            }
        }
    }
}

impl Comparison {
    /// Opens the repository, which must belong to us.
    pub fn open(path: &Path) -> Result<Self, TrustError> {
        let none: [&OsStr; 0] = [];
        let repository = Repository::open_ext(path, RepositoryOpenFlags::NO_SEARCH, none).map_err(
            |source| TrustError::Open {
                path: path.to_owned(),
                source,
            },
        )?;
        Ok(Self { repository })
    }

    /// The commit where both histories parted.
    pub fn merge_base(&self, one: &CommitId, other: &CommitId) -> Result<CommitId, TrustError> {
        let (one, other) = (self.id(one)?, self.id(other)?);
        let found = self
            .repository
            .merge_base(one, other)
            .map_err(unreadable(format!("where {one} and {other} parted")))?;
        Ok(CommitId::new(found.to_string()))
    }

    /// How many commits `to` has that `from` has not.
    pub fn commits_since(&self, from: &CommitId, to: &CommitId) -> Result<usize, TrustError> {
        let (from, to) = (self.id(from)?, self.id(to)?);
        let (ahead, _) = self
            .repository
            .graph_ahead_behind(to, from)
            .map_err(unreadable(format!("the commits between {from} and {to}")))?;
        Ok(ahead)
    }

    /// What the commit holds.
    pub fn list(&self, commit: &CommitId) -> Result<Listing, TrustError> {
        let id = self.id(commit)?;
        let tree = self
            .repository
            .find_commit(id)
            .and_then(|commit| commit.tree())
            .map_err(unreadable(format!("the tree of {commit}")))?;
        let mut listing = BTreeMap::new();
        self.folder(commit, &tree, "", 0, &mut listing)?;
        Ok(Listing(listing))
    }

    /// These files of a listing, those that are there.
    pub fn read<'p>(
        &self,
        listing: &Listing,
        paths: impl IntoIterator<Item = &'p str>,
    ) -> Result<BTreeMap<String, Vec<u8>>, TrustError> {
        let mut files = BTreeMap::new();
        self.each(listing, paths, |path, bytes| {
            files.insert(path.to_owned(), bytes.to_vec());
        })?;
        Ok(files)
    }

    /// Shows these files of a listing one after the other, without keeping them.
    pub fn each<'p>(
        &self,
        listing: &Listing,
        paths: impl IntoIterator<Item = &'p str>,
        mut look: impl FnMut(&str, &[u8]),
    ) -> Result<(), TrustError> {
        let odb = self
            .repository
            .odb()
            .map_err(unreadable("the object store".to_owned()))?;
        for path in paths {
            if let Some(id) = listing.0.get(path) {
                let object = blob(&odb, path, *id)?;
                look(path, object.data());
            }
        }
        Ok(())
    }

    fn folder(
        &self,
        commit: &CommitId,
        tree: &Tree<'_>,
        under: &str,
        depth: usize,
        listing: &mut BTreeMap<String, Oid>,
    ) -> Result<(), TrustError> {
        let refuse = |path: &str, why| TrustError::File {
            commit: commit.to_string(),
            path: path.to_owned(),
            why,
        };
        if depth > DEPTH_LIMIT {
            return Err(refuse(under, "folders lie too deep"));
        }
        for entry in tree {
            // Verification has judged the names; here they need only be told apart.
            let path = format!("{under}{}", String::from_utf8_lossy(entry.name_bytes()));
            match entry.kind() {
                Some(ObjectType::Tree) => {
                    let inner = self
                        .repository
                        .find_tree(entry.id())
                        .map_err(unreadable(format!("the folder {path}")))?;
                    self.folder(commit, &inner, &format!("{path}/"), depth + 1, listing)?;
                }
                Some(ObjectType::Blob) if listing.len() < COUNT_LIMIT => {
                    listing.insert(path, entry.id());
                }
                Some(ObjectType::Blob) => return Err(refuse(&path, "the estate is too large")),
                _ => return Err(refuse(&path, "it is no ordinary file")),
            }
        }
        Ok(())
    }

    fn id(&self, commit: &CommitId) -> Result<Oid, TrustError> {
        oid(commit.as_str().as_bytes()).ok_or_else(|| TrustError::NotACommit {
            id: commit.as_str().chars().take(70).collect(),
        })
    }
}

fn blob<'o>(odb: &'o Odb<'_>, path: &str, id: Oid) -> Result<git2::OdbObject<'o>, TrustError> {
    let object = odb.read(id).map_err(unreadable(format!("the file {path}")))?;
    if object.kind() != ObjectType::Blob || object.len() > FILE_LIMIT {
        return Err(TrustError::Unreadable {
            what: format!("the file {path}"),
            source: git2::Error::from_str("it is no file, or larger than 1 MiB"),
        });
    }
    Ok(object)
}

fn unreadable(what: String) -> impl FnOnce(git2::Error) -> TrustError {
    move |source| TrustError::Unreadable { what, source }
}
