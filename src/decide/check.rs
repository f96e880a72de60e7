//! The invariants, checked on a finished plan by code that does not know the planner.
//!
//! Only [`check`] constructs a [`CheckedPlan`]; only a checked plan is executed (S5).

mod brakes;
mod drill;
mod given;
mod resize;
mod restore;
mod sick;
mod silent;

use crate::decide::history::History;
use crate::decide::keepsake;
use crate::decide::mandate::Mandate;
use crate::model::ids::{HostName, MachineName, StackId, StepId};
use crate::model::machine::{Role, Stage};
use crate::model::observed::{Observed, Power, SeenMachine};
use crate::model::plan::{Action, Effect, FenceBy, Held, Hold, Plan, Step};
use std::collections::{BTreeMap, BTreeSet};

/// A plan that keeps the invariants.
#[derive(Debug, Clone)]
pub struct CheckedPlan(Plan);

impl CheckedPlan {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}

/// A step that would break an invariant: a bug of the planner, found before anything was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: step {step} {problem}")]
pub struct Violation {
    /// Which invariant.
    pub rule: &'static str,
    /// Which step.
    pub step: StepId,
    /// What is wrong with it.
    pub problem: String,
}

/// Judges every step by what was seen, what has happened and who signed for it.
pub fn check(
    plan: Plan,
    seen: &Observed,
    past: &History,
    mandate: &Mandate,
) -> Result<CheckedPlan, Vec<Violation>> {
    let court = Court::new(&plan, seen, past);
    let mut violations = court.order();
    violations.extend(court.capped(&plan, &mandate.caps));
    let mut ids = BTreeSet::new();
    for step in &plan.steps {
        if !ids.insert(&step.id) {
            violations.push(violation("S5", step, "stands twice in the plan".into()));
        }
        violations.extend(court.judge(step));
        violations.extend(unsigned_for(step, mandate));
        violations.extend(court.stopped(step, mandate));
    }
    if violations.is_empty() {
        Ok(CheckedPlan(plan))
    } else {
        Err(violations)
    }
}

/// The plan without the steps of stacks whose steps break an invariant; they are held (S16).
pub fn without(mut plan: Plan, violations: &[Violation]) -> Plan {
    let owners: BTreeMap<&StepId, &StackId> = plan
        .steps
        .iter()
        .filter_map(|step| Some((&step.id, step.stack.as_ref()?)))
        .collect();
    // Each customer's hold says what is wrong with theirs, and nothing of the others.
    let mut broken: BTreeMap<StackId, Vec<String>> = BTreeMap::new();
    for violation in violations {
        if let Some(stack) = owners.get(&violation.step) {
            let said = broken.entry((*stack).clone()).or_default();
            said.push(violation.to_string());
        }
    }
    plan.steps
        .retain(|step| step.stack.as_ref().is_none_or(|s| !broken.contains_key(s)));
    for (stack, rule) in broken {
        plan.held.push(Held {
            stack: Some(stack),
            wanted: "the steps planned for this stack".into(),
            hold: Hold::Forbidden {
                rule: "a fault in Holdfast".into(),
                reason: rule.join("; "),
            },
            remedy: "report it; nothing of it was done".into(),
        });
    }
    plan
}

/// S5: enough people signed for it. S9: nothing destructive while the head is in doubt.
fn unsigned_for(step: &Step, mandate: &Mandate) -> Vec<Violation> {
    let short = mandate.shortfall(step).map(|s| {
        let problem = format!("needs {} people, and {} signed for it", s.need, s.have);
        violation("S5", step, problem)
    });
    let frozen = mandate
        .freezes
        .iter()
        .filter(|_| step.effect == Effect::Destructive)
        .map(|freeze| {
            violation(
                freeze.rule,
                step,
                format!("is destructive while {}", freeze.reason),
            )
        });
    let gated = mandate.gate(step).map(|gate| {
        let problem = format!("is destructive while {}", gate.reason);
        violation(gate.rule, step, problem)
    });
    short.into_iter().chain(frozen).chain(gated).collect()
}

/// How the proof of a fencing by people begins.
pub(crate) const WAIVED: &str = "signed waiver";

