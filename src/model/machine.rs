//! A Linux machine: what it should be, what it is, and what must change.

use super::blueprint::{Engine, Hooks, When};
use super::ids::{Epoch, HostName, ImageName, ServiceName, StackId};
use super::secret::Secret;
use super::units::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// Lower-case hexadecimal SHA-256.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Digest(pub String);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a machine is for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs a customer's services.
    Production,
    /// Holds recovery points of stacks.
    Backup,
    /// Proves that a recovery point comes back; nobody is ever let in, and then it is destroyed.
    Drill,
}

impl Role {
    /// The word in labels and identity files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Backup => "backup",
            Self::Drill => "drill",
        }
    }
    /// The role of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "production" => Some(Self::Production),
            "backup" => Some(Self::Backup),
            "drill" => Some(Self::Drill),
            _ => None,
        }
    }
}

/// All that a machine should be, rendered; the same input gives the same bytes.
#[derive(Debug, Clone)]
pub struct MachineManifest {
    /// What it is for.
    pub role: Role,
    /// The stack, for production.
    pub stack: Option<StackId>,
    /// Debian packages of the base layer, needed first (restic, nftables).
    pub tools: Vec<String>,
    /// All further Debian packages.
    pub packages: Vec<String>,
    /// Managed files, sorted by path.
    pub files: Vec<ManagedFile>,
    /// Directories that must exist.
    pub directories: Vec<ManagedDirectory>,
    /// Units that are enabled and running.
    pub units: Vec<String>,
    /// TCP ports behind the gate.
    pub ports: Vec<u16>,
    /// What runs on it.
    pub services: Vec<ServiceRuntime>,
}

/// A file whose content is ours.
#[derive(Debug, Clone)]
pub struct ManagedFile {
    /// Absolute path.
    pub path: String,
    /// What stands in it.
    pub content: Content,
    /// Of the content.
    pub digest: Digest,
    /// Octal, four digits.
    pub mode: String,
    /// Name.
    pub owner: String,
    /// Name.
    pub group: String,
    /// Order.
    pub when: When,
    /// Units reloaded or restarted when it changed.
    pub restarts: Vec<String>,
}

/// What stands in a managed file. What is equal on a thousand machines is held once.
#[derive(Debug, Clone)]
pub enum Content {
    /// Part of this program.
    Program(&'static str),
    /// A blueprint's script, as it is.
    Blueprint(Arc<str>),
    /// Rendered for one machine; may hold secrets.
    Rendered(Secret),
}

impl Content {
    /// The bytes, for the one place that must send them.
    pub fn expose(&self) -> &[u8] {
        match self {
            Self::Program(text) => text.as_bytes(),
            Self::Blueprint(text) => text.as_bytes(),
            Self::Rendered(bytes) => bytes.expose(),
        }
    }
    /// The bytes as text, where they are text.
    pub fn expose_text(&self) -> Option<&str> {
        std::str::from_utf8(self.expose()).ok()
    }
}

impl From<&'static str> for Content {
    fn from(text: &'static str) -> Self {
        Self::Program(text)
    }
}

impl From<Arc<str>> for Content {
    fn from(text: Arc<str>) -> Self {
        Self::Blueprint(text)
    }
}

impl From<Secret> for Content {
    fn from(bytes: Secret) -> Self {
        Self::Rendered(bytes)
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Rendered(Secret::new(text))
    }
}

/// A directory that must exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedDirectory {
    /// Absolute path.
    pub path: String,
    /// Octal, four digits.
    pub mode: String,
    /// Name.
    pub owner: String,
    /// Name.
    pub group: String,
}

/// What must be known of a service at run time.
#[derive(Debug, Clone)]
pub struct ServiceRuntime {
    /// Its name.
    pub name: ServiceName,
    /// Its DNS name.
    pub host: HostName,
    /// Databases, password rendered.
    pub databases: Vec<DatabaseRuntime>,
    /// Declared directories of state.
    pub state: Vec<ManagedDirectory>,
    /// Paths that it writes and makes again by itself.
    pub expendable: Vec<String>,
    /// `KEY='value'` lines for hooks and check scripts.
    pub environment: Secret,
    /// Its scripts.
    pub hooks: Hooks,
    /// Functional checks, rendered.
    pub checks: Vec<super::blueprint::Check>,
}

