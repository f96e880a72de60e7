//! What is done to a machine only because it is silent (S1): never on the word of one look, never
//! to one that says something, and never when nobody answers.

use super::Court;
use crate::decide::silence::LOOKS;
use crate::model::gap::GapKind;
use crate::model::ids::MachineName;
use crate::model::observed::Power;

type Problem = (&'static str, String);

impl Court<'_> {
    /// It may be started anew.
    pub(super) fn must_be_silent(&self, machine: &MachineName) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self.must_be_ours(machine).into_iter().collect();
        let mut s1 = |problem: String| problems.push(("S1", problem));
        match self.seen.machines.get(machine) {
            Some(Err(gap)) if gap.kind == GapKind::Unreachable => {}
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
