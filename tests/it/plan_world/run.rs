//! Plans carried out on the world, step by step, with cuts.

use super::{Cut, Order, World};
use holdfast::decide::check::CheckedPlan;
use holdfast::decide::pass::look_again;
use holdfast::decide::settle::{Progress, closing, settle};
use holdfast::model::given::Given;
use holdfast::model::ids::{MachineName, PointId, StackId};
use holdfast::model::journal::{Event, Remedy, StepResult};
use holdfast::model::machine::Stage;
use holdfast::model::observed::Power;
use holdfast::model::operation::FaultClass;
use holdfast::model::plan::{Action, FenceBy, Step};
use holdfast::model::point::Rung;
use jiff::SignedDuration;
use std::collections::BTreeMap;

impl World {
    /// Plans and applies until nothing is to be done; gives the ids of the steps done.
    pub fn settle(&mut self) -> Vec<String> {
        self.settle_in(Order::First)
    }

    pub fn settle_in(&mut self, order: Order) -> Vec<String> {
        let mut done = Vec::new();
        let mut refused = Vec::new();
        // A repository that was not read for a month is read part by part.
        for _ in 0..40 {
            self.adopt();
            let plan = self.plan();
            if plan.plan().steps.is_empty() {
                let Some(away) = look_again(plan.plan(), self.now) else {
                    return done;
                };
                self.now += SignedDuration::try_from(away).unwrap();
                continue;
            }
            refused.clear();
            self.apply(&plan, order, None, &mut done, &mut refused);
        }
        panic!("it never comes to rest; done {done:#?}, refused {refused:#?}")
    }

    /// So many plans, one after the other, each as far as it goes.
    pub fn rounds(
        &mut self,
        count: usize,
        order: Order,
        done: &mut Vec<String>,
        refused: &mut Vec<String>,
    ) {
        for _ in 0..count {
            self.adopt();
            let plan = self.plan();
            self.apply(&plan, order, None, done, refused);
        }
    }

    /// Applies one plan, up to a cut in the step with that number; whether it came to the cut.
    pub fn apply(
        &mut self,
        plan: &CheckedPlan,
        order: Order,
        cut: Option<(usize, Cut)>,
        done: &mut Vec<String>,
        refused: &mut Vec<String>,
    ) -> bool {
        let mut progress = BTreeMap::new();
        let mut made = BTreeMap::new();
        for number in 0.. {
            let ready = settle(plan, &progress);
            let next = match order {
                Order::First => ready.first(),
                Order::Last => ready.last(),
            };
            let ends = closing(plan, &progress);
            let Some(&step) = next.or(ends.first()) else {
                return false;
            };
            let here = cut.filter(|(at, _)| *at == number).map(|(_, cut)| cut);
            let ended = self.perform(step, here, &mut made);
            self.look_at_itself(&step.id.to_string());
            if here.is_some() {
                return true;
            }
            match &ended {
                Ok(()) => done.push(step.id.to_string()),
                Err(why) => refused.push(format!("{}: {why}", step.id)),
            }
            let state = if ended.is_ok() {
                Progress::Done
            } else {
                Progress::Failed
            };
            progress.insert(step.id.clone(), state);
        }
        false
    }

    /// Intent, effect, outcome; with a cut, only the first or the first two of them.
    fn perform(
        &mut self,
        step: &Step,
        cut: Option<Cut>,
        made: &mut BTreeMap<String, PointId>,
    ) -> Result<(), String> {
        self.now += SignedDuration::from_secs(1);
        let action = format!("{} {}", step.action.verb(), step.action.machine());
        let started = Event::Started {
            step: step.id.clone(),
            action,
            repair: step.why.cause == holdfast::model::plan::Cause::Reality,
            head: None,
            mends: step.action.mends(),
        };
        self.record(step.stack.as_ref(), started);
        if cut == Some(Cut::BeforeTheEffect) {
            return Ok(());
        }
        let before = self.journal.len();
        let ended = self.act(step, made);
        if cut == Some(Cut::AfterTheEffect) {
            self.journal.truncate(before);
            return Ok(());
        }
        let result = match &ended {
            Ok(()) => StepResult::Done,
            Err(reason) => StepResult::Refused {
                reason: reason.clone(),
                class: FaultClass::Retry,
            },
        };
        let ended_event = Event::Ended {
            step: step.id.clone(),
            result,
            millis: 1,
        };
        self.record(step.stack.as_ref(), ended_event);
        ended
    }

