//! Where a new machine can go, and the road from nothing to a machine that waits for data.

use super::draft::{Pen, because_of};
use crate::decide::history::History;
use crate::model::desired::{Desired, InterfaceFamily, Placement};
use crate::model::ids::{Epoch, MachineName, StepId};
use crate::model::machine::Role;
use crate::model::observed::Observed;
use crate::model::plan::{Action, Effect};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// How long a place that said "no room" is passed over.
const FULL_FOR: SignedDuration = SignedDuration::from_mins(30);

/// What is to be done where the taking of an ordered machine has no known end.
pub(super) const ON_ITS_WAY: &str =
    "it is looked at again on the next run; no other is taken in its place meanwhile";

/// A place for a new machine.
#[derive(Debug)]
pub(super) enum PlaceFor<'a> {
    /// Here; from a pool, this ordered machine.
    At {
        placement: &'a Placement,
        take: Option<MachineName>,
    },
    /// Nowhere, and why.
    Full(String),
}

/// The first place in order that has, as far as anyone knows, room.
pub(super) fn choose_place<'a>(
    placements: &[&'a Placement],
    want: &Desired,
    seen: &Observed,
    past: &History,
    taken: &BTreeSet<MachineName>,
) -> PlaceFor<'a> {
    let mut reasons = Vec::new();
    for placement in placements {
        let Some(account) = want.hosters.get(&placement.hoster) else {
            continue;
        };
        if let Some(Err(gap)) = seen.hosters.get(&placement.hoster) {
            reasons.push(gap.to_string());
            continue;
        }
        let told_full = past
            .no_capacity
            .get(&(placement.hoster.clone(), placement.site.clone()))
            .is_some_and(|at| seen.at.duration_since(*at) < FULL_FOR);
        if told_full {
            reasons.push(format!(
                "{} {} had no room less than half an hour ago",
                placement.hoster, placement.site
            ));
            continue;
        }
        match account.descriptor.interface {
            InterfaceFamily::HetznerCloud => {
                return PlaceFor::At {
                    placement,
                    take: None,
                };
            }
            InterfaceFamily::Pool => {
                let free = seen
                    .hosters
                    .get(&placement.hoster)
                    .and_then(|inventory| inventory.as_ref().ok())
                    .into_iter()
                    .flat_map(|inventory| &inventory.free)
                    .find(|m| {
                        m.site == placement.site
                            && m.image == placement.image
                            && !taken.contains(&m.name)
                    });
                match free {
                    Some(machine) => {
                        return PlaceFor::At {
                            placement,
                            take: Some(machine.name.clone()),
                        };
                    }
                    None => reasons.push(none_free(placement, seen)),
                }
            }
        }
    }
    PlaceFor::Full(reasons.join("; "))
}

fn none_free(placement: &Placement, seen: &Observed) -> String {
    let not_seen = match seen.hosters.get(&placement.hoster) {
        Some(Ok(inventory)) if !inventory.unseen.is_empty() => {
            let gaps = inventory.unseen.iter().map(|unseen| unseen.gap.to_string());
            format!(" (not seen: {})", gaps.collect::<Vec<_>>().join("; "))
        }
        _ => String::new(),
    };
    format!(
        "no free {} machine among those ordered at {} {}{not_seen}",
        placement.image, placement.hoster, placement.site
    )
}

/// Steps after which a machine has its packages and files, and no data.
pub(super) struct Road {
    /// It answers and has the base tools.
    pub prepared: StepId,
    /// Packages and files are there.
    pub installed: StepId,
}

/// A new machine, rented or taken from those ordered.
pub(super) fn create(
    pen: &mut Pen<'_>,
    name: &MachineName,
    role: Role,
    epoch: Epoch,
    placement: &Placement,
    take: Option<MachineName>,
    reason: &str,
) -> StepId {
    if let Some(taken) = &take {
        pen.draft.taken.insert(taken.clone());
    }
    pen.step(
        Action::Create {
            machine: name.clone(),
            take,
            hoster: placement.hoster.clone(),
            site: placement.site.clone(),
            machine_type: placement.machine_type.clone(),
            image: placement.image.clone(),
            role,
            epoch,
        },
        Effect::Safe,
        because_of(&placement.place, reason),
        &[],
    )
}

/// Base tools, packages, files. Waits for the backup machine's address, which its configuration holds.
pub(super) fn prepare(
    pen: &mut Pen<'_>,
    name: &MachineName,
    placement: &Placement,
    created: Option<&StepId>,
    backup_created: Option<&StepId>,
) -> Road {
    let why = || {
        because_of(
            &placement.place,
            "a new machine needs its tools and packages",
        )
    };
    let prepared = pen.step(
        Action::Prepare {
            machine: name.clone(),
        },
        Effect::Safe,
        why(),
        &[created, backup_created],
    );
    let installed = pen.step(
        Action::Install {
            machine: name.clone(),
        },
        Effect::Safe,
        why(),
        &[Some(&prepared)],
    );
    Road {
        prepared,
        installed,
    }
}
