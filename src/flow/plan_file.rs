//! Plans in files: written whole or not at all, for nobody else to read.

use crate::decide::plan_file::{self, LIMIT, PlanFileError};
use crate::model::plan::Plan;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

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

/// Writes the plan; readable by its owner alone, and never half.
pub fn write(path: &Path, plan: &Plan) -> Result<(), FileError> {
    let bytes = plan_file::write(plan).map_err(content(path))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let save = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.as_file()
            .set_permissions(std::fs::Permissions::from_mode(0o600))?;
        file.write_all(&bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    save().map_err(io(path))
}

/// Reads a plan, strictly.
pub fn read(path: &Path) -> Result<Plan, FileError> {
    let mut bytes = Vec::new();
    // One byte more than is allowed: enough to be told that it is too long.
    let most = u64::try_from(LIMIT).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
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
