//! From what is wanted, what is seen and what has happened to a plan. Pure, total, deterministic.

mod asked;
mod backups;
mod brake;
mod draft;
mod fencing;
mod former;
mod install;
mod keep;
mod machines;
mod missing;
mod newcomer;
mod opening;
mod rebuild;
mod relocate;
mod retire;
mod situation;
mod stack;
mod view;

pub use draft::create_step;
pub(crate) use rebuild::ENOUGH;

use crate::decide::history::History;
use crate::model::desired::Desired;
use crate::model::forecast::TotalCost;
use crate::model::ids::{MachineName, StackId};
use crate::model::machine::{Digest, MachineManifest};
use crate::model::observed::Observed;
use crate::model::plan::{Basis, PLAN_SCHEMA, Plan};
use draft::Draft;
use situation::Situation;
use std::collections::BTreeMap;
use view::View;

/// Decides everything that the executor would otherwise have to decide.
///
/// `manifests` holds, for each machine in use, what it should be; `observed` is
/// the digest of what was seen.
pub fn plan(
    want: &Desired,
    manifests: &BTreeMap<MachineName, MachineManifest>,
    seen: &Observed,
    past: &History,
    observed: Digest,
) -> Plan {
    let mut draft = Draft::default();
    for inventory in seen.hosters.values() {
        match inventory {
            Ok(inventory) => draft.gaps.extend(inventory.gaps.iter().cloned()),
            Err(gap) => draft.gaps.push(gap.clone()),
        }
    }
    draft::hold_broken(want, &mut draft);
    missing::hold(want, seen, past, &mut draft);
    let backups = backups::plan(want, manifests, seen, past, &mut draft);
    let situations: Vec<Situation<'_>> = want
        .stacks
        .values()
        .map(|stack| Situation::of(stack, want, seen, past))
        .collect();
    let brake = brake::storm(&situations, seen.at);
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
            at,
            brake: brake.as_deref(),
        };
        stack::plan(&view, &mut draft);
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
        withheld: Vec::new(),
        drift: draft.drift,
        gaps: draft.gaps,
        notes: draft.notes,
        not_observed: Vec::new(),
        estimate: None,
        monthly_cost: TotalCost::default(),
    }
}

/// A plan of one stack's backup alone, because a person asks for it. The error says why not, in words.
pub fn backup_now(
    want: &Desired,
    stack: &StackId,
    seen: &Observed,
    past: &History,
    basis: Basis,
) -> Result<Plan, String> {
    let desired = want
        .stack(stack)
        .ok_or_else(|| match want.broken.get(stack) {
            Some(_) => "its definition has errors; holdfast check shows them".to_owned(),
            None => "the estate has no such stack".to_owned(),
        })?;
    let mut draft = Draft::default();
    let at = Situation::of(desired, want, seen, past);
    asked::backup_only(&at, seen, past, &mut draft)?;
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
