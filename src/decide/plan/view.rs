//! All that the stages of one stack look at.

use super::backups::BackupMachine;
use super::situation::Situation;
use crate::decide::history::History;
use crate::model::desired::{Desired, Placement};
use crate::model::ids::{ImageName, MachineName, ServiceName};
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
    /// It may not be moved now.
    pub stays: bool,
    /// Why no rebuild may begin in this run (S8).
    pub brake: Option<&'a str>,
    /// Why no machine that answers may be rebooted in this run (S8).
    pub fever: Option<&'a str>,
}

fn stands_at(machine: &SeenMachine, placement: &Placement) -> bool {
    machine.hoster == placement.hoster
        && machine
            .site
            .as_ref()
            .is_none_or(|site| *site == placement.site)
}

/// What it runs: by its own word, or by its hoster's as long as it is silent.
pub(super) fn runs_on<'a>(view: &View<'a>, machine: &'a SeenMachine) -> Option<&'a ImageName> {
    match view.seen.machines.get(&machine.name) {
        Some(Ok(facts)) => Some(&facts.image),
        _ => machine.image.as_ref(),
    }
}

/// Whether it stands there and runs what is asked for there. Nobody's word is no difference (S1).
pub(super) fn suits(view: &View<'_>, machine: &SeenMachine, placement: &Placement) -> bool {
    stands_at(machine, placement)
        && runs_on(view, machine).is_none_or(|image| *image == placement.image)
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
/// Another operating system is another wish, and comes on a machine of its own.
pub(super) fn well_placed(view: &View<'_>, machine: &SeenMachine) -> bool {
    let stack = view.at.stack;
    let wish = (&stack.production.hoster, &stack.production.site);
    let made_for = view
        .past
        .machines
        .get(&machine.name)
        .and_then(|past| past.wanted.as_ref());
    suits(view, machine, &stack.production)
        || (made_for.is_none_or(|(hoster, site)| (hoster, site) == wish)
            && stack
                .fallback
                .iter()
                .any(|place| suits(view, machine, place)))
}
