//! A machine that stands where it should: kept as the estate describes it, switched on if it is off.

use super::backups::BackupMachine;
use super::draft::{Pen, because, because_of};
use super::fencing::{fence, other_writers};
use super::opening::{point_names, repository};
use super::rebuild::ENOUGH;
use super::situation::Writer;
use super::view::{View, service_names};
use crate::decide::changes::changes;
use crate::decide::point;
use crate::model::desired::Repair;
use crate::model::ids::StepId;
use crate::model::machine::MachineFacts;
use crate::model::plan::{Action, Drift, Effect, Hold};

/// A machine that runs where it should: mend drift, names, recovery points.
pub(super) fn keep(view: &View<'_>, writer: &Writer<'_>, facts: &MachineFacts, pen: &mut Pen<'_>) {
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
pub(super) fn power_on(view: &View<'_>, writer: &Writer<'_>, pen: &mut Pen<'_>) {
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
