//! The ownership label at Hetzner: one label key per field (S7).

use super::calls::Server;
use crate::model::desired::Size;
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{
    Epoch, EstateName, HosterId, ImageName, MachineName, SiteId, StackId, StepId,
};
use crate::model::machine::Role;
use crate::model::observed::{Hardware, Power, SeenMachine};
use crate::model::operation::OwnerLabel;
use crate::model::units::Bytes;
use std::collections::HashMap;

pub(super) const ESTATE: &str = "holdfast.estate";
const STACK: &str = "holdfast.stack";
const ROLE: &str = "holdfast.role";
const EPOCH: &str = "holdfast.epoch";
const STATE: &str = "holdfast.state";
const STEP: &str = "holdfast.step";
const ACTIVE: &str = "active";
const QUARANTINED: &str = "quarantined";

/// Hetzner Cloud reference, "Labels": 1 to 63 characters here, alphanumeric at both ends.
pub(super) fn is_label_value(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && edge(text.chars().next())
        && edge(text.chars().last())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Labels of a new machine.
pub(super) fn of_new(owner: &OwnerLabel, step: &StepId) -> HashMap<String, String> {
    let mut labels = HashMap::from([
        (ESTATE.to_owned(), owner.estate.to_string()),
        (ROLE.to_owned(), owner.role.word().to_owned()),
        (EPOCH.to_owned(), owner.epoch.0.to_string()),
        (STATE.to_owned(), ACTIVE.to_owned()),
    ]);
    if let Some(stack) = &owner.stack {
        labels.insert(STACK.to_owned(), stack.to_string());
    }
    // Only for people who look at the hoster's console; a long id is cut, not refused.
    let short: String = step.as_str().chars().take(63).collect();
    if is_label_value(&short) {
        labels.insert(STEP.to_owned(), short);
    }
    labels
}

/// All labels of a server, set aside: a change of labels replaces them all.
pub(super) fn set_aside(server: &Server) -> HashMap<String, String> {
    let mut labels: HashMap<_, _> = server.labels.clone().into_iter().collect();
    labels.insert(STATE.to_owned(), QUARANTINED.to_owned());
    labels
}

pub(super) fn belongs_to(server: &Server, estate: &EstateName) -> bool {
    server.labels.get(ESTATE).map(String::as_str) == Some(estate.as_str())
}

pub(super) fn is_quarantined(server: &Server) -> bool {
    server.labels.get(STATE).map(String::as_str) == Some(QUARANTINED)
}

/// Whose it is; `Err` names the label that cannot be read.
pub(super) fn owner(server: &Server) -> Result<OwnerLabel, &'static str> {
    let get = |key: &'static str| server.labels.get(key).ok_or(key);
    let role = Role::from_word(get(ROLE)?).ok_or(ROLE)?;
    let stack = server.labels.get(STACK).filter(|stack| !stack.is_empty());
    if role == Role::Production && stack.is_none() {
        return Err(STACK);
    }
    Ok(OwnerLabel {
        estate: EstateName::new(get(ESTATE)?.as_str()),
        role,
        stack: stack.map(StackId::new),
        epoch: get(EPOCH)?.parse().map(Epoch).map_err(|_| EPOCH)?,
    })
}

/// Power, by the hoster's word; a machine that is going down may still write. While its hoster
/// copies its disk, or writes it anew, it is neither on nor off: its silence proves nothing (S1),
/// and it is not started anew meanwhile.
pub(super) fn power(status: &str) -> Power {
    match status {
        "running" | "starting" | "initializing" | "stopping" => Power::On,
        "off" => Power::Off,
        _ => Power::Unknown,
    }
}

/// What it has, unless a part of it cannot be read: then nobody says (S1). The interface counts
/// memory in GiB and disks in GB.
fn hardware(server: &Server) -> Option<Hardware> {
    let kind = server.kind.as_ref()?;
    let mebibytes = (kind.memory? * 1024.0).round();
    if !(0.0..1e9).contains(&mebibytes) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is a whole number in that range"
    )]
    let mebibytes = mebibytes as u64;
    Some(Hardware {
        machine_type: kind.name.clone()?,
        size: Size {
            cpus: kind.cores?,
            memory: Bytes(mebibytes << 20),
            disk: Bytes(server.primary_disk_size?.checked_mul(1_000_000_000)?),
        },
    })
}

/// A server of ours as a machine; one that cannot be read is a gap, not absent (S1).
pub(super) fn seen(hoster: &HosterId, server: &Server) -> Result<SeenMachine, Gap> {
    let gap = |reason: String| {
        Gap::new(
            GapKind::Unreadable,
            format!("machine {} at hoster {hoster}", server.name),
            reason,
        )
    };
    let owner = owner(server).map_err(|label| gap(format!("label {label} cannot be read")))?;
    let address = server
        .address()
        .ok_or_else(|| gap("no public address".to_owned()))?;
    let name_of = |thing: &Option<super::calls::Named>| thing.as_ref()?.name.clone();
    Ok(SeenMachine {
        name: MachineName::new(server.name.as_str()),
        provider_id: server.id.to_string(),
        hoster: hoster.clone(),
        site: name_of(&server.location).map(SiteId::new),
        role: owner.role,
        stack: owner.stack,
        epoch: owner.epoch,
        image: name_of(&server.image).map(ImageName::new),
        hardware: hardware(server),
        quarantined: is_quarantined(server),
        power: power(&server.status),
        address,
        port: 22,
    })
}
