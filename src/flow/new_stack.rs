//! A new customer in the work tree of an estate.

use super::estate::built_in;
use crate::decide::catalogue::Catalogue;
use crate::decide::new_stack::{
    Draft, Parts, Where, backup_place, judge, parts, path, text, usual_hoster,
};
use crate::model::diagnostic::Diagnostic;
use crate::world::git::work_tree;
use crate::world::git::write::{WriteError, refuse_links};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The estate that the stack comes into.
pub struct Surroundings {
    dir: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
    catalogue: Catalogue,
    /// What there is to choose from.
    pub parts: Parts,
}

/// Why there is no new stack. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum NewStackError {
    /// The work tree.
    #[error("the estate's files cannot be used")]
    Read(#[from] WriteError),
    /// What the new stack would build upon, or the draft itself.
    #[error("{what}")]
    Broken {
        /// In words.
        what: &'static str,
        /// All findings.
        diagnostics: Vec<Diagnostic>,
        /// The files that they are about.
        files: BTreeMap<String, Vec<u8>>,
    },
    /// Somebody's definition.
    #[error("{path} exists already and is left as it is")]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// The disk.
    #[error("cannot write {path}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Surroundings {
    /// Reads the work tree.
    pub fn read(dir: &Path) -> Result<Self, NewStackError> {
        let files = work_tree::files(dir)?;
        let catalogue = built_in();
        let parts = parts(&files, &catalogue).map_err(|diagnostics| NewStackError::Broken {
            what: "what all stacks share is broken; mend it first",
            diagnostics,
            files: files.clone(),
        })?;
        Ok(Self {
            dir: dir.to_owned(),
            files,
            catalogue,
            parts,
        })
    }

    /// Is there such a file already, signed or not?
    pub fn free(&self, id: &str) -> Result<(), NewStackError> {
        let whole = self.dir.join(path(id));
        if whole.symlink_metadata().is_ok() {
            return Err(NewStackError::Exists { path: whole });
        }
        Ok(())
    }

    /// The first account that has an independent place for the backup.
    pub fn usual_hoster(&self, draft: &Draft) -> Option<String> {
        usual_hoster(&self.files, &self.catalogue, &self.parts, draft).map(|id| id.to_string())
    }

    /// The first place, of this account where one is wished, that is independent of production.
    pub fn backup_place(&self, draft: &Draft, hoster: Option<&str>) -> Option<Where> {
        backup_place(&self.files, &self.catalogue, &self.parts, draft, hoster)
    }

    /// Writes the file if `check` will accept it and there is none; says which.
    pub fn write(&self, draft: &Draft) -> Result<PathBuf, NewStackError> {
        self.free(&draft.id)?;
        let text = text(draft);
        let found = judge(&self.files, &self.catalogue, &draft.id, &text);
        if found.iter().any(Diagnostic::is_error) {
            let mut files = self.files.clone();
            files.insert(path(&draft.id), text.into_bytes());
            return Err(NewStackError::Broken {
                what: "`holdfast check` would not accept the new file; nothing was written",
                diagnostics: found,
                files,
            });
        }
        let whole = self.dir.join(path(&draft.id));
        refuse_links(&self.dir, Path::new(&path(&draft.id)))?;
        let failed = |source| NewStackError::Write {
            path: whole.clone(),
            source,
        };
        std::fs::create_dir_all(self.dir.join("stacks")).map_err(failed)?;
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&whole) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(NewStackError::Exists { path: whole });
            }
            Err(error) => return Err(failed(error)),
        };
        file.write_all(text.as_bytes()).map_err(failed)?;
        Ok(whole)
    }
}
