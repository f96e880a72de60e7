//! What we made, as the journal tells of it: machines, and repositories on them.

use crate::model::desired::Size;
use crate::model::ids::{Epoch, HosterId, MachineName, PointId, SiteId, StackId};
use crate::model::machine::Role;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A repository of a stack, as the journal tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastRepository {
    /// When it was given last. The latest of a stack's repositories is the one in use.
    pub given: Timestamp,
    /// Points that were read back there, and when, less those that were forgotten since.
    pub points: BTreeMap<PointId, Timestamp>,
    /// Backup machines to which all of it was copied and checked there, when, and how many points.
    pub copied: BTreeMap<MachineName, (Timestamp, usize)>,
}

/// A machine we made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastMachine {
    /// Where.
    pub hoster: HosterId,
    /// The hoster's id.
    pub provider_id: String,
    /// What for.
    pub role: Role,
    /// The stack, for production.
    pub stack: Option<StackId>,
    /// Its epoch.
    pub epoch: Epoch,
    /// Where the estate wanted it when it was made.
    pub wanted: Option<(HosterId, SiteId)>,
    /// The hoster's machine type, where it has types and somebody remembers.
    pub machine_type: Option<String>,
    /// The size that was asked for when it got that type, as far as somebody remembers.
    pub asked: Option<Size>,
    /// It got that type in place, with the disk that it had.
    pub resized: bool,
    /// Proven unable to write, by this proof, and not switched on by us since (S2).
    pub fenced: Option<String>,
    /// Set aside, and not opened since.
    pub set_aside: bool,
    /// Switching it on failed, with the hoster's words.
    pub power_on_failed: Option<String>,
}
