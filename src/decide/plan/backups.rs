//! Backup machines: one per hoster and site, shared by the stacks that name it.

use super::draft::{Draft, Pen, because, because_of};
use super::machines::{ON_ITS_WAY, PlaceFor, choose_place, create};
use super::situation::without_receipt;
use crate::decide::adoption::may_be_ours;
use crate::decide::changes::changes;
use crate::decide::clocks;
use crate::decide::derive::TLS_UNTIL;
use crate::decide::history::History;
use crate::decide::made::PastRepository;
use crate::decide::names;
use crate::decide::repositories;
use crate::model::desired::{Desired, DesiredStack, InterfaceFamily, Placement};
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{Epoch, MachineName, StepId};
use crate::model::machine::{MachineManifest, Role};
use crate::model::observed::{Former, Observed, Power, SeenMachine, Unseen};
use crate::model::plan::{Action, Cause, Drift, Effect, Hold, Note};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// The journal made no machine yet, or was lost.
const NOTHING_REMEMBERED: &str = "the journal remembers no machine there, so this one may be it; look again when it answers, or take it out of hosters.toml if it is nobody's";

/// What the stacks need to know of their backup machine.
#[derive(Debug, Clone)]
pub(super) enum BackupMachine {
    /// It answers, or will once these steps are done.
    Ready {
        name: MachineName,
        /// Its address is known once this step is done.
        created: Option<StepId>,
        /// It takes points once this step is done.
        serves: Option<StepId>,
    },
    /// It could not be seen, or must not be made.
    NotNow { gap: Gap },
}

/// Plans each backup machine that a sound stack names.
pub(super) fn plan(
    want: &Desired,
    manifests: &BTreeMap<MachineName, MachineManifest>,
    seen: &Observed,
    past: &History,
    draft: &mut Draft,
) -> BTreeMap<MachineName, BackupMachine> {
    let mut placements: BTreeMap<MachineName, &Placement> = BTreeMap::new();
    // An ended stack needs its backup machine once more if anything of it ever stood.
    let counts = |stack: &&DesiredStack| {
        stack.ended(seen.at).is_none() || past.of_stack(&stack.id).next().is_some()
    };
    for stack in want.stacks.values().filter(counts) {
        let placement = &stack.backup.placement;
        placements
            .entry(names::backup_machine(&placement.hoster, &placement.site))
            .or_insert(placement);
    }
    let former: BTreeSet<&MachineName> = want
        .stacks
        .keys()
        .flat_map(|id| {
            let journal = past.repositories.get(id).into_iter().flatten();
            let seen = seen.former.get(id).into_iter().flatten();
            journal
                .map(|(name, _)| name)
                .chain(seen.map(|(name, _)| name))
        })
        .filter(|name| !placements.contains_key(*name))
        .collect();
    say_what_is_empty(want, &placements, seen, past, draft);
    let former: Vec<(MachineName, BackupMachine)> = former
        .into_iter()
        .map(|name| {
            (
                name.clone(),
                no_longer_named(name, manifests, seen, past, draft),
            )
        })
        .collect();
    placements
        .into_iter()
        .map(|(name, placement)| {
            let machine = one(&name, placement, want, manifests, seen, past, draft);
            (name, machine)
        })
        .chain(former)
        .collect()
}

/// A backup machine whose last repository was signed away. Only the journal's own word counts: one
/// that it knows nothing of may hold anything. It is left to people to give it back.
fn say_what_is_empty(
    want: &Desired,
    placements: &BTreeMap<MachineName, &Placement>,
    seen: &Observed,
    past: &History,
    draft: &mut Draft,
) {
    for machine in past.discarded.keys() {
        let keeps = |of: &BTreeMap<MachineName, PastRepository>| of.contains_key(machine);
        let found = |of: &Former| {
            of.get(machine)
                .is_some_and(|points| points != &Ok(Vec::new()))
        };
        let Some(listed) = repositories::listed(seen, machine) else {
            continue;
        };
        // Nobody can say what a broken stack names.
        if placements.contains_key(machine)
            || past.repositories.values().any(keeps)
            || seen.former.values().any(found)
            || !want.broken.is_empty()
        {
            continue;
        }
        let account = want.hosters.get(&listed.hoster);
        let how = match account.map(|account| account.descriptor.interface) {
            Some(InterfaceFamily::Pool) => "take it out of hosters.toml and end it at its hoster",
            _ => "delete it at its hoster",
        };
        draft.notes.push(Note {
            stack: None,
            text: format!(
                "{machine} keeps no repository any more and no stack names it: it can be given back ({how}: {})",
                listed.provider_id
            ),
        });
    }
}

