//! Takes out of a plan what too few people have signed for, whole, so that nothing is half done.

use super::{Freeze, Mandate, Shortfall};
use crate::decide::stop::{FREEZE, remedy, words};
use crate::model::ids::{MachineName, StackId, StepId};
use crate::model::plan::{Action, Effect, Held, Hold, Plan, Step};
use std::collections::{BTreeMap, BTreeSet};

/// The plan with the drift of these machines alone, which were brought in line under the very
/// inputs that hold now. What differs because a commit asks for it is no drift.
pub fn keep_drift(mut plan: Plan, unchanged: &BTreeSet<MachineName>) -> Plan {
    plan.drift
        .retain(|drift| unchanged.contains(&drift.machine));
    plan
}

/// What may be done of a plan. `staying` draws the same where the stacks it is told are not moved.
///
/// Users may have been shut out for a move that may not go on now, because of another commit, a
/// drill that failed or a freeze: they are let in again where they were.
pub fn allowed(
    plan: Plan,
    staying: impl FnOnce(&BTreeSet<StackId>) -> Plan,
    mandate: &Mandate,
) -> Plan {
    let plan = withhold(plan, mandate);
    let opens = |step: &&Step| matches!(step.action, Action::Open { .. });
    let withheld = plan.withheld.iter().filter(opens);
    let shut_out: BTreeSet<StackId> = withheld
        .filter_map(|step| step.stack.clone())
        .filter(|stack| mandate.under_way.contains(stack))
        .collect();
    if shut_out.is_empty() {
        return plan;
    }
    let of_them = |stack: &Option<StackId>| stack.as_ref().is_some_and(|id| shut_out.contains(id));
    let mut allowed = withhold(staying(&shut_out), mandate);
    for held in plan.held.into_iter().filter(|held| of_them(&held.stack)) {
        if !allowed.held.contains(&held) {
            allowed.held.push(held);
        }
    }
    for step in plan.withheld.into_iter().filter(|s| of_them(&s.stack)) {
        if !allowed.withheld.contains(&step) {
            allowed.withheld.push(step);
        }
    }
    allowed
}

/// The plan without the steps that may not be done yet; they are held.
///
/// With a step go all steps of its stack that are connected with it and are asked for too, and
/// whatever waits for one of them. Repairs that are not part of it stay.
pub fn withhold(mut plan: Plan, mandate: &Mandate) -> Plan {
    let lacking = |step: &Step| mandate.shortfall(step).is_some();
    let held = connected(&plan, lacking, |step| mandate.is_asked(step));
    let mut worst: BTreeMap<Option<StackId>, Shortfall> = BTreeMap::new();
    for step in plan.steps.iter().filter(|step| held.contains(&step.id)) {
        let Some(shortfall) = mandate.shortfall(step) else {
            continue;
        };
        let known = worst.get(&step.stack);
        if known.is_none_or(|known| (known.effect, known.need) < (shortfall.effect, shortfall.need))
        {
            worst.insert(step.stack.clone(), shortfall);
        }
    }
    let steps = take(&mut plan, &held);
    // What waits for a step of another owner is held for that owner's reason.
    let any = worst.values().next().cloned();
    for (stack, wanted) in steps {
        let shortfall = worst.get(&stack).or(any.as_ref());
        plan.held.extend(shortfall.map(|s| needs(stack, wanted, s)));
    }
    for freeze in &mandate.freezes {
        let destructive = |step: &Step| step.effect == Effect::Destructive;
        let held = connected(&plan, destructive, |_| true);
        hold(&mut plan, &held, freeze);
    }
    for freeze in mandate.frozen.values().flatten() {
        let seed = |step: &Step| mandate.frozen(step) == Some(freeze);
        let held = connected(&plan, seed, |step| mandate.is_asked(step));
        for (stack, wanted) in take(&mut plan, &held) {
            plan.held.push(Held {
                hold: Hold::Forbidden {
                    rule: FREEZE.to_owned(),
                    reason: words(freeze),
                },
                remedy: remedy(freeze, stack.as_ref()),
                stack,
                wanted,
            });
        }
    }
    for gate in mandate.gates.values() {
        let gated = |step: &Step| mandate.gate(step) == Some(gate);
        let held = connected(&plan, gated, |step| mandate.is_asked(step));
        hold(&mut plan, &held, gate);
    }
    plan
}