struct Court<'a> {
    seen: &'a Observed,
    past: &'a History,
    steps: BTreeMap<&'a StepId, &'a Step>,
    machines: BTreeMap<&'a MachineName, &'a SeenMachine>,
    created_here: BTreeSet<&'a MachineName>,
    drills: BTreeSet<&'a MachineName>,
}

impl<'a> Court<'a> {
    fn new(plan: &'a Plan, seen: &'a Observed, past: &'a History) -> Self {
        Self {
            seen,
            past,
            steps: plan.steps.iter().map(|s| (&s.id, s)).collect(),
            machines: seen
                .hosters
                .values()
                .flatten()
                .flat_map(|i| &i.machines)
                .map(|m| (&m.name, m))
                .collect(),
            created_here: plan
                .steps
                .iter()
                .filter_map(|s| match &s.action {
                    Action::Create { machine, .. } => Some(machine),
                    _ => None,
                })
                .collect(),
            drills: drill::machines(plan, seen),
        }
    }

    /// Every `after` exists, and nothing waits for itself.
    fn order(&self) -> Vec<Violation> {
        let mut known = BTreeSet::new();
        let mut violations = Vec::new();
        for step in self.steps.values() {
            for before in &step.after {
                if !self.steps.contains_key(before) {
                    violations.push(violation(
                        "S5",
                        step,
                        format!("waits for {before}, which is not in the plan"),
                    ));
                }
            }
        }
        let mut rest: Vec<&Step> = self.steps.values().copied().collect();
        loop {
            let (ready, waiting): (Vec<&Step>, Vec<&Step>) = rest.into_iter().partition(|s| {
                s.after
                    .iter()
                    .all(|b| known.contains(b) || !self.steps.contains_key(b))
            });
            if ready.is_empty() {
                violations.extend(
                    waiting
                        .iter()
                        .map(|s| violation("S5", s, "waits for itself in a circle".into())),
                );
                return violations;
            }
            known.extend(ready.iter().map(|s| &s.id));
            rest = waiting;
        }
    }

