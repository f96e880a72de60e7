//! What this computer knows of an estate and never commits: the trusted root,
//! where the identity and the journal are.

use crate::decide::schema::{self, Kind, words};
use crate::model::ids::CommitId;
use crate::model::units::parse_duration;
use crate::world::git::write::{WriteError, git_dir};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// How long this computer waits for others.
    pub patience: Patience,
}

/// `[patience]`: how long the outside may take before it counts as not answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// One complete look at a hoster, retries included.
    pub hoster: Duration,
    /// From the order of a machine until its SSH answers.
    pub first_contact: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            hoster: Duration::from_mins(2),
            first_contact: Duration::from_mins(5),
        }
    }
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

/// Its schema, from the very type that is read.
pub const KIND: Kind = Kind {
    name: "config",
    files: ".git/holdfast/config.toml",
    in_estate: false,
    make: schema::of::<File>,
};

/// What this computer knows of an estate and never commits.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Config")]
struct File {
    /// The first commit that is trusted, by its full id; nothing before it counts.
    root: String,
    /// The reconciler's age identity, which opens the estate's secrets; relative to this file.
    identity: PathBuf,
    /// The journal; relative to this file.
    state: PathBuf,
    /// The reference that is followed.
    #[schemars(extend("default" = "HEAD"))]
    head: Option<String>,
    /// How long this computer waits for others.
    #[serde(default)]
    #[schemars(with = "Option<PatienceTable>")]
    patience: PatienceTable,
}

/// How long the outside may take before it counts as not answering.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PatienceTable {
    /// One complete look at a hoster, retries included.
    #[schemars(with = "Option<words::Duration>", extend("default" = "2m"))]
    hoster: Option<String>,
    /// From the order of a machine until its SSH answers.
    #[schemars(with = "Option<words::Duration>", extend("default" = "5m"))]
    first_contact: Option<String>,
}

impl PatienceTable {
    fn read(&self) -> Result<Patience, String> {
        let usual = Patience::default();
        let or = |name: &str, text: &Option<String>, usual: Duration| match text {
            None => Ok(usual),
            Some(text) => parse_duration(text)
                .map_err(|error| error.to_string())
                .and_then(|d| Duration::try_from(d).map_err(|error| error.to_string()))
                .map_err(|why| format!("[patience] {name}: {why}")),
        };
        Ok(Patience {
            hoster: or("hoster", &self.hoster, usual.hoster)?,
            first_contact: or("first_contact", &self.first_contact, usual.first_contact)?,
        })
    }
}

impl Config {
    /// What this computer accepted before, beside the journal.
    pub fn seen(&self) -> PathBuf {
        self.state.with_file_name("seen")
    }

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
        let patience = read.patience.read().map_err(|why| ConfigError::Malformed {
            path: path.clone(),
            why,
        })?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        Ok(Self {
            estate: estate.to_owned(),
            root: CommitId::new(read.root),
            identity: folder.join(read.identity),
            state: folder.join(read.state),
            head: read.head.unwrap_or_else(|| "HEAD".to_owned()),
            patience,
        })
    }
}
