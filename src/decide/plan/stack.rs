//! One stack: install, keep, move or rebuild its production machine.

use super::backups::BackupMachine;
use super::draft::{Draft, Pen, because, because_of};
use super::machines::{self, PlaceFor, choose_place};
use super::situation::{Situation, Writer, WriterState};
use crate::decide::changes::changes;
use crate::decide::history::History;
use crate::decide::names;
use crate::decide::point;
use crate::model::desired::{Desired, InterfaceFamily, Placement, Repair, Waiver};
use crate::model::gap::GapKind;
use crate::model::ids::{Epoch, MachineName, ServiceName, StepId};
use crate::model::machine::{MachineFacts, MachineManifest, Stage};
use crate::model::observed::{Observed, Power, SeenMachine};
use crate::model::plan::{Action, Drift, Effect, FenceBy, Hold, Source};
use crate::model::point::Rung;
use std::collections::BTreeMap;

/// The least a point must have proven before a rebuild takes it (S11).
pub(crate) const ENOUGH: Rung = Rung::Shipped;

/// All that the stages of one stack look at.
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

/// Plans one stack.
pub(super) fn plan(view: &View<'_>, draft: &mut Draft) {
    let mut pen = Pen {
        draft,
        stack: Some(&view.at.stack.id),
    };
    let Some(writer) = &view.at.writer else {
        first_installation(view, &mut pen);
        return;
    };
    let moved_away = writer.fenced.is_some();
    match &writer.state {
        WriterState::Unseen(gap) if !moved_away => {
            let remedy = match gap.kind {
                GapKind::ForeignHostKey => {
                    "somebody may be in between; find out why before anything else is done to it"
                }
                _ => {
                    "it is looked at again on the next run; nothing is created or destroyed meanwhile"
                }
            };
            pen.hold_unseen(format!("production of {}", view.at.stack.id), gap, remedy);
        }
        WriterState::Off if !moved_away => power_on(view, writer, &mut pen),
        WriterState::Answers(facts) if !moved_away => {
            let placement = &view.at.stack.production;
            if writer.seen.is_some_and(|m| stands_at(m, placement)) {
                keep(view, writer, facts, &mut pen);
            } else {
                move_away(view, writer, placement, &mut pen);
            }
        }
        _ => rebuild(view, writer, &mut pen),
    }
    zombies(view, &writer.name, writer.epoch, &mut pen);
}

fn stands_at(machine: &SeenMachine, placement: &Placement) -> bool {
    machine.hoster == placement.hoster
        && machine
            .site
            .as_ref()
            .is_none_or(|site| *site == placement.site)
}

fn service_names(view: &View<'_>) -> Vec<ServiceName> {
    view.at
        .stack
        .services
        .iter()
        .map(|s| s.name.clone())
        .collect()
}

/// No machine of this stack was ever opened and no recovery point exists: install into empty state.
fn first_installation(view: &View<'_>, pen: &mut Pen<'_>) {
    let stack = view.at.stack;
    let wanted = format!("first installation of {}", stack.id);
    let remedy =
        "it is looked at again on the next run; an empty machine is never put where data may be";
    if let Err(gap) = &view.at.points {
        pen.hold_unseen(wanted, gap, remedy);
        return;
    }
    if let BackupMachine::NotNow { gap, .. } = view.backup {
        pen.hold_unseen(wanted, gap, "mend the backup machine first: production is not opened without a place for its recovery points");
        return;
    }
    let Some(machine) = newcomer(
        view,
        &[&stack.production],
        &wanted,
        "the stack asks for it",
        pen,
    ) else {
        return;
    };
    let initialised = pen.step(
        Action::Initialise {
            machine: machine.name.clone(),
        },
        Effect::Safe,
        because_of(
            &stack.production.place,
            "no state of this stack exists anywhere",
        ),
        &[Some(&machine.installed)],
    );
    open_and_resume(
        view,
        &machine.name,
        machine.epoch,
        &initialised,
        &[],
        &[],
        pen,
    );
}

