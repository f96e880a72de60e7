//! A plan is executed only on the commit and the observation it was made from.

use crate::plan_world::{HETZNER, World, acme};
use async_trait::async_trait;
use holdfast::decide::check::CheckedPlan;
use holdfast::decide::derive::EstateKey;
use holdfast::flow::apply::{Reporter, StepError, apply};
use holdfast::flow::book::Book;
use holdfast::flow::observe::digest;
use holdfast::flow::session::{self, Session};
use holdfast::model::ids::CommitId;
use holdfast::model::machine::Digest;
use holdfast::model::plan::Step;
use holdfast::model::secret::Secret;
use holdfast::world::clock::SystemClock;
use holdfast::world::machine::{Contact, MachineError, Script, Transport};
use holdfast::world::store::Place;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Nothing may be run on a machine.
struct Nowhere;

#[async_trait]
impl Transport for Nowhere {
    async fn run(
        &self,
        contact: &Contact,
        script: Script,
        _input: &Secret,
    ) -> Result<Vec<serde_json::Value>, MachineError> {
        panic!("{} was run on {}", script.name, contact.machine)
    }
}

/// Counts the steps that were begun.
#[derive(Default)]
struct Count(AtomicUsize);

impl Reporter for Count {
    fn started(&self, _step: &Step) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    fn note(&self, _step: &Step, _text: &str) {}
    fn ended(&self, _step: &Step, _result: &Result<(), StepError>, _took: Duration) {}
}

/// A world in which a customer is to be installed, and the plan for it.
fn planned(observed: impl Fn(&World) -> Digest) -> (World, CheckedPlan) {
    let world = World::before_the_first_day(acme(HETZNER));
    let mut draft = world.draft();
    draft.basis.observed = Some(observed(&world));
    assert!(!draft.steps.is_empty());
    let plan = world.check(draft).unwrap();
    (world, plan)
}

async fn begun(world: &World, plan: &CheckedPlan, commit: &CommitId) -> (bool, usize) {
    let mut desired = world.want.clone();
    desired.commit = commit.clone();
    let outside = session::World {
        hosters: BTreeMap::new(),
        transport: Arc::new(Nowhere),
        names: None,
        clock: Arc::new(SystemClock),
    };
    let standing = super::sample::standing(commit, &world.mandate.trust);
    let key = EstateKey::new(Secret::new(vec![7; 32])).unwrap();
    let session = Arc::new(Session::new(
        desired,
        key,
        outside,
        Book::Reading(Place::File("nowhere".into()), Arc::default()),
        standing,
    ));
    let count = Arc::new(Count::default());
    let stop = CancellationToken::new();
    let report = apply(
        &session,
        plan,
        &world.seen(),
        &world.past(),
        count.clone(),
        &stop,
    )
    .await;
    (report.is_err(), count.0.load(Ordering::SeqCst))
}

#[tokio::test]
async fn s05_a_plan_made_from_another_observation_is_refused_whole() {
    let (world, plan) = planned(|_| Digest("0".repeat(64)));
    assert_eq!(begun(&world, &plan, &world.want.commit).await, (true, 0));
}

#[tokio::test]
async fn s05_a_plan_made_from_another_commit_is_refused_whole() {
    let (world, plan) = planned(|world| digest(&world.seen()));
    let newer = CommitId::new("e".repeat(40));
    assert_eq!(begun(&world, &plan, &newer).await, (true, 0));
}

#[tokio::test]
async fn s05_a_plan_made_from_just_this_is_begun() {
    let (world, plan) = planned(|world| digest(&world.seen()));
    let (refused, begun) = begun(&world, &plan, &world.want.commit).await;
    assert!(!refused && begun > 0, "{refused} {begun}");
}
