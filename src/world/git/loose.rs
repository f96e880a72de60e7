//! Loose objects that were cut off, as a crash or a full disk leaves them.
//!
//! libgit2 (1.9) waits forever for the rest of such a file: it asks zlib for more output,
//! gets none, and asks again. So a loose object is inflated here before libgit2 sees it.

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// `blob 1048576` and the byte after it: what stands before an object's content.
const HEADER: usize = 64;
/// Deepest chain of `objects/info/alternates` that Git follows.
const ALTERNATES: usize = 5;

/// Folders in which loose objects lie: the repository's own, then borrowed ones.
#[derive(Debug)]
pub(super) struct Loose {
    folders: Vec<PathBuf>,
}

impl Loose {
    /// `objects` is the repository's folder of that name.
    pub fn of(objects: PathBuf) -> Self {
        let mut folders = vec![objects];
        let mut borrowed = folders.clone();
        for _ in 0..ALTERNATES {
            borrowed = borrowed.iter().flat_map(|at| alternates(at)).collect();
            borrowed.retain(|folder| !folders.contains(folder));
            folders.extend(borrowed.iter().cloned());
        }
        Self { folders }
    }

    /// Can the object be read to its end wherever it lies loose? `size` is what its header
    /// says, and already known to be small enough.
    pub fn is_whole(&self, id: &str, size: usize) -> Result<(), std::io::Error> {
        let (Some(folder), Some(rest)) = (id.get(..2), id.get(2..)) else {
            return Ok(());
        };
        for objects in &self.folders {
            let path = objects.join(folder).join(rest);
            match inflates(&path, size.saturating_add(HEADER)) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => other?,
            }
        }
        Ok(())
    }
}

fn alternates(objects: &Path) -> Vec<PathBuf> {
    let text = fs::read(objects.join("info/alternates")).unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| objects.join(line))
        .collect()
}

fn inflates(path: &Path, limit: usize) -> Result<(), std::io::Error> {
    let file = File::open(path)?;
    // What cannot be compressed grows by a few bytes in a thousand.
    let most = u64::try_from(limit + limit / 64 + 1024).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    match decompress_to_vec_zlib_with_limit(&bytes, limit) {
        Ok(_) => Ok(()),
        Err(_) => Err(std::io::Error::new(
            ErrorKind::InvalidData,
            format!("{} is damaged or cut off", path.display()),
        )),
    }
}