/// A backup machine that no stack names any more. It is never made, only kept in line: the ways
/// into its repositories close one after the other. What cannot be seen of it is said where
/// somebody needs it.
fn no_longer_named(
    name: &MachineName,
    manifests: &BTreeMap<MachineName, MachineManifest>,
    seen: &Observed,
    past: &History,
    draft: &mut Draft,
) -> BackupMachine {
    let gap = |gap: Option<&Gap>| BackupMachine::NotNow {
        gap: gap.map_or_else(|| Gap::unasked(format!("machine {name}")), Gap::clone),
    };
    let Some(machine) = repositories::listed(seen, name) else {
        return gap(None);
    };
    if let Some(unknown) = without_receipt(machine, past) {
        return gap(Some(&unknown));
    }
    let facts = match seen.machines.get(name) {
        Some(Ok(facts)) => facts,
        other => return gap(other.and_then(|facts| facts.as_ref().err())),
    };
    // Where the journal does not know of every repository, the list of ways would lack some.
    let all_known = seen.former.iter().all(|(stack, of)| {
        let unknown =
            |points: &Vec<_>| !points.is_empty() && past.repository(stack, name).is_none();
        !matches!(of.get(name), Some(Ok(points)) if unknown(points))
    });
    let differing = manifests.get(name).map(|manifest| changes(manifest, facts));
    let serves = differing
        .filter(|differing| all_known && !differing.is_empty())
        .map(|changes| {
            let mut pen = Pen {
                draft,
                stack: None,
                cause: Cause::Intent,
            };
            pen.step(
                Action::Converge {
                    machine: name.clone(),
                    changes,
                },
                Effect::Safe,
                because("stacks that kept their recovery points here keep them elsewhere now"),
                &[],
            )
        });
    BackupMachine::Ready {
        name: name.clone(),
        created: None,
        serves,
    }
}

/// Every stack that names it would wait for it, so nothing resizes it.
fn tell_of_size(machine: &SeenMachine, placement: &Placement, pen: &mut Pen<'_>) {
    let asked = (placement.size.as_ref()).zip(placement.machine_type.as_ref());
    if let (Some(is), Some((least, wanted))) = (&machine.hardware, asked)
        && !is.size.has(least)
    {
        pen.note(format!(
            "{} runs on a {}, and {wanted} is asked for: nothing resizes a backup machine; a new one is made where [backup] names another site or hoster, and the points are copied there",
            machine.name, is.machine_type
        ));
    }
}

/// A new, empty one in its place would hide the loss (S3); what people do at its hoster is seen.
fn remedy_of_the_dead(name: &MachineName) -> String {
    format!(
        "switch it on at its hoster, and it is used again; if it never will be, name another backup site in the stacks' files, and if its recovery points are certainly lost, sign a [[waiver]] with machine = \"{name}\" there"
    )
}

