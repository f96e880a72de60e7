//! Symbolic links in a work tree: what they lead to is no part of the estate.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The first part of the path below `dir` that is a symbolic link. What is not there is none.
pub fn first_link(dir: &Path, path: &Path) -> Result<Option<PathBuf>, (PathBuf, io::Error)> {
    let mut whole = dir.to_owned();
    for part in path.components() {
        whole.push(part);
        match fs::symlink_metadata(&whole) {
            Ok(about) if about.file_type().is_symlink() => return Ok(Some(whole)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err((whole, error)),
            Ok(_) => {}
        }
    }
    Ok(None)
}
