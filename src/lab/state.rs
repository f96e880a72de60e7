//! What a lab remembers: a directory, one JSON file for the lab and one for each machine.
//!
//! Changes are made under file locks, which the kernel lets go of when a process ends
//! in any way.

use super::LabError;
use super::command::failed;
use super::faults::Faults;
use super::files::{read, write_atomically};
use super::fleet::{FleetError, MachineSize};
use super::mirror::Mirrors;
use super::names::LabName;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// How a hoster of the lab is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Servers are ordered through its interface.
    Api,
    /// Servers were ordered beforehand and are reached by SSH only.
    Pool,
}

/// A hoster of the lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hoster {
    /// `hetzner`, `netcup`, `ionos`.
    pub name: String,
    /// How it is reached.
    pub kind: Kind,
    /// The third byte of its subnet.
    pub index: u8,
}

/// The hosters a lab can have. The index never changes, whatever selection is made.
pub fn known_hosters() -> [Hoster; 3] {
    let hoster = |name: &str, kind, index| Hoster {
        name: name.to_owned(),
        kind,
        index,
    };
    [
        hoster("hetzner", Kind::Api, 1),
        hoster("netcup", Kind::Pool, 2),
        hoster("ionos", Kind::Pool, 3),
    ]
}

/// What is fixed for a lab's life, `lab.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LabRecord {
    /// Its name.
    pub name: LabName,
    /// The second byte of its network 10.n.0.0/16.
    pub network: u8,
    /// Its hosters.
    pub hosters: Vec<Hoster>,
    /// How many machines stand in each pool.
    pub pool_size: usize,
    /// Where images get their packages.
    pub mirrors: Mirrors,
    /// Where the interface listens; the same again when the daemon is started again.
    pub endpoint: SocketAddr,
    /// The interface's bearer token.
    pub token: String,
    /// The name server's port, on 127.0.0.1 and on each gateway.
    pub dns_port: u16,
    /// The zone it answers for, with a dot at its end.
    pub zone: String,
    /// The TSIG secret, in base64 (RFC 8945).
    pub tsig_secret: String,
    /// Public keys that may log in to pool machines as root.
    pub authorized_keys: Vec<String>,
}

impl LabRecord {
    /// The hoster of that name.
    pub fn hoster(&self, name: &str) -> Option<&Hoster> {
        self.hosters.iter().find(|hoster| hoster.name == name)
    }

    /// The gateway of a hoster's subnet: this computer's address in it.
    pub fn gateway(&self, hoster: &Hoster) -> Ipv4Addr {
        Ipv4Addr::new(10, self.network, hoster.index, 1)
    }

    /// A hoster's subnet in CIDR notation.
    pub fn subnet(&self, hoster: &Hoster) -> String {
        format!("10.{}.{}.0/24", self.network, hoster.index)
    }
}

/// A machine, `machines/<name>/machine.json`. Readable by root only: the user data holds keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MachineRecord {
    /// Its name.
    pub name: String,
    /// Its hoster.
    pub hoster: String,
    /// Its image's name.
    pub image: String,
    /// Where that image lies; stays the same when a newer recipe comes.
    pub image_path: PathBuf,
    /// Its address, for as long as it exists.
    pub address: Ipv4Addr,
    /// What cloud-init takes as this machine's identity.
    pub instance_id: String,
    /// Given to cloud-init.
    pub user_data: String,
    /// Given to cloud-init.
    pub authorized_keys: Vec<String>,
    /// How large it is, where its hoster sells types.
    #[serde(default)]
    pub size: Option<MachineSize>,
    /// The public host key, where the lab made it (pools).
    pub host_key: Option<String>,
    /// Whether its disk is gone for good.
    pub destroyed: bool,
}

/// The directory of one lab.
#[derive(Debug, Clone)]
pub struct Place {
    /// The lab's name.
    pub name: LabName,
    /// The directory.
    pub dir: PathBuf,
}

impl Place {
    /// The place of the lab `name` below `base`.
    pub fn new(base: &Path, name: &LabName) -> Self {
        Self {
            name: name.clone(),
            dir: base.join(name.as_str()),
        }
    }

    /// The lab's record, or none when the lab was never brought up.
    pub fn record(&self) -> Result<Option<LabRecord>, FleetError> {
        read(&self.dir.join("lab.json"))
    }

    /// The lab's record.
    ///
    /// # Errors
    /// [`LabError::NoSuchLab`] when it was never brought up.
    pub fn expect_record(&self) -> Result<LabRecord, LabError> {
        self.record()?.ok_or_else(|| LabError::NoSuchLab {
            name: self.name.to_string(),
        })
    }

    /// Writes the lab's record.
    pub fn keep(&self, record: &LabRecord) -> Result<(), FleetError> {
        write_atomically(&self.dir.join("lab.json"), record)
    }

    /// Where a machine's files are.
    pub fn machine_dir(&self, machine: &str) -> PathBuf {
        self.dir.join("machines").join(machine)
    }

    /// A machine's record, if there is such a machine.
    pub fn machine(&self, name: &str) -> Result<Option<MachineRecord>, FleetError> {
        if !super::names::is_label(name, 40) {
            return Ok(None);
        }
        read(&self.machine_dir(name).join("machine.json"))
    }

    /// Writes a machine's record.
    pub fn keep_machine(&self, record: &MachineRecord) -> Result<(), FleetError> {
        write_atomically(&self.machine_dir(&record.name).join("machine.json"), record)
    }

    /// All machines, by name.
    pub fn machines(&self) -> Result<Vec<MachineRecord>, FleetError> {
        let Ok(entries) = fs::read_dir(self.dir.join("machines")) else {
            return Ok(Vec::new());
        };
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        let mut found = Vec::new();
        for name in names {
            found.extend(self.machine(&name)?);
        }
        Ok(found)
    }

    /// The outages that were asked for.
    pub fn faults(&self) -> Faults {
        Faults::at(self.dir.join("faults.json"))
    }

    /// The interface's own memory.
    pub fn interface_state(&self) -> PathBuf {
        self.dir.join("hetzner.json")
    }

    /// Waits until nobody else changes `subject` (the lab itself: `""`, or a machine),
    /// and keeps others waiting until the lock is dropped.
    pub fn lock(&self, subject: &str) -> Result<Lock, FleetError> {
        Lock::take(&self.dir.join("locks").join(format!("{subject}.lock")))
    }
}

/// A lock on a file, let go when dropped or when the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock on `path`, making the file if need be.
    pub fn take(path: &Path) -> Result<Self, FleetError> {
        let open = || {
            loop {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                let file = OpenOptions::new()
                    .create(true)
                    .truncate(false)
                    .write(true)
                    .mode(0o600)
                    .open(path)?;
                file.lock()?;
                // Who held it before may have removed the file; a lock on that one keeps nobody out.
                if fs::metadata(path).is_ok_and(|there| is_same(&there, &file)) {
                    return Ok::<_, std::io::Error>(file);
                }
            }
        };
        let file = open().map_err(|error| failed(format!("lock {}", path.display()), &error))?;
        Ok(Self { _file: file })
    }
}

fn is_same(there: &fs::Metadata, file: &File) -> bool {
    file.metadata()
        .is_ok_and(|held| held.ino() == there.ino() && held.dev() == there.dev())
}