/// A machine that runs where it should: mend drift, names, recovery points.
fn keep(view: &View<'_>, writer: &Writer<'_>, facts: &MachineFacts, pen: &mut Pen<'_>) {
    let stack = view.at.stack;
    let name = &writer.name;
    let differing = view
        .manifests
        .get(name)
        .map(|manifest| changes(manifest, facts))
        .unwrap_or_default();
    let mut converged = None;
    if !differing.is_empty() {
        pen.draft.drift.extend(differing.iter().map(|change| Drift {
            stack: Some(stack.id.clone()),
            machine: name.clone(),
            change: change.clone(),
        }));
        if stack.repair.contains(&Repair::Reinstall) || stack.repair.contains(&Repair::Restart) {
            converged = Some(pen.step(
                Action::Converge {
                    machine: name.clone(),
                    changes: differing,
                },
                Effect::Disruptive,
                because("the machine differs from what the estate describes"),
                &[],
            ));
        } else {
            pen.hold(
                format!("converging {name}"),
                Hold::Forbidden {
                    rule: "repair policy".into(),
                    reason: "[repair] automatic names neither restart nor reinstall".into(),
                },
                "add \"reinstall\" to [repair] automatic",
            );
        }
    }
    let mut opened = None;
    if !facts.open {
        let checked = pen.step(
            Action::Check {
                machine: name.clone(),
                services: service_names(view),
            },
            Effect::Safe,
            because("the machine is closed; it opens only after its checks passed"),
            &[converged.as_ref()],
        );
        let fenced = other_writers(view, name);
        let fences: Vec<StepId> = fenced
            .iter()
            .filter_map(|other| fence(view, other, pen))
            .collect();
        if fences.len() < fenced.len() {
            return;
        }
        let after: Vec<Option<&StepId>> = [Some(&checked)]
            .into_iter()
            .chain(fences.iter().map(Some))
            .collect();
        opened = Some(pen.step(
            Action::Open {
                machine: name.clone(),
                epoch: writer.epoch,
                fenced: fenced.iter().map(|m| m.name.clone()).collect(),
            },
            Effect::Disruptive,
            because("users are shut out"),
            &after,
        ));
    }
    point_names(view, name, writer.seen, opened.as_ref(), pen);
    let BackupMachine::Ready {
        name: to, serves, ..
    } = view.backup
    else {
        return;
    };
    let Ok(points) = &view.at.points else {
        if let Err(gap) = &view.at.points {
            pen.hold_unseen(
                format!("backup of {}", stack.id),
                gap,
                "look at the backup machine",
            );
        }
        return;
    };
    let last = points
        .iter()
        .filter(|p| p.rung >= ENOUGH && p.epoch == writer.epoch)
        .map(|p| p.taken_at)
        .max();
    if point::backup_due(&stack.backup.schedule, last, view.seen.at) {
        let repository = points
            .is_empty()
            .then(|| repository(to, serves.as_ref(), pen));
        pen.step(
            Action::Backup {
                machine: name.clone(),
                to: to.clone(),
            },
            Effect::Safe,
            because_of(&stack.backup.placement.place, "a recovery point is due"),
            &[
                repository.as_ref(),
                serves.as_ref(),
                converged.as_ref(),
                opened.as_ref(),
            ],
        );
    }
}

/// Off by the hoster's word and not tried yet: the cheapest rung of the ladder first.
fn power_on(view: &View<'_>, writer: &Writer<'_>, pen: &mut Pen<'_>) {
    if !view.at.stack.repair.contains(&Repair::Restart) {
        pen.hold(
            format!("switching {} on", writer.name),
            Hold::Forbidden {
                rule: "repair policy".into(),
                reason: "[repair] automatic does not name restart".into(),
            },
            "add \"restart\" to [repair] automatic, or switch it on by hand",
        );
        return;
    }
    pen.step(
        Action::PowerOn {
            machine: writer.name.clone(),
        },
        Effect::Safe,
        because("its hoster says it is off; its data may be whole"),
        &[],
    );
}

