//! The files of a commit, in memory. Links and submodules lead out of what was
//! signed and are refused.

use super::error::TrustError;
use git2::{ObjectType, Odb, Oid, Repository, Tree};
use std::collections::BTreeMap;

/// Largest file we read.
pub const FILE_LIMIT: usize = 1 << 20;
/// Most files.
const COUNT_LIMIT: usize = 20_000;
/// Most bytes of all files together.
const TOTAL_LIMIT: usize = 256 << 20;
/// Deepest folder.
const DEPTH_LIMIT: usize = 16;

/// All files under a tree, by path with `/`.
pub(super) fn files(
    repository: &Repository,
    commit: Oid,
    tree: Oid,
) -> Result<BTreeMap<String, Vec<u8>>, TrustError> {
    let unreadable = |what: String| move |source| TrustError::Unreadable { what, source };
    let odb = repository
        .odb()
        .map_err(unreadable("the object store".to_owned()))?;
    let root = repository
        .find_tree(tree)
        .map_err(unreadable(format!("the tree of {commit}")))?;
    let mut reader = Reader {
        repository,
        odb,
        commit,
        files: BTreeMap::new(),
        total: 0,
    };
    reader.folder(&root, "", 0)?;
    Ok(reader.files)
}

struct Reader<'r> {
    repository: &'r Repository,
    odb: Odb<'r>,
    commit: Oid,
    files: BTreeMap<String, Vec<u8>>,
    total: usize,
}

impl Reader<'_> {
    fn refuse(&self, path: &str, why: &'static str) -> TrustError {
        TrustError::File {
            commit: self.commit.to_string(),
            path: path.to_owned(),
            why,
        }
    }

    fn folder(&mut self, tree: &Tree<'_>, under: &str, depth: usize) -> Result<(), TrustError> {
        if depth > DEPTH_LIMIT {
            return Err(self.refuse(under, "folders lie too deep"));
        }
        for entry in tree {
            let name = entry.name().ok().filter(|name| sound(name));
            let Some(name) = name else {
                let shown = String::from_utf8_lossy(entry.name_bytes()).into_owned();
                return Err(self.refuse(&format!("{under}{shown}"), "its name is not acceptable"));
            };
            let path = format!("{under}{name}");
            match entry.filemode_raw() {
                0o100_644 | 0o100_755 | 0o100_664 => self.file(&path, entry.id())?,
                0o040_000 => {
                    let id = entry.id();
                    let inner =
                        self.repository
                            .find_tree(id)
                            .map_err(|source| TrustError::Unreadable {
                                what: format!("the folder {path}"),
                                source,
                            })?;
                    self.folder(&inner, &format!("{path}/"), depth + 1)?;
                }
                0o120_000 => return Err(self.refuse(&path, "it is a symbolic link")),
                0o160_000 => return Err(self.refuse(&path, "it is a submodule")),
                _ => return Err(self.refuse(&path, "it is no ordinary file")),
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str, id: Oid) -> Result<(), TrustError> {
        let unreadable = |source| TrustError::Unreadable {
            what: format!("the file {path}"),
            source,
        };
        let (size, kind) = self.odb.read_header(id).map_err(unreadable)?;
        if kind != ObjectType::Blob {
            return Err(self.refuse(path, "it is no ordinary file"));
        }
        self.total = self.total.saturating_add(size);
        if size > FILE_LIMIT {
            return Err(self.refuse(path, "it is larger than 1 MiB"));
        }
        if self.total > TOTAL_LIMIT || self.files.len() >= COUNT_LIMIT {
            return Err(self.refuse(path, "the estate is too large"));
        }
        let object = self.odb.read(id).map_err(unreadable)?;
        if self
            .files
            .insert(path.to_owned(), object.data().to_vec())
            .is_some()
        {
            return Err(self.refuse(path, "it stands twice"));
        }
        Ok(())
    }
}

fn sound(name: &str) -> bool {
    !name.is_empty()
        && !matches!(name, "." | "..")
        && !name.eq_ignore_ascii_case(".git")
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control)
}
