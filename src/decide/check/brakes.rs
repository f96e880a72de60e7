//! What a plan may not begin: more rebuilds than the caps allow (S8), and anything but saving and
//! reading while somebody holds the stack. Counted from the steps, not from how they came about.

use super::{Court, Violation, violation};
use crate::decide::mandate::Mandate;
use crate::decide::pause;
use crate::decide::rebuilds::{DAY, IN_VAIN};
use crate::decide::stop::{self, FREEZE};
use crate::model::brakes::Caps;
use crate::model::ids::{MachineName, StackId};
use crate::model::machine::Role;
use crate::model::plan::{Action, Cause, Plan, Step};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};

impl Court<'_> {
    /// What an operator paused stays as it is, and so does what is frozen. Drills and parts brought
    /// back beside the live data are for whoever asks for them by name.
    pub(super) fn stopped(&self, step: &Step, mandate: &Mandate) -> Option<Violation> {
        let stack = step.stack.as_ref()?;
        let now = self.seen.at;
        let by_hand = matches!(step.action, Action::Retrieve { .. });
        if pause::goes_on(&step.action) || by_hand || self.is_drill(step.action.machine()) {
            return None;
        }
        if let Some(pause) = self.past.pauses.holding(stack, now) {
            let problem = format!("would be done while {}", pause.words());
            return Some(violation(pause::RULE, step, problem));
        }
        let writer = self.past.writers.get(stack).map(|(_, name)| name);
        if stop::is_never_frozen(&step.action, writer) || self.brings_to_its_end(step, stack) {
            return None;
        }
        let mut frozen = mandate.freezes_of(stack);
        let frozen = frozen.find(|freeze| !freeze.repairs || mandate.is_asked(step))?;
        let problem = format!("would be done while {}", stop::words(frozen));
        Some(violation(FREEZE, step, problem))
    }

    /// What has shut users out, and takes nothing from their points.
    fn brings_to_its_end(&self, step: &Step, stack: &StackId) -> bool {
        stop::is_under_way(stack, self.past, self.seen)
            && !matches!(step.action, Action::Forget { .. } | Action::Discard { .. })
    }

    fn is_writer(&self, stack: &StackId, machine: &MachineName) -> bool {
        let writer = self.past.writers.get(stack);
        writer.is_some_and(|(_, name)| name == machine)
    }

    /// S8: no more rebuilds than the caps allow.
    pub(super) fn capped(&self, plan: &Plan, caps: &Caps) -> Vec<Violation> {
        let mut begins: BTreeMap<&StackId, &Step> = BTreeMap::new();
        let mut under_way: BTreeSet<&StackId> = BTreeSet::new();
        let mut made: BTreeMap<&StackId, usize> = BTreeMap::new();
        let mut violations = Vec::new();
        for step in &plan.steps {
            let Some(stack) = &step.stack else { continue };
            match &step.action {
                Action::Create {
                    role: Role::Production,
                    ..
                } => {
                    let made = made.entry(stack).or_default();
                    *made += 1;
                    if *made > 1 {
                        let problem = "would make two machines of one customer at once";
                        violations.push(violation("S8", step, problem.into()));
                    }
                }
                // One that opens again, or that nobody was before, replaces nothing.
                Action::Open {
                    machine, fenced, ..
                } if !fenced.is_empty() && !self.is_writer(stack, machine) => {
                    let fence = plan.steps.iter().find(|s| {
                        matches!(&s.action, Action::Fence { machine, .. } if fenced.contains(machine))
                    });
                    let answers = |machine: &MachineName| {
                        matches!(self.seen.machines.get(machine), Some(Ok(_)))
                    };
                    match fence {
                        Some(fence) if answers(fence.action.machine()) => {} // A move.
                        Some(fence) => {
                            begins.insert(stack, fence);
                        }
                        None => {
                            under_way.insert(stack);
                        }
                    }
                }
                _ => {}
            }
        }
        let in_vain = |stack: &&&StackId| {
            let of = self.past.rebuilds.get(stack);
            of.is_none_or(|of| of.failed < IN_VAIN)
        };
        let places = under_way.iter().filter(in_vain).count();
        let beyond = (caps.at_once as usize).saturating_sub(places);
        for step in begins.values().skip(beyond) {
            let problem = format!(
                "would begin one of {} rebuilds at once; {} are allowed",
                places + begins.len(),
                caps.at_once
            );
            violations.push(violation("S8", step, problem));
        }
        violations.extend(self.too_many_lately(&begins, caps));
        violations
    }

    /// Those that people signed for by name are counted by nobody.
    fn too_many_lately(&self, begins: &BTreeMap<&StackId, &Step>, caps: &Caps) -> Vec<Violation> {
        let now = self.seen.at;
        let own = |stack: &StackId| self.past.rebuilds.get(stack);
        let goes_on = |stack: &StackId| {
            own(stack).is_some_and(|of| of.under_way && of.today(now).next().is_some())
        };
        let mut today: usize = self
            .past
            .rebuilds
            .values()
            .map(|of| of.today(now).count())
            .sum();
        let mut violations = Vec::new();
        let unasked = begins
            .iter()
            .filter(|(_, step)| step.why.cause == Cause::Reality);
        for (stack, step) in unasked {
            let Some(of) = own(stack).filter(|of| of.failed > 0 || !of.begun.is_empty()) else {
                today += 1;
                violations.extend(too_many(step, today, caps.per_day, "24 hours"));
                continue;
            };
            let tries = i32::try_from(of.failed.min(16)).unwrap_or(16);
            let longest = caps.pause.max(Caps::LONGEST_PAUSE);
            let rest = match tries {
                0 => SignedDuration::ZERO,
                tries => caps.pause.saturating_mul(1 << (tries - 1)).min(longest),
            };
            if of.failed_at.is_some_and(|at| now.duration_since(at) < rest) {
                let problem = format!("comes too soon after {tries} tries that failed");
                violations.push(violation("S8", step, problem));
            }
            if !goes_on(stack) {
                today += 1;
                let mine = of.begun.iter().filter(|at| now.duration_since(**at) < DAY);
                violations.extend(too_many(
                    step,
                    mine.count() + 1,
                    caps.per_stack,
                    "24 hours for one stack",
                ));
                violations.extend(too_many(step, today, caps.per_day, "24 hours"));
            }
        }
        violations
    }
}

fn too_many(step: &Step, count: usize, most: u32, when: &str) -> Option<Violation> {
    (count > most as usize).then(|| {
        let problem = format!("would begin rebuild {count} in {when}; {most} are allowed");
        violation("S8", step, problem)
    })
}