/// A planned move: the old machine writes until the last moment, then never again.
fn move_away(view: &View<'_>, writer: &Writer<'_>, placement: &Placement, pen: &mut Pen<'_>) {
    let stack = view.at.stack;
    let wanted = format!(
        "moving {} to {} {}",
        stack.id, placement.hoster, placement.site
    );
    let Some(old) = writer.seen else { return };
    let Some(by) = way_to_fence(view, old) else {
        pen.hold(wanted, no_way_to_fence(old), waiver_remedy(old));
        return;
    };
    let BackupMachine::Ready {
        name: to, serves, ..
    } = view.backup
    else {
        if let BackupMachine::NotNow { gap, .. } = view.backup {
            pen.hold_unseen(
                wanted,
                gap,
                "a move needs a last recovery point; mend the backup machine first",
            );
        }
        return;
    };
    if let Err(gap) = &view.at.points {
        pen.hold_unseen(
            wanted,
            gap,
            "a move needs a last recovery point; look at the backup machine",
        );
        return;
    }
    let Some(machine) = newcomer(
        view,
        &[placement],
        &wanted,
        "production was moved here",
        pen,
    ) else {
        return;
    };
    let why = || because_of(&placement.place, "production was moved to another place");
    let closed = pen.step(
        Action::Close {
            machine: old.name.clone(),
        },
        Effect::Disruptive,
        why(),
        &[Some(&machine.installed), serves.as_ref()],
    );
    let last = pen.step(
        Action::Backup {
            machine: old.name.clone(),
            to: to.clone(),
        },
        Effect::Safe,
        why(),
        &[Some(&closed)],
    );
    let fenced = pen.step(
        Action::Fence {
            machine: old.name.clone(),
            by,
        },
        Effect::Destructive,
        why(),
        &[Some(&last)],
    );
    let source = Source::Step { step: last.clone() };
    let loaded = restore(&machine, source, &[&last], pen);
    open_and_resume(
        view,
        &machine.name,
        machine.epoch,
        &loaded,
        &[old],
        &[fenced],
        pen,
    );
}

/// The writer is lost, or was fenced in a move that did not finish: a new machine from the newest proven point.
fn rebuild(view: &View<'_>, writer: &Writer<'_>, pen: &mut Pen<'_>) {
    let stack = view.at.stack;
    let wanted = format!("rebuild of {}", stack.id);
    let in_flight = writer.fenced.is_some();
    if !in_flight {
        if !stack.repair.contains(&Repair::Rebuild) {
            pen.hold(
                wanted,
                Hold::Forbidden {
                    rule: "repair policy".into(),
                    reason: "[repair] automatic does not name rebuild".into(),
                },
                "add \"rebuild\" to [repair] automatic and commit",
            );
            return;
        }
        if let Some(reason) = view.brake {
            pen.hold(
                wanted,
                Hold::Brake {
                    reason: reason.to_owned(),
                },
                "find the common cause first",
            );
            return;
        }
    }
    let points = match &view.at.points {
        Ok(points) => points,
        Err(gap) => {
            pen.hold_unseen(wanted, gap, "nothing is restored from what cannot be seen");
            return;
        }
    };
    let Some(chosen) = point::choose(points, ENOUGH).chosen else {
        pen.hold(
            wanted,
            Hold::Forbidden {
                rule: "S15".into(),
                reason: "there is no recovery point that is proven far enough, and a service never starts empty"
                    .into(),
            },
            "find the missing recovery points; holdfast points lists what is there",
        );
        return;
    };
    let why = match &writer.state {
        WriterState::Gone => "its hoster no longer lists the machine".to_owned(),
        WriterState::OffForGood(reason) => format!("it is off and cannot be switched on: {reason}"),
        _ => "the old machine was fenced and the new one is not open yet".to_owned(),
    };
    // A fence that was undone (somebody switched the machine on again) is no fence.
    let still_fenced = in_flight && writer.seen.is_none_or(|m| m.power != Power::On);
    let fence_step = if still_fenced {
        None
    } else {
        let by = match (&writer.state, writer.seen) {
            (WriterState::Gone, _) | (_, None) => FenceBy::Gone,
            (_, Some(old)) => match way_to_fence(view, old) {
                Some(by) => by,
                None => {
                    pen.hold(wanted, no_way_to_fence(old), waiver_remedy(old));
                    return;
                }
            },
        };
        Some((by, because(why.clone())))
    };
    let places: Vec<&Placement> = [&stack.production]
        .into_iter()
        .chain(&stack.fallback)
        .collect();
    let Some(machine) = newcomer(view, &places, &wanted, &why, pen) else {
        return;
    };
    let fenced = fence_step.map(|(by, why)| {
        pen.step(
            Action::Fence {
                machine: writer.name.clone(),
                by,
            },
            Effect::Destructive,
            why,
            &[],
        )
    });
    let source = Source::Point {
        point: chosen.id.clone(),
        taken_at: chosen.taken_at,
        rung: chosen.rung,
    };
    let loaded = restore(&machine, source, &[], pen);
    let fences: Vec<StepId> = fenced.into_iter().collect();
    let old: Vec<&SeenMachine> = writer.seen.into_iter().collect();
    let ready = open_and_resume_named(
        view,
        &machine.name,
        machine.epoch,
        &loaded,
        std::slice::from_ref(&writer.name),
        &fences,
        pen,
    );
    quarantine(&old, &ready, pen);
}

