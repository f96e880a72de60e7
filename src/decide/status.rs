//! How each stack stands, in short and worst first. What could not be seen is never taken for well.

use super::drill;
use super::history::History;
use super::plan::{Position, Proven, Standing, Stands, stands};
use super::repositories;
use super::stop::{FREEZE, Stop, holding};
use crate::model::desired::{Desired, DesiredStack};
use crate::model::gap::Gap;
use crate::model::ids::StackId;
use crate::model::observed::Observed;
use crate::model::plan::{Held, Hold, Plan};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

/// How a stack stands; what comes first is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nobody is let in.
    Down,
    /// Something of it could not be seen.
    Unknown,
    /// It runs, and something that is wanted may not be done, or is wrong.
    Held,
    /// An operator wants nothing done to it.
    Paused,
    /// A signed commit wants nothing begun.
    Frozen,
    /// It runs, and steps are to be done.
    ToDo,
    /// It is as the estate asks for.
    AsWanted,
    /// It came to its end, as wished.
    Retired,
}

/// One stack in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// As people call it.
    pub stack: StackId,
    /// How it stands.
    pub state: State,
    /// Why, in words.
    pub because: String,
    /// The machine that was last allowed to write; of what was not looked at, by the journal.
    pub machine: Option<Standing>,
    /// The point that a rebuild would take; the gap when that could not be seen.
    pub proven: Result<Option<Proven>, Gap>,
    /// How it stands with its drills; `None`: nobody knows, or nobody wants one.
    pub drill: Option<drill::Standing>,
    /// The pause or freeze that holds it.
    pub stop: Option<Stop>,
    /// What is held of it, and why.
    pub held: Vec<Held>,
    /// Steps to do for it.
    pub steps: usize,
}

/// All stacks, worst first; `plan` is what was planned for all of them.
pub fn lines(want: &Desired, seen: &Observed, past: &History, plan: &Plan) -> Vec<Line> {
    let sound = want.stacks.values();
    let mut lines: Vec<Line> = sound
        .map(|stack| of_sound(stack, want, seen, past, plan))
        .collect();
    // Broken ones, and those whose file is gone while something of theirs is still there.
    let held = plan.held.iter().filter_map(|held| held.stack.as_ref());
    let rest: BTreeSet<&StackId> = want.broken.keys().chain(held).collect();
    let unlooked = rest
        .into_iter()
        .filter(|id| !want.stacks.contains_key(*id))
        .map(|id| not_looked_at(id, want, past, plan, seen.at));
    lines.extend(unlooked);
    lines.sort_by(|a, b| (a.state, &a.stack).cmp(&(b.state, &b.stack)));
    lines
}

fn of_sound(
    stack: &DesiredStack,
    want: &Desired,
    seen: &Observed,
    past: &History,
    plan: &Plan,
) -> Line {
    let now = seen.at;
    let Stands {
        machine,
        position,
        proven,
        unseen,
        ..
    } = stands(stack, want, seen, past);
    let points = repositories::known(seen, stack, past);
    let drill = (stack.ended(now).is_none() && points.is_some())
        .then(|| drill::standing(stack, past, points, now));
    let stop = holding(want, past, &stack.id, now);
    let held = held_of(plan, &stack.id);
    let steps = steps_of(plan, &stack.id);
    let names = stack
        .services
        .iter()
        .filter_map(|service| seen.names.get(&service.host)?.as_ref().err());
    let gap = names
        .chain(proven.as_ref().err())
        .chain(&unseen)
        .next()
        .cloned();
    let unproven = position == Position::Open && proven == Ok(None);
    let (state, because) = match judged(&position, gap.as_ref(), &held, steps, stop.as_ref()) {
        (State::ToDo | State::AsWanted | State::Paused | State::Frozen, _) if unproven => {
            let because = "it runs, and no recovery point is proven far enough";
            (State::Held, because.to_owned())
        }
        judged => judged,
    };
    Line {
        stack: stack.shown.clone(),
        state,
        because,
        machine,
        proven,
        drill,
        stop,
        held,
        steps,
    }
}

