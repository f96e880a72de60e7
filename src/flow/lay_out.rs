//! Files laid out in the one way, on disk.

use crate::decide::layout::laid_out;
use crate::model::diagnostic::Diagnostic;
use crate::world::git::work_tree;
use crate::world::git::write::{WriteError, refuse_links};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What was found.
#[derive(Debug, Default)]
pub struct LaidOut {
    /// Files that are or would be changed.
    pub changed: Vec<String>,
    /// Files that are right already.
    pub right: usize,
    /// Why some are left alone.
    pub broken: Vec<Diagnostic>,
    /// The texts of those, for the view that shows the lines.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Why files cannot be laid out.
#[derive(Debug, thiserror::Error)]
pub enum LayOutError {
    /// The estate's repository.
    #[error("the files cannot be laid out")]
    Estate(#[from] WriteError),
    /// A file or folder.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Every TOML file of the work tree, without those of tools, whose names begin with a dot.
pub fn of_estate(dir: &Path) -> Result<BTreeSet<PathBuf>, LayOutError> {
    let is_tool = |path: &str| path.split('/').any(|part| part.starts_with('.'));
    Ok(work_tree::files(dir)?
        .into_keys()
        .filter(|path| {
            Path::new(path)
                .extension()
                .is_some_and(|kind| kind == "toml")
                && !is_tool(path)
        })
        .map(|path| dir.join(path))
        .collect())
}

/// These files, and the TOML files below these folders.
pub fn below(paths: &[PathBuf]) -> Result<BTreeSet<PathBuf>, LayOutError> {
    let mut files = BTreeSet::new();
    for path in paths {
        // Whoever names `stacks/*.toml` has not looked where each of them leads.
        let (begin, rest) = place(path);
        refuse_links(begin, rest)?;
        walk(path, true, &mut files).map_err(|source| LayOutError::File {
            path: path.clone(),
            source,
        })?;
    }
    Ok(files)
}

/// Where a path begins, and its parts that may not be links: all that are relative to here; of
/// an absolute one its last, for the way to an estate is nobody's business.
fn place(path: &Path) -> (&Path, &Path) {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) if path.is_absolute() => (folder, Path::new(name)),
        _ if path.is_absolute() => (path, Path::new("")),
        _ => (Path::new(""), path),
    }
}

fn walk(path: &Path, named: bool, files: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    // A link may lead anywhere; those that are named were refused.
    let about = fs::symlink_metadata(path)?;
    if about.is_dir() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if !entry.file_name().to_string_lossy().starts_with('.') {
                walk(&entry.path(), false, files)?;
            }
        }
    } else if named || about.is_file() && path.extension().is_some_and(|kind| kind == "toml") {
        files.insert(path.to_owned());
    }
    Ok(())
}

/// Lays out each file; with `only_look` none is written.
pub fn lay_out(files: &BTreeSet<PathBuf>, only_look: bool) -> Result<LaidOut, LayOutError> {
    let mut all = LaidOut::default();
    for path in files {
        let failed = |source| LayOutError::File {
            path: path.clone(),
            source,
        };
        let name = path.strip_prefix(".").unwrap_or(path).display().to_string();
        let bytes = work_tree::file(path)?;
        let laid = match std::str::from_utf8(&bytes) {
            Ok(text) => laid_out(&name, text).map(|new| (new != text).then_some(new)),
            Err(_) => Err(crate::decide::document::not_text(&name, &bytes)),
        };
        match laid {
            Ok(None) => all.right += 1,
            Ok(Some(text)) => {
                if !only_look {
                    replace(path, &text).map_err(failed)?;
                }
                all.changed.push(name);
            }
            Err(found) => {
                all.broken.extend(found);
                all.files.insert(name, bytes);
            }
        }
    }
    Ok(all)
}

/// All or nothing: a crash leaves the old file or the new one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let new = tempfile::NamedTempFile::new_in(folder)?;
    fs::write(new.path(), text)?;
    fs::set_permissions(new.path(), fs::metadata(path)?.permissions())?;
    new.persist(path)?;
    Ok(())
}
