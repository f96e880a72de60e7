//! From what is wanted, what is seen and what has happened to a plan. Pure, total, deterministic.

mod asked;
mod backups;
mod brake;
mod caps;
mod discard;
mod draft;
mod drill;
mod fencing;
mod fleet;
mod forget;
mod former;
mod install;
mod keep;
mod keys;
mod ladder;
mod last_chance;
mod lost;
mod machines;
mod missing;
mod newcomer;
mod opening;
mod paused;
mod permission;
mod rebuild;
mod relocate;
mod resize;
mod retire;
mod sick;
mod situation;
mod stack;
mod stands;
mod ttl;
mod unknown;
pub mod verify;
mod view;

pub use drill::{Asked, Drill, NoDrill, drill_now};
pub use lost::{Case, Next, Rule};
pub(crate) use rebuild::ENOUGH;
pub use stands::{Position, Proven, Standing, Stands, stands};

use crate::decide::history::History;
use crate::decide::only::not_sound;
use crate::decide::stop::{Stop, holding, is_under_way};
use crate::model::desired::{Desired, DesiredStack};
use crate::model::forecast::TotalCost;
use crate::model::ids::{MachineName, PointId, StackId};
use crate::model::machine::{Digest, MachineManifest};
use crate::model::observed::Observed;
use crate::model::plan::{Basis, PLAN_SCHEMA, Plan};
use crate::model::point::Part;
use draft::Draft;
use fleet::Fleet;
use situation::Situation;
use std::collections::{BTreeMap, BTreeSet};
use view::View;

/// Decides everything that the executor would otherwise have to decide.
///
/// `manifests` holds, for each machine in use, what it should be; `observed` is the digest of what
/// was seen; `stay` are stacks that nothing moves, so that who was shut out for a move gets in again.
pub fn plan(
    want: &Desired,
    manifests: &BTreeMap<MachineName, MachineManifest>,
    seen: &Observed,
    past: &History,
    observed: Digest,
    stay: &BTreeSet<StackId>,
) -> Plan {
    let mut draft = Draft::default();
    for inventory in seen.hosters.values() {
        match inventory {
            Ok(inventory) => {
                let unseen = inventory.unseen.iter();
                draft.gaps.extend(unseen.map(|unseen| unseen.gap.clone()));
            }
            Err(gap) => draft.gaps.push(gap.clone()),
        }
    }
    draft::hold_broken(want, &mut draft);
    missing::hold(want, seen, past, &mut draft);
    drill::tell(want, seen, past, &mut draft);
    let backups = backups::plan(want, manifests, seen, past, &mut draft);
    let fleet = Fleet::of(seen, past);
    let mut situations: Vec<Situation<'_>> = want
        .stacks
        .values()
        .map(|stack| Situation::among(&fleet, stack, want, seen, past))
        .collect();
    let brake = brake::storm(&situations, past, seen.at);
    let fever = brake::fever(&situations, past, seen.at);
    situations.sort_by_key(|at| caps::turn(at, past));
    for at in situations {
        let Some(backup) = backups.get(&at.serving) else {
            continue; // Every sound stack's backup machines were planned above.
        };
        let view = View {
            want,
            manifests,
            seen,
            past,
            backup,
            backups: &backups,
            stays: stay.contains(&at.stack.id),
            at,
            brake: brake.as_deref(),
            fever: fever.as_deref(),
        };
        let stop = stop(&view);
        let mut aside = stop.as_ref().map(|_| draft.aside());
        let draft_of_it = aside.as_mut().unwrap_or(&mut draft);
        keys::mend(&view, draft_of_it);
        stack::plan(&view, draft_of_it);
        if !is_finished(&view) {
            forget::plan(&view, draft_of_it);
            discard::plan(&view, draft_of_it);
        }
        if let (Some(stop), Some(aside)) = (stop, aside) {
            paused::plan(&view, &stop, aside, &mut draft);
        }
        unknown::tell(&view, &mut draft);
        paused::tell(&view, &mut draft);
    }
    Plan {
        plan_schema: PLAN_SCHEMA,
        basis: Basis {
            estate: want.estate.clone(),
            commit: want.commit.clone(),
            observed: Some(observed),
            parts: BTreeMap::new(),
            at: seen.at,
            stacks: None,
            compared: None,
        },
        steps: draft.steps,
        held: draft.held,
        withheld: draft.withheld,
        drift: draft.drift,
        gaps: draft.gaps,
        notes: draft.notes,
        not_observed: Vec::new(),
        estimate: None,
        monthly_cost: TotalCost::default(),
    }
}

/// What holds this stack now.
fn stop(view: &View<'_>) -> Option<Stop> {
    let stop = holding(view.want, view.past, &view.at.stack.id, view.seen.at);
    stop.filter(|_| !is_finished(view))
}

/// A freeze lets come to its end what has shut users out.
fn is_finished(view: &View<'_>) -> bool {
    let (stack, now) = (view.at.stack, view.seen.at);
    is_under_way(&stack.id, view.past, view.seen)
        && stack.ended(now).is_none()
        && matches!(
            holding(view.want, view.past, &stack.id, now),
            Some(Stop::Frozen(_))
        )
}

/// A plan of one stack's backup alone, because a person asks for it. The error says why not, in words.
pub fn backup_now(
    want: &Desired,
    stack: &StackId,
    seen: &Observed,
    past: &History,
    basis: Basis,
) -> Result<Plan, String> {
    asked_for(want, stack, seen, past, basis, |at, seen, draft| {
        asked::backup_only(at, seen, past, draft)
    })
}

/// A plan of reading one stack's repository from end to end, because a person asks for it.
pub fn verify_now(
    want: &Desired,
    stack: &StackId,
    seen: &Observed,
    past: &History,
    basis: Basis,
) -> Result<Plan, String> {
    asked_for(want, stack, seen, past, basis, asked::verify_only)
}

/// A plan to bring one part of a point back beside the live data. The error says why not, in words.
pub fn retrieve_now(
    want: &Desired,
    stack: &StackId,
    (point, part, to): (&PointId, &Part, &str),
    seen: &Observed,
    past: &History,
    basis: Basis,
) -> Result<Plan, String> {
    asked_for(want, stack, seen, past, basis, |at, _, draft| {
        asked::retrieve_only(at, point, part, to, draft)
    })
}

/// The machine of this stack that is at work. The error says why there is none, in words.
pub fn at_work(
    want: &Desired,
    stack: &StackId,
    seen: &Observed,
    past: &History,
) -> Result<MachineName, String> {
    let desired = sound(want, stack)?;
    asked::at_work(&Situation::of(desired, want, seen, past))
}

fn sound<'a>(want: &'a Desired, stack: &StackId) -> Result<&'a DesiredStack, String> {
    want.stack(stack).ok_or_else(|| not_sound(want, stack))
}

fn asked_for(
    want: &Desired,
    stack: &StackId,
    seen: &Observed,
    past: &History,
    basis: Basis,
    write: impl FnOnce(&Situation<'_>, &Observed, &mut Draft) -> Result<(), String>,
) -> Result<Plan, String> {
    let desired = sound(want, stack)?;
    let mut draft = Draft::default();
    let at = Situation::of(desired, want, seen, past);
    write(&at, seen, &mut draft)?;
    Ok(Plan {
        plan_schema: PLAN_SCHEMA,
        basis,
        steps: draft.steps,
        held: draft.held,
        withheld: Vec::new(),
        drift: draft.drift,
        gaps: draft.gaps,
        notes: draft.notes,
        not_observed: Vec::new(),
        estimate: None,
        monthly_cost: TotalCost::default(),
    })
}
