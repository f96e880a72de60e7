//! Which parts of a plan can be done beside each other, and which of them may begin (S16).
//!
//! Steps of one stack belong together, and so do steps that wait for one another. What is left
//! shares nothing but machines that serve many: those are changed by one group at a time.

use crate::decide::only::only;
use crate::model::ids::{MachineName, StackId, StepId};
use crate::model::machine::{Digest, Role};
use crate::model::plan::{Action, Cause, Plan, Step};
use std::collections::{BTreeMap, BTreeSet};

/// Steps that are done together, and nothing that they wait for is in another group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Whose; none where it is only about what stacks share.
    pub stacks: BTreeSet<StackId>,
    /// Which.
    pub steps: BTreeSet<StepId>,
    /// Machines that stacks share and that it changes, and ordered ones that it takes.
    pub machines: BTreeSet<MachineName>,
    /// It brings back what was lost.
    pub urgent: bool,
}

/// What is being done now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Busy {
    /// Whose steps are under way.
    pub stacks: BTreeSet<StackId>,
    /// As in [`Group::machines`].
    pub machines: BTreeSet<MachineName>,
}

impl Busy {
    /// Takes in what else is being done.
    pub fn and(&mut self, other: Self) {
        self.stacks.extend(other.stacks);
        self.machines.extend(other.machines);
    }

    /// Whether a group would meddle with it.
    pub fn meets(&self, group: &Group) -> bool {
        !self.stacks.is_disjoint(&group.stacks) || !self.machines.is_disjoint(&group.machines)
    }

    /// Whose this is, and nobody else's meanwhile: a stack's, or a machine that stacks share.
    pub fn holds(&self, stack: Option<&StackId>, machine: &MachineName) -> bool {
        match stack {
            Some(stack) => self.stacks.contains(stack),
            None => self.machines.contains(machine),
        }
    }

    /// What is still to come of these steps, of which some have ended, well or not. What waits
    /// for one that did not end well does not come.
    pub fn with(steps: &[Step], ended: &BTreeMap<StepId, bool>) -> Self {
        let mut busy = Self::default();
        let mut lost: BTreeSet<&StepId> = BTreeSet::new();
        // A step stands after those that it waits for.
        for step in steps {
            let waits_in_vain = step.after.iter().any(|before| lost.contains(before));
            match ended.get(&step.id) {
                Some(true) => {}
                Some(false) => drop(lost.insert(&step.id)),
                None if waits_in_vain => drop(lost.insert(&step.id)),
                None => {
                    busy.stacks.extend(step.stack.clone());
                    busy.machines.extend(claims(step).cloned());
                }
            }
        }
        busy
    }
}

/// Machines that nobody else may change meanwhile.
fn claims(step: &Step) -> impl Iterator<Item = &MachineName> {
    let shared = step.stack.is_none().then(|| step.action.machine());
    let taken = match &step.action {
        Action::Create { take, .. } => take.as_ref(),
        _ => None,
    };
    shared.into_iter().chain(taken)
}

/// Whether a step brings something back that people use.
fn brings_back(step: &Step) -> bool {
    let production = match &step.action {
        Action::Create { role, .. } => *role == Role::Production,
        Action::Open { .. } | Action::PowerOn { .. } | Action::Fence { .. } => true,
        _ => false,
    };
    production && step.why.cause == Cause::Reality
}

/// The plan's steps in groups, in the order of their first steps.
pub fn split(plan: &Plan) -> Vec<Group> {
    let at: BTreeMap<&StepId, usize> = plan.steps.iter().map(|s| &s.id).zip(0..).collect();
    let mut first: BTreeMap<&StackId, usize> = BTreeMap::new();
    let mut parent: Vec<usize> = (0..plan.steps.len()).collect();
    for (number, step) in plan.steps.iter().enumerate() {
        let own = step.stack.as_ref();
        let own = own.map(|stack| *first.entry(stack).or_insert(number));
        let before = step.after.iter().filter_map(|id| at.get(id).copied());
        for other in before.chain(own) {
            let (one, other) = (root(&parent, number), root(&parent, other));
            parent[one.max(other)] = one.min(other);
        }
    }
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    for (number, step) in plan.steps.iter().enumerate() {
        let group = groups.entry(root(&parent, number)).or_default();
        group.stacks.extend(step.stack.clone());
        group.steps.insert(step.id.clone());
        group.machines.extend(claims(step).cloned());
        group.urgent |= brings_back(step);
    }
    groups.into_values().collect()
}

fn root(parent: &[usize], mut at: usize) -> usize {
    while parent[at] != at {
        at = parent[at];
    }
    at
}

/// The plan without what meddles with what is being done. Of stacks whose steps are under way
/// it says nothing: what they look like in the middle is nobody's wish.
pub fn beside(mut plan: Plan, busy: &Busy) -> Plan {
    if *busy == Busy::default() {
        return plan;
    }
    let meets = |group: &Group| busy.meets(group);
    let groups = split(&plan).into_iter().filter(meets);
    let left_out: BTreeSet<StepId> = groups.flat_map(|group| group.steps).collect();
    let is_busy = |stack: Option<&StackId>| stack.is_some_and(|id| busy.stacks.contains(id));
    plan.steps.retain(|step| !left_out.contains(&step.id));
    plan.held.retain(|held| !is_busy(held.stack.as_ref()));
    plan.drift
        .retain(|drift| !busy.holds(drift.stack.as_ref(), &drift.machine));
    plan.notes.retain(|note| !is_busy(note.stack.as_ref()));
    plan
}

/// The plan of one group alone. `parts` is what it rests on.
pub fn part(plan: Plan, group: &Group, parts: &BTreeMap<String, Digest>) -> Plan {
    let mut steps = plan.steps.clone();
    steps.retain(|step| group.steps.contains(&step.id));
    // What only is about what stacks share rests on everything.
    let part = if group.stacks.is_empty() {
        plan
    } else {
        only(plan, group.stacks.iter().cloned().collect(), parts)
    };
    Plan { steps, ..part }
}
