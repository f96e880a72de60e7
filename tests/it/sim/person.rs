//! A person who plans today and executes tomorrow what was shown, as `holdfast plan --out` and
//! `holdfast apply` do: exactly that, or nothing (S5).

use super::life::{Life, Telling};
use holdfast::decide::basis::other_steps;
use holdfast::flow::apply::Reporter;
use holdfast::flow::exactly::execute;
use holdfast::flow::reconcile::plan_now;
use holdfast::model::plan::Plan;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

impl Life {
    /// Now and then a plan is made, and kept for later.
    pub fn a_person(&mut self) {
        let acts = self.sim.state().dice.happens(400);
        let kept = self.shown.take_if(|_| acts);
        if let Some(plan) = kept {
            self.executes(plan);
        } else if acts {
            self.shown = self.planned();
        }
    }

    fn planned(&self) -> Option<Plan> {
        self.sim.say("a person plans");
        self.sim.process(async {
            let (_, session) = self.opened(&self.sim, self.alone_writing()).await.unwrap();
            plan_now(&session).await.unwrap().plan.plan().clone()
        })
    }

    /// What would be planned now is looked at before, with nothing in the way.
    fn executes(&self, plan: Plan) {
        self.sim.say("a person executes what was planned before");
        let faults = std::mem::take(&mut self.sim.state().faults);
        let Some(now) = self.planned() else { return };
        let changed = other_steps(&plan, &now);
        let reporter: Arc<dyn Reporter> = Arc::new(Telling(self.sim.clone()));
        let steps = plan.steps.len();
        let done = self.sim.process(async {
            let (_, session) = self.opened(&self.sim, self.alone_writing()).await.unwrap();
            execute(&session, plan, reporter, &CancellationToken::new()).await
        });
        match done {
            Some(Ok(_)) if !changed.is_empty() => {
                let words = changed.join("; ");
                let violation = format!("S5: {steps} steps are done that no longer hold: {words}");
                self.sim.state().violate(violation);
            }
            Some(Err(error)) => self.sim.say(&format!("not executed: {error}")),
            _ => {}
        }
        self.sim.state().faults = faults;
        self.judge();
    }
}
