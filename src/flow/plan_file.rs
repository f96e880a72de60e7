//! Plans in files: written whole or not at all, for nobody else to read, and over nothing but
//! another plan.

use crate::decide::plan_file::{self, LIMIT, PlanFileError};
use crate::model::plan::Plan;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

/// What an estate keeps for itself, beside the TOML files at its top.
const OWN: [&str; 5] = [".git", "blueprints", "providers", "secrets", "stacks"];

/// Why a plan's file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file system.
    #[error("cannot use {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A pipe or a device to be read, which may never end; or a folder.
    #[error("{path} is no regular file")]
    NotRegular {
        /// Which file.
        path: PathBuf,
    },
    /// Something else is there.
    #[error("{path} is there already and is no plan, so it is not replaced; choose another name")]
    Other {
        /// Which file.
        path: PathBuf,
    },
    /// A place where the estate is defined.
    #[error("{path} is a place of the estate's own files; choose another one for the plan")]
    Estate {
        /// Which file.
        path: PathBuf,
    },
    /// Its content.
    #[error("{path} cannot be used")]
    Content {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PlanFileError,
    },
}

/// The file's bytes, as `-` has them on standard output.
pub fn bytes(plan: &Plan) -> Result<Vec<u8>, FileError> {
    plan_file::write(plan).map_err(content(Path::new("-")))
}

/// Writes the plan; readable by its owner alone, and never half. What is no regular file, such
/// as `/dev/stdout` or a pipe, is written to as it stands. Whatever else is there stays: only a
/// plan or an empty file is replaced, and nothing among the files of the estate.
pub fn write(path: &Path, plan: &Plan, estate: &Path) -> Result<(), FileError> {
    let bytes = plan_file::write(plan).map_err(content(path))?;
    match std::fs::metadata(path) {
        Ok(there) if there.is_dir() => {
            return Err(FileError::NotRegular {
                path: path.to_owned(),
            });
        }
        Ok(there) if !there.is_file() => {
            return OpenOptions::new()
                .write(true)
                .open(path)
                .and_then(|mut file| file.write_all(&bytes))
                .map_err(io(path));
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(io(path)(error)),
    }
    // Where a link leads is what would be replaced.
    let place = if path.is_symlink() {
        std::fs::canonicalize(path).map_err(io(path))?
    } else {
        path.to_owned()
    };
    let folder = match place.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if is_of_estate(&place, folder, estate) {
        return Err(FileError::Estate {
            path: path.to_owned(),
        });
    }
    if place.exists() && !may_be_replaced(&place).map_err(io(path))? {
        return Err(FileError::Other {
            path: path.to_owned(),
        });
    }
    let save = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.as_file()
            .set_permissions(std::fs::Permissions::from_mode(0o600))?;
        file.write_all(&bytes)?;
        file.as_file().sync_all()?;
        file.persist(&place).map_err(|error| error.error)?;
        Ok(())
    };
    save().map_err(io(path))
}

/// True where the estate's definition or its Git directory lies.
fn is_of_estate(place: &Path, folder: &Path, estate: &Path) -> bool {
    let (Ok(folder), Ok(estate)) = (folder.canonicalize(), estate.canonicalize()) else {
        return false;
    };
    let Ok(below) = folder.strip_prefix(&estate) else {
        return false;
    };
    match below.components().next() {
        Some(Component::Normal(first)) => OWN.iter().any(|own| first == *own),
        _ => {
            place.extension().is_some_and(|kind| kind == "toml")
                || place.file_name().is_some_and(|name| name == ".git")
        }
    }
}

/// An empty file, as `mktemp` makes it, or a plan of any version.
fn may_be_replaced(place: &Path) -> std::io::Result<bool> {
    let mut bytes = Vec::new();
    File::open(place)?.take(most()).read_to_end(&mut bytes)?;
    let is_plan = || {
        serde_json::from_slice::<serde_json::Value>(&bytes)
            .is_ok_and(|value| value.get("plan_schema").is_some())
    };
    Ok(bytes.is_empty() || is_plan())
}

/// One byte more than is allowed: enough to be told that it is too long.
fn most() -> u64 {
    u64::try_from(LIMIT).unwrap_or(u64::MAX).saturating_add(1)
}

/// Reads a plan, strictly. Only a regular file: opening a pipe waits for ever for its writer.
pub fn read(path: &Path) -> Result<Plan, FileError> {
    if !std::fs::metadata(path).map_err(io(path))?.is_file() {
        return Err(FileError::NotRegular {
            path: path.to_owned(),
        });
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most()).read_to_end(&mut bytes))
        .map_err(io(path))?;
    plan_file::read(&bytes).map_err(content(path))
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError::Io { path, source }
}

fn content(path: &Path) -> impl FnOnce(PlanFileError) -> FileError {
    let path = path.to_owned();
    move |source| FileError::Content { path, source }
}
