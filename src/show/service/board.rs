//! Where the loop says what it does, and everybody who asks is told from.

use super::log;
use super::meters::Meters;
use crate::decide::pass::{Health, health};
use crate::decide::push::{PushKey, Unsigned};
use crate::flow::drill::Tried;
use crate::flow::run::{Wakes, Watcher};
use crate::model::ids::{StackId, StepId};
use crate::model::pass::{Pass, Wake};
use crate::model::plan::{Held, Plan};
use crate::world::supervisor;
use metrics_exporter_prometheus::BuildError;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One loop, as others see it.
pub struct Board {
    interval: Duration,
    wakes: Arc<Wakes>,
    key: Option<PushKey>,
    meters: Meters,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    looked: Option<Instant>,
    last: Option<(Pass, Instant)>,
    looking: Option<Instant>,
    /// Since when whose steps are under way.
    steps: BTreeMap<StackId, Instant>,
    /// Steps that stand in the log already.
    planned: BTreeSet<StepId>,
    /// Holds that stand in the log already.
    holds: BTreeSet<(Option<StackId>, String)>,
}

impl Board {
    /// Nothing has happened yet.
    pub fn new(
        interval: Duration,
        wakes: Arc<Wakes>,
        key: Option<PushKey>,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            interval,
            wakes,
            key,
            meters: Meters::new()?,
            told: Mutex::default(),
        })
    }

    /// Is the loop at work, and what it did last.
    pub fn health(&self) -> (Health, Value) {
        let told = self.told();
        let ago = |at: Instant| at.elapsed();
        let last = told.last.as_ref().map(|(pass, at)| (pass, ago(*at)));
        let health = health(told.looked.map(ago), last, self.interval);
        let seconds = |at: Option<Instant>| at.map(|at| ago(at).as_secs_f64());
        let value = json!({
            "well": health.well,
            "why": health.why,
            "interval_seconds": self.interval.as_secs_f64(),
            "looking_for_seconds": seconds(told.looking),
            "under_way_for_seconds": told
                .steps
                .iter()
                .map(|(stack, since)| (stack.to_string(), ago(*since).as_secs_f64()))
                .collect::<BTreeMap<_, _>>(),
            "last_look_ended_seconds_ago": seconds(told.looked),
            "last_pass_ended_seconds_ago": seconds(told.last.as_ref().map(|(_, at)| *at)),
            "last_pass": told.last.as_ref().map(|(pass, _)| pass),
        });
        (health, value)
    }

    /// What is counted.
    pub fn metrics(&self) -> String {
        self.meters.text()
    }

    /// Are pushes taken at all?
    pub fn takes_pushes(&self) -> bool {
        self.key.is_some()
    }

    /// Wakes the loop, if whoever asks for it knows the secret.
    pub fn push<'h>(
        &self,
        headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
        body: &[u8],
    ) -> Result<(), Unsigned> {
        let key = self.key.as_ref().ok_or(Unsigned::Missing)?;
        match key.accepts(headers, body) {
            Ok(()) => {
                self.wakes.wake(Wake::Push);
                Ok(())
            }
            Err(error) => {
                self.meters.refused_push();
                tracing::warn!("a push was refused: {error}");
                Err(error)
            }
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key_of(held: &Held) -> (Option<StackId>, String) {
    (held.stack.clone(), held.wanted.clone())
}

impl Watcher for Board {
    fn begins(&self, _: &BTreeSet<Wake>) {
        self.told().looking = Some(Instant::now());
        supervisor::status("looks at the estate");
    }

    fn planned(&self, plan: &Plan) {
        let mut told = self.told();
        let steps: BTreeSet<StepId> = plan.steps.iter().map(|step| step.id.clone()).collect();
        if !steps.is_subset(&told.planned) {
            log::plan(plan);
            supervisor::status(&crate::show::views::plan::headline(plan));
        }
        told.planned = steps;
        let news = plan
            .held
            .iter()
            .filter(|h| !told.holds.contains(&key_of(h)));
        news.for_each(log::held);
        told.holds = plan.held.iter().map(key_of).collect();
    }

    fn drilled(&self, tried: &Tried) {
        log::drilled(tried);
    }

    fn ended(&self, pass: &Pass, next: Duration, under_way: &BTreeMap<StackId, Duration>) {
        self.meters.pass(pass);
        self.meters.under_way(under_way);
        let mut told = self.told();
        let before = told.last.as_ref().map(|(pass, _)| &pass.ending);
        let news = pass.done > 0 || before != Some(&pass.ending);
        log::pass(pass, next, news);
        let now = Instant::now();
        told.looking = None;
        told.steps = under_way
            .iter()
            .map(|(stack, ago)| (stack.clone(), now.checked_sub(*ago).unwrap_or(now)))
            .collect();
        if pass.ending.looked() {
            told.looked = Some(now);
        }
        told.last = Some((pass.clone(), now));
        supervisor::status(&format!(
            "{} at {}; looks again in {} s at the latest",
            pass.ending.word(),
            pass.began.strftime("%H:%M:%S UTC"),
            next.as_secs()
        ));
    }

    fn alive(&self) {
        supervisor::alive();
    }
}
