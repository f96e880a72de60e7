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
    /// The one that this stack's points go to.
    pub backup: &'a BackupMachine,
    /// All, those that stacks named before included.
    pub backups: &'a BTreeMap<MachineName, BackupMachine>,
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

/// Where production is wanted, or at a fallback that it went to while the wish was the same.
///
/// A customer that found a place in an emergency is not moved again because the first
/// choice has room once more: that is a person's decision (another wish, or no such fallback).
pub(super) fn well_placed(view: &View<'_>, machine: &SeenMachine) -> bool {
    let stack = view.at.stack;
    let wish = (&stack.production.hoster, &stack.production.site);
    let made_for = view
        .past
        .machines
        .get(&machine.name)
        .and_then(|past| past.wanted.as_ref());
    stands_at(machine, &stack.production)
        || (made_for.is_none_or(|(hoster, site)| (hoster, site) == wish)
            && stack.fallback.iter().any(|place| stands_at(machine, place)))
}
