//! What has happened, in words, from the journal alone.

use super::history::History;
use crate::model::evidence::What;
use crate::model::ids::{CommitId, StackId, StepId};
use crate::model::journal::{Entry, Event, Remedy, StepResult};
use crate::model::units::show_duration;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The entry of the journal that tells it, or that tells of its beginning.
    pub entry: i64,
    /// The entry that tells of its end, for a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<i64>,
    /// When the first of them was written.
    pub at: Timestamp,
    /// Whose; `None` is what stacks share.
    pub stack: Option<StackId>,
    /// In words, without what came of it.
    pub text: String,
    /// The step, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// Under which accepted commit; `None` before the first.
    pub commit: Option<CommitId>,
    /// What came of it; `None`: it is no step, and just so.
    #[serde(flatten)]
    pub outcome: Option<Outcome>,
    /// Measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub millis: Option<u64>,
    /// No commit asked for it: it repairs, its time had come, or somebody here asked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub repair: bool,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "reason")]
pub enum Outcome {
    /// It is so.
    Done,
    /// Certainly nothing changed.
    Refused(String),
    /// Nobody knows; it was looked at again.
    Unknown(String),
    /// The journal has no end of it: it is being done, or was cut short.
    Unfinished,
}

/// All that concerns a stack, oldest first; without one, everything. What people accepted and
/// paused concerns every stack.
pub fn timeline(entries: &[Entry], stack: Option<&StackId>, since: Option<Timestamp>) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    let mut open: BTreeMap<&StepId, usize> = BTreeMap::new();
    let mut commit: Option<CommitId> = None;
    let mut past = History::default();
    for entry in entries {
        let shut = past.shut_until(entry);
        if let Event::Accepted { commit: accepted } = &entry.event {
            commit = Some(accepted.clone());
        }
        if !concerns(entry, stack) {
            continue;
        }
        let new = |text: String| Told {
            entry: entry.seq,
            ended_by: None,
            at: entry.at,
            stack: entry.stack.clone(),
            text,
            step: None,
            commit: commit.clone(),
            outcome: None,
            millis: None,
            repair: false,
        };
        match &entry.event {
            Event::Started {
                step,
                action,
                repair,
                ..
            } => {
                open.insert(step, told.len());
                told.push(Told {
                    step: Some(step.clone()),
                    outcome: Some(Outcome::Unfinished),
                    repair: *repair,
                    ..new(action.clone())
                });
            }
            Event::Ended {
                step,
                result,
                millis,
            } => {
                let outcome = match result {
                    StepResult::Done => Outcome::Done,
                    StepResult::Refused { reason, .. } => Outcome::Refused(reason.clone()),
                    StepResult::Unknown { reason } => Outcome::Unknown(reason.clone()),
                };
                match open.remove(step).and_then(|begun| told.get_mut(begun)) {
                    Some(begun) => {
                        begun.ended_by = Some(entry.seq);
                        begun.outcome = Some(outcome);
                        begun.millis = Some(*millis);
                    }
                    None => told.push(Told {
                        step: Some(step.clone()),
                        outcome: Some(outcome),
                        millis: Some(*millis),
                        ended_by: Some(entry.seq),
                        ..new(format!("{step}, whose beginning is not in the journal"))
                    }),
                }
            }
            Event::Opened { .. } if let Some(shut) = shut => told.push(Told {
                millis: u64::try_from(shut.as_millis()).ok(),
                ..new(format!(
                    "{}; nobody got in for {}",
                    words(&entry.event),
                    show_duration(shut)
                ))
            }),
            event => told.push(new(words(event))),
        }
    }
    told.retain(|told| since.is_none_or(|since| told.at >= since));
    told
}

fn concerns(entry: &Entry, stack: Option<&StackId>) -> bool {
    let of_all = || {
        entry.stack.is_none()
            && matches!(
                entry.event,
                Event::Accepted { .. }
                    | Event::SetBack { .. }
                    | Event::Paused { .. }
                    | Event::Resumed {}
            )
    };
    stack.is_none() || entry.stack.as_ref() == stack || of_all()
}

