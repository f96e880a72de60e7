//! What is done to a machine only because it is silent (S1): never on the word of one look, never
//! to one that says something, and never when nobody answers.

use super::Court;
use crate::decide::silence::{LOOKS, Rescue, Silence};
use crate::model::gap::GapKind;
use crate::model::ids::MachineName;
use crate::model::observed::Power;
use crate::model::plan::{Action, Step};

type Problem = (&'static str, String);

impl Court<'_> {
    /// It may be started anew.
    pub(super) fn must_be_silent(&self, machine: &MachineName) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self.must_be_ours(machine).into_iter().collect();
        let mut s1 = |problem: String| problems.push(("S1", problem));
        match self.seen.machines.get(machine) {
            Some(Err(gap)) if gap.kind == GapKind::Unreachable => {}
            Some(Err(gap)) if gap.kind == GapKind::ForeignHostKey && self.in_rescue(machine) => {}
            Some(_) => s1(format!("takes {machine} for silent, which says something")),
            None => s1(format!("takes {machine} for silent, which was not asked")),
        }
        let on = self.machines.get(machine).map(|seen| seen.power);
        if on != Some(Power::On) {
            s1(format!(
                "takes {machine} for on, which its hoster does not say"
            ));
        }
        let silence = self.past.silences.of(machine);
        if silence.is_none_or(|silence| silence.looks < LOOKS) {
            s1(format!(
                "gives up on {machine}, which was not looked at often enough"
            ));
        }
        let mut others = self.seen.machines.iter();
        if !others.any(|(name, facts)| name != machine && facts.is_ok()) {
            s1(format!("gives up on {machine} while nobody else answers"));
        }
        problems
    }

    /// It may be switched on: not once it was given up and its disk was tried, for its successor is
    /// being filled then.
    pub(super) fn may_be_switched_on(&self, machine: &MachineName) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self.must_be_ours(machine).into_iter().collect();
        let silence = self.past.silences.of(machine);
        if silence.is_some_and(|silence| silence.rescue != Rescue::Untried) {
            let problem = format!("switches on {machine}, which was given up");
            problems.push(("S2", problem));
        }
        problems
    }

    fn in_rescue(&self, machine: &MachineName) -> bool {
        let silence = self.past.silences.of(machine);
        silence.is_some_and(Silence::in_rescue)
    }

    /// Its rescue system may be tried: it is lost, its successor answers before, it is fenced after,
    /// and it was not tried before.
    pub(super) fn must_be_given_up(&self, step: &Step, machine: &MachineName) -> Vec<Problem> {
        let mut problems = self.must_be_lost(machine);
        let mut s2 = |problem: String| problems.push(("S2", problem));
        let prepared =
            |action: &Action| matches!(action, Action::Prepare { machine: m } if m != machine);
        let known = |step: &Step| self.follows(step, prepared);
        if !known(step) {
            s2(format!(
                "boots another system in the place of {machine}, whose successor nobody saw"
            ));
        }
        let of_it =
            |action: &Action| matches!(action, Action::Fence { machine: m, .. } if m == machine);
        let this = |action: &Action| *action == step.action;
        let mut fences = self.steps.values().filter(|other| of_it(&other.action));
        if !fences.any(|fence| self.follows(fence, this)) {
            s2(format!("does not fence {machine} after its rescue system"));
        }
        let silence = self.past.silences.of(machine);
        if silence.is_some_and(|silence| matches!(silence.rescue, Rescue::Over(_))) {
            problems.push(("S6", format!("tries the rescue system of {machine} again")));
        }
        problems
    }

    /// It may be given up: starting it anew did not help.
    pub(super) fn must_be_lost(&self, machine: &MachineName) -> Vec<Problem> {
        let mut problems = self.must_be_silent(machine);
        let silence = self.past.silences.of(machine);
        if silence.is_none_or(|silence| silence.tried.is_empty()) {
            let problem = format!("gives up {machine}, which was not started anew");
            problems.push(("S1", problem));
        }
        problems
    }
}