    /// As the hoster does it: the disk stays, and the machine is started.
    fn resize(
        &mut self,
        owner: Option<&StackId>,
        name: MachineName,
        to: &str,
    ) -> Result<(), String> {
        let machine = self.machine_mut(name.as_str());
        assert_eq!(machine.power, Power::Off, "{name} is resized while it runs");
        let disk = machine.hardware.as_ref().unwrap().size.disk;
        let mut hardware = super::hardware(to);
        assert!(hardware.size.disk >= disk, "no disk is made smaller");
        hardware.size.disk = disk;
        machine.power = Power::On;
        if self.sold_out.contains(to) {
            return Err(format!("resource_unavailable: no {to} is left"));
        }
        self.machine_mut(name.as_str()).hardware = Some(hardware);
        let resized = Event::Resized {
            machine: name,
            machine_type: to.to_owned(),
            asked: owner.and_then(|id| self.want.stacks[id].production.size),
        };
        self.record(owner, resized);
        Ok(())
    }

    /// It is off then, whatever came of it.
    fn last_chance(&mut self, owner: &StackId, machine: MachineName, to: &MachineName) {
        let epoch = self.facts[&machine].epoch.unwrap_or_default();
        let readable = self.readable.contains(&machine);
        let point = readable.then(|| self.add_point_on(to, owner.as_str(), epoch, Rung::Shipped));
        if let Some(point) = point.clone() {
            let mut points = self.points_mut(to, owner).iter_mut();
            let kept = points.find(|p| p.id == point).unwrap();
            (kept.aside, kept.cold) = (true, true);
            self.prove(owner, point.clone(), Rung::Shipped);
            let machine = machine.clone();
            self.record(Some(owner), Event::SavedAside { machine, point });
        }
        self.machine_mut(machine.as_str()).power = Power::Off;
        let why = if readable { "" } else { "nobody answered" };
        let over = Event::LastChance {
            machine,
            point,
            why: why.to_owned(),
        };
        self.record(Some(owner), over);
    }

    fn usual_ttl(&self) -> u32 {
        let dns = self.want.dns.as_ref().unwrap();
        u32::try_from(dns.ttl.as_secs()).unwrap()
    }

