//! The loop of `holdfast run` in the simulated world: steps go on beside the looks that follow.

use super::life::{Life, Silent};
use super::story::{BOTH, both, lose};
use holdfast::decide::history::History;
use holdfast::flow::apply::Reporter;
use holdfast::flow::reconcile::Reconciled;
use holdfast::flow::run::Work;
use holdfast::model::journal::Event;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_mins(1);

/// So often a loop looks before somebody ends it.
const LOOKS: usize = 60;

impl Life {
    /// One process that looks every minute and whenever something ends, until nothing is under
    /// way and nothing is begun; `None`: it died. After each look something may happen.
    pub fn left_alone(&self, mut after: impl FnMut(&Self)) -> Option<Reconciled> {
        self.sim.say("a loop begins");
        let reporter: Arc<dyn Reporter> = Arc::new(Silent(self.sim.clone()));
        let stop = CancellationToken::new();
        let ended = self.sim.process(async {
            let mut work = Work::new(reporter, 8, INTERVAL, stop.clone());
            let mut done = Reconciled::default();
            for look in 0.. {
                let past = History::from_entries(&self.sim.state().journal);
                let session = self.session(&past);
                if past.accepted.as_ref() != Some(&self.want.commit) {
                    let commit = self.want.commit.clone();
                    let accepted = session.record(None, Event::Accepted { commit }).await;
                    accepted.unwrap();
                }
                let found = work.look(&session, |_| ()).await.unwrap();
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
            done
        });
        self.goes_by();
        ended
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