/// A machine on its way up.
struct Newcomer {
    name: MachineName,
    epoch: Epoch,
    prepared: StepId,
    installed: StepId,
}

/// The candidate that is there already, or a new machine at the first place with room.
fn newcomer(
    view: &View<'_>,
    places: &[&Placement],
    wanted: &str,
    reason: &str,
    pen: &mut Pen<'_>,
) -> Option<Newcomer> {
    let backup_created = match view.backup {
        BackupMachine::Ready { created, .. } => created.as_ref(),
        BackupMachine::NotNow { gap, .. } => {
            pen.hold_unseen(wanted, gap, "mend the backup machine first");
            return None;
        }
    };
    if let Some(gap) = view.at.unseen.first() {
        pen.hold_unseen(
            wanted,
            gap,
            "a second machine is never made while the first may be there; look again when it answers",
        );
        return None;
    }
    if let Some(candidate) = view.at.candidate {
        if let Some(place) = places.iter().find(|p| stands_at(candidate, p)) {
            return resume(view, candidate, place, wanted, backup_created, pen);
        }
        // Begun at a place that the estate no longer asks for; it never held users' data.
        pen.step(
            Action::Quarantine {
                machine: candidate.name.clone(),
            },
            Effect::Safe,
            because("it was begun at a place that the estate no longer asks for"),
            &[],
        );
    }
    match choose_place(places, view.want, view.seen, view.past, &pen.draft.taken) {
        PlaceFor::Full(reason) => {
            pen.hold(
                wanted,
                Hold::Forbidden {
                    rule: "capacity".into(),
                    reason,
                },
                "order a machine, or add a fallback to the stack",
            );
            None
        }
        PlaceFor::At { placement, take } => {
            let epoch = view.at.next_epoch;
            let name = names::production_machine(&view.at.stack.id, epoch);
            let created = machines::create(pen, &name, epoch, placement, take, reason);
            let road = machines::prepare(pen, &name, placement, Some(&created), backup_created);
            Some(Newcomer {
                name,
                epoch,
                prepared: road.prepared,
                installed: road.installed,
            })
        }
    }
}

/// Goes on with a machine that an earlier run began (S6): one server, not two.
fn resume(
    view: &View<'_>,
    candidate: &SeenMachine,
    place: &Placement,
    wanted: &str,
    backup_created: Option<&StepId>,
    pen: &mut Pen<'_>,
) -> Option<Newcomer> {
    let on = (candidate.power == Power::Off).then(|| {
        pen.step(
            Action::PowerOn {
                machine: candidate.name.clone(),
            },
            Effect::Safe,
            because("an earlier run began with it; its hoster says it is off"),
            &[],
        )
    });
    if on.is_none()
        && let Some(Err(gap)) = view.seen.machines.get(&candidate.name)
        && gap.kind == GapKind::ForeignHostKey
    {
        pen.hold_unseen(
            wanted,
            gap,
            "somebody may be in between; find out why before anything else is done to it",
        );
        return None;
    }
    let road = machines::prepare(pen, &candidate.name, place, on.as_ref(), backup_created);
    Some(Newcomer {
        name: candidate.name.clone(),
        epoch: candidate.epoch,
        prepared: road.prepared,
        installed: road.installed,
    })
}

/// Fetch beside the installation, load when both are there.
fn restore(machine: &Newcomer, source: Source, after: &[&StepId], pen: &mut Pen<'_>) -> StepId {
    let why = || because("state comes from a recovery point, never from nothing");
    let waits: Vec<Option<&StepId>> = [Some(&machine.prepared)]
        .into_iter()
        .chain(after.iter().map(|s| Some(*s)))
        .collect();
    let fetched = pen.step(
        Action::Fetch {
            machine: machine.name.clone(),
            source: source.clone(),
        },
        Effect::Safe,
        why(),
        &waits,
    );
    pen.step(
        Action::Load {
            machine: machine.name.clone(),
            source,
        },
        Effect::Safe,
        why(),
        &[Some(&fetched), Some(&machine.installed)],
    )
}

