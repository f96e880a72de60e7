//! What this computer knows of an estate and never commits: the trusted root,
//! where the identity and the journal are.

use crate::model::ids::CommitId;
use crate::world::git::write::{WriteError, git_dir};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Folder inside `.git`.
pub const FOLDER: &str = "holdfast";

/// `config.toml`, paths made absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The estate's repository.
    pub estate: PathBuf,
    /// The first commit that is trusted; nothing before it counts.
    pub root: CommitId,
    /// The reconciler's age identity file.
    pub identity: PathBuf,
    /// The journal.
    pub state: PathBuf,
    /// The reference that is followed.
    pub head: String,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No repository.
    #[error("{estate} is not an estate: no Git repository there")]
    NoRepository {
        /// `--estate`.
        estate: PathBuf,
        /// Why.
        #[source]
        source: WriteError,
    },
    /// No file.
    #[error("cannot read {path}; name it with --config, or make an estate with `holdfast init`")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not what it should be.
    #[error("{path}: {why}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What the parser said.
        why: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    root: String,
    identity: PathBuf,
    state: PathBuf,
    head: Option<String>,
}

impl Config {
    /// Reads `--config FILE`, or `<gitdir>/holdfast/config.toml`. Relative
    /// paths in it start at the file's own folder.
    pub fn load(estate: &Path, file: Option<&Path>) -> Result<Self, ConfigError> {
        let path = match file {
            Some(file) => file.to_owned(),
            None => git_dir(estate)
                .map_err(|source| ConfigError::NoRepository {
                    estate: estate.to_owned(),
                    source,
                })?
                .join(FOLDER)
                .join("config.toml"),
        };
        let text = fs::read_to_string(&path).map_err(|source| ConfigError::Missing {
            path: path.clone(),
            source,
        })?;
        let read: File = toml::from_str(&text).map_err(|error| ConfigError::Malformed {
            path: path.clone(),
            why: error.to_string(),
        })?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        Ok(Self {
            estate: estate.to_owned(),
            root: CommitId::new(read.root),
            identity: folder.join(read.identity),
            state: folder.join(read.state),
            head: read.head.unwrap_or_else(|| "HEAD".to_owned()),
        })
    }
}