fn one(
    name: &MachineName,
    placement: &Placement,
    want: &Desired,
    manifests: &BTreeMap<MachineName, MachineManifest>,
    seen: &Observed,
    past: &History,
    draft: &mut Draft,
) -> BackupMachine {
    let mut pen = Pen {
        draft,
        stack: None,
        cause: Cause::Reality,
    };
    let wanted = format!("backup machine {name}");
    let not_now = |gap: Gap| BackupMachine::NotNow { gap };
    let inventory = match seen.hosters.get(&placement.hoster) {
        Some(Ok(inventory)) => inventory,
        other => {
            let gap = match other {
                Some(Err(gap)) => gap.clone(),
                _ => Gap::unasked(format!("hoster {}", placement.hoster)),
            };
            pen.hold_unseen(wanted, &gap, "it is looked at again on the next run");
            return not_now(gap);
        }
    };
    if let Some(machine) = inventory.machines.iter().find(|m| m.name == *name) {
        if let Some(gap) = without_receipt(machine, past) {
            pen.hold_unseen(
                wanted,
                &gap,
                "find out who made it; nothing is done to it meanwhile",
            );
            return not_now(gap);
        }
        tell_of_size(machine, placement, &mut pen);
        if machine.power == Power::Off {
            let remembered = past.machines.get(name);
            if let Some(reason) = remembered.and_then(|past| past.power_on_failed.as_deref()) {
                let gap = Gap::new(
                    GapKind::Unreachable,
                    format!("machine {name}"),
                    format!("its hoster says it is off, and it did not start: {reason}"),
                );
                pen.hold_unseen(wanted, &gap, remedy_of_the_dead(name));
                return not_now(gap);
            }
            let on = pen.step(
                Action::PowerOn {
                    machine: name.clone(),
                },
                Effect::Safe,
                because("its hoster says it is off"),
                &[],
            );
            return BackupMachine::Ready {
                name: name.clone(),
                created: None,
                serves: Some(on),
            };
        }
        let facts = match seen.machines.get(name) {
            Some(Ok(facts)) => facts,
            other => {
                let gap = match other {
                    Some(Err(gap)) => gap.clone(),
                    _ => Gap::unasked(format!("machine {name}")),
                };
                pen.hold_unseen(
                    wanted,
                    &gap,
                    "look at the machine; nothing is done to it meanwhile",
                );
                return not_now(gap);
            }
        };
        clock(&mut pen, name, facts.ahead_ms);
        certificate(&mut pen, name, seen.at);
        let serves = manifests.get(name).and_then(|manifest| {
            if facts.stage < crate::model::machine::Stage::Opened {
                // A first installation that did not finish, or did so when nobody waited for it
                // any more: do it again, it is idempotent.
                return Some(install(&mut pen, name, placement, None));
            }
            let differing = changes(manifest, facts);
            if differing.is_empty() {
                return None;
            }
            pen.draft.drift.extend(differing.iter().map(|change| Drift {
                stack: None,
                machine: name.clone(),
                change: change.clone(),
            }));
            Some(pen.set_off_by(Cause::Difference).step(
                Action::Converge {
                    machine: name.clone(),
                    changes: differing,
                },
                Effect::Safe,
                because("the machine differs from what the estate describes"),
                &[],
            ))
        });
        return BackupMachine::Ready {
            name: name.clone(),
            created: None,
            serves,
        };
    }
    if let Some(remembered) = past.machines.get(name) {
        let gap = inventory.unseen(&remembered.provider_id).map_or_else(
            || {
                Gap::new(
                    GapKind::Unreadable,
                    format!("machine {name}"),
                    "its hoster no longer lists it, and with it the recovery points it held",
                )
            },
            Gap::clone,
        );
        pen.hold_unseen(
            wanted,
            &gap,
            "bring the machine back, or name another backup site in the stacks' files; a new, empty one is never put in its place",
        );
        return not_now(gap);
    }
    if let Some(gap) = past.orders.open(name, seen) {
        pen.hold_unseen(wanted, &gap, ON_ITS_WAY);
        return not_now(gap);
    }
    let silent = |unseen: &&Unseen| may_be_ours(&placement.hoster, unseen, past);
    if let Some(silent) = inventory.unseen.iter().find(silent) {
        pen.hold_unseen(wanted, &silent.gap, NOTHING_REMEMBERED);
        return not_now(silent.gap.clone());
    }
    match choose_place(&[placement], want, seen, past, &pen.draft.taken) {
        PlaceFor::At { placement, take } => {
            let reason = "stacks keep their recovery points here";
            let mut pen = pen.set_off_by(Cause::Intent);
            let created = create(
                &mut pen,
                name,
                Role::Backup,
                Epoch(1),
                placement,
                take,
                reason,
            );
            let serves = install(&mut pen, name, placement, Some(&created));
            BackupMachine::Ready {
                name: name.clone(),
                created: Some(created),
                serves: Some(serves),
            }
        }
        PlaceFor::Full(reason) => {
            pen.hold(
                wanted.clone(),
                Hold::Forbidden {
                    rule: "capacity".into(),
                    reason: reason.clone(),
                },
                "order a machine and add it to hosters.toml, or name another site",
            );
            not_now(Gap::new(GapKind::Unreachable, wanted, reason))
        }
    }
}

/// A clock that is wrong makes points of a wrong time, and certificates that do not hold.
pub(super) fn clock(pen: &mut Pen<'_>, machine: &MachineName, ahead_ms: i64) {
    if let Some(told) = clocks::told(ahead_ms) {
        pen.hold(
            format!("the clock of {machine}"),
            Hold::Forbidden {
                rule: "clock".into(),
                reason: format!("{told}: points carry its time, and certificates are judged by it"),
            },
            format!(
                "set it right on {machine} (timedatectl), or ours if all others disagree with it"
            ),
        );
    }
}

/// The end of a certificate is told a year ahead: nobody shall learn of it from a backup that fails.
fn certificate(pen: &mut Pen<'_>, machine: &MachineName, now: Timestamp) {
    let year = i32::from(now.to_zoned(TimeZone::UTC).year());
    if year + 1 >= TLS_UNTIL {
        pen.hold(
            format!("the certificate of {machine}"),
            Hold::Forbidden {
                rule: "certificate".into(),
                reason: format!("it ends with {TLS_UNTIL}-01-01, and backups with it"),
            },
            "update Holdfast: a later version makes certificates for later years",
        );
    }
}

fn install(
    pen: &mut Pen<'_>,
    name: &MachineName,
    placement: &Placement,
    created: Option<&StepId>,
) -> StepId {
    let why = || because_of(&placement.place, "stacks keep their recovery points here");
    let prepared = pen.step(
        Action::Prepare {
            machine: name.clone(),
        },
        Effect::Safe,
        why(),
        &[created],
    );
    pen.step(
        Action::Install {
            machine: name.clone(),
        },
        Effect::Safe,
        why(),
        &[Some(&prepared)],
    )
}