    fn act(&mut self, step: &Step, made: &mut BTreeMap<String, PointId>) -> Result<(), String> {
        if let Some(ended) = self.act_on_a_drill(step) {
            return ended;
        }
        let owner = step.stack.as_ref();
        let name = step.action.machine().clone();
        match &step.action {
            Action::Create { .. } => self.create(step)?,
            Action::PowerOn { .. } if self.dead.contains(&name) => {
                let reason = "it will not start".to_owned();
                let failed = Event::PowerOnFailed {
                    machine: name,
                    reason: reason.clone(),
                };
                self.record(owner, failed);
                return Err(reason);
            }
            Action::PowerOn { .. } => {
                self.machine_mut(name.as_str()).power = Power::On;
                let epoch = self.facts[&name].epoch.unwrap_or_default();
                let over = owner.is_some_and(|s| self.points[s].iter().any(|p| p.epoch > epoch));
                if over {
                    // The gate's own check at boot.
                    let facts = self.facts_mut(name.as_str());
                    (facts.open, facts.stage) = (false, Stage::Retired);
                }
            }
            Action::ShutDown { .. } => {
                assert!(
                    !self.facts[&name].open,
                    "{name} is switched off under its users"
                );
                self.machine_mut(name.as_str()).power = Power::Off;
            }
            Action::Resize { to, .. } => self.resize(owner, name, to)?,
            Action::Reset { .. } | Action::PowerCycle { .. } => {
                self.start_anew(&name);
                let remedy = match &step.action {
                    Action::Reset { .. } => Remedy::Reset,
                    _ => Remedy::PowerCycle,
                };
                self.record(
                    owner,
                    Event::Tried {
                        machine: name,
                        remedy,
                    },
                );
            }
            Action::LastChance { to, .. } => {
                let owner = owner.ok_or("no stack")?;
                self.last_chance(owner, name, to);
            }
            Action::Reboot { .. } => {
                self.ill.retain(|ill, helps| *ill != name || !*helps);
                self.facts_mut(name.as_str()).boot_id.push('+');
                self.record(owner, Event::Rebooted { machine: name });
            }
            Action::Fence { by, .. } => {
                if matches!(by, FenceBy::PowerOff | FenceBy::PowerOffIfSilent) {
                    self.machine_mut(name.as_str()).power = Power::Off;
                }
                let proof = format!("{by:?}");
                self.record(
                    owner,
                    Event::Fenced {
                        machine: name,
                        proof,
                    },
                );
            }
            Action::Quarantine { .. } => {
                self.machine_mut(name.as_str()).quarantined = true;
                self.record(owner, Event::Quarantined { machine: name });
            }
            Action::Ttl {
                host,
                seconds,
                ahead,
                ..
            } => {
                let seen = self.ttls.insert(host.clone(), *seconds).unwrap_or(*seconds);
                let before = if *ahead {
                    seen.max(self.usual_ttl())
                } else {
                    seen
                };
                let (host, seconds) = (host.clone(), *seconds);
                let set = Event::TtlSet {
                    host,
                    seconds,
                    before,
                };
                self.record(owner, set);
            }
            Action::Name { host, ttl, .. } => {
                let address = self.machine(name.as_str()).ok_or("no address")?.address;
                self.names.insert(host.clone(), vec![address]);
                let ttl = ttl.unwrap_or_else(|| self.usual_ttl());
                self.ttls.insert(host.clone(), ttl);
                let stack = owner.ok_or("no stack")?.clone();
                let given = Given {
                    estate: self.want.estate.clone(),
                    stack,
                    epoch: self.machine(name.as_str()).unwrap().epoch,
                    machine: name.clone(),
                    seal: "ours".to_owned(),
                };
                self.given.insert(host.clone(), given);
                self.record(
                    owner,
                    Event::Named {
                        host: host.clone(),
                        address,
                    },
                );
            }
            Action::Backup { to, .. } => {
                let owner = owner.ok_or("no stack")?;
                let point = self.back_up(owner, &name, to)?;
                made.insert(step.id.to_string(), point.clone());
                self.prove(owner, point, Rung::Shipped);
            }
            Action::SaveAside { to, .. } => {
                let owner = owner.ok_or("no stack")?;
                if self.answers(&name)?.open {
                    return Err("users are let in".to_owned());
                }
                let point = self.back_up(owner, &name, to)?;
                let mut points = self.points_mut(to, owner).iter_mut();
                points.find(|p| p.id == point).unwrap().aside = true;
                self.prove(owner, point.clone(), Rung::Shipped);
                let machine = name;
                self.record(Some(owner), Event::SavedAside { machine, point });
            }
            Action::Verify { part, of, .. } => {
                self.answers(&name)?;
                let (part, of) = (*part, *of);
                let findings = self.damage.clone();
                self.record(
                    owner,
                    Event::Verified {
                        machine: name,
                        part,
                        of,
                        findings,
                    },
                );
            }
            Action::Forget { points, .. } => self.forget(step, points)?,
            Action::Discard { points, .. } => self.discard(step, points)?,
            Action::Repository { .. } => {
                self.answers(&name)?;
                let owner = owner.ok_or("no stack")?.clone();
                self.keys.remove(&owner);
                self.repositories.insert((name, owner));
            }
            Action::Copy { from, .. } => self.copy(owner.ok_or("no stack")?, from, &name)?,
            _ => self.on_the_machine(step, made)?,
        }
        Ok(())
    }
}
