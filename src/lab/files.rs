//! The lab's files: directories and JSON documents that only root reads.
//!
//! Files are replaced whole, so a reader never sees half of one.

use super::command::failed;
use super::fleet::FleetError;
use serde::{Serialize, de::DeserializeOwned};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Makes a directory, readable by root only, with its parents.
pub fn make_private_dir(path: &Path) -> Result<(), FleetError> {
    fs::create_dir_all(path)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o700)))
        .map_err(|error| failed(format!("make directory {}", path.display()), &error))
}

/// Replaces a JSON file whole, readable by root only.
pub fn write_atomically(path: &Path, value: &impl Serialize) -> Result<(), FleetError> {
    let action = || format!("write {}", path.display());
    let text = serde_json::to_vec_pretty(value).map_err(|error| failed(action(), &error))?;
    replace(path, &text).map_err(|error| failed(action(), &error))
}

/// Replaces a file whole, readable by root only, and durably: the bytes are on disk
/// before the name is, and the name before this returns.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// A JSON file's value; none when there is no such file.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FleetError> {
    let action = || format!("read {}", path.display());
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| failed(action(), &error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(action(), &error)),
    }
}
