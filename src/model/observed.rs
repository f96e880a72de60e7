//! What was seen of the world at one moment, and what could not be seen.

use super::desired::Size;
use super::gap::Gap;
use super::given::Given;
use super::ids::{Epoch, HostName, HosterId, ImageName, MachineName, SiteId, StackId};
use super::machine::{MachineFacts, Role};
use super::point::RecoveryPoint;
use super::repository::KeysSeen;
use super::vault::Vault;
use super::verification::Verification;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The world as seen. A map entry that is missing was not asked for; an `Err` could not be seen.
#[derive(Debug, Clone)]
pub struct Observed {
    /// When looking began.
    pub at: Timestamp,
    /// What each hoster says we own there.
    pub hosters: BTreeMap<HosterId, Result<Inventory, Gap>>,
    /// What our running machines say of themselves.
    pub machines: BTreeMap<MachineName, Result<MachineFacts, Gap>>,
    /// Recovery points per stack, from the repository on the backup machine that its file
    /// names. `Ok(empty)` means: looked, none there.
    pub points: BTreeMap<StackId, Result<Vec<RecoveryPoint>, Gap>>,
    /// The same from backup machines that a stack's file named before.
    pub former: BTreeMap<StackId, Former>,
    /// Key files of the repository that each stack's points go to. A stack is missing here where
    /// there is no repository, and where none could be looked at: `points` tells which.
    pub keys: BTreeMap<StackId, KeysSeen>,
    /// What the readings of that repository have come to, per stack, as kept beside it. A stack
    /// whose record could not be seen has no entry, and its points are a gap.
    pub verified: BTreeMap<StackId, Verification>,
    /// What backup machines say of themselves and of what they keep beside the points.
    pub vaults: BTreeMap<MachineName, Result<Vault, Gap>>,
    /// What names lead to, from their authoritative server.
    pub names: BTreeMap<HostName, Result<SeenName, Gap>>,
}

/// What its authoritative server says of a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeenName {
    /// Where it leads; empty: nowhere.
    pub addresses: Vec<IpAddr>,
    /// For how many seconds others may remember that; `None`: it leads nowhere, or nobody asked.
    pub ttl: Option<u32>,
    /// Whom it was given to, by the records beside it that carry our seal.
    pub given: Vec<Given>,
}

impl SeenName {
    /// One that leads there and nowhere else.
    pub fn leads_to(&self, address: IpAddr) -> bool {
        self.addresses == [address]
    }
}

/// What the backup machines hold that a stack's file no longer names.
pub type Former = BTreeMap<MachineName, Result<Vec<RecoveryPoint>, Gap>>;

/// A hoster's word on what we own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Inventory {
    /// Machines with our ownership label.
    pub machines: Vec<SeenMachine>,
    /// Ordered machines that nobody uses, for pools.
    pub free: Vec<FreeMachine>,
    /// Machines that could not be seen (a pool machine that does not answer).
    pub unseen: Vec<Unseen>,
}

/// A machine that stands there and could not be read: it may be one of ours (S1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// The hoster's own id.
    pub provider_id: String,
    /// Why it could not.
    pub gap: Gap,
}

impl Inventory {
    /// Why the machine with this id of the hoster's could not be seen; `None`: it is listed, or
    /// it is not there.
    pub fn unseen(&self, provider_id: &str) -> Option<&Gap> {
        let unseen = self.unseen.iter();
        let mut of_it = unseen.filter(|unseen| unseen.provider_id == provider_id);
        of_it.next().map(|unseen| &unseen.gap)
    }
}

/// A machine we own, as its hoster describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenMachine {
    /// Our name for it.
    pub name: MachineName,
    /// The hoster's own id.
    pub provider_id: String,
    /// Where it stands.
    pub hoster: HosterId,
    /// Location, if told.
    pub site: Option<SiteId>,
    /// What it is for.
    pub role: Role,
    /// The stack, for production.
    pub stack: Option<StackId>,
    /// The epoch it was created for.
    pub epoch: Epoch,
    /// Its operating system, if told.
    pub image: Option<ImageName>,
    /// What it has, where its hoster sells types and tells.
    pub hardware: Option<Hardware>,
    /// Whether it was set aside after another took over.
    pub quarantined: bool,
    /// Power, by the hoster's word.
    pub power: Power,
    /// Where SSH answers.
    pub address: IpAddr,
    /// SSH port.
    pub port: u16,
}

/// What a machine has, by its hoster's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    /// The hoster's name for its type.
    pub machine_type: String,
    /// Processors, memory, and its disk, which may be smaller than the type's.
    pub size: Size,
}

/// Power, by the hoster's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Power {
    /// On, or coming up.
    On,
    /// Off, confirmed by the interface.
    Off,
    /// The interface cannot say (pools), or says something we do not know.
    Unknown,
}

/// An ordered machine that nobody uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeMachine {
    /// Its name at the hoster.
    pub name: MachineName,
    /// Location.
    pub site: SiteId,
    /// What it runs.
    pub image: ImageName,
    /// Where SSH answers.
    pub address: IpAddr,
    /// SSH port.
    pub port: u16,
}
