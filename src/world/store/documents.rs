//! Evidence on this computer: copies of what lies beside the repositories, for when those
//! cannot be reached. Nothing is believed because it lies here; the signature says it.

use crate::model::evidence::SealedEvidence;
use crate::model::ids::StackId;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Documents of all stacks, a folder for each.
#[derive(Debug, Clone)]
pub struct Documents {
    folder: PathBuf,
}

impl Documents {
    /// Beside the journal at `state`.
    pub fn beside(state: &Path) -> Self {
        Self {
            folder: state.with_file_name("evidence"),
        }
    }

    /// Keeps a document; on the disk when this returns. The signature first: a document is
    /// never there without it.
    pub fn keep(&self, stack: &StackId, name: &str, sealed: &SealedEvidence) -> io::Result<()> {
        let folder = self.folder.join(stack.as_str());
        fs::create_dir_all(&folder)?;
        write(&folder, &format!("{name}.sig"), &sealed.signature)?;
        write(&folder, &format!("{name}.json"), &sealed.text)
    }

    /// All documents of a stack, by name and so by time. A signature that is not there is empty.
    pub fn of(&self, stack: &StackId) -> io::Result<BTreeMap<String, SealedEvidence>> {
        let folder = self.folder.join(stack.as_str());
        let mut found = BTreeMap::new();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_stem().and_then(|name| name.to_str());
            let (Some(name), true) = (name, path.extension().is_some_and(|e| e == "json")) else {
                continue;
            };
            let sealed = SealedEvidence {
                text: fs::read_to_string(&path)?,
                signature: fs::read_to_string(path.with_extension("sig")).unwrap_or_default(),
            };
            found.insert(name.to_owned(), sealed);
        }
        Ok(found)
    }
}

/// Whole or not at all.
fn write(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(folder.join(name))
        .map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}
