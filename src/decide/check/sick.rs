//! A reboot of a machine that answers: never on one that is closed or of no use, never before
//! mending it was tried often enough, never twice, and never beside anything else of its stack.

use super::Court;
use crate::decide::sickness::{REBOOTS, TRIES};
use crate::model::ids::{HosterId, MachineName, SiteId};
use crate::model::machine::Stage;
use crate::model::plan::{Action, Step};
use jiff::SignedDuration;

type Problem = (&'static str, String);

/// A step that was begun so lately, and of whose end nobody has heard, may still be at work.
const IN_FLIGHT: SignedDuration = SignedDuration::from_mins(10);

impl Court<'_> {
    /// It may be rebooted.
    pub(super) fn must_be_sick(
        &self,
        step: &Step,
        machine: &MachineName,
        wrong: &[String],
    ) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self.must_be_ours(machine).into_iter().collect();
        let mut not = |rule, problem: String| problems.push((rule, problem));
        let now = self.seen.at;
        match self.seen.machines.get(machine) {
            Some(Ok(facts)) if facts.open && facts.stage == Stage::Opened => {}
            Some(Ok(_)) => not("S5", format!("reboots {machine}, which is closed")),
            Some(Err(_)) | None => not("S1", format!("reboots {machine}, which does not answer")),
        }
        let made = self.past.machines.get(machine);
        if made.is_some_and(|made| made.fenced.is_some() || made.set_aside) {
            not("S2", format!("reboots {machine}, which was fenced"));
        }
        let writer = step.stack.as_ref().and_then(|s| self.past.writers.get(s));
        if writer.is_none_or(|(_, name)| name != machine) {
            not("S5", format!("reboots {machine}, which nobody uses"));
        }
        let sickness = self.past.sicknesses.of(machine);
        let tried = |item: &String| {
            let count = sickness.map(|of| of.count(item, SignedDuration::from_millis(1), now));
            count.is_some_and(|count| count >= TRIES)
        };
        if wrong.is_empty() || !wrong.iter().all(tried) {
            let problem = format!("reboots {machine}, which was not mended often enough");
            not("S5", problem);
        }
        if sickness.is_some_and(|of| of.rebooted.is_some() || of.begun >= REBOOTS) {
            not("S8", format!("reboots {machine} once more"));
        }
        let Some(stack) = &step.stack else {
            return problems;
        };
        let others = self.steps.values().filter(|other| {
            let moves = other.stack.as_ref() == Some(stack) && brings_another(&other.action);
            other.id != step.id && (other.action.machine() == machine || moves)
        });
        for other in others {
            not("S5", format!("reboots {machine} beside {}", other.id));
        }
        let ours = format!("{stack}.");
        let begun = self.past.begun.iter();
        let lately = begun.filter(|(_, at)| now.duration_since(**at) < IN_FLIGHT);
        for (other, _) in lately.filter(|(other, _)| other.as_str().starts_with(&ours)) {
            let problem = format!("reboots {machine} while {other} may be at work");
            not("S5", problem);
        }
        for other in self.reboots_near(step, machine) {
            not("S8", format!("reboots {machine} together with {other}"));
        }
        for other in self.rebooted_near(machine) {
            let problem = format!("reboots {machine} within an hour of {other} at its place");
            not("S8", problem);
        }
        problems
    }

    /// Others in use at the same place that were rebooted lately: what they have in common, another
    /// reboot does not mend.
    fn rebooted_near(&self, machine: &MachineName) -> Vec<&MachineName> {
        let lately = |name: &MachineName| {
            let sickness = self.past.sicknesses.of(name);
            sickness.is_some_and(|of| of.was_rebooted_lately(self.seen.at))
        };
        let in_use = self.past.writers.values().map(|(_, name)| name);
        in_use
            .filter(|other| *other != machine && self.place(other) == self.place(machine))
            .filter(|other| self.machines.contains_key(other) && lately(other))
            .collect()
    }

    fn place(&self, name: &MachineName) -> Option<(&HosterId, &Option<SiteId>)> {
        let seen = self.machines.get(name)?;
        Some((&seen.hoster, &seen.site))
    }

    /// Others at the same place that would be rebooted at once.
    fn reboots_near(&self, step: &Step, machine: &MachineName) -> Vec<&MachineName> {
        let others = self.steps.values().filter(|other| other.id != step.id);
        others
            .filter(|other| matches!(other.action, Action::Reboot { .. }))
            .map(|other| other.action.machine())
            .filter(|other| self.place(other) == self.place(machine))
            .collect()
    }
}

/// Something is under way in the place of the machine in use.
fn brings_another(action: &Action) -> bool {
    matches!(
        action,
        Action::Create { .. }
            | Action::Precopy { .. }
            | Action::Fetch { .. }
            | Action::Load { .. }
            | Action::Open { .. }
    )
}
