//! What a step does, with its verb and the machine that it concerns.

use super::Source;
use crate::model::diagnostic::Place;
use crate::model::ids::{
    Epoch, HostName, HosterId, ImageName, MachineName, PointId, ServiceName, SiteId,
};
use crate::model::machine::{Change, Role};
use crate::model::point::{Part, Rung};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Action {
    /// Rent a machine, or take an ordered one, with the host key we made.
    Create {
        /// Its name.
        machine: MachineName,
        /// Which ordered machine, for pools.
        take: Option<MachineName>,
        /// At.
        hoster: HosterId,
        /// Location.
        site: SiteId,
        /// Machine type, where there are types.
        machine_type: Option<String>,
        /// Operating system.
        image: ImageName,
        /// What it is for.
        role: Role,
        /// Epoch.
        epoch: Epoch,
    },
    /// First contact; the base tools; the gate is closed.
    Prepare {
        /// The machine.
        machine: MachineName,
    },
    /// All packages and files of the manifest, on a new machine.
    Install {
        /// The machine.
        machine: MachineName,
    },
    /// Mend what differs on a machine that is in use.
    Converge {
        /// The machine.
        machine: MachineName,
        /// What differs.
        changes: Vec<Change>,
    },
    /// First installation into empty state. Only where no state ever was (S15).
    Initialise {
        /// The machine.
        machine: MachineName,
    },
    /// A point into a fresh path of the new machine while the old one still serves, so that after
    /// its closing only what has changed since is fetched.
    Precopy {
        /// The new machine.
        machine: MachineName,
        /// From.
        source: Source,
    },
    /// The point's files and dumps into a fresh path of the new machine.
    Fetch {
        /// The machine.
        machine: MachineName,
        /// From.
        source: Source,
    },
    /// Databases loaded, files put in place, counts and digests compared, after-hooks.
    Load {
        /// The machine.
        machine: MachineName,
        /// From.
        source: Source,
    },
    /// Functional checks while closed.
    Check {
        /// The machine.
        machine: MachineName,
        /// Services.
        services: Vec<ServiceName>,
    },
    /// No user gets in any more; services stop writing.
    Close {
        /// The machine.
        machine: MachineName,
    },
    /// Switch on a machine that its hoster says is off.
    PowerOn {
        /// The machine.
        machine: MachineName,
    },
    /// Ask a closed machine's system to go down, and wait until its hoster says that it is off.
    ShutDown {
        /// The machine.
        machine: MachineName,
    },
    /// Give a machine that is off another type, in place: the same disk, and the same epoch.
    Resize {
        /// The machine.
        machine: MachineName,
        /// The type that it has.
        from: String,
        /// The type that it gets.
        to: String,
    },
    /// Reset a machine that its hoster says is on, and that does not answer.
    Reset {
        /// The machine.
        machine: MachineName,
    },
    /// Switch such a machine off, and on once its hoster says that it is off.
    PowerCycle {
        /// The machine.
        machine: MachineName,
    },
    /// Start a machine anew in order that answers, and that mending again and again did not help.
    Reboot {
        /// The machine.
        machine: MachineName,
        /// What stays wrong on it.
        wrong: Vec<String>,
    },
    /// Boot the rescue system in the place of a machine that is given up, save what is on its disk
    /// beside the points that count, and switch it off. A chance, not a duty: whatever comes of it,
    /// the machine is off afterwards.
    LastChance {
        /// The machine.
        machine: MachineName,
        /// On which backup machine.
        to: MachineName,
    },
    /// Make sure that a machine can no longer write (S2).
    Fence {
        /// The machine.
        machine: MachineName,
        /// How.
        by: FenceBy,
    },
    /// Let users in.
    Open {
        /// The machine.
        machine: MachineName,
        /// Its epoch.
        epoch: Epoch,
        /// The machines that must be fenced; empty only when none ever was.
        fenced: Vec<MachineName>,
    },
    /// Point a name at an address.
    Name {
        /// The name.
        host: HostName,
        /// The machine it will point to.
        machine: MachineName,
        /// For so many seconds others may remember it; `None`: as `estate.toml` says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ttl: Option<u32>,
    },
    /// Change for how long others may remember where a name leads, and not where it leads.
    Ttl {
        /// The name.
        host: HostName,
        /// The machine it points to.
        machine: MachineName,
        /// In seconds.
        seconds: u32,
        /// Before a move, so that few go to the old address after it; otherwise as usual again.
        ahead: bool,
    },
    /// Take a recovery point and read it back.
    Backup {
        /// From.
        machine: MachineName,
        /// On which backup machine.
        to: MachineName,
        /// Before a move closes the machine, so that the last point after it has little to add.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        ahead: bool,
    },
    /// Save what users wrote on a closed machine of an epoch that is over, into a point that is
    /// never chosen by itself, and read it back.
    SaveAside {
        /// From.
        machine: MachineName,
        /// On which backup machine.
        to: MachineName,
    },
    /// Give a stack its own repository on a backup machine.
    Repository {
        /// The backup machine.
        machine: MachineName,
        /// The backup machine whose repository it cuts files like, so that what is copied from
        /// there is not stored twice.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        like: Option<MachineName>,
    },
    /// Set a machine aside: labelled, off, kept.
    Quarantine {
        /// The machine.
        machine: MachineName,
    },
    /// Read a repository where it is kept: its structure, and one part of its data, so that
    /// every byte is read within the cycle. What is found damaged is told, never mended.
    Verify {
        /// The backup machine.
        machine: MachineName,
        /// Which part of the data, from 1.
        part: u32,
        /// Of how many.
        of: u32,
    },
    /// Take these points out of a repository; from the vault side only (S10), never the last
    /// copy (S3), never in doubt (S12).
    Forget {
        /// The backup machine.
        machine: MachineName,
        /// Which, and why each.
        points: Vec<Leaving>,
        /// Beginnings of ids of points that look wrong, and that a signed line calls right.
        right: Vec<String>,
    },
    /// Copy a stack's points from the repository of another backup machine, and check them.
    Copy {
        /// The backup machine that gets them.
        machine: MachineName,
        /// The backup machine that has them.
        from: MachineName,
    },
    /// Delete a stack's repository from a backup machine that the stack no longer names, as a
    /// signed line asks by name (S3).
    Discard {
        /// The backup machine.
        machine: MachineName,
        /// What it holds, copied and checked elsewhere; with anything else in it, it stays.
        points: Vec<PointId>,
    },
    /// Bring one part of a point back beside the live data, never over it (S4).
    Retrieve {
        /// The machine that gets it.
        machine: MachineName,
        /// From which point.
        point: PointId,
        /// What.
        part: Part,
        /// Where to: a path, or the name of a database. It must not exist.
        to: String,
    },
    /// Keep a machine of a drill from talking to anybody.
    Isolate {
        /// The machine.
        machine: MachineName,
    },
    /// Destroy the machine of a drill.
    Destroy {
        /// The machine.
        machine: MachineName,
    },
}