/// A database of a service.
#[derive(Debug, Clone)]
pub struct DatabaseRuntime {
    /// Engine.
    pub engine: Engine,
    /// Database name.
    pub name: String,
    /// Owning role.
    pub owner: String,
    /// The role's password.
    pub password: Secret,
}

/// How a production machine reaches its repository on its backup machine.
#[derive(Debug, Clone)]
pub struct BackupAccess {
    /// Where rest-server answers.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Its user, who may only add to the repository of the same name.
    pub user: String,
    /// That user's password.
    pub password: Secret,
    /// What the repository is encrypted with; never on the backup machine.
    pub repository_password: Secret,
    /// The one certificate we accept from it.
    pub ca_pem: String,
}

/// How far a machine has come; written on the machine at `/etc/holdfast/stage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Nothing of ours yet.
    Blank,
    /// Tools, packages, files are coming; no data.
    Building,
    /// State is there: initialised or restored, after-hooks done.
    Loaded,
    /// Functional checks passed on that state, closed.
    Proven,
    /// Opened for users at least once. Nothing may be restored here any more (S4).
    Opened,
    /// Closed for good: another machine has taken over.
    Retired,
}

/// What one round trip says of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineFacts {
    /// From `/etc/os-release`: `debian-13`.
    pub image: ImageName,
    /// Changes with every boot.
    pub boot_id: String,
    /// The stack it believes to serve.
    pub stack: Option<StackId>,
    /// The estate it believes to belong to.
    pub estate: Option<String>,
    /// Its role.
    pub role: Option<Role>,
    /// Its epoch.
    pub epoch: Option<Epoch>,
    /// How far it has come.
    pub stage: Stage,
    /// Whether its gate lets users in right now.
    pub open: bool,
    /// The recovery point its state came from, if any.
    pub restored_from: Option<String>,
    /// Versions of the packages asked about; missing means not installed.
    pub packages: BTreeMap<String, String>,
    /// Files asked about; missing means not there.
    pub files: BTreeMap<String, FileFact>,
    /// Directories asked about (digest empty); missing means not there.
    pub directories: BTreeMap<String, FileFact>,
    /// Units asked about.
    pub units: BTreeMap<String, UnitFact>,
    /// Bytes free on `/`.
    pub disk_free: Bytes,
    /// Size of `/`.
    pub disk_size: Bytes,
    /// What its clock said, in milliseconds since 1970.
    #[serde(default)]
    pub clock_ms: Option<i64>,
    /// How far its clock is ahead of ours, in milliseconds; negative: behind. As far as the time
    /// that the question and the answer took lets anybody say.
    #[serde(default)]
    pub ahead_ms: i64,
    /// Milliseconds of work on the machine for this answer.
    pub took_ms: u64,
}

/// A file as found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFact {
    /// SHA-256 of the content; empty for directories.
    pub digest: Digest,
    /// Octal, four digits.
    pub mode: String,
    /// Name.
    pub owner: String,
    /// Name.
    pub group: String,
}

/// A unit as found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitFact {
    /// `systemctl is-active` says active.
    pub active: bool,
    /// Starts at boot.
    pub enabled: bool,
}

/// One thing to converge on a machine, with what was found instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum Change {
    /// A package is missing.
    InstallPackage {
        /// Its name.
        package: String,
    },
    /// A directory is missing or has other rights.
    MakeDirectory {
        /// Its path.
        path: String,
        /// What was found: "missing", "mode 0755 instead of 0700".
        found: String,
    },
    /// A file is missing or differs.
    WriteFile {
        /// Its path.
        path: String,
        /// What was found: "missing", "content differs", "mode 0644 instead of 0640".
        found: String,
    },
    /// A unit is stopped or not enabled.
    StartUnit {
        /// Its name.
        unit: String,
        /// What was found: "stopped", "not enabled".
        found: String,
    },
}

impl Change {
    /// What it is about, whatever was found: `unit nginx.service`.
    pub fn subject(&self) -> String {
        match self {
            Self::InstallPackage { package } => format!("package {package}"),
            Self::MakeDirectory { path, .. } => format!("directory {path}"),
            Self::WriteFile { path, .. } => format!("file {path}"),
            Self::StartUnit { unit, .. } => format!("unit {unit}"),
        }
    }
}