/// Check, open, name, back up; then the old machines are set aside.
fn open_and_resume(
    view: &View<'_>,
    name: &MachineName,
    epoch: Epoch,
    loaded: &StepId,
    old: &[&SeenMachine],
    fences: &[StepId],
    pen: &mut Pen<'_>,
) {
    let fenced: Vec<MachineName> = old.iter().map(|m| m.name.clone()).collect();
    let ready = open_and_resume_named(view, name, epoch, loaded, &fenced, fences, pen);
    quarantine(old, &ready, pen);
}

fn open_and_resume_named(
    view: &View<'_>,
    name: &MachineName,
    epoch: Epoch,
    loaded: &StepId,
    fenced: &[MachineName],
    fences: &[StepId],
    pen: &mut Pen<'_>,
) -> StepId {
    let checked = pen.step(
        Action::Check {
            machine: name.clone(),
            services: service_names(view),
        },
        Effect::Safe,
        because("nobody gets in before the functional checks passed"),
        &[Some(loaded)],
    );
    let after: Vec<Option<&StepId>> = [Some(&checked)]
        .into_iter()
        .chain(fences.iter().map(Some))
        .collect();
    let opened = pen.step(
        Action::Open {
            machine: name.clone(),
            epoch,
            fenced: fenced.to_vec(),
        },
        Effect::Disruptive,
        because("checks passed and no other machine can write"),
        &after,
    );
    point_names(view, name, None, Some(&opened), pen);
    if let BackupMachine::Ready {
        name: to, serves, ..
    } = view.backup
    {
        let empty = view
            .at
            .points
            .as_ref()
            .is_ok_and(|points| points.is_empty());
        let repository = empty.then(|| repository(to, serves.as_ref(), pen));
        pen.step(
            Action::Backup {
                machine: name.clone(),
                to: to.clone(),
            },
            Effect::Safe,
            because("a new machine begins a new chain of recovery points"),
            &[Some(&opened), repository.as_ref(), serves.as_ref()],
        );
    }
    opened
}

fn repository(to: &MachineName, serves: Option<&StepId>, pen: &mut Pen<'_>) -> StepId {
    pen.step(
        Action::Repository {
            machine: to.clone(),
        },
        Effect::Safe,
        because("the stack has no recovery points there yet"),
        &[serves],
    )
}

fn quarantine(old: &[&SeenMachine], ready: &StepId, pen: &mut Pen<'_>) {
    for machine in old {
        pen.step(
            Action::Quarantine {
                machine: machine.name.clone(),
            },
            Effect::Safe,
            because("another machine has taken over; this one is kept, off"),
            &[Some(ready)],
        );
    }
}

/// Names that do not point where they should.
fn point_names(
    view: &View<'_>,
    name: &MachineName,
    seen: Option<&SeenMachine>,
    after: Option<&StepId>,
    pen: &mut Pen<'_>,
) {
    if view.want.dns.is_none() {
        return;
    }
    for service in &view.at.stack.services {
        let right = match (view.seen.names.get(&service.host), seen) {
            (Some(Ok(addresses)), Some(machine)) => {
                addresses.as_slice() == std::slice::from_ref(&machine.address)
            }
            (Some(Err(gap)), Some(_)) => {
                pen.gap(gap);
                true
            }
            _ => false,
        };
        if !right {
            pen.step(
                Action::Name {
                    host: service.host.clone(),
                    machine: name.clone(),
                },
                Effect::Disruptive,
                because_of(&service.place, "the name points elsewhere, or nowhere"),
                &[after],
            );
        }
    }
}

/// Machines of the stack, other than `name`, that could still write.
fn other_writers<'a>(view: &View<'a>, name: &MachineName) -> Vec<&'a SeenMachine> {
    view.at
        .machines
        .iter()
        .filter(|m| m.name != *name && !m.quarantined && m.power != Power::Off)
        .filter(|m| {
            matches!(view.seen.machines.get(&m.name), Some(Ok(facts)) if facts.stage >= Stage::Opened)
                || view.past.machines.get(&m.name).is_none()
        })
        .copied()
        .collect()
}

