//! S2: the record beside a name says whom users were led to; below that epoch nothing begins.

use super::plan_world::{HETZNER, World, acme, machine, stack};
use holdfast::decide::derive::EstateKey;
use holdfast::decide::given::{believe, given};
use holdfast::model::given::Given;
use holdfast::model::ids::{Epoch, EstateName, HostName};
use holdfast::model::observed::SeenName;
use holdfast::model::plan::{Action, Hold, Plan};
use holdfast::model::secret::Secret;
use jiff::SignedDuration;

fn host() -> HostName {
    HostName::new("docs.acme.example")
}

fn key(byte: u8) -> EstateKey {
    EstateKey::new(Secret::new([byte; 32])).unwrap()
}

fn to(byte: u8, epoch: u32) -> Given {
    let (estate, name) = (EstateName::new("example"), machine("acme-e3"));
    given(&key(byte), &estate, &stack("acme"), (Epoch(epoch), &name))
}

fn with(all: &[Given]) -> SeenName {
    SeenName {
        given: all.to_vec(),
        ..SeenName::default()
    }
}

/// Somebody else led users to epoch 3; here only epoch 1 is known.
fn behind() -> World {
    let mut world = World::running(acme(HETZNER));
    world.given.insert(host(), to(1, 3));
    world
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let record = to(1, 3);
    assert_eq!(Given::parse(&record.to_strings()), Some(record.clone()));
    let mut newer = record.to_strings();
    newer.push("more=of it".to_owned());
    assert_eq!(Given::parse(&newer), Some(record.clone()));
    for lost in 0..record.to_strings().len() {
        let mut strings = record.to_strings();
        strings.remove(lost);
        assert_eq!(Given::parse(&strings), None, "{strings:?}");
    }
    assert_eq!(Given::parse(&["v=spf1 -all".to_owned()]), None);
    assert_eq!(Given::parse(&[]), None);
}

#[test]
fn s02_only_what_our_own_key_has_sealed_is_believed() {
    let estate = EstateName::new("example");
    let mut later = to(1, 3);
    later.epoch = Epoch(9);
    let all = with(&[to(1, 3), to(2, 4), later]);
    let believed = believe(&key(1), &estate, all);
    assert_eq!(believed.given, [to(1, 3)]);
}

#[test]
fn s02_each_opening_leaves_its_epoch_beside_the_name() {
    let mut world = World::running(acme(HETZNER));
    assert_eq!(world.given[&host()].epoch, Epoch(1));
    world.lose("acme-e1");
    world.settle();
    assert_eq!(world.given[&host()].machine, machine("acme-e2"));
    world.is_well("acme", "acme-e2");
}

#[test]
fn s02_who_finds_a_later_epoch_beside_a_name_begins_nothing_and_calls_a_person() {
    let mut world = behind();
    world.names.insert(host(), vec![[192, 0, 2, 99].into()]);
    let plan = world.plan();
    assert!(ids(plan.plan()).is_empty(), "{:?}", ids(plan.plan()));
    let held = &plan.plan().held;
    assert!(
        held.iter().any(|held| matches!(
            &held.hold,
            Hold::Forbidden { rule, reason } if rule == "S2" && reason.contains("acme-e3 (e3)")
        )),
        "{held:#?}"
    );
    world.now += SignedDuration::from_hours(24);
    assert_eq!(
        ids(world.plan().plan()),
        ["acme.backup.acme-e1", "acme.verify.backup-netcup-vie"],
        "what is written here is saved all the same"
    );
    world.lose("acme-e1");
    assert!(
        !ids(&world.draft()).iter().any(|id| id.contains(".create.")),
        "no second writer is made"
    );
}

#[test]
fn s15_nothing_starts_empty_where_only_a_name_tells_of_an_epoch() {
    let mut world = World::before_the_first_day(acme(HETZNER));
    world.given.insert(host(), to(1, 7));
    let plan = world.plan();
    let begun = plan.plan().steps.iter().any(|step| {
        matches!(&step.action, Action::Initialise { .. })
            || step.stack.is_some() && matches!(step.action, Action::Create { .. })
    });
    assert!(!begun, "it would start empty: {:?}", ids(plan.plan()));
}

#[test]
fn s02_a_plan_that_goes_below_it_is_refused() {
    let mut world = World::running(acme(HETZNER));
    world.lose("acme-e1");
    let plan = world.plan().plan().clone();
    assert!(ids(&plan).contains(&"acme.open.acme-e2"));
    world.given.insert(host(), to(1, 3));
    let violations = world.check(plan).unwrap_err();
    for step in ["create", "open", "name"] {
        let of_it = violations.iter().find(|violation| {
            violation.rule == "S2" && violation.step.as_str().contains(&format!(".{step}."))
        });
        assert!(of_it.is_some(), "{step}: {violations:#?}");
    }
}

#[test]
fn why_tells_whom_a_name_was_given_to() {
    let world = behind();
    let said = "docs.acme.example was given to acme-e3 (e3)";
    let told = world.account("acme").seen;
    assert!(told.iter().any(|line| line == said), "{told:#?}");
}
