//! Drills in the world in memory: what only their machines do, and refuse.

use super::{Order, World, stack};
use holdfast::decide::check::CheckedPlan;
use holdfast::decide::drill::due;
use holdfast::decide::plan::{Asked, Drill, NoDrill, drill_now};
use holdfast::model::evidence::What;
use holdfast::model::ids::MachineName;
use holdfast::model::journal::Event;
use holdfast::model::machine::{Digest, Role};
use holdfast::model::plan::{Action, Step};

impl World {
    /// Whether the schedule would do one of any stack.
    pub fn drill_is_due(&self) -> bool {
        let plan = self.draft();
        !due(&self.want, &self.past(), &self.seen(), &plan).is_empty()
    }

    /// A drill as it is planned and checked, or why there is none.
    pub fn plan_drill(&self, owner: &str, asked: &Asked) -> Result<(Drill, CheckedPlan), NoDrill> {
        let basis = self.draft().basis;
        let (seen, past) = (self.seen(), self.past());
        let drill = drill_now(&self.want, &stack(owner), &seen, &past, basis, asked)?;
        let plan = self.check(drill.plan.clone());
        let plan = plan.unwrap_or_else(|violations| panic!("{violations:#?}"));
        Ok((drill, plan))
    }

    /// A drill done to its end; gives the ids of its steps that ended well.
    pub fn drill(&mut self, owner: &str, asked: &Asked) -> Vec<String> {
        let (drill, plan) = self.plan_drill(owner, asked).unwrap();
        let (mut done, mut refused) = (Vec::new(), Vec::new());
        self.apply(&plan, Order::First, None, &mut done, &mut refused);
        let machine = drill.machine.clone();
        let drilled = Event::Drilled {
            what: What::Drill,
            point: drill.point.id.clone(),
            machine,
            passed: refused.is_empty(),
            evidence: Digest("e".repeat(64)),
            data_age: 1,
            escrow: false,
            millis: 1,
        };
        self.record(Some(&drill.point.stack), drilled);
        done
    }

    /// What is done to the machine of a drill alone, or not done there.
    pub(super) fn act_on_a_drill(&mut self, step: &Step) -> Option<Result<(), String>> {
        let name = step.action.machine().clone();
        match &step.action {
            Action::Destroy { .. } => {
                if self.machine(name.as_str()).is_some() {
                    self.lose(name.as_str());
                }
                let destroyed = Event::Destroyed { machine: name };
                self.record(step.stack.as_ref(), destroyed);
                Some(Ok(()))
            }
            Action::Isolate { .. } => Some(self.answers(&name).map(drop).map(|()| {
                self.isolated.insert(name);
            })),
            Action::Load { .. } if self.talks(&name) => {
                Some(Err("S2: a copy that talks to others".to_owned()))
            }
            Action::Check { .. } if self.broken.contains(&name) => {
                Some(Err("a check fails".to_owned()))
            }
            _ => None,
        }
    }

    /// A drill's machine that was not cut off.
    fn talks(&self, name: &MachineName) -> bool {
        let machine = self.machine(name.as_str());
        machine.is_some_and(|m| m.role == Role::Drill) && !self.isolated.contains(name)
    }
}
