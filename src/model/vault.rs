//! What a backup machine says of itself and of what it keeps, beyond the points.

use super::ids::{PointId, StackId};
use super::units::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A backup machine, as it sees itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vault {
    /// Bytes free where the repositories lie.
    pub disk_free: Bytes,
    /// Size of that file system.
    pub disk_size: Bytes,
    /// What it keeps for each stack that was asked about.
    pub stacks: BTreeMap<StackId, Holdings>,
}

/// What a backup machine keeps for one stack, beside its points.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Holdings {
    /// Files that were moved out of the repository because they are nobody's, by kind (`index`,
    /// `keys`): until a person has looked at them and taken them away.
    pub aside: BTreeMap<String, u64>,
    /// What each point that was read back looks like.
    pub shapes: BTreeMap<PointId, Shape>,
    /// Records beside the repository that nobody can read: what their points look like is not known.
    #[serde(default)]
    pub unreadable: Vec<String>,
}

/// What a point looks like from outside: enough to see that something is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Files in it, dumps included; counted in the repository.
    pub files: u64,
    /// Their bytes; counted in the repository.
    pub bytes: Bytes,
    /// Rows of all its databases, as its manifest says; `None`: it has none.
    pub rows: Option<u64>,
    /// Nobody could look at what arrived with it, because the repository was at work.
    #[serde(default)]
    pub unlooked: bool,
    /// Bytes that were new to the repository with it; `None`: nobody can say.
    pub added: Option<Bytes>,
    /// The same after compression: what is encrypted does not get smaller.
    pub packed: Option<Bytes>,
    /// What it holds: `files /var/lib/notes`, `database notes`.
    pub holds: BTreeSet<String>,
}
