//! What may never be forgotten or discarded, judged on a finished step by code that does not know
//! the planner (S1, S3, S12).

use crate::decide::doubt::doubts;
use crate::decide::history::History;
use crate::model::ids::{MachineName, PointId, StackId};
use crate::model::observed::Observed;
use crate::model::plan::Leaving;
use crate::model::point::{RecoveryPoint, Rung};
use std::collections::BTreeSet;

/// What is wrong with taking these points of a stack out of its repository.
pub(super) fn problems(
    stack: &StackId,
    machine: &MachineName,
    leaving: &[Leaving],
    right: &[String],
    seen: &Observed,
    past: &History,
) -> Vec<(&'static str, String)> {
    let former = seen.former.get(stack);
    let listed = former.and_then(|former| former.get(machine));
    let Some(Ok(points)) = listed.or_else(|| seen.points.get(stack)) else {
        return vec![("S1", "forgets points that could not be listed".to_owned())];
    };
    let doubts = doubts(stack, machine, points, seen, past, right).into_iter();
    let mut problems: Vec<(&'static str, String)> = doubts
        .map(|doubt| ("S12", format!("forgets points in doubt: {doubt}")))
        .collect();
    if past
        .repository_in_use(stack)
        .is_some_and(|used| used != machine)
    {
        let problem = format!("forgets points on {machine}, where no new ones come");
        problems.push(("S3", problem));
    }
    // A machine that cannot be asked may be lost for good; the planner says of it what it knows.
    let others = former.into_iter().flatten();
    let full = others.filter(|(other, points)| {
        *other != machine && points.as_ref().is_ok_and(|points| !points.is_empty())
    });
    let copied = |other: &MachineName| {
        let kept = past.repository(stack, other);
        kept.is_some_and(|kept| kept.copied.contains_key(machine))
    };
    for (other, _) in full.filter(|(other, _)| !copied(other)) {
        let problem = format!("forgets points while those on {other} are not copied and checked");
        problems.push(("S3", problem));
    }
    let gone: BTreeSet<&PointId> = leaving.iter().map(|leaving| &leaving.point).collect();
    let (going, staying): (Vec<&RecoveryPoint>, Vec<&RecoveryPoint>) =
        points.iter().partition(|point| gone.contains(&point.id));
    if going.len() < leaving.len() {
        problems.push(("S1", "forgets a point that was not seen".to_owned()));
    }
    for point in going {
        if point.aside {
            let problem = format!("forgets {}, which was saved aside", point.id);
            problems.push(("S3", problem));
        }
        if point.arrived_at.is_none() {
            let problem = format!("forgets {}, and nobody knows when it arrived", point.id);
            problems.push(("S3", problem));
        }
        let stands_for_it = |other: &&&RecoveryPoint| {
            other.rung >= Rung::Shipped
                && !other.aside
                && other.rung >= point.rung
                && other.epoch >= point.epoch
                && other.arrived_at > point.arrived_at
        };
        if !staying.iter().any(|other| stands_for_it(&other)) {
            problems.push((
                "S3",
                format!("forgets {}, and nothing newer is proven as far", point.id),
            ));
        }
    }
    problems
}

/// What is wrong with deleting a stack's whole repository on a machine, which holds these points.
pub(super) fn of_a_repository(
    stack: &StackId,
    machine: &MachineName,
    points: &[PointId],
    seen: &Observed,
    past: &History,
) -> Vec<(&'static str, String)> {
    let Some(used) = past
        .repository_in_use(stack)
        .filter(|used| *used != machine)
    else {
        return vec![("S3", format!("discards {machine}, where new points come"))];
    };
    let former = seen.former.get(stack).and_then(|of| of.get(machine));
    let (Some(Ok(old)), Some(Ok(here))) = (former, seen.points.get(stack)) else {
        return vec![("S1", "discards what could not be looked at".to_owned())];
    };
    let mut problems: Vec<(&'static str, String)> = Vec::new();
    let named: BTreeSet<&PointId> = points.iter().collect();
    if named != old.iter().map(|point| &point.id).collect() {
        problems.push(("S3", "discards other points than were seen".to_owned()));
    }
    let copied = past
        .repository(stack, machine)
        .and_then(|kept| kept.copied.get(used));
    let uncopied = |point: &&RecoveryPoint| {
        copied.is_none_or(|(at, _)| point.arrived_at.is_some_and(|came| came > *at))
    };
    for point in old.iter().filter(uncopied) {
        let problem = format!("discards {}, which was not copied to {used}", point.id);
        problems.push(("S3", problem));
    }
    for point in old {
        let stands_for_it = |other: &&RecoveryPoint| {
            other.damaged.is_none()
                && other.rung >= Rung::Restored.max(point.rung)
                && other.epoch >= point.epoch
                && other.arrived_at > point.arrived_at
        };
        if !here.iter().any(|other| stands_for_it(&other)) {
            let problem = format!("discards {}, and nothing newer is proven as far", point.id);
            problems.push(("S3", problem));
        }
    }
    problems
}
