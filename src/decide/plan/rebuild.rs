//! Rebuild: a new machine from the newest point that is proven far enough (S11).

use super::backups::BackupMachine;
use super::draft::{Pen, because};
use super::fencing::{no_way_to_fence, quarantine, waiver_for, waiver_remedy, way_to_fence};
use super::former;
use super::last_chance;
use super::lost;
use super::newcomer::{Filling, newcomer, restore};
use super::opening::open_and_resume;
use super::permission::leave;
use super::situation::{Writer, WriterState};
use super::view::View;
use crate::decide::{point, repositories};
use crate::model::desired::Placement;
use crate::model::ids::StepId;
use crate::model::observed::{Power, SeenMachine};
use crate::model::plan::{Action, Cause, Effect, FenceBy, Hold, Source};
use crate::model::point::Rung;

/// The least a point must have proven before a rebuild takes it (S11).
pub(crate) const ENOUGH: Rung = Rung::Shipped;

/// The writer is lost, or was fenced in a move that did not finish: a new machine from the newest proven point.
pub(super) fn rebuild(view: &View<'_>, writer: &Writer<'_>, pen: &mut Pen<'_>) {
    let stack = view.at.stack;
    let wanted = format!("rebuild of {}", stack.shown);
    let in_flight = writer.fenced.is_some();
    let leave = if in_flight {
        Some(Cause::Reality)
    } else {
        let leave = leave(view, writer, &wanted, pen);
        leave.filter(|_| lost::is_certain(view, &wanted, pen))
    };
    let Some(leave) = leave else { return };
    let points = match &view.at.points {
        Ok(points) => points,
        Err(gap) => {
            pen.hold_unseen(wanted, gap, "nothing is restored from what cannot be seen");
            return;
        }
    };
    let serving = (&view.at.serving, *points);
    let (choice, on) = repositories::choose(serving, view.at.elsewhere, ENOUGH);
    let is_here = on.as_ref() == Some(&view.at.serving);
    let read_back_here = choice.chosen.as_ref().is_some_and(|chosen| {
        let here = view.past.repository(&stack.id, &view.at.serving);
        here.is_some_and(|here| here.points.get(&chosen.id) >= Some(&here.given))
    });
    // Since production writes there, nothing newer comes to any other machine.
    if !(is_here && read_back_here)
        && let Some(gap) = former::unseen(view)
    {
        pen.hold_unseen(
            wanted,
            &gap,
            "newer recovery points may be there; nothing is restored from what cannot be seen",
        );
        return;
    }
    let passed_over = point::passed_over(&choice);
    let (Some(chosen), Some(on)) = (choice.chosen, on) else {
        let lost = former::lost_words(view);
        let lost = lost.map(|lost| format!("; {lost}")).unwrap_or_default();
        pen.hold(
            wanted,
            Hold::Forbidden {
                rule: "S15".into(),
                reason: format!(
                    "there is no recovery point that is proven far enough, and a service never starts empty{lost}"
                ),
            },
            "find the missing recovery points; holdfast points lists what is there",
        );
        return;
    };
    let why = match &writer.state {
        WriterState::Gone => "its hoster no longer lists the machine".to_owned(),
        WriterState::Waived => {
            "it does not answer, and a signed waiver says that it can no longer write".to_owned()
        }
        WriterState::OffForGood(reason) => format!("it is off and cannot be switched on: {reason}"),
        WriterState::Silent(_) => {
            "it is silent, and starting it anew through its hoster did not help".to_owned()
        }
        _ => "the old machine was fenced and the new one is not open yet".to_owned(),
    };
    // A fence that was undone (somebody switched the machine on again) is no fence.
    let still_fenced = in_flight && writer.seen.is_none_or(|m| m.power == Power::Off);
    let fence_step = if still_fenced {
        None
    } else {
        let by = match (&writer.state, writer.seen) {
            (WriterState::Waived, _) => {
                let Some(by) = waiver_for(view, &writer.name) else {
                    return; // The state says that there is one.
                };
                by
            }
            (WriterState::Gone, _) | (_, None) => FenceBy::Gone,
            // Fenced before, it was found lost then, or nobody was to write there: what it says
            // since somebody switched it on again does not matter.
            (WriterState::Silent(_), Some(_)) if !in_flight => FenceBy::PowerOffIfSilent,
            (_, Some(old)) => {
                let Some(by) = way_to_fence(view, old) else {
                    pen.hold(wanted, no_way_to_fence(old), waiver_remedy(old));
                    return;
                };
                by
            }
        };
        Some(by)
    };
    // A waiver is a word of people, not an observation: what follows from it, they ask for.
    let cause = match &fence_step {
        Some(FenceBy::Waiver { .. }) => Cause::Intent,
        _ => leave,
    };
    let pen = &mut pen.set_off_by(cause);
    let places: Vec<&Placement> = [&stack.production]
        .into_iter()
        .chain(&stack.fallback)
        .collect();
    let Some(machine) = newcomer(
        view,
        &places,
        Filling::Point(&chosen.id),
        &wanted,
        &why,
        pen,
    ) else {
        return;
    };
    pen.draft.rebuilt.insert(stack.id.clone(), !in_flight);
    let fenced = fence_step.map(|by| {
        // Nobody but us may have lost sight of it: it is left on until its successor answers.
        let silent = by == FenceBy::PowerOffIfSilent;
        let first = silent.then_some(&machine.prepared);
        let chance = last_chance::last_chance(view, writer, first, pen);
        pen.step(
            Action::Fence {
                machine: writer.name.clone(),
                by,
            },
            Effect::Destructive,
            because(why.clone()),
            &[first, chance.as_ref()],
        )
    });
    for passed_over in passed_over {
        pen.note(format!("{}: {passed_over}", stack.shown));
    }
    let source = Source::Point {
        point: chosen.id.clone(),
        taken_at: chosen.taken_at,
        rung: chosen.rung,
        on: on.clone(),
    };
    let reachable = match view.backups.get(&on) {
        Some(BackupMachine::Ready { serves, .. }) if !is_here => serves.as_ref(),
        _ => None,
    };
    let loaded = restore(&machine, source, reachable, pen);
    let fences: Vec<StepId> = fenced.into_iter().collect();
    let old: Vec<&SeenMachine> = writer.seen.into_iter().collect();
    let opened = open_and_resume(
        view,
        &machine,
        &loaded,
        std::slice::from_ref(&writer.name),
        &fences,
        pen,
    );
    quarantine(&old, &opened, pen);
}