fn judged(
    position: &Position,
    gap: Option<&Gap>,
    held: &[Held],
    steps: usize,
    stop: Option<&Stop>,
) -> (State, String) {
    let down = match position {
        Position::Unseen(_) | Position::Silent(_) => {
            return (State::Unknown, position.words());
        }
        Position::Retired { done: true, .. } if held.is_empty() && steps == 0 => {
            return (State::Retired, position.words());
        }
        Position::Open | Position::NotInstalled | Position::Retired { .. } => false,
        Position::Closed
        | Position::Off
        | Position::OffForGood(_)
        | Position::Gone
        | Position::Waived
        | Position::Fenced(_) => true,
    };
    if down {
        return (State::Down, position.words());
    }
    if let Some(gap) = gap {
        return (State::Unknown, format!("not seen: {gap}"));
    }
    let unseen = held.iter().find_map(|held| match &held.hold {
        Hold::NotObserved { gap } => Some(gap),
        _ => None,
    });
    if let Some(gap) = unseen {
        return (State::Unknown, format!("not seen: {gap}"));
    }
    let by_a_stop = |held: &&Held| [FREEZE, super::pause::RULE].contains(&held.hold.rule());
    if let Some(held) = held.iter().find(|held| !by_a_stop(held)) {
        return (State::Held, format!("{} is held", held.wanted));
    }
    match stop {
        Some(stop @ Stop::Paused(_)) => return (State::Paused, stop.words()),
        Some(stop @ Stop::Frozen(_)) => return (State::Frozen, stop.words()),
        None if !held.is_empty() => {
            return (
                State::Frozen,
                "what is asked for waits for the end of a freeze".to_owned(),
            );
        }
        None => {}
    }
    match steps {
        0 if *position == Position::NotInstalled => (State::ToDo, position.words()),
        0 => (State::AsWanted, position.words()),
        1 => (State::ToDo, "1 step is to be done".to_owned()),
        many => (State::ToDo, format!("{many} steps are to be done")),
    }
}

/// A stack that is not planned for: what the journal knows of it is all that is known.
fn not_looked_at(
    id: &StackId,
    want: &Desired,
    past: &History,
    plan: &Plan,
    now: Timestamp,
) -> Line {
    let because = match want.broken.get(id) {
        Some(_) => "its definition has errors, so it was not looked at",
        None => "no file of the estate describes it any more, so it was not looked at",
    };
    let machine = past.writers.get(id).map(|(epoch, name)| Standing {
        name: name.clone(),
        epoch: *epoch,
        hoster: past.machines.get(name).map(|made| made.hoster.clone()),
        site: None,
    });
    Line {
        stack: id.clone(),
        state: State::Unknown,
        because: because.to_owned(),
        machine,
        proven: Err(Gap::unasked(format!("recovery points of {id}"))),
        drill: None,
        stop: holding(want, past, id, now),
        held: held_of(plan, id),
        steps: steps_of(plan, id),
    }
}

fn held_of(plan: &Plan, stack: &StackId) -> Vec<Held> {
    let of_it = |held: &&Held| held.stack.as_ref() == Some(stack);
    plan.held.iter().filter(of_it).cloned().collect()
}

fn steps_of(plan: &Plan, stack: &StackId) -> usize {
    let steps = plan.steps.iter();
    steps
        .filter(|step| step.stack.as_ref() == Some(stack))
        .count()
}

impl State {
    /// In a word or two.
    pub fn word(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Held => "held",
            Self::Paused => "paused",
            Self::Frozen => "frozen",
            Self::ToDo => "to do",
            Self::AsWanted => "as wanted",
            Self::Retired => "retired",
        }
    }

    /// Nobody need look at it.
    pub fn is_well(self) -> bool {
        matches!(self, Self::AsWanted | Self::Retired)
    }
}