    fn judge(&self, step: &Step) -> Vec<Violation> {
        let mut problems: Vec<(&'static str, String)> = Vec::new();
        if self.is_drill(step.action.machine()) {
            problems.extend(self.of_a_drill(step));
        }
        problems.extend(self.not_below(step));
        match &step.action {
            Action::Create {
                machine, hoster, ..
            } => {
                if self.machines.contains_key(machine) {
                    problems.push(("S6", format!("would make {machine} a second time")));
                }
                if !matches!(self.seen.hosters.get(hoster), Some(Ok(_))) {
                    problems.push((
                        "S1",
                        format!("would create at {hoster}, which was not seen"),
                    ));
                }
                if let (
                    Some(stack),
                    Action::Create {
                        role: Role::Production,
                        ..
                    },
                ) = (&step.stack, &step.action)
                {
                    problems.extend(self.unseen_machines(stack));
                }
            }
            Action::Initialise { machine } => {
                problems.extend(self.must_be_new(machine));
                problems.extend(self.must_be_first(step));
                if !self.follows(step, |a| matches!(a, Action::Install { .. })) {
                    problems.push(("S15", "does not follow an installation".into()));
                }
            }
            Action::Precopy { machine, source }
            | Action::Fetch { machine, source }
            | Action::Load { machine, source } => {
                problems.extend(self.must_be_new(machine));
                problems.extend(if self.is_drill(machine) {
                    self.may_be_tried(step, source)
                } else {
                    self.must_be_proven(step, source)
                });
            }
            Action::Open {
                machine, fenced, ..
            } => {
                if !self.follows(
                    step,
                    |a| matches!(a, Action::Check { machine: m, .. } if m == machine),
                ) {
                    problems.push(("S15", "opens without a functional check before".into()));
                }
                problems.extend(self.only_writer(step, machine, fenced));
            }
            Action::Fence { machine, by } => {
                if matches!(by, FenceBy::Gone) && self.machines.contains_key(machine) {
                    problems.push((
                        "S2",
                        format!("calls {machine} gone, but its hoster lists it"),
                    ));
                }
                match by {
                    FenceBy::PowerOff => problems.extend(self.must_be_ours(machine)),
                    FenceBy::PowerOffIfSilent => problems.extend(self.must_be_lost(machine)),
                    // Nothing is done to a machine that a waiver names; it need not be seen.
                    FenceBy::Waiver { .. } if !self.past.machines.contains_key(machine) => {
                        problems.push(("S7", format!("waives {machine}, which we never made")));
                    }
                    FenceBy::Waiver { .. } | FenceBy::Gone => {}
                }
            }
            Action::Prepare { machine } | Action::Install { machine } => {
                problems.extend(self.must_be_ours(machine));
                if step.stack.is_some() {
                    problems.extend(self.must_be_new(machine));
                }
            }
            Action::SaveAside { machine, .. } => {
                problems.extend(self.must_be_ours(machine));
                let writer = step.stack.as_ref().and_then(|s| self.past.writers.get(s));
                if writer.is_none_or(|(_, name)| name == machine) {
                    problems.push((
                        "S5",
                        format!("saves {machine} aside, whose epoch is not over"),
                    ));
                }
            }
            Action::Reset { machine } | Action::PowerCycle { machine } => {
                problems.extend(self.must_be_silent(machine));
            }
            Action::Reboot { machine, wrong } => {
                problems.extend(self.must_be_sick(step, machine, wrong));
            }
            Action::ShutDown { .. } | Action::Resize { .. } => {
                problems.extend(self.may_be_resized(step));
            }
            Action::LastChance { machine, .. } => {
                problems.extend(self.must_be_given_up(step, machine));
            }
            Action::PowerOn { machine } => problems.extend(self.may_be_switched_on(machine)),
            Action::Close { machine }
            | Action::Quarantine { machine }
            | Action::Converge { machine, .. }
            | Action::Backup { machine, .. }
            | Action::Repository { machine, .. }
            | Action::Check { machine, .. }
            | Action::Name { machine, .. }
            | Action::Verify { machine, .. }
            | Action::Copy { machine, .. }
            | Action::Retrieve { machine, .. } => problems.extend(self.must_be_ours(machine)),
            Action::Ttl { host, machine, .. } => {
                problems.extend(self.must_be_ours(machine));
                problems.extend(self.must_lead_to(host, machine));
            }
            Action::Isolate { machine } => {
                problems.extend(self.must_be_ours(machine));
                if !self.is_drill(machine) {
                    problems.push(("S5", format!("cuts off {machine}, which is of no drill")));
                }
            }
            Action::Forget {
                machine,
                points,
                right,
            } => {
                problems.extend(self.must_be_ours(machine));
                problems.extend(match &step.stack {
                    Some(stack) => {
                        keepsake::problems(stack, machine, points, right, self.seen, self.past)
                    }
                    None => vec![("S3", "forgets points of no stack".to_owned())],
                });
            }
            Action::Discard { machine, points } => {
                problems.extend(self.must_be_ours(machine));
                problems.extend(match &step.stack {
                    Some(stack) => {
                        keepsake::of_a_repository(stack, machine, points, self.seen, self.past)
                    }
                    None => vec![("S3", "discards a repository of no stack".to_owned())],
                });
            }
            Action::Destroy { machine } => problems.extend(self.may_end(machine)),
        }
        problems
            .into_iter()
            .map(|(rule, problem)| violation(rule, step, problem))
            .collect()
    }

    /// S7: with our label at its hoster and a receipt in the journal, or made by this plan.
    fn must_be_ours(&self, machine: &MachineName) -> Option<(&'static str, String)> {
        let ours = self.machines.contains_key(machine) && self.past.machines.contains_key(machine);
        (!ours && !self.created_here.contains(machine)).then(|| {
            (
                "S7",
                format!("touches {machine}, which lacks our label or a receipt"),
            )
        })
    }

    /// Who changes for how long a name is remembered says again where it leads.
    fn must_lead_to(
        &self,
        host: &HostName,
        machine: &MachineName,
    ) -> Option<(&'static str, String)> {
        let there = self.machines.get(machine);
        let name = self
            .seen
            .names
            .get(host)
            .and_then(|name| name.as_ref().ok());
        let leads =
            matches!((name, there), (Some(name), Some(there)) if name.leads_to(there.address));
        (!leads).then(|| {
            (
                "S2",
                format!("would lead {host} to {machine}, and it leads elsewhere"),
            )
        })
    }

    /// S4: never opened, as far as the machine and the journal know.
    fn must_be_new(&self, machine: &MachineName) -> Option<(&'static str, String)> {
        let opened = matches!(self.seen.machines.get(machine), Some(Ok(facts)) if facts.stage >= Stage::Opened)
            || self.past.writers.values().any(|(_, name)| name == machine);
        opened.then(|| ("S4", format!("would write over live data on {machine}")))
    }

    /// S2: every other machine that could write is fenced before.
    fn only_writer(
        &self,
        step: &Step,
        machine: &MachineName,
        fenced: &[MachineName],
    ) -> Vec<(&'static str, String)> {
        let mut rivals: BTreeSet<&MachineName> = self
            .machines
            .values()
            .filter(|m| m.role == Role::Production && m.stack == step.stack)
            .filter(|m| m.power != Power::Off && m.name != *machine)
            .filter(|m| match self.seen.machines.get(&m.name) {
                Some(Ok(facts)) => facts.stage >= Stage::Opened,
                _ => self.unremembered(&m.name),
            })
            .map(|m| &m.name)
            .collect();
        if let Some((_, writer)) = step.stack.as_ref().and_then(|s| self.past.writers.get(s))
            && writer != machine
        {
            rivals.insert(writer);
        }
        rivals.extend(fenced);
        rivals
            .into_iter()
            .filter(|rival| {
                let past = self.past.machines.get(*rival);
                let seen = self.machines.get(*rival);
                let recorded = past.is_some_and(|m| m.fenced.is_some())
                    && seen.is_none_or(|m| m.power == Power::Off);
                let fenced_before = self.follows(
                    step,
                    |a| matches!(a, Action::Fence { machine: m, .. } if m == *rival),
                );
                !recorded && !fenced_before
            })
            .map(|rival| ("S2", format!("opens while {rival} may still write")))
            .collect()
    }

    /// A machine whose making the journal does not remember: unseen, it may be anything.
    fn unremembered(&self, machine: &MachineName) -> bool {
        !self.created_here.contains(machine)
            && self
                .past
                .machines
                .get(machine)
                .is_none_or(|made| made.wanted.is_none())
    }

    /// S1: machines of the stack that the journal knows and nobody could look at.
    fn unseen_machines(&self, stack: &StackId) -> Vec<(&'static str, String)> {
        self.past
            .of_stack(stack)
            .filter(|(_, m)| !matches!(self.seen.hosters.get(&m.hoster), Some(Ok(_))))
            .filter(|(name, m)| !(self.given_up(name) || m.fenced.is_some() && m.set_aside))
            .map(|(name, m)| {
                (
                    "S1",
                    format!(
                        "would make a second machine while {name} at {} cannot be seen",
                        m.hoster
                    ),
                )
            })
            .collect()
    }

    /// A signed waiver that names it was, or is, taken for its fencing.
    fn given_up(&self, machine: &MachineName) -> bool {
        let by_waiver = |step: &&Step| matches!(&step.action, Action::Fence { machine: m, by: FenceBy::Waiver { .. } } if m == machine);
        let past = self.past.machines.get(machine);
        let before = past.and_then(|m| m.fenced.as_deref());
        before.is_some_and(|proof| proof.starts_with(WAIVED))
            || self.steps.values().copied().any(|step| by_waiver(&step))
    }

    /// Whether a step of this kind comes before, however far back.
    fn follows(&self, step: &Step, kind: impl Fn(&Action) -> bool) -> bool {
        let mut queue: Vec<&StepId> = step.after.iter().collect();
        let mut visited = BTreeSet::new();
        while let Some(id) = queue.pop() {
            if !visited.insert(id) {
                continue;
            }
            let Some(before) = self.steps.get(id) else {
                continue;
            };
            if kind(&before.action) {
                return true;
            }
            queue.extend(&before.after);
        }
        false
    }
}

fn violation(rule: &'static str, step: &Step, problem: String) -> Violation {
    Violation {
        rule,
        step: step.id.clone(),
        problem,
    }
}
