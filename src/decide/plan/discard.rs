//! The end of a repository that a stack no longer names: deleted because people signed for it by
//! name, and only where nothing is lost with it (S3, S12, S14).

use super::draft::{Draft, Pen, because_of};
use super::forget::speaks_against;
use super::former::{copied, lost};
use super::unknown;
use super::view::View;
use crate::decide::independent;
use crate::decide::point::{self, newness};
use crate::decide::repositories::named;
use crate::model::desired::Discard;
use crate::model::ids::{HosterId, MachineName};
use crate::model::plan::{Action, Cause, Effect, Hold};
use crate::model::point::{RecoveryPoint, Rung};
use jiff::Timestamp;

/// Plans, last of all, what the signed discards of one stack ask for.
pub(super) fn plan(view: &View<'_>, draft: &mut Draft) {
    let stack = view.at.stack;
    if stack.discards.is_empty() {
        return;
    }
    let against = view
        .at
        .points
        .as_ref()
        .ok()
        .map(|points| speaks_against(view, &view.at.serving, points, draft));
    let busy = draft.steps_of(&stack.id).next().is_some();
    for discard in &stack.discards {
        let mut pen = Pen {
            draft,
            stack: Some(&stack.id),
            cause: Cause::Intent,
        };
        one(view, discard, against.as_deref(), busy, &mut pen);
    }
}

fn one(
    view: &View<'_>,
    discard: &Discard,
    against: Option<&[String]>,
    busy: bool,
    pen: &mut Pen<'_>,
) {
    let (stack, machine) = (view.at.stack, &discard.machine);
    let wanted = format!("discarding the repository of {} on {machine}", stack.shown);
    let points = match view.at.elsewhere.get(machine) {
        Some(Ok(points)) => points,
        Some(Err(gap)) if !lost(view, machine) => {
            let remedy =
                "it is looked at again on the next run; what cannot be seen is not deleted";
            pen.hold_unseen(wanted, gap, remedy);
            return;
        }
        // Without the journal, or without a look at all, nobody knows what there was.
        _ if view.past.repository_in_use(&stack.id).is_none() => return,
        _ if !unknown::is_known(view, machine) => return, // Said of all such names.
        _ => {
            pen.note(format!(
                "nothing of {} is on {machine} any more; its [[discard]] may be taken out of {}",
                stack.shown,
                stack.file()
            ));
            return;
        }
    };
    let hold = |pen: &mut Pen<'_>, rule: &str, reasons: &[String], remedy: &str| {
        let hold = Hold::Forbidden {
            rule: rule.into(),
            reason: reasons.join("; "),
        };
        pen.hold(wanted.clone(), hold, remedy);
    };
    let reasons = never_the_last(view, machine, points);
    if !reasons.is_empty() {
        let remedy = format!(
            "nothing is deleted meanwhile, and the line may stay; holdfast drill {} proves what is on {}",
            stack.shown, view.at.serving
        );
        hold(pen, "S3", &reasons, &remedy);
        return;
    }
    if let Some(reason) = falls_together(view) {
        hold(
            pen,
            "S14",
            &[reason],
            "nothing is deleted while the copies stand where production does",
        );
        return;
    }
    if let Some(against) = against.filter(|against| !against.is_empty()) {
        let remedy = "what is held for the stack comes first; nothing is deleted meanwhile";
        hold(pen, "S12", against, remedy);
        return;
    }
    if busy {
        return; // On the next run, when it is done.
    }
    pen.step(
        Action::Discard {
            machine: machine.clone(),
            points: points.iter().map(|point| point.id.clone()).collect(),
        },
        Effect::Destructive,
        because_of(
            &discard.place,
            format!("it was signed for by name: {}", discard.reason),
        ),
        &[],
    );
}

/// Why something would be lost with it (S3).
fn never_the_last(view: &View<'_>, machine: &MachineName, old: &[RecoveryPoint]) -> Vec<String> {
    let (stack, serving) = (view.at.stack, &view.at.serving);
    let mut reasons = Vec::new();
    if machine == serving || *serving != named(stack) {
        reasons.push(format!("its points still go to {serving}"));
        return reasons;
    }
    if stack.ended(view.seen.at).is_some() {
        reasons.push("the stack has ended, and nobody takes another point".to_owned());
    }
    let here = match &view.at.points {
        Ok(here) => *here,
        Err(gap) => {
            reasons.push(format!("the points on {serving} cannot be seen: {gap}"));
            return reasons;
        }
    };
    if old.is_empty() {
        return reasons;
    }
    match copied(view, machine) {
        None => reasons.push(format!(
            "not everything on it was copied to {serving} and checked there"
        )),
        Some((at, _)) => reasons.extend(too_early(view, old, at)),
    }
    let far = old.iter().map(|point| point.rung).max();
    let far = far.unwrap_or(Rung::Restored).max(Rung::Restored);
    let newest = old.iter().map(newness).max();
    let arrived = old.iter().map(|point| point.arrived_at).max().flatten();
    let stands_for_all = |point: &RecoveryPoint| {
        point::intact(point, far)
            && point.arrived_at.is_some()
            && point.arrived_at > arrived
            && Some(newness(point)) > newest
    };
    if !here.iter().any(stands_for_all) {
        reasons.push(format!(
            "no point on {serving} is newer than those on it and {}, by evidence",
            far.name()
        ));
    }
    reasons
}

/// Copied long enough ago, and nothing came in since.
fn too_early(view: &View<'_>, old: &[RecoveryPoint], at: Timestamp) -> Option<String> {
    let later = old
        .iter()
        .filter(|p| p.arrived_at.is_some_and(|came| came > at));
    let later = later.count();
    if later > 0 {
        return Some(format!("{later} of its points came after it was copied"));
    }
    let free = at.saturating_add(view.at.stack.backup.retention.within);
    let free = free.unwrap_or(Timestamp::MAX);
    (free > view.seen.at).then(|| {
        format!(
            "it was copied on {} and is kept for as long as every point is: until {}",
            at.strftime("%Y-%m-%d"),
            free.strftime("%Y-%m-%d %H:%M UTC")
        )
    })
}

/// What stays must not be lost together with production (S14), wherever that stands now.
fn falls_together(view: &View<'_>) -> Option<String> {
    let serving = &view.at.serving;
    let production = view.at.writer.as_ref().and_then(|w| w.hoster.as_ref());
    let kept = view.past.machines.get(serving).map(|made| &made.hoster);
    let account = |id: Option<&HosterId>| view.want.hosters.get(id?);
    let shared = match (account(production), account(kept)) {
        (Some(one), Some(two)) => independent::shared(one, two),
        _ => vec!["nobody can say whose machines they stand on".to_owned()],
    };
    (!shared.is_empty()).then(|| {
        format!(
            "production and {serving} are not independent: {}",
            shared.join("; ")
        )
    })
}
