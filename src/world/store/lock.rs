//! One writer per state file: an operating system lock, which a crash releases.

use super::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Held as long as it lives.
#[derive(Debug)]
pub(super) struct WriterLock {
    file: File,
}

/// Beside the state file. The file stays: removing it would let two hold "the" lock.
fn lock_path(state: &Path) -> PathBuf {
    let mut name = state.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// A process that is just being started holds a copy of its parent's lock for a
/// moment, until it becomes another program: so one refusal is not yet a writer.
fn patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 0..10 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(50)),
            other => return other,
        }
    }
    file.try_lock()
}

impl WriterLock {
    /// Takes the lock, or says who has it. Waits half a second at most.
    pub fn take(state: &Path) -> Result<Self, StoreError> {
        let path = lock_path(state);
        let failed = |source| StoreError::Lock {
            path: path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only for the message; a holder that has not written yet is "unknown".
                let _ = file.read_to_string(&mut holder);
                let holder = holder.trim();
                return Err(StoreError::InUse {
                    path: state.to_owned(),
                    holder: if holder.is_empty() { "unknown" } else { holder }.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let lock = Self { file };
        lock.working_on("").map_err(failed)?;
        Ok(lock)
    }

    /// Says to whoever waits for it who has it, and for what.
    pub fn working_on(&self, what: &str) -> std::io::Result<()> {
        let id = std::process::id();
        let line = match what {
            "" => format!("{id}\n"),
            what => format!("{id} (at work on {what})\n"),
        };
        let mut file = &self.file;
        self.file.set_len(0)?;
        file.rewind()?;
        file.write_all(line.as_bytes())
    }
}
