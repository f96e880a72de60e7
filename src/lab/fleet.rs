//! What the lab's hoster interfaces need of the machines behind them.
//!
//! The interfaces (Hetzner Cloud, later others) speak this trait only; the
//! machines themselves are nspawn containers (`machine.rs`).

use async_trait::async_trait;
use std::net::Ipv4Addr;

/// A machine to be built: its disk from an image, its first boot from cloud-init.
#[derive(Debug, Clone)]
pub struct MachineSpec {
    /// Unique within the lab, a DNS label, at most 40 characters.
    pub name: String,
    /// The hoster whose subnet it joins: `hetzner`, `netcup`, `ionos`.
    pub hoster: String,
    /// Image name: `debian-12` or `debian-13`.
    pub image: String,
    /// Given to the real cloud-init on first boot, as it stands.
    pub user_data: String,
    /// Public SSH keys for root, given to cloud-init as instance metadata.
    pub authorized_keys: Vec<String>,
    /// How large it is, where its hoster sells types.
    pub size: Option<MachineSize>,
}

/// A size that a hoster sells.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MachineSize {
    /// The hoster's name for it.
    pub name: String,
    /// Processors.
    pub cores: u32,
    /// GiB.
    pub memory: u32,
}

impl MachineSize {
    /// The option of `systemd-nspawn` that gives a machine as many processors as its size has, if
    /// this computer has more.
    pub fn processors(&self) -> Option<String> {
        let cores = usize::try_from(self.cores).ok()?;
        let here = std::thread::available_parallelism().map_or(1, usize::from);
        (cores < here).then(|| format!("--cpu-affinity=0-{}", cores.saturating_sub(1)))
    }
}

/// What can be said of a machine from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Power {
    /// Its first process lives.
    Running,
    /// The disk is there, no process lives.
    Off,
    /// The disk is gone (`holdfast lab destroy`); it can never be started again.
    Destroyed,
}

/// Why the lab could not do it.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// No machine of that name.
    #[error("the lab has no machine named {name:?}")]
    NoSuchMachine {
        /// As asked for.
        name: String,
    },
    /// The subnet has no address left.
    #[error("no address left at hoster {hoster:?}")]
    NoCapacity {
        /// The hoster whose subnet is full.
        hoster: String,
    },
    /// The disk is gone.
    #[error("the disk of machine {name:?} is gone")]
    DiskGone {
        /// The machine.
        name: String,
    },
    /// A command or file operation of this computer failed.
    #[error("{action}: {detail}")]
    Failed {
        /// What was tried.
        action: String,
        /// What the system said.
        detail: String,
    },
}

/// Machines of one lab. Every call returns when its effect is there.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Reserves an address and makes the disk; does not start the machine.
    async fn create(&self, spec: &MachineSpec) -> Result<Ipv4Addr, FleetError>;
    /// Starts a machine that is off; nothing if it runs.
    async fn power_on(&self, name: &str) -> Result<(), FleetError>;
    /// Starts another, clean system in the place of a machine that is off, with a host key of its own
    /// and these keys for root; the machine's disk stands beside it. Nothing if it runs.
    async fn start_rescue(&self, name: &str, keys: &[String]) -> Result<(), FleetError>;
    /// Ends it at once, as if the cable were pulled; nothing if it is off.
    async fn power_off(&self, name: &str) -> Result<(), FleetError>;
    /// Asks the system to shut down and waits at most 30 s, then returns either way.
    async fn shutdown(&self, name: &str) -> Result<(), FleetError>;
    /// A fresh disk from `image` for a machine that is off; same address.
    async fn rebuild(&self, name: &str, image: &str) -> Result<(), FleetError>;
    /// Another size for a machine that is off; it shows from its next start on.
    async fn resize(&self, name: &str, size: &MachineSize) -> Result<(), FleetError>;
    /// Ends it and removes its disk, address and network.
    async fn delete(&self, name: &str) -> Result<(), FleetError>;
    /// Looked up afresh each time.
    async fn power(&self, name: &str) -> Result<Power, FleetError>;
    /// How many more machines this hoster's subnet can take.
    async fn capacity(&self, hoster: &str) -> Result<usize, FleetError>;
}
