//! What operators ask for while another Holdfast writes to the journal: it takes them in before
//! it plans next. A request is on the disk when [`Requests::leave`] returns, and goes only when
//! the journal has it; taken in twice, it says the same.

use crate::model::journal::Entry;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The folder of requests beside a journal.
#[derive(Debug, Clone)]
pub struct Requests {
    folder: PathBuf,
}

/// A request, and where it lies.
#[derive(Debug)]
pub struct Request {
    /// What the journal should hear; its number says nothing.
    pub entry: Entry,
    path: PathBuf,
}

impl Requests {
    /// Beside the journal at `state`.
    pub fn beside(state: &Path) -> Self {
        let mut name = state.as_os_str().to_owned();
        name.push(".asked");
        Self {
            folder: PathBuf::from(name),
        }
    }

    /// Leaves one; whole or not at all.
    pub fn leave(&self, entry: &Entry) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let text = serde_json::to_vec(entry)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&text)?;
        file.as_file().sync_all()?;
        // By time, so that a pause and its end stay in their order.
        let name = format!(
            "{:020}-{}-{}.json",
            entry.at.as_nanosecond(),
            std::process::id(),
            entry.seq
        );
        file.persist(self.folder.join(name))
            .map_err(|error| error.error)?;
        File::open(&self.folder)?.sync_all()
    }

    /// All that wait, in the order in which they were asked for.
    pub fn waiting(&self) -> io::Result<Vec<Request>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == "json") {
                paths.push(path);
            }
        }
        paths.sort();
        let mut waiting = Vec::new();
        for path in paths {
            let text = match fs::read(&path) {
                // Whoever may write to the journal has just taken it in.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                text => text?,
            };
            let entry = serde_json::from_slice(&text)?;
            waiting.push(Request { entry, path });
        }
        Ok(waiting)
    }
}

impl Request {
    /// The journal has it.
    pub fn taken_in(self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}
