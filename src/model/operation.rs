//! What can be asked of a hoster, and the three outcomes of asking.

use super::ids::{Epoch, EstateName, ImageName, MachineName, SiteId, StackId};
use super::machine::Role;
use super::secret::Secret;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One effect at a hoster.
#[derive(Debug, Clone)]
pub enum Operation {
    /// A new machine, or a free one of the pool.
    Create(Box<CreateMachine>),
    /// Switch on; done when the hoster says it runs.
    PowerOn {
        /// The machine.
        machine: MachineName,
    },
    /// Pull the plug; done when the hoster says it is off.
    PowerOff {
        /// The machine.
        machine: MachineName,
    },
    /// Ask its system to go down, and pull the plug where it does not; done when the hoster says
    /// that it is off.
    ShutDown {
        /// The machine.
        machine: MachineName,
    },
    /// Another type for a machine that is off, with the disk that it has; done when the hoster
    /// says that it is of that type. It may have been switched on by then.
    Resize {
        /// The machine.
        machine: MachineName,
        /// The hoster's name for the type.
        machine_type: String,
    },
    /// Start a machine anew that runs, as by its reset button; done when the hoster did it and
    /// says that it runs. Refused where it is off.
    Reset {
        /// The machine.
        machine: MachineName,
    },
    /// Let the hoster's rescue system be what a machine boots next, once, with its disk beside it and
    /// nothing of it at work. Starts nothing; done when the hoster says that it waits.
    Rescue {
        /// The machine.
        machine: MachineName,
        /// Our public SSH key, in one line.
        key: String,
    },
    /// End that: the next start is from the disk again.
    EndRescue {
        /// The machine.
        machine: MachineName,
        /// Whether it is switched off too, and done only when the hoster says that it is; not where
        /// its own system runs.
        off: bool,
    },
    /// Label as set aside.
    Quarantine {
        /// The machine.
        machine: MachineName,
    },
    /// Destroy the machine of a drill with all that is on it; done when nothing is left. A
    /// machine of any other role is refused.
    Destroy {
        /// The machine.
        machine: MachineName,
    },
}

/// A machine to be made.
#[derive(Debug, Clone)]
pub struct CreateMachine {
    /// Unique in the estate; also the key under which a crash is looked up.
    pub name: MachineName,
    /// Which ordered machine to take, for pools.
    pub take: Option<MachineName>,
    /// Location.
    pub site: SiteId,
    /// The hoster's machine type, where it has types.
    pub machine_type: Option<String>,
    /// Operating system.
    pub image: ImageName,
    /// Who it belongs to.
    pub owner: OwnerLabel,
    /// cloud-init user data with the host key we made (S13: never logged).
    pub user_data: Secret,
}

/// The ownership label (S7): only what carries it is ever touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerLabel {
    /// The estate.
    pub estate: EstateName,
    /// What the machine is for.
    pub role: Role,
    /// The stack, for production.
    pub stack: Option<StackId>,
    /// The epoch it is created for.
    pub epoch: Epoch,
}

/// What came of it. There is no fourth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is so.
    Done(Receipt),
    /// Certainly nothing changed.
    Refused(Refusal),
    /// Look again before doing anything.
    Unknown(Fault),
}

/// Proof of an effect, as the hoster told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The hoster's id of the object.
    pub provider_id: String,
    /// Where the machine answers, when one was made.
    pub address: Option<IpAddr>,
    /// SSH port, when one was made.
    pub port: Option<u16>,
}

/// Why certainly nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The hoster's code, or ours: `resource_unavailable`, `unauthorized`.
    pub code: String,
    /// The hoster's words.
    pub message: String,
    /// Class that drives what happens next.
    pub class: FaultClass,
}

/// Why we do not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What happened.
    pub message: String,
    /// Class that drives what happens next.
    pub class: FaultClass,
}

/// What an error means for what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultClass {
    /// Later it may go.
    Retry,
    /// The hoster has no room; another place may have.
    NoCapacity,
    /// A person must mend it.
    NeedsHuman,
    /// Ours.
    Bug,
}