/// Everything but steps.
fn words(event: &Event) -> String {
    match event {
        Event::Accepted { commit } => format!("commit {:.12} was accepted", commit.as_str()),
        Event::SetBack { head } => format!(
            "head {:.12} was refused: it does not descend from the accepted one",
            head.as_str()
        ),
        Event::Started { action, .. } => action.clone(),
        Event::Ended { step, .. } => step.to_string(),
        Event::Created {
            machine,
            hoster,
            role,
            epoch,
            ..
        } => format!("{machine} was made at {hoster} ({}, {epoch})", role.word()),
        Event::Ordered {
            machine,
            hoster,
            take,
            ..
        } => format!("{take} at {hoster} is to become {machine}"),
        Event::Fenced { machine, proof } => format!("{machine} can no longer write: {proof}"),
        Event::Opened {
            machine,
            epoch,
            point,
        } => {
            let from = point
                .as_ref()
                .map(|point| format!(", restored from point {}", point.short()));
            format!(
                "users were let in to {machine}, {epoch}{}",
                from.unwrap_or_default()
            )
        }
        Event::Closed { machine } => format!("users were shut out of {machine}"),
        Event::Resized {
            machine,
            machine_type,
            ..
        } => format!("{machine} is a {machine_type}, by its hoster's word"),
        Event::PowerOnFailed { machine, reason } => {
            format!("{machine} could not be switched on: {reason}")
        }
        Event::SeenOn { machine } => format!("{machine} was seen running again"),
        Event::FellSilent { machine, seen } => format!("{machine} fell silent: {seen}"),
        Event::StillSilent { machine } => format!("{machine} was looked at again, and is silent"),
        Event::Answered { machine } => format!("{machine} answers again"),
        Event::Tried { machine, remedy } => match remedy {
            Remedy::Reset => format!("{machine} was reset, by its hoster's word"),
            Remedy::PowerCycle => {
                format!("{machine} was switched off and on, by its hoster's word")
            }
        },
        Event::Rebooted { machine } => format!("{machine} was rebooted, and is up again"),
        Event::Healed { machine } => {
            format!("{machine} is well: nothing that it was rebooted for is wrong any more")
        }
        Event::LastChance {
            machine,
            point: Some(point),
            why,
        } => format!(
            "what was on the disk of {machine} was saved from its hoster's rescue system, in point {}, and it is off{}{why}",
            point.short(),
            if why.is_empty() { "" } else { "; not in it: " }
        ),
        Event::LastChance { machine, why, .. } => {
            format!("nothing could be saved from the disk of {machine}, and it is off: {why}")
        }
        Event::Quarantined { machine } => format!("{machine} was set aside"),
        Event::SavedAside { machine, point } => format!(
            "what users wrote on {machine} lies aside, in point {}",
            point.short()
        ),
        Event::NoCapacity { hoster, site } => format!("{hoster} {site} had no room"),
        Event::Proven { point, rung } => format!("point {} is {}", point.short(), rung.name()),
        Event::Verified {
            machine,
            part,
            of,
            findings,
        } => {
            let found = match findings.as_slice() {
                [] => "nothing is damaged".to_owned(),
                findings => format!("DAMAGED: {}", findings.join("; ")),
            };
            format!("part {part} of {of} of the repository on {machine} was read: {found}")
        }
        Event::Drilled {
            what,
            point,
            machine,
            passed,
            escrow,
            ..
        } => {
            let what = match what {
                What::Drill => "drill",
                What::Rebuild => "rebuild",
                What::Move => "move",
            };
            let came = if *passed { "passed" } else { "FAILED" };
            let with = if *escrow {
                " with the escrow key alone"
            } else {
                ""
            };
            format!(
                "the {what} of point {} on {machine} {came}{with}",
                point.short()
            )
        }
        Event::Destroyed { machine } => format!("{machine} is gone, and nothing is left of it"),
        Event::Forgotten { machine, points } => {
            format!("{} left the repository on {machine}", count(points.len()))
        }
        Event::Copied { from, to, points } => {
            format!("{} were copied from {from} to {to}", count(*points))
        }
        Event::Discarded {
            machine,
            points,
            freed,
        } => format!(
            "the repository on {machine} was discarded: {}, {freed} freed",
            count(*points)
        ),
        Event::Found {
            machine, points, ..
        } => format!(
            "a repository with {} was found on {machine}, of which this journal knew nothing",
            count(points.len())
        ),
        Event::Paused { until, reason } => format!(
            "an operator paused everything but backups until {}: {reason}",
            until.strftime("%Y-%m-%d %H:%M UTC")
        ),
        Event::Resumed {} => "an operator ended the pause".to_owned(),
        Event::TtlSet {
            host,
            seconds,
            before,
        } => {
            format!("{host} may be remembered for {seconds}s from now on, and before for {before}s")
        }
        Event::Named { host, address } => format!("{host} was pointed at {address}"),
    }
}

fn count(points: usize) -> String {
    match points {
        1 => "1 point".to_owned(),
        many => format!("{many} points"),
    }
}
