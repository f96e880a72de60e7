//! Recovery points and how far each has been proven.

use super::blueprint::Engine;
use super::ids::{Epoch, PointId, ServiceName, StackId};
use super::machine::Digest;
use super::units::Bytes;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far a point has been proven. Each rung is reached only by doing it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Rung {
    /// restic said that it was taken.
    Taken,
    /// Read back from the backup hoster: manifest, canary and every expected path.
    Shipped,
    /// Repository structure and a sample of the data.
    Checked,
    /// Files and databases came back on another machine, counts and digests equal.
    Restored,
    /// The services ran on the restored data and every functional check passed.
    AppVerified,
}

impl Rung {
    /// As it stands in scripts and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Shipped => "shipped",
            Self::Checked => "checked",
            Self::Restored => "restored",
            Self::AppVerified => "app-verified",
        }
    }
}

/// The newest form of a point that this program reads, as the scripts write it.
pub const SCHEMA: u32 = 2;

/// Everything needed to bring a stack back to one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryPoint {
    /// The restic snapshot.
    pub id: PointId,
    /// Whose.
    pub stack: StackId,
    /// Epoch of the machine that wrote it.
    pub epoch: Epoch,
    /// When it was taken, by the clock of production.
    pub taken_at: Timestamp,
    /// Bytes that a restore would write.
    pub bytes: Bytes,
    /// The furthest rung with evidence.
    pub rung: Rung,
    /// When it arrived, by the clock of the backup machine: production cannot set it (S10).
    /// `None`: the backup machine did not say.
    pub arrived_at: Option<Timestamp>,
    /// What stands for each rung beyond [`Rung::Taken`], as kept beside the repository.
    pub evidence: Vec<Proof>,
    /// Why it cannot be trusted any more: what it rests on was found damaged where it is kept.
    /// Whatever it had proven before, it is never chosen (S11).
    pub damaged: Option<String>,
    /// It was saved from a machine that came back after another had taken its place: what users
    /// wrote there beside those of its successor. Never chosen, kept until people discard it.
    pub aside: bool,
    /// It was taken of a disk that nothing ran on, from its hoster's rescue system: the files as after a
    /// loss of power, and those of databases in place of dumps.
    pub cold: bool,
    /// Version of the form that it was written in. What a newer program wrote holds what this one
    /// would lose: beyond [`SCHEMA`] it is named and never chosen (S11).
    pub schema: u32,
}

/// A part of a point that a person asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Part {
    /// A file, or a folder with all that is in it.
    Path {
        /// Absolute, as it was on production.
        path: String,
    },
    /// A database, whole.
    Database {
        /// What it is a database of.
        engine: Engine,
        /// Its name.
        database: String,
    },
    /// One table of a database, without indexes and constraints.
    Table {
        /// What it is a database of.
        engine: Engine,
        /// The database's name.
        database: String,
        /// `schema.table`; `public` and, in `MariaDB`, the database need not be named.
        table: String,
    },
}

/// What stands for a rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// Which rung it stands for.
    pub rung: Rung,
    /// When it was reached.
    pub at: Timestamp,
    /// SHA-256 of the signed document that says so; `None` where the backup machine itself did it.
    pub document: Option<Digest>,
}

/// The manifest inside a point: what a restore must find again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointManifest {
    /// Version of this format.
    pub schema: u32,
    /// Whose.
    pub stack: StackId,
    /// Epoch of the machine.
    pub epoch: Epoch,
    /// Estate commit that described the machine.
    pub commit: String,
    /// Operating system.
    pub image: String,
    /// When, RFC 3339.
    pub taken_at: Timestamp,
    /// A record written just before; must be found after a restore.
    pub canary: String,
    /// It was taken of a machine that came back, beside those of its successor.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aside: bool,
    /// It was taken of a disk that nothing ran on, from its hoster's rescue system: as after a loss of
    /// power, with the files of databases in place of dumps. Only beside those that count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cold: bool,
    /// Versions of packages that matter: name to version.
    pub packages: BTreeMap<String, String>,
    /// Content per service.
    pub services: BTreeMap<ServiceName, ServiceContent>,
}

fn postgresql() -> Engine {
    Engine::Postgresql
}

/// What one service holds, as counted and digested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct ServiceContent {
    /// Each declared directory, by path.
    pub files: BTreeMap<String, FilesContent>,
    /// Each declared database, by name.
    pub databases: BTreeMap<String, DatabaseContent>,
}

/// A directory tree, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesContent {
    /// Regular files.
    pub count: u64,
    /// Sum of their sizes.
    pub bytes: Bytes,
    /// SHA-256 over the sorted list of `sha256  path` lines.
    pub digest: Digest,
    /// SHA-256 over what the files are beside their bytes: kind, mode, owner and group by name, time,
    /// links, access control lists, attributes. `None`: the machine had no tools to tell them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Digest>,
    /// Files were changing each time they were stored: the numbers are those of just before,
    /// and a restore may differ from them without being wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changing: bool,
}

/// A database, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseContent {
    /// What it is a database of. Points from before it was told are of `PostgreSQL`.
    #[serde(default = "postgresql")]
    pub engine: Engine,
    /// Server version.
    pub server: String,
    /// Collation of the database; empty when not told.
    #[serde(default)]
    pub collation: String,
    /// Size on the server's disk; a load needs about as much.
    #[serde(default)]
    pub bytes: Bytes,
    /// Rows per table, `schema.table`.
    pub rows: BTreeMap<String, u64>,
    /// How many there are of what is not rows: views, routines, triggers, events. Empty where
    /// the engine does not tell.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub objects: BTreeMap<String, u64>,
    /// Those outside of tables; `None`: not counted, or the engine has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub large_objects: Option<LargeObjects>,
    /// What each ascending sequence had reached just before the dump; a restored one stands there
    /// or further on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sequences: BTreeMap<String, i64>,
}

/// Large objects of a database, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeObjects {
    /// How many.
    pub count: u64,
    /// Sum of their lengths.
    pub bytes: Bytes,
}
