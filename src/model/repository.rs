//! A repository and the keys that open it.

use super::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Whose key it is. Any of them opens everything; each can be taken away by itself.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum KeyRole {
    /// On the production machine, beside credentials that can only append.
    Production,
    /// Where points are read back, verified and forgotten; never on a production machine.
    Maintenance,
    /// For the day when neither production nor the reconciler is left; on no machine.
    Escrow,
}

impl KeyRole {
    /// All of them, in the order in which they are named.
    pub const ALL: [Self; 3] = [Self::Production, Self::Maintenance, Self::Escrow];

    /// The word that `restic key list` shows.
    pub fn word(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Maintenance => "maintenance",
            Self::Escrow => "escrow",
        }
    }
}

impl fmt::Display for KeyRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The passwords of one repository.
#[derive(Debug, Clone)]
pub struct RepositoryKeys {
    /// Of [`KeyRole::Production`].
    pub production: Secret,
    /// Of [`KeyRole::Maintenance`].
    pub maintenance: Secret,
    /// Of [`KeyRole::Escrow`].
    pub escrow: Secret,
}

impl RepositoryKeys {
    /// The password of one.
    pub fn of(&self, role: KeyRole) -> &Secret {
        match role {
            KeyRole::Production => &self.production,
            KeyRole::Maintenance => &self.maintenance,
            KeyRole::Escrow => &self.escrow,
        }
    }
}

/// What the key files of a repository show without opening it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeysSeen {
    /// Keys whose file is gone, damaged, or was never made.
    pub missing: Vec<KeyRole>,
    /// Key files that nobody here made, or that are damaged.
    pub strangers: u64,
}

impl KeysSeen {
    /// All there, and none besides.
    pub fn in_order(&self) -> bool {
        self.missing.is_empty() && self.strangers == 0
    }
}
