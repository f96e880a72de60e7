//! One change of a file at a time, as Git does it: `FILE.lock` beside the file is who may write,
//! and becomes the file when all of it is there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// So often, and this long in between, another writer is waited for: five seconds in all.
const TRIES: u32 = 250;
const PAUSE: Duration = Duration::from_millis(20);

/// Why the file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another writer, or what is left of one.
    #[error("{lock} is there: another command is changing the file; if none is running, remove it")]
    Busy {
        /// The lock.
        lock: PathBuf,
    },
    /// Somebody wrote it without asking, an editor for example.
    #[error("{path} was changed by something else meanwhile; nothing was written, begin again")]
    Overtaken {
        /// Which.
        path: PathBuf,
    },
    /// The lock or the file.
    #[error("cannot access {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The right to change one file; given back when it is dropped.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    lock: PathBuf,
    file: File,
    used: bool,
}

impl Lock {
    /// Waits some seconds where another has it.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let lock = PathBuf::from(lock);
        for _ in 0..TRIES {
            match OpenOptions::new().write(true).create_new(true).open(&lock) {
                Ok(file) => {
                    let path = path.to_owned();
                    return Ok(Self {
                        path,
                        lock,
                        file,
                        used: false,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    std::thread::sleep(PAUSE);
                }
                Err(source) => return Err(LockError::File { path: lock, source }),
            }
        }
        Err(LockError::Busy { lock })
    }

    /// Puts the new content in the place of the old, if that is still there. Whoever reads
    /// meanwhile sees one or the other.
    pub fn replace(mut self, before: &[u8], after: &[u8]) -> Result<(), LockError> {
        let path = self.path.clone();
        let failed = |source| LockError::File {
            path: path.clone(),
            source,
        };
        let rights = fs::symlink_metadata(&self.path).map_err(failed)?;
        self.file
            .write_all(after)
            .and_then(|()| self.file.set_permissions(rights.permissions()))
            .and_then(|()| self.file.sync_all())
            .map_err(failed)?;
        if !rights.is_file() || fs::read(&self.path).map_err(failed)? != before {
            return Err(LockError::Overtaken {
                path: self.path.clone(),
            });
        }
        fs::rename(&self.lock, &self.path).map_err(failed)?;
        self.used = true;
        Ok(())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // One that became the file is gone; one of that name is another's.
        if !self.used {
            let _ = fs::remove_file(&self.lock);
        }
    }
}
