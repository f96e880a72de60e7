//! All that the stages of one stack look at.

use super::backups::BackupMachine;
use super::situation::Situation;
use crate::decide::history::History;
use crate::model::desired::{Desired, Placement};
use crate::model::ids::{MachineName, ServiceName};
use crate::model::machine::MachineManifest;
use crate::model::observed::{Observed, SeenMachine};
use std::collections::BTreeMap;

/// One stack, and what it shares with the others.
pub(super) struct View<'a> {
    pub want: &'a Desired,
    pub manifests: &'a BTreeMap<MachineName, MachineManifest>,
    pub seen: &'a Observed,
    pub past: &'a History,
    pub backup: &'a BackupMachine,
    pub at: Situation<'a>,
    /// Why no rebuild may begin in this run (S8).
    pub brake: Option<&'a str>,
}

pub(super) fn stands_at(machine: &SeenMachine, placement: &Placement) -> bool {
    machine.hoster == placement.hoster
        && machine
            .site
            .as_ref()
            .is_none_or(|site| *site == placement.site)
}

pub(super) fn service_names(view: &View<'_>) -> Vec<ServiceName> {
    view.at
        .stack
        .services
        .iter()
        .map(|s| s.name.clone())
        .collect()
}