/// A point that is taken out of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Leaving {
    /// Which.
    pub point: PointId,
    /// When it was taken, by the clock of production.
    pub taken_at: Timestamp,
    /// How far it is proven.
    pub rung: Rung,
    /// Why it need not stay.
    pub why: String,
}

/// How a machine is fenced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum FenceBy {
    /// Powered off, confirmed by the hoster's interface.
    PowerOff,
    /// The same for a machine that was given up because it is silent: not if it answers by then.
    PowerOffIfSilent,
    /// Gone by the hoster's own word.
    Gone,
    /// A signed waiver names it.
    Waiver {
        /// The line that says so.
        place: Place,
    },
}

impl Action {
    /// What it mends on a machine in use, each in a word or two.
    pub fn mends(&self) -> Vec<String> {
        match self {
            Self::Converge { changes, .. } => changes.iter().map(Change::subject).collect(),
            Self::Reboot { wrong, .. } => wrong.clone(),
            _ => Vec::new(),
        }
    }

    /// The verb, as it stands in ids, logs and tables.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Prepare { .. } => "prepare",
            Self::Install { .. } => "install",
            Self::Converge { .. } => "converge",
            Self::Initialise { .. } => "initialise",
            Self::Precopy {
                source: Source::Point { .. },
                ..
            } => "pre-copy",
            Self::Precopy { .. } => "catch-up",
            Self::Fetch { .. } => "fetch",
            Self::Load { .. } => "load",
            Self::Check { .. } => "check",
            Self::Close { .. } => "close",
            Self::PowerOn { .. } => "power-on",
            Self::ShutDown { .. } => "shut-down",
            Self::Resize { .. } => "resize",
            Self::Reset { .. } => "reset",
            Self::PowerCycle { .. } => "power-cycle",
            Self::Reboot { .. } => "reboot",
            Self::LastChance { .. } => "last-chance",
            Self::Fence { .. } => "fence",
            Self::Open { .. } => "open",
            Self::Name { .. } => "name",
            Self::Ttl { ahead: true, .. } => "lower-ttl",
            Self::Ttl { .. } => "usual-ttl",
            Self::Backup { ahead: true, .. } => "backup-ahead",
            Self::Backup { .. } => "backup",
            Self::SaveAside { .. } => "save-aside",
            Self::Repository { .. } => "repository",
            Self::Quarantine { .. } => "quarantine",
            Self::Verify { .. } => "verify",
            Self::Forget { .. } => "forget",
            Self::Copy { .. } => "copy",
            Self::Discard { .. } => "discard",
            Self::Retrieve { .. } => "retrieve",
            Self::Isolate { .. } => "isolate",
            Self::Destroy { .. } => "destroy",
        }
    }

    /// What it is done to, as it stands in ids: the machine, or the name that is changed.
    pub fn object(&self) -> &str {
        match self {
            Self::Name { host, .. } | Self::Ttl { host, .. } => host.as_str(),
            other => other.machine().as_str(),
        }
    }

    /// The machine it acts on.
    pub fn machine(&self) -> &MachineName {
        match self {
            Self::Create { machine, .. }
            | Self::Prepare { machine }
            | Self::Install { machine }
            | Self::Converge { machine, .. }
            | Self::Initialise { machine }
            | Self::Precopy { machine, .. }
            | Self::Fetch { machine, .. }
            | Self::Load { machine, .. }
            | Self::Check { machine, .. }
            | Self::Close { machine }
            | Self::PowerOn { machine }
            | Self::ShutDown { machine }
            | Self::Resize { machine, .. }
            | Self::Reset { machine }
            | Self::PowerCycle { machine }
            | Self::Reboot { machine, .. }
            | Self::LastChance { machine, .. }
            | Self::Fence { machine, .. }
            | Self::Open { machine, .. }
            | Self::Name { machine, .. }
            | Self::Ttl { machine, .. }
            | Self::Backup { machine, .. }
            | Self::SaveAside { machine, .. }
            | Self::Repository { machine, .. }
            | Self::Quarantine { machine }
            | Self::Verify { machine, .. }
            | Self::Forget { machine, .. }
            | Self::Copy { machine, .. }
            | Self::Discard { machine, .. }
            | Self::Retrieve { machine, .. }
            | Self::Isolate { machine }
            | Self::Destroy { machine } => machine,
        }
    }
}
