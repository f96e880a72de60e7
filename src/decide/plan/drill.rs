//! The plan of one drill: a rebuild's steps, on a machine that nobody is let in to.
//!
//! It is made apart from the daily plan and done after it. What the daily plan has of drills is
//! what a broken one left behind, and that nobody knows whether a stack would come back.

use super::draft::{Draft, Pen, because};
use super::machines::{PlaceFor, choose_place, create, prepare};
use super::rebuild::ENOUGH;
use super::situation::{Situation, without_receipt};
use crate::decide::drill::{self, NoPoint, Place, RULE};
use crate::decide::history::History;
use crate::decide::names;
use crate::decide::repositories;
use crate::decide::stop::holding;
use crate::model::desired::{Desired, DesiredStack, Placement};
use crate::model::forecast::TotalCost;
use crate::model::ids::{Epoch, HosterId, MachineName, ServiceName, SiteId, StackId, StepId};
use crate::model::machine::Role;
use crate::model::observed::{Observed, SeenMachine};
use crate::model::plan::{Action, Basis, Cause, Effect, Hold, PLAN_SCHEMA, Plan, Source};
use crate::model::point::RecoveryPoint;

/// A machine of a drill was never production's: of no epoch, so that each is younger.
const NO_EPOCH: Epoch = Epoch(0);

/// What somebody asks for beyond the schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The beginning of a point's id.
    pub point: Option<String>,
    /// A hoster, and perhaps one of its sites.
    pub at: Option<(HosterId, Option<SiteId>)>,
}

/// One drill, decided.
#[derive(Debug, Clone)]
pub struct Drill {
    /// Its steps.
    pub plan: Plan,
    /// The machine it makes.
    pub machine: MachineName,
    /// What is to come back.
    pub point: RecoveryPoint,
    /// Where.
    pub placement: Placement,
    /// Of another company than production's and the backup's.
    pub third: bool,
    /// What is to be known of the place: that it is no third one, or that another was full.
    pub word: Option<String>,
}

/// Why there can be no drill now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoDrill {
    /// Its definition is broken.
    #[error("its definition has errors; holdfast check shows them")]
    Broken,
    /// There is no such stack.
    #[error("the estate has no such stack")]
    Unknown,
    /// Its points could not be listed (S1).
    #[error("{0}")]
    NotSeen(String),
    /// Nothing that could come back.
    #[error(transparent)]
    NoPoint(#[from] NoPoint),
    /// A hoster or site that is not there.
    #[error("{0}")]
    NoPlace(String),
    /// No room anywhere.
    #[error("no machine can be had for it: {0}")]
    Full(String),
}

/// What the daily plan has of drills.
pub(super) fn tell(want: &Desired, seen: &Observed, past: &History, draft: &mut Draft) {
    let machines = seen.hosters.values().flatten().flat_map(|i| &i.machines);
    for machine in machines.filter(|m| m.role == Role::Drill) {
        let mut pen = Pen {
            draft,
            stack: machine.stack.as_ref(),
            cause: Cause::Reality,
        };
        let stack = machine.stack.as_ref();
        match stack.and_then(|id| Some((id, holding(want, past, id, seen.at)?))) {
            Some((id, stop)) => {
                let shown = want.stacks.get(id).map_or(id, |stack| &stack.shown);
                let wanted = format!("destroying {}", machine.name);
                pen.hold(wanted, stop.hold(), stop.remedy(shown));
            }
            None => {
                clear_away(machine, past, &mut pen);
            }
        }
    }
    for stack in want.stacks.values() {
        if stack.ended(seen.at).is_some() {
            continue; // Nobody wants it back.
        }
        let points = repositories::known(seen, stack, past);
        if let Some(trouble) = drill::standing(stack, past, points, seen.at).trouble {
            let mut pen = Pen {
                draft,
                stack: Some(&stack.id),
                cause: Cause::Reality,
            };
            let hold = Hold::Forbidden {
                rule: RULE.into(),
                reason: trouble.reason(),
            };
            let wanted = format!("destroying anything of {} because it is asked", stack.shown);
            pen.hold(wanted, hold, drill::remedy(stack));
        }
    }
}

/// No run is at work while a plan is made, so a drill's machine that is there was left behind.
fn clear_away(machine: &SeenMachine, past: &History, pen: &mut Pen<'_>) -> Option<StepId> {
    if let Some(gap) = without_receipt(machine, past) {
        pen.hold_unseen(
            format!("destroying {}", machine.name),
            &gap,
            "find out who made it; nothing is done to it meanwhile",
        );
        return None;
    }
    Some(destroy(
        &machine.name,
        "a drill was begun and its end is not known; its machine may still be there",
        &[],
        pen,
    ))
}

fn destroy(
    machine: &MachineName,
    reason: &str,
    after: &[Option<&StepId>],
    pen: &mut Pen<'_>,
) -> StepId {
    pen.step(
        Action::Destroy {
            machine: machine.clone(),
        },
        // It never held anything that is not in a recovery point.
        Effect::Safe,
        because(reason),
        after,
    )
}

