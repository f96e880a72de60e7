//! Retention: which points go, or why none goes now (S3, S12).
//!
//! Planned last of all: whatever else is to be done or is held for the stack comes first, and a
//! hold is an open incident.

use super::backups::BackupMachine;
use super::draft::{Draft, Pen, because_of};
use super::former;
use super::situation::WriterState;
use super::view::View;
use crate::decide::doubt::{doubts, looks_wrong};
use crate::decide::drill;
use crate::decide::retention::{judge, leaving};
use crate::model::ids::MachineName;
use crate::model::plan::{Action, Cause, Effect, Hold, Leaving};
use crate::model::point::RecoveryPoint;
use std::collections::BTreeMap;

/// What is wanted where junk was found.
const JUNK: &str = "a repository that holds nothing but its own";

/// Plans what the signed retention of one stack lets go.
pub(super) fn plan(view: &View<'_>, draft: &mut Draft) {
    let stack = view.at.stack;
    if stack.ended(view.seen.at).is_some() {
        return; // Nobody takes another point that could stand for these.
    }
    let BackupMachine::Ready {
        name: machine,
        created: None,
        ..
    } = view.backup
    else {
        return; // Held already, where the machine is planned.
    };
    nearly_full(view, machine, draft);
    uploaded_junk(view, machine, draft);
    let Ok(points) = view.at.points else {
        return; // Likewise.
    };
    let reads = |action: &Action| matches!(action, Action::Verify { .. });
    let at_work = |reading: bool| {
        let mut steps = draft.steps_of(&stack.id);
        steps.any(|step| reads(&step.action) == reading)
    };
    if at_work(false) {
        return; // On the next run, when it is done.
    }
    let being_read = at_work(true);
    let retention = &stack.backup.retention;
    let vault = view.seen.vaults.get(machine);
    let nothing = BTreeMap::new();
    let shapes = vault
        .and_then(|vault| vault.as_ref().ok()?.stacks.get(&stack.id))
        .map_or(&nothing, |holdings| &holdings.shapes);
    let judged = judge(
        points,
        shapes,
        retention,
        &stack.backup.schedule.zone,
        view.seen.at,
    );
    let gone = leaving(&judged);
    let begun = format!("{}.forget.{machine}", stack.id);
    let again = view.past.unfinished.iter().any(|s| s.as_str() == begun);
    let wrong = looks_wrong(points, shapes, &retention.right);
    if gone.is_empty() && !again && wrong.is_none() {
        return;
    }
    let doubts = speaks_against(view, machine, points, draft);
    let mut pen = Pen {
        draft,
        stack: Some(&stack.id),
        cause: Cause::Reality,
    };
    if !doubts.is_empty() {
        let remedy = match &wrong {
            Some(wrong) => format!(
                "look at the point; if it is as it should be, sign right = [{:?}] in retention of {}",
                wrong.point.as_str().get(..12).unwrap_or_default(),
                stack.file()
            ),
            None => "find out why; no point is forgotten meanwhile".to_owned(),
        };
        let reason = doubts.join("; ");
        pen.hold(
            match gone.len() {
                0 => "forgetting recovery points".to_owned(),
                some => format!("forgetting {some} of {} recovery points", points.len()),
            },
            Hold::Forbidden {
                rule: "S12".into(),
                reason,
            },
            remedy,
        );
        return;
    }
    if being_read || former::awaited(view) {
        return; // What it finds may be a reason to keep them; so may what is still elsewhere (S3).
    }
    let points: Vec<Leaving> = gone
        .iter()
        .map(|(point, why)| Leaving {
            point: point.id.clone(),
            taken_at: point.taken_at,
            rung: point.rung,
            why: (*why).to_owned(),
        })
        .collect();
    let why = match (points.is_empty(), again) {
        (true, _) => "taking points out was begun and its end is not known",
        (false, _) => "the signed retention does not keep these points",
    };
    pen.step(
        Action::Forget {
            machine: machine.clone(),
            points,
            right: retention.right.clone(),
        },
        Effect::Destructive,
        because_of(&retention.place, why),
        &[],
    );
}

/// Everything that speaks against taking anything away of this stack now: doubts about its points
/// on this machine, whatever is held for it, and a production that could not take another point.
/// A drill stands in the way by a rule of its own: the gate knows it.
pub(super) fn speaks_against(
    view: &View<'_>,
    machine: &MachineName,
    points: &[RecoveryPoint],
    draft: &Draft,
) -> Vec<String> {
    let (stack, seen, past) = (view.at.stack, view.seen, view.past);
    let right = &stack.backup.retention.right;
    let mut against = doubts(&stack.id, machine, points, seen, past, right);
    let held = draft.held.iter();
    let held = held.filter(|held| held.stack.as_ref() == Some(&stack.id) && held.wanted != JUNK);
    against.extend(held.filter_map(|held| match &held.hold {
        Hold::Forbidden { rule, .. } if rule == "damage" => None, // Said already.
        Hold::Forbidden { rule, .. } if rule == drill::RULE => None,
        Hold::Forbidden { reason, .. } => Some(reason.clone()),
        _ => Some(format!("{} is held", held.wanted)),
    }));
    let writer = view.at.writer.as_ref();
    if !writer.is_some_and(|writer| matches!(writer.state, WriterState::Answers(_))) {
        against.push("its production machine does not answer".to_owned());
    }
    against
}

/// Nobody but production can add files to its repository, and it adds none of these by itself.
fn uploaded_junk(view: &View<'_>, machine: &MachineName, draft: &mut Draft) {
    let stack = view.at.stack;
    let Some(Ok(vault)) = view.seen.vaults.get(machine) else {
        return;
    };
    let aside = vault.stacks.get(&stack.id).map(|holdings| &holdings.aside);
    let Some(aside) = aside.filter(|aside| !aside.is_empty()) else {
        return;
    };
    let kinds: Vec<String> = aside
        .iter()
        .map(|(kind, count)| format!("{count} in {kind}"))
        .collect();
    let mut pen = Pen {
        draft,
        stack: Some(&stack.id),
        cause: Cause::Reality,
    };
    pen.hold(
        JUNK,
        Hold::Forbidden {
            rule: "S10".into(),
            reason: format!(
                "somebody who owns production, or its password, uploaded files that are nobody's ({}); they were set aside on {machine}, and every earlier point is as it was",
                kinds.join(", ")
            ),
        },
        format!(
            "find out who was root on production; then look at /srv/holdfast/aside/{} on {machine} and remove it",
            stack.id
        ),
    );
}

/// A backup machine on which no point finds room takes none: said before it comes to that. One
/// line for all its stacks.
fn nearly_full(view: &View<'_>, machine: &MachineName, draft: &mut Draft) {
    let Some(Ok(vault)) = view.seen.vaults.get(machine) else {
        return;
    };
    let wanted = format!("room for recovery points on {machine}");
    let said = draft.held.iter().any(|held| held.wanted == wanted);
    if said || vault.disk_free.0 >= vault.disk_size.0 / 10 || vault.disk_size.0 == 0 {
        return;
    }
    let mut pen = Pen {
        draft,
        stack: None,
        cause: Cause::Reality,
    };
    pen.hold(
        wanted,
        Hold::Forbidden {
            rule: "capacity".into(),
            reason: format!(
                "its disk is nearly full: {} of {} are free, and below a tenth nobody can count on the next point",
                vault.disk_free, vault.disk_size
            ),
        },
        "find out which repository grew (du -s /srv/holdfast/restic/*), and give it a larger disk",
    );
}
