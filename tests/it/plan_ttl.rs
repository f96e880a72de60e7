//! Names that others remember for long are remembered for a minute before a move, and as usual
//! again once the new machine has a recovery point of its own.

use super::plan_world::{Cut, HETZNER, IONOS, Order, World, acme, gap, stack};
use holdfast::model::desired::Desired;
use holdfast::model::gap::Gap;
use holdfast::model::ids::HostName;
use holdfast::model::observed::{Observed, SeenName};
use holdfast::model::plan::{Action, Hold, Plan};
use jiff::SignedDuration;
use std::collections::BTreeSet;

const LOWER: &str = "acme.lower-ttl.docs.acme.example";
const USUAL: &str = "acme.usual-ttl.docs.acme.example";

fn host() -> HostName {
    HostName::new("docs.acme.example")
}

/// Others remember names for an hour.
fn for_an_hour(file: &str) -> Desired {
    let mut want = acme(file);
    want.dns.as_mut().unwrap().ttl = SignedDuration::from_hours(1);
    want
}

fn to_move() -> World {
    let mut world = World::running(for_an_hour(HETZNER));
    assert_eq!(world.ttls[&host()], 3600);
    world.now_wants(for_an_hour(IONOS));
    world
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

/// Until when the move waits, in seconds from now.
fn waits(world: &World) -> Option<i64> {
    let plan = world.plan();
    plan.plan().held.iter().find_map(|held| match &held.hold {
        Hold::NotYet { until, .. } => Some(until.duration_since(world.now).as_secs()),
        _ => None,
    })
}

fn apply_once(world: &mut World) -> Vec<String> {
    let mut done = Vec::new();
    world.rounds(1, Order::First, &mut done, &mut Vec::new());
    done
}

#[test]
fn a_move_begins_when_nobody_remembers_the_old_address_for_long() {
    let mut world = to_move();
    assert_eq!(ids(world.plan().plan()), [LOWER]);
    assert_eq!(waits(&world), Some(3600), "said before it is done");
    assert_eq!(apply_once(&mut world), [LOWER]);
    assert_eq!(world.ttls[&host()], 60);
    world.now += SignedDuration::from_mins(50);
    assert!(ids(world.plan().plan()).is_empty());
    assert_eq!(waits(&world), Some(600));
    world.now += SignedDuration::from_mins(10);
    assert_eq!(waits(&world), None);
    let done = world.settle();
    let place = |id: &str| done.iter().position(|step| step == id).expect(id);
    assert!(place("acme.close.acme-e1") < place("acme.name.docs.acme.example"));
    assert!(place("acme.backup.acme-e2") < place(USUAL), "{done:#?}");
    assert_eq!(world.ttls[&host()], 3600);
    world.is_well("acme", "acme-e2");
}

#[test]
fn its_new_address_is_remembered_shortly_until_the_move_has_come_to_its_end() {
    let mut world = to_move();
    apply_once(&mut world);
    world.now += SignedDuration::from_hours(1);
    let plan = world.plan().plan().clone();
    let named = plan.steps.iter().find_map(|step| match &step.action {
        Action::Name { ttl, .. } => Some(*ttl),
        _ => None,
    });
    assert_eq!(named, Some(Some(60)));
    assert!(!ids(&plan).contains(&USUAL), "no point of its own yet");
}

#[test]
fn what_nobody_wrote_down_is_lowered_again_and_waited_for() {
    let mut world = to_move();
    let plan = world.plan();
    world.apply(
        &plan,
        Order::First,
        Some((0, Cut::AfterTheEffect)),
        &mut Vec::new(),
        &mut Vec::new(),
    );
    assert_eq!(world.ttls[&host()], 60);
    assert_eq!(ids(world.plan().plan()), [LOWER]);
    apply_once(&mut world);
    assert!(waits(&world).is_some_and(|left| left > 3590));
}

#[test]
fn who_changes_their_mind_has_the_usual_time_again() {
    let mut world = to_move();
    apply_once(&mut world);
    world.now_wants(for_an_hour(HETZNER));
    assert_eq!(world.settle(), [USUAL]);
    assert_eq!(world.ttls[&host()], 3600);
}

/// What is remembered for a minute anyway, or was lowered by a person, is not waited for.
#[test]
fn a_name_that_is_remembered_shortly_is_left_alone() {
    let mut world = to_move();
    world.ttls.insert(host(), 60);
    assert_eq!(waits(&world), None);
    assert!(!ids(world.plan().plan()).contains(&LOWER));
}

/// A journal that was lost knows nothing of it.
#[test]
fn a_name_that_was_left_short_has_the_usual_time_again() {
    let mut world = World::running(for_an_hour(HETZNER));
    world.ttls.insert(host(), 60);
    assert_eq!(world.settle(), [USUAL]);
}

/// A server that rounds up is asked once.
#[test]
fn a_name_server_that_rounds_up_is_not_asked_again_and_again() {
    let mut world = to_move();
    apply_once(&mut world);
    world.ttls.insert(host(), 300);
    assert!(ids(world.plan().plan()).is_empty());
    assert_eq!(waits(&world), Some(3600));
}

#[test]
fn users_are_looked_after_while_a_move_waits() {
    let mut world = to_move();
    world.now += SignedDuration::from_hours(24);
    let plan = world.plan();
    let ids = ids(plan.plan());
    assert!(ids.contains(&LOWER), "{ids:?}");
    assert!(ids.contains(&"acme.backup.acme-e1"), "{ids:?}");
    assert!(!ids.contains(&"acme.close.acme-e1"), "{ids:?}");
}

fn seeing(world: &World, name: Result<SeenName, Gap>) -> Observed {
    let mut seen = world.seen();
    seen.names.insert(host(), name);
    seen
}

#[test]
fn s01_a_move_waits_for_a_name_that_nobody_could_look_at() {
    let world = to_move();
    let unseen = seeing(&world, Err(gap("name docs.acme.example")));
    let plan = world.draft_of(&unseen, &BTreeSet::new());
    assert!(!ids(&plan).iter().any(|id| id.contains("close")));
    let held = plan
        .held
        .iter()
        .find(|held| held.stack == Some(stack("acme")));
    assert!(matches!(
        held.map(|held| &held.hold),
        Some(Hold::NotObserved { .. })
    ));
}

#[test]
fn s02_a_name_that_leads_elsewhere_by_now_keeps_its_time() {
    let world = to_move();
    let plan = world.plan().plan().clone();
    let mut elsewhere = world.clone();
    elsewhere.names.insert(host(), vec![[192, 0, 2, 99].into()]);
    let violations = elsewhere.check(plan).unwrap_err();
    assert!(violations.iter().any(|v| v.rule == "S2"), "{violations:#?}");
}