fn hold(plan: &mut Plan, held: &BTreeSet<StepId>, freeze: &Freeze) {
    for (stack, wanted) in take(plan, held) {
        plan.held.push(Held {
            stack,
            wanted,
            hold: Hold::Forbidden {
                rule: freeze.rule.to_owned(),
                reason: freeze.reason.clone(),
            },
            remedy: freeze.remedy.clone(),
        });
    }
}

/// A difference that is mended stands for itself: what comes after it only comes after it.
fn stands_alone(step: &Step) -> bool {
    matches!(step.action, Action::Converge { .. })
}

fn connected(
    plan: &Plan,
    seed: impl Fn(&Step) -> bool,
    joins: impl Fn(&Step) -> bool,
) -> BTreeSet<StepId> {
    let by_id: BTreeMap<&StepId, &Step> = plan.steps.iter().map(|s| (&s.id, s)).collect();
    let mut waiting: BTreeMap<&StepId, Vec<&Step>> = BTreeMap::new();
    for step in &plan.steps {
        for before in &step.after {
            waiting.entry(before).or_default().push(step);
        }
    }
    let mut held = BTreeSet::new();
    let mut open: Vec<&Step> = plan.steps.iter().filter(|step| seed(step)).collect();
    while let Some(step) = open.pop() {
        if !held.insert(step.id.clone()) {
            continue;
        }
        let dependents = waiting.get(&step.id).into_iter().flatten().copied();
        if stands_alone(step) {
            // A backup that fails is made again. A service that was closed for a last one, while
            // the backup machine is not what it must be, would stay closed.
            let risks = |d: &&Step| step.stack.is_none() && d.effect != Effect::Safe && joins(d);
            open.extend(dependents.filter(risks));
            continue;
        }
        open.extend(dependents);
        if joins(step) {
            let before = step.after.iter().filter_map(|id| by_id.get(id).copied());
            open.extend(before.filter(|b| b.stack == step.stack && joins(b) && !stands_alone(b)));
        }
    }
    held
}

/// Takes the steps out; gives their words by owner.
fn take(plan: &mut Plan, held: &BTreeSet<StepId>) -> BTreeMap<Option<StackId>, String> {
    let mut words: BTreeMap<Option<StackId>, Vec<String>> = BTreeMap::new();
    for step in plan.steps.iter().filter(|step| held.contains(&step.id)) {
        words.entry(step.stack.clone()).or_default().push(format!(
            "{} {}",
            step.action.verb(),
            step.action.object()
        ));
    }
    let (withheld, steps) = std::mem::take(&mut plan.steps)
        .into_iter()
        .partition(|step| held.contains(&step.id));
    plan.steps = steps;
    plan.withheld.extend::<Vec<Step>>(withheld);
    for step in &mut plan.steps {
        step.after.retain(|before| !held.contains(before));
    }
    words
        .into_iter()
        .map(|(stack, words)| (stack, words.join(", ")))
        .collect()
}

fn needs(stack: Option<StackId>, wanted: String, shortfall: &Shortfall) -> Held {
    let remedy = match (&shortfall.commit, shortfall.by.is_empty()) {
        (_, true) => {
            "nobody else on trust.toml may sign for it; add people, or lower the threshold"
                .to_owned()
        }
        (Some(commit), false) => format!("holdfast approve {:.12}", commit.as_str()),
        (None, false) => "holdfast approve the commit that asks for it".to_owned(),
    };
    Held {
        stack,
        wanted,
        hold: Hold::NeedsApproval {
            effect: shortfall.effect,
            have: shortfall.have,
            need: shortfall.need,
            by: shortfall.by.clone(),
        },
        remedy,
    }
}
