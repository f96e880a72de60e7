//! What the interface remembers: servers, SSH keys, actions, in one JSON file.
//!
//! The file is replaced whole.
//! Whether a machine runs is never stored; it is asked of the fleet.
//! `user_data` is not stored either: it carries secrets, and the fleet has it.

use crate::lab::files::replace;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Finished actions kept; the oldest go first.
const ACTIONS_KEPT: usize = 1000;
const VERSION: u32 = 1;

/// The state file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It is there but cannot be read.
    #[error("cannot read the lab's state {path:?}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what this program writes. It is left as it is: taking it for
    /// empty would forget machines that exist.
    #[error("the lab's state {path:?} is not readable as JSON of version {VERSION}")]
    Format {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// It was written by another version of this program.
    #[error("the lab's state {path:?} has version {found}, expected {VERSION}")]
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u32,
    },
    /// It cannot be written.
    #[error("cannot write the lab's state {path:?}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Labels of one object.
pub type Labels = BTreeMap<String, String>;

/// What is being done to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing; what it does is the fleet's word.
    Idle,
    /// Its disk is being made.
    Creating,
    /// It is being started.
    Starting,
    /// Its power is being cut.
    Stopping,
    /// It is going down and up again.
    Restarting,
    /// Its disk is being replaced.
    Rebuilding,
    /// It gets another type.
    Migrating,
    /// It is being removed.
    Deleting,
}

/// A server as ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRecord {
    /// Given by us, never used twice.
    pub id: i64,
    /// Unique among the project's servers; can be changed.
    pub name: String,
    /// The fleet's name of the machine, empty before it is settled; never changes
    /// once the disk is there.
    pub machine: String,
    /// Name of its type in the catalogue.
    pub server_type: String,
    /// GB, where it is not what its type has.
    #[serde(default)]
    pub own_disk: Option<u32>,
    /// Name of its location in the catalogue.
    pub location: String,
    /// Name of the image its disk was made from.
    pub image: String,
    /// When it was ordered.
    pub created: Timestamp,
    /// Known once the disk is made.
    pub address: Option<Ipv4Addr>,
    /// The customer's labels.
    pub labels: Labels,
    /// Protected against deletion and rebuild (both or neither, as the hoster has it).
    pub protected: bool,
    /// What it boots next instead of its disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rescue: Option<RescueRecord>,
    /// What is being done to it.
    pub phase: Phase,
}

/// A rescue system that waits to be booted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RescueRecord {
    /// Public keys for root.
    pub keys: Vec<String>,
    /// Then it is disabled by itself.
    pub until: Timestamp,
}

impl ServerRecord {
    /// The rescue system that it would boot now.
    pub fn rescue_at(&self, now: Timestamp) -> Option<&RescueRecord> {
        self.rescue.as_ref().filter(|rescue| now < rescue.until)
    }
}

/// An SSH key as uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKeyRecord {
    /// Given by us, never used twice.
    pub id: i64,
    /// Unique among the project's keys.
    pub name: String,
    /// MD5 of the key blob, as colon-separated hex.
    pub fingerprint: String,
    /// One line in OpenSSH format.
    pub public_key: String,
    /// The customer's labels.
    pub labels: Labels,
    /// When it was uploaded.
    pub created: Timestamp,
}

/// How far an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionStatus {
    /// Not ended.
    Running,
    /// Ended, its effect is there.
    Success,
    /// Ended without its effect.
    Error,
}

/// Why an action failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionError {
    /// For machines.
    pub code: String,
    /// For people.
    pub message: String,
}

/// Something done to a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionRecord {
    /// Given by us, never used twice.
    pub id: i64,
    /// As the documents name it: `create_server`, `start_server`, …
    pub command: String,
    /// The server it is about, which may be gone since.
    pub server: i64,
    /// How far it is.
    pub status: ActionStatus,
    /// Percent; 100 once it ended well.
    pub progress: u8,
    /// When it was asked for.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Set when it failed.
    pub error: Option<ActionError>,
}

/// Everything remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    version: u32,
    last_id: i64,
    /// By id.
    pub servers: BTreeMap<i64, ServerRecord>,
    /// By id.
    pub ssh_keys: BTreeMap<i64, SshKeyRecord>,
    /// By id.
    pub actions: BTreeMap<i64, ActionRecord>,
}