fn fence(view: &View<'_>, machine: &SeenMachine, pen: &mut Pen<'_>) -> Option<StepId> {
    match way_to_fence(view, machine) {
        Some(by) => Some(pen.step(
            Action::Fence {
                machine: machine.name.clone(),
                by,
            },
            Effect::Destructive,
            because("an older machine of this stack must not write"),
            &[],
        )),
        None => {
            pen.hold(
                format!("fencing {}", machine.name),
                no_way_to_fence(machine),
                waiver_remedy(machine),
            );
            None
        }
    }
}

fn way_to_fence(view: &View<'_>, machine: &SeenMachine) -> Option<FenceBy> {
    let waiver: Option<&Waiver> = view
        .at
        .stack
        .waivers
        .iter()
        .find(|w| w.machine == machine.name);
    let account = view.want.hosters.get(&machine.hoster)?;
    match account.descriptor.interface {
        InterfaceFamily::HetznerCloud => Some(FenceBy::PowerOff),
        InterfaceFamily::Pool => waiver.map(|w| FenceBy::Waiver {
            place: w.place.clone(),
        }),
    }
}

fn no_way_to_fence(machine: &SeenMachine) -> Hold {
    Hold::Forbidden {
        rule: "S2".into(),
        reason: format!(
            "{} at {} has no power control, so nobody can be sure that it stops writing",
            machine.name, machine.hoster
        ),
    }
}

fn waiver_remedy(machine: &SeenMachine) -> String {
    format!(
        "switch it off yourself, then sign a [[waiver]] with machine = \"{}\" and the reason",
        machine.name
    )
}

/// Machines with an older epoch that are on again: closed and set aside (S2).
fn zombies(view: &View<'_>, writer: &MachineName, epoch: Epoch, pen: &mut Pen<'_>) {
    for machine in &view.at.machines {
        if machine.epoch >= epoch || machine.name == *writer {
            continue;
        }
        let off = machine.power == Power::Off;
        if off && machine.quarantined {
            continue;
        }
        let fenced = match way_to_fence(view, machine) {
            Some(FenceBy::PowerOff) if !off => Some(pen.step(
                Action::Fence {
                    machine: machine.name.clone(),
                    by: FenceBy::PowerOff,
                },
                Effect::Destructive,
                because("its epoch is over and it is on"),
                &[],
            )),
            Some(FenceBy::PowerOff) => None,
            _ => {
                let still_open =
                    matches!(view.seen.machines.get(&machine.name), Some(Ok(facts)) if facts.open);
                still_open.then(|| {
                    pen.step(
                        Action::Close {
                            machine: machine.name.clone(),
                        },
                        Effect::Disruptive,
                        because("its epoch is over and it lets users in"),
                        &[],
                    )
                })
            }
        };
        if !machine.quarantined {
            pen.step(
                Action::Quarantine {
                    machine: machine.name.clone(),
                },
                Effect::Safe,
                because("its epoch is over"),
                &[fenced.as_ref()],
            );
        }
    }
}

/// A backup that a person asks for, of a machine that runs and may write.
pub(super) fn backup_only(
    at: &Situation<'_>,
    seen: &Observed,
    draft: &mut Draft,
) -> Result<(), String> {
    let Some(writer) = &at.writer else {
        return Err("it has not been installed yet".into());
    };
    match &writer.state {
        WriterState::Answers(_) if writer.fenced.is_none() => {}
        WriterState::Unseen(gap) => return Err(gap.to_string()),
        _ => return Err(format!("its machine {} does not run", writer.name)),
    }
    let placement = &at.stack.backup.placement;
    let to = names::backup_machine(&placement.hoster, &placement.site);
    match seen.machines.get(&to) {
        Some(Ok(_)) => {}
        Some(Err(gap)) => return Err(gap.to_string()),
        None => return Err(format!("there is no backup machine {to} yet")),
    }
    let mut pen = Pen {
        draft,
        stack: Some(&at.stack.id),
    };
    let repository = match &at.points {
        Ok(points) if points.is_empty() => Some(repository(&to, None, &mut pen)),
        Ok(_) => None,
        Err(gap) => return Err(gap.to_string()),
    };
    pen.step(
        Action::Backup {
            machine: writer.name.clone(),
            to,
        },
        Effect::Safe,
        because("asked for by hand"),
        &[repository.as_ref()],
    );
    Ok(())
}
