//! The loop of `holdfast run` in the simulated world: steps go on beside the looks that follow.

use super::Sim;
use super::ledger::Memory;
use super::life::{Life, Telling};
use super::story::{BOTH, both, lose};
use holdfast::decide::derive;
use holdfast::decide::history::History;
use holdfast::flow::apply::Reporter;
use holdfast::flow::reconcile::{PlanError, Reconciled};
use holdfast::flow::run::Work;
use holdfast::model::journal::Event;
use jiff::Timestamp;
use serde_json::Value;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_mins(1);

/// So often a loop looks before somebody ends it.
const LOOKS: usize = 60;

impl Life {
    /// One process that looks every minute and whenever something ends, until nothing is under
    /// way and nothing is begun; `None`: it died. After each look something may happen.
    pub fn left_alone(&self, after: impl FnMut(&Self)) -> Option<Reconciled> {
        self.sim.say("a loop begins");
        let reporter: Arc<dyn Reporter> = Arc::new(Telling(self.sim.clone()));
        let ledger = || self.alone_writing();
        let work = self.looks(&self.sim, &ledger, &reporter, after);
        let ended = self.sim.process(work).map(Result::unwrap);
        self.goes_by();
        ended
    }

    pub async fn looks(
        &self,
        sim: &Arc<Sim>,
        ledger: &impl Fn() -> Memory,
        reporter: &Arc<dyn Reporter>,
        mut after: impl FnMut(&Self),
    ) -> Result<Reconciled, PlanError> {
        let stop = CancellationToken::new();
        let mut work = Work::new(reporter.clone(), 8, INTERVAL, stop.clone());
        let mut done = Reconciled::default();
        for look in 0.. {
            let (_, session) = self.opened(sim, ledger()).await?;
            let found = work.look(&session, |plan| sim.shows(plan)).await?;
            after(self);
            let again = found.again.is_some();
            done.left = Some(found.left);
            if work.is_idle() && (!again || look >= LOOKS) {
                break;
            }
            if look >= LOOKS {
                stop.cancel();
            }
            tokio::select! {
                biased;
                Some(_) = work.ended() => {}
                () = session.world.clock.wait(INTERVAL) => {}
            }
        }
        Ok(done)
    }

    /// When the journal says so of a step first, or of its end.
    fn when(&self, step: &str, ended: bool) -> Option<Timestamp> {
        let state = self.sim.state();
        let mut entries = state.journal.iter();
        let found = entries.find(|entry| match &entry.event {
            Event::Started { step: id, .. } => !ended && id.as_str() == step,
            Event::Ended { step: id, .. } => ended && id.as_str() == step,
            _ => false,
        });
        found.map(|entry| entry.at)
    }
}

fn two() -> Life {
    Life::of(BOTH.installed(both()), both())
}

#[test]
fn s16_a_restore_of_hours_delays_nobody_elses_repair() {
    let life = two();
    life.sim.state().slow = Some(("acme-e2".to_owned(), "fetch", 4 * 3_600_000));
    lose(&life, true);
    let mut lost = None;
    life.left_alone(|life| {
        if lost.is_none() && life.when("acme.fetch.acme-e2", false).is_some() {
            lose(life, true);
            lost = Some(life.sim.state().now);
        }
    });
    let lost = lost.expect("the restore has begun");
    let back = life.when("bolt.open.bolt-e2", true).expect("bolt is back");
    let restored = life.when("acme.fetch.acme-e2", true).unwrap();
    assert!(restored.duration_since(lost).as_hours() >= 3);
    let took = back.duration_since(lost);
    assert!(took.as_mins() < 10, "bolt was away for {took:#}");
    life.comes_to_rest();
    assert_eq!(life.is_well("acme"), "acme-e2");
    assert_eq!(life.is_well("bolt"), "bolt-e2");
}

/// What a subscriber writes.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that is said in an installation and a rebuild, as `--log json` writes it.
fn log_of_a_life() -> (Life, String) {
    let written = Written::default();
    let into = written.clone();
    let log = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || into.clone())
        .finish();
    let life = tracing::subscriber::with_default(log, || {
        let life = Life::begin(1, both());
        life.left_alone(|_| ());
        lose(&life, true);
        life.left_alone(|_| ());
        life
    });
    let bytes = written.0.lock().unwrap().clone();
    (life, String::from_utf8(bytes).unwrap())
}

#[test]
fn s13_no_line_of_the_log_shows_a_secret_and_each_says_whose_step_it_is_about() {
    let (life, log) = log_of_a_life();
    let session = life.session(&History::from_entries(&life.sim.state().journal));
    let mut secrets = vec![derive::client_key(&session.key).private_openssh];
    for stack in life.want.stacks.values() {
        let keys = session.repository_keys(stack);
        secrets.extend([keys.production, keys.maintenance, keys.escrow]);
    }
    for secret in &secrets {
        let text = secret.expose_text().unwrap();
        for line in text
            .lines()
            .filter(|line| line.len() > 20 && !line.starts_with("---"))
        {
            assert!(!log.contains(line), "a secret is in the log");
        }
    }
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of_steps = lines.iter().filter(|line| line["span"]["name"] == "step");
    let said = |line: &&Value| line["span"]["machine"] == "acme-e1";
    let of_acme: Vec<&Value> = of_steps.filter(said).collect();
    let begins = |line: &&&Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.starts_with("begins: ")
    };
    assert!(of_acme.iter().filter(begins).count() > 5, "{log:.2000}");
    for line in of_acme {
        assert_eq!(line["span"]["stack"], "acme", "{line}");
        let spans = line["spans"].as_array().unwrap();
        assert!(spans.iter().any(|span| span["name"] == "work"), "{line}");
    }
}
