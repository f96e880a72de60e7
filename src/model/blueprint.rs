//! How an application is installed, what state it has, how it is checked: data from `stacks/blueprints/`.

use super::ids::{BlueprintId, ImageName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A blueprint, read and complete. Texts may hold minijinja expressions until rendered.
#[derive(Debug, Clone)]
pub struct Blueprint {
    /// Folder name and `[blueprint] id`.
    pub id: BlueprintId,
    /// Of the blueprint, not of the application.
    pub version: u32,
    /// One line for people.
    pub summary: String,
    /// At most one service of this blueprint per machine.
    pub single: bool,
    /// Images it runs on, with that image's template variables.
    pub images: BTreeMap<ImageName, BTreeMap<String, String>>,
    /// Debian packages.
    pub packages: Vec<String>,
    /// Public TCP ports, closed until the gate opens.
    pub ports: Vec<u16>,
    /// What a stack may or must set.
    pub settings: Vec<Setting>,
    /// Generated secrets, by name.
    pub secrets: Vec<String>,
    /// Managed files.
    pub files: Vec<BlueprintFile>,
    /// Units that are enabled and running.
    pub units: Vec<String>,
    /// Declared state: databases.
    pub databases: Vec<Database>,
    /// Declared state: directories.
    pub state: Vec<StateFiles>,
    /// Paths that the application writes and that need not come back: it makes them again.
    pub expendable: Vec<String>,
    /// Its scripts.
    pub hooks: Hooks,
    /// Functional checks.
    pub checks: Vec<Check>,
}

/// Scripts that run at moments of a service's life; their texts, which all machines share.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hooks {
    /// First installation.
    pub init: Option<Arc<str>>,
    /// After files and databases came back.
    pub after_restore: Option<Arc<str>>,
    /// Before databases are dumped and files are read; if it fails there is no point.
    pub before_backup: Option<Arc<str>>,
    /// After both, whatever came of them.
    pub after_backup: Option<Arc<str>>,
}

impl Hooks {
    /// Those that there are, under the names they have on a machine.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &Arc<str>)> {
        [
            ("init", &self.init),
            ("after-restore", &self.after_restore),
            ("before-backup", &self.before_backup),
            ("after-backup", &self.after_backup),
        ]
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.as_ref()?)))
    }
}

/// A setting; without default the stack must set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Key.
    pub name: String,
    /// Used when the stack is silent.
    pub default: Option<String>,
}

/// When a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Steers the packages' own installation.
    BeforePackages,
    /// The ordinary case.
    #[default]
    AfterPackages,
}

/// A managed file.
#[derive(Debug, Clone)]
pub struct BlueprintFile {
    /// Absolute path.
    pub path: String,
    /// Text of the template.
    pub template: String,
    /// Octal mode, four digits.
    pub mode: String,
    /// Owner's name.
    pub owner: String,
    /// Group's name.
    pub group: String,
    /// Order.
    pub when: When,
    /// Units reloaded or restarted when it changed.
    pub restarts: Vec<String>,
}

/// Database engines we dump and load.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// `PostgreSQL`, by `pg_dump -Fd`.
    Postgresql,
    /// `MariaDB`, by `mariadb-dump --single-transaction`.
    Mariadb,
}

impl Engine {
    /// All that there are.
    pub const ALL: [Self; 2] = [Self::Postgresql, Self::Mariadb];

    /// The engine of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.word() == word)
    }
    /// Databases and users that are the server's own: none of a stack's has such a name.
    pub fn reserved(self) -> &'static [&'static str] {
        match self {
            Self::Postgresql => &["postgres", "template0", "template1"],
            Self::Mariadb => &[
                "information_schema",
                "mariadb",
                "mysql",
                "performance_schema",
                "root",
                "sys",
            ],
        }
    }
    /// The word in blueprints, manifests and the scripts' input.
    pub fn word(self) -> &'static str {
        match self {
            Self::Postgresql => "postgresql",
            Self::Mariadb => "mariadb",
        }
    }
}

/// A declared database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Engine.
    pub engine: Engine,
    /// Database name.
    pub name: String,
    /// Owning role.
    pub owner: String,
    /// Name of the generated secret that is the role's password.
    pub password: String,
}

/// A declared directory of state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFiles {
    /// Absolute path.
    pub path: String,
    /// Owner of the directory itself.
    pub owner: String,
    /// Group of the directory itself.
    pub group: String,
}

/// A functional check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// For people.
    pub name: String,
    /// What is asked.
    pub kind: CheckKind,
}

/// Kinds of functional checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckKind {
    /// GET on 127.0.0.1 with the service's `Host` header.
    Http {
        /// Path and query.
        path: String,
        /// Expected status.
        status: u16,
        /// Text that the body must contain.
        contains: Option<String>,
    },
    /// A script; exit 0 passes, otherwise its standard error says why.
    Script {
        /// Its text, which all machines share.
        text: Arc<str>,
    },
}
