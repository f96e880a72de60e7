//! Objects and references, raw. Every object is checked against its id.
//! Replaced objects, grafts and the commit graph, which change what others
//! see, have no say.
//!
//! libgit2 reads SHA-1 repositories. What it cannot open (SHA-256), the `git`
//! program reads for us.

use super::error::TrustError;
use super::id::{Format, Kind, Object, ObjectId};
use super::loose::Loose;
use super::program::GitProgram;
use git2::{ObjectType, Repository, RepositoryOpenFlags};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A repository's objects and references.
pub(super) struct Objects {
    path: PathBuf,
    format: Format,
    store: Store,
}

enum Store {
    Library(Repository, Loose),
    Program(GitProgram),
}

impl Objects {
    /// Opens the repository exactly there, with a work tree or bare.
    pub fn open(path: &Path) -> Result<Self, TrustError> {
        let none: [&OsStr; 0] = [];
        match Repository::open_ext(path, RepositoryOpenFlags::NO_SEARCH, none) {
            Ok(repository) => {
                let loose = Loose::of(repository.commondir().join("objects"));
                Ok(Self {
                    path: path.to_owned(),
                    format: Format::Sha1,
                    store: Store::Library(repository, loose),
                })
            }
            Err(source) => {
                let Some((program, format)) = GitProgram::open(path) else {
                    return Err(TrustError::Open {
                        path: path.to_owned(),
                        source,
                    });
                };
                Ok(Self {
                    path: path.to_owned(),
                    format,
                    store: Store::Program(program),
                })
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn format(&self) -> Format {
        self.format
    }

    /// Was history cut off at fetching?
    pub fn is_shallow(&self) -> bool {
        match &self.store {
            Store::Library(repository, _) => repository.is_shallow(),
            Store::Program(program) => program.is_shallow(),
        }
    }

    /// Reads an object of this kind and at most this size.
    pub fn read(
        &self,
        id: ObjectId,
        kind: Kind,
        limit: usize,
        what: &dyn Fn() -> String,
    ) -> Result<Object, TrustError> {
        let unreadable = |source| TrustError::Unreadable {
            what: what(),
            source,
        };
        match &self.store {
            Store::Library(repository, loose) => {
                let oid = git2::Oid::from_bytes(id.bytes()).map_err(unreadable)?;
                let odb = repository.odb().map_err(unreadable)?;
                let (size, found) = odb.read_header(oid).map_err(unreadable)?;
                if found != object_type(kind) {
                    return Ok(Object::OtherKind);
                }
                if size > limit {
                    return Ok(Object::TooLarge);
                }
                loose
                    .is_whole(&oid.to_string(), size)
                    .map_err(|error| unreadable(git2::Error::from_str(&error.to_string())))?;
                // libgit2 checks that the bytes have this id.
                let object = odb.read(oid).map_err(unreadable)?;
                if object.kind() != object_type(kind) {
                    return Ok(Object::OtherKind);
                }
                Ok(Object::Content(object.data().to_vec()))
            }
            Store::Program(program) => program
                .read(id, kind, limit)
                .map_err(|why| unreadable(git2::Error::from_str(&why))),
        }
    }

    /// The commit that a reference or an id of at least seven digits stands for.
    pub fn find(&self, name: &str) -> Option<ObjectId> {
        if let Some(id) = ObjectId::from_hex(self.format, name.as_bytes()) {
            return Some(id);
        }
        // To libgit2 no name at all is HEAD.
        if name.is_empty() {
            return None;
        }
        match &self.store {
            Store::Library(repository, _) => {
                let commit = repository
                    .find_reference(name)
                    .or_else(|_| repository.resolve_reference_from_short_name(name))
                    .and_then(|reference| reference.peel(ObjectType::Commit));
                let oid = match commit {
                    Ok(object) => object.id(),
                    Err(_) if short(name) => {
                        let prefix = git2::Oid::from_str(name).ok()?;
                        let odb = repository.odb().ok()?;
                        odb.exists_prefix(prefix, name.len()).ok()?
                    }
                    Err(_) => return None,
                };
                ObjectId::from_bytes(self.format, oid.as_bytes())
            }
            Store::Program(program) => program.find(name),
        }
    }

    /// References below a folder (`refs/…/`), by name, with what they point at; at most so many.
    pub fn references(
        &self,
        folder: &str,
        limit: usize,
    ) -> Result<Vec<(String, ObjectId)>, TrustError> {
        let unreadable = |source| TrustError::Unreadable {
            what: format!("the references in {folder}"),
            source,
        };
        let mut found = match &self.store {
            Store::Library(repository, _) => {
                let mut found = Vec::new();
                let references = repository
                    .references_glob(&format!("{folder}*"))
                    .map_err(unreadable)?;
                for reference in references.take(limit) {
                    let reference = reference.map_err(unreadable)?;
                    let name = reference.name().map(str::to_owned);
                    if let (Ok(name), Some(oid)) = (name, reference.target()) {
                        found.extend(
                            ObjectId::from_bytes(self.format, oid.as_bytes()).map(|id| (name, id)),
                        );
                    }
                }
                found
            }
            Store::Program(program) => program
                .references(folder, limit)
                .map_err(|why| unreadable(git2::Error::from_str(&why)))?,
        };
        found.sort();
        Ok(found)
    }
}

/// Could it be the beginning of an id?
fn short(name: &str) -> bool {
    name.len() >= 7
        && name
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn object_type(kind: Kind) -> ObjectType {
    match kind {
        Kind::Commit => ObjectType::Commit,
        Kind::Tree => ObjectType::Tree,
        Kind::Blob => ObjectType::Blob,
    }
}
