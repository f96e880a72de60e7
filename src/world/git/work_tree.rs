//! The work tree, as people edit it: unsigned, so nothing acts on it, and read with the care
//! that a stranger's branch asks for (S13).

use super::program::GitProgram;
use super::tree::{COUNT_LIMIT, FILE_LIMIT, TOTAL_LIMIT};
use super::write::{WriteError, git, open, refuse_links};
use git2::{Repository, Status, StatusOptions};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

/// The files of the work tree, as a commit of all of them would hold them.
pub fn files(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>, WriteError> {
    let (workdir, found) = match open(dir) {
        Ok(repository) => {
            let workdir = repository.workdir().unwrap_or(dir).to_owned();
            (workdir, paths(&repository)?)
        }
        Err(error @ WriteError::Format { .. }) => {
            let listed = GitProgram::open(dir).and_then(|(program, _)| program.work_tree());
            (dir.to_owned(), listed.ok_or(error)?)
        }
        Err(error) => return Err(error),
    };
    let mut all = BTreeMap::new();
    let mut total = 0;
    for path in found {
        let whole = workdir.join(&path);
        refuse_links(&workdir, Path::new(&path))?;
        let content = file(&whole)?;
        total += content.len();
        if all.len() >= COUNT_LIMIT || total > TOTAL_LIMIT {
            let why = "the estate is too large, or has too many files";
            return Err(WriteError::Refused { path: whole, why });
        }
        all.insert(path, content);
    }
    Ok(all)
}

/// What a commit of it would be refused for is refused here as well. A link would be worse
/// here: it shows, line by line, any file of the computer that checks a stranger's work (S13).
pub fn file(path: &Path) -> Result<Vec<u8>, WriteError> {
    let failed = |source| WriteError::File {
        path: path.to_owned(),
        source,
    };
    let refused = |why| {
        Err(WriteError::Refused {
            path: path.to_owned(),
            why,
        })
    };
    let kind = fs::symlink_metadata(path).map_err(failed)?.file_type();
    if kind.is_symlink() {
        return refused("it is a symbolic link");
    }
    if !kind.is_file() {
        return refused("it is no ordinary file");
    }
    let most = u64::try_from(FILE_LIMIT)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let mut content = Vec::new();
    fs::File::open(path)
        .and_then(|opened| opened.take(most).read_to_end(&mut content))
        .map_err(failed)?;
    if content.len() > FILE_LIMIT {
        return refused("it is larger than 1 MiB");
    }
    Ok(content)
}

/// Files that are tracked or new and not ignored. Nothing is hashed, written or staged by looking.
fn paths(repository: &Repository) -> Result<Vec<String>, WriteError> {
    let mut options = StatusOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(true)
        .include_unmodified(true)
        .include_ignored(false);
    let found = repository
        .statuses(Some(&mut options))
        .map_err(git("looking through the work tree"))?;
    let there =
        |status: Status| !status.contains(Status::WT_DELETED) && status != Status::INDEX_DELETED;
    found
        .iter()
        .filter(|entry| there(entry.status()))
        .map(|entry| {
            String::from_utf8(entry.path_bytes().to_vec()).map_err(|error| WriteError::Refused {
                path: String::from_utf8_lossy(error.as_bytes()).as_ref().into(),
                why: "its name is not UTF-8",
            })
        })
        .collect()
}