/// The plan of one drill, whether it is due or not.
pub fn drill_now(
    want: &Desired,
    stack: &StackId,
    seen: &Observed,
    past: &History,
    basis: Basis,
    asked: &Asked,
) -> Result<Drill, NoDrill> {
    let desired = want.stack(stack).ok_or_else(|| {
        let broken = want.began(stack).is_some();
        if broken {
            NoDrill::Broken
        } else {
            NoDrill::Unknown
        }
    })?;
    let stack = &desired.id;
    let at = Situation::of(desired, want, seen, past);
    let points = match &at.points {
        Ok(points) => *points,
        Err(gap) => return Err(NoDrill::NotSeen(gap.to_string())),
    };
    let all = repositories::everywhere((&at.serving, points), at.elsewhere, ENOUGH);
    let points: Vec<RecoveryPoint> = all.iter().map(|(_, point)| (*point).clone()).collect();
    let point = drill::choose(&points, asked.point.as_deref(), ENOUGH)?;
    let on = all.iter().find(|(_, kept)| *kept == point);
    let on = on.map_or(&at.serving, |(machine, _)| *machine);
    let mut draft = Draft::default();
    let (place, take, word) = where_to(desired, want, seen, past, asked, &draft)?;
    let number = past.drills.get(stack).map_or(0, |drills| drills.numbered);
    let seen_numbers = seen.hosters.values().flatten().flat_map(|i| &i.machines);
    let number = seen_numbers
        .filter_map(|machine| names::drill_number(stack, &machine.name))
        .fold(number, u32::max);
    let machine = names::drill_machine(stack, number.saturating_add(1));
    let mut pen = Pen {
        draft: &mut draft,
        stack: Some(stack),
        // Its schedule says that it is time, or a person at this computer does.
        cause: Cause::Reality,
    };
    let left = seen.hosters.values().flatten().flat_map(|i| &i.machines);
    for other in left.filter(|m| m.role == Role::Drill && m.stack.as_ref() == Some(stack)) {
        clear_away(other, past, &mut pen);
    }
    let source = Source::Point {
        point: point.id.clone(),
        taken_at: point.taken_at,
        rung: point.rung,
        on: on.clone(),
    };
    steps(desired, source, &machine, &place.placement, take, &mut pen);
    Ok(Drill {
        plan: Plan {
            plan_schema: PLAN_SCHEMA,
            basis,
            steps: draft.steps,
            held: draft.held,
            withheld: Vec::new(),
            drift: Vec::new(),
            gaps: draft.gaps,
            notes: draft.notes,
            not_observed: Vec::new(),
            estimate: None,
            monthly_cost: TotalCost::default(),
        },
        machine,
        point: point.clone(),
        placement: place.placement,
        third: place.third,
        word,
    })
}

fn steps(
    stack: &DesiredStack,
    source: Source,
    machine: &MachineName,
    placement: &Placement,
    take: Option<MachineName>,
    pen: &mut Pen<'_>,
) {
    let reason = "it is to be seen whether the stack comes back from its recovery point";
    let created = create(pen, machine, Role::Drill, NO_EPOCH, placement, take, reason);
    let road = prepare(pen, machine, placement, Some(&created), None);
    let fetched = pen.step(
        Action::Fetch {
            machine: machine.clone(),
            source: source.clone(),
        },
        Effect::Safe,
        because("state comes from a recovery point, never from nothing"),
        &[Some(&road.prepared)],
    );
    let isolated = pen.step(
        Action::Isolate {
            machine: machine.clone(),
        },
        Effect::Safe,
        because(
            "a copy must not act in the customer's name: no mail, no calls, nothing by the clock",
        ),
        &[Some(&road.installed), Some(&fetched)],
    );
    let loaded = pen.step(
        Action::Load {
            machine: machine.clone(),
            source,
        },
        Effect::Safe,
        because("what comes back is counted and compared"),
        &[Some(&isolated)],
    );
    let services: Vec<ServiceName> = stack.services.iter().map(|s| s.name.clone()).collect();
    let checked = pen.step(
        Action::Check {
            machine: machine.clone(),
            services,
        },
        Effect::Safe,
        because("a backup is one when the services run on what came back"),
        &[Some(&loaded)],
    );
    let reason = "nothing of a drill outlives it, however it went";
    destroy(machine, reason, &[Some(&checked)], pen);
}

/// The first place with room whose hoster could be seen.
fn where_to(
    stack: &DesiredStack,
    want: &Desired,
    seen: &Observed,
    past: &History,
    asked: &Asked,
    draft: &Draft,
) -> Result<(Place, Option<MachineName>, Option<String>), NoDrill> {
    let places = match &asked.at {
        Some((hoster, site)) => {
            drill::at(stack, want, hoster, site.as_ref()).map_err(NoDrill::NoPlace)?
        }
        None => drill::places(stack, want),
    };
    let (visible, dark): (Vec<Place>, Vec<Place>) = places
        .into_iter()
        .partition(|p| matches!(seen.hosters.get(&p.placement.hoster), Some(Ok(_))));
    let mut passed: Vec<String> = dark
        .iter()
        .map(|p| format!("{} cannot be seen", p.placement.hoster))
        .collect();
    passed.dedup();
    for place in visible {
        match choose_place(&[&place.placement], want, seen, past, &draft.taken) {
            PlaceFor::At { take, .. } => {
                let mut word = Vec::new();
                if !place.third {
                    word.push(format!(
                        "{} is production's hoster or the backup's, or of the same company: this does not show that the stack can do without both",
                        place.placement.hoster
                    ));
                    word.append(&mut passed);
                }
                return Ok((place, take, (!word.is_empty()).then(|| word.join("; "))));
            }
            PlaceFor::Full(reason) => passed.push(reason),
        }
    }
    passed.dedup();
    Err(NoDrill::Full(passed.join("; ")))
}
