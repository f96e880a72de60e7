//! What may never be forgotten, judged on a finished step by code that does not know retention
//! (S1, S3, S12).

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
    let Some(Ok(points)) = seen.points.get(stack) else {
        return vec![("S1", "forgets points that could not be listed".to_owned())];
    };
    let mut problems: Vec<(&'static str, String)> = doubts(
        stack,
        points,
        seen.vaults.get(machine),
        past,
        right,
        seen.at,
    )
    .into_iter()
    .map(|doubt| ("S12", format!("forgets points in doubt: {doubt}")))
    .collect();
    let gone: BTreeSet<&PointId> = leaving.iter().map(|leaving| &leaving.point).collect();
    let (going, staying): (Vec<&RecoveryPoint>, Vec<&RecoveryPoint>) =
        points.iter().partition(|point| gone.contains(&point.id));
    if going.len() < leaving.len() {
        problems.push(("S1", "forgets a point that was not seen".to_owned()));
    }
    for point in going {
        if point.arrived_at.is_none() {
            let problem = format!("forgets {}, and nobody knows when it arrived", point.id);
            problems.push(("S3", problem));
        }
        let stands_for_it = |other: &&&RecoveryPoint| {
            other.rung >= Rung::Shipped
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
