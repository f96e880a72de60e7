//! What every action has: a verb, and the machine that it concerns.

use super::{Action, Source};
use crate::model::ids::MachineName;

impl Action {
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
            Self::Fence { .. } => "fence",
            Self::Open { .. } => "open",
            Self::Name { .. } => "name",
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
            | Self::Fence { machine, .. }
            | Self::Open { machine, .. }
            | Self::Name { machine, .. }
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