impl Default for Records {
    fn default() -> Self {
        Self {
            version: VERSION,
            last_id: 0,
            servers: BTreeMap::new(),
            ssh_keys: BTreeMap::new(),
            actions: BTreeMap::new(),
        }
    }
}

impl Records {
    /// The next unused id.
    pub fn new_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// Records a running action on a server and returns its id.
    pub fn begin_action(&mut self, command: &str, server: i64) -> i64 {
        let id = self.new_id();
        let action = ActionRecord {
            id,
            command: command.to_owned(),
            server,
            status: ActionStatus::Running,
            progress: 0,
            started: now(),
            finished: None,
            error: None,
        };
        self.actions.insert(id, action);
        id
    }

    /// Ends an action, well or not.
    pub fn end_action(&mut self, id: i64, end: Result<(), ActionError>) {
        let Some(action) = self.actions.get_mut(&id) else {
            return;
        };
        action.finished = Some(now());
        match end {
            Ok(()) => {
                action.status = ActionStatus::Success;
                action.progress = 100;
            }
            Err(error) => {
                action.status = ActionStatus::Error;
                action.error = Some(error);
            }
        }
    }

    /// After a crash: nothing runs any more, and nobody knows how far it came.
    /// A server whose disk was being made stays `Creating`, for the caller to clear away.
    fn settle(&mut self) {
        let cut_off: Vec<i64> = self
            .actions
            .values()
            .filter(|a| a.status == ActionStatus::Running)
            .map(|a| a.id)
            .collect();
        for id in cut_off {
            let error = ActionError {
                code: "server_error".to_owned(),
                message: "the interface was stopped while the action ran".to_owned(),
            };
            self.end_action(id, Err(error));
        }
        for server in self.servers.values_mut() {
            if server.phase != Phase::Creating {
                server.phase = Phase::Idle;
            }
        }
    }

    fn forget_old_actions(&mut self) {
        let surplus = self.actions.len().saturating_sub(ACTIONS_KEPT);
        let old: Vec<i64> = self
            .actions
            .values()
            .filter(|a| a.status != ActionStatus::Running)
            .map(|a| a.id)
            .take(surplus)
            .collect();
        for id in old {
            self.actions.remove(&id);
        }
    }
}

/// The records and the file they are kept in.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    records: Mutex<Records>,
}

impl Store {
    /// Reads the file; one that does not exist yet is an empty state.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let mut records = match fs::read(path) {
            Ok(bytes) => parse(path, &bytes)?,
            Err(source) if source.kind() == io::ErrorKind::NotFound => Records::default(),
            Err(source) => {
                return Err(StateError::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        records.settle();
        let store = Self {
            path: path.to_owned(),
            records: Mutex::new(Records::default()),
        };
        store.save(&records)?;
        *store.lock() = records;
        Ok(store)
    }

    /// Looks at the records.
    pub fn read<T>(&self, look: impl FnOnce(&Records) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the records: all of it and on disk, or nothing.
    pub fn change<T, E: From<StateError>>(
        &self,
        change: impl FnOnce(&mut Records) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut records = self.lock();
        let mut next = records.clone();
        let result = change(&mut next)?;
        next.forget_old_actions();
        self.save(&next)?;
        *records = next;
        Ok(result)
    }

    /// Notes what has happened already. That stays true when the disk is full, so
    /// it is remembered in memory at least, and the log says so.
    pub fn note(&self, change: impl FnOnce(&mut Records)) {
        let mut records = self.lock();
        change(&mut records);
        if let Err(error) = self.save(&records) {
            tracing::error!(error = &error as &dyn std::error::Error, "lab state");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Records> {
        // A panic cannot leave half a change: `change` works on a copy.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save(&self, records: &Records) -> Result<(), StateError> {
        serde_json::to_vec_pretty(records)
            .map_err(io::Error::from)
            .and_then(|bytes| replace(&self.path, &bytes))
            .map_err(|source| StateError::Write {
                path: self.path.clone(),
                source,
            })
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Records, StateError> {
    let records: Records = serde_json::from_slice(bytes).map_err(|source| StateError::Format {
        path: path.to_owned(),
        source,
    })?;
    if records.version == VERSION {
        Ok(records)
    } else {
        Err(StateError::Version {
            path: path.to_owned(),
            found: records.version,
        })
    }
}

/// Now, to the second, as the interface shows times.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
