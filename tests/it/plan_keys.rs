//! Keys of repositories: one that is gone is noticed and added again, one too many is set aside.

use super::plan_holds::{kinds, plan_of, running};
use super::plan_world::{HETZNER, World, gap, stack};
use super::sample;
use holdfast::decide::derive;
use holdfast::decide::drill::standing;
use holdfast::model::evidence::What;
use holdfast::model::ids::{MachineName, PointId, StackId};
use holdfast::model::journal::Event;
use holdfast::model::machine::Digest;
use holdfast::model::repository::{KeyRole, KeysSeen};
use jiff::SignedDuration;
use std::collections::BTreeSet;

fn seen(missing: &[KeyRole], strangers: u64) -> KeysSeen {
    KeysSeen {
        missing: missing.to_vec(),
        strangers,
    }
}

#[test]
fn a_lost_key_is_said_and_added_again_by_one_that_opens() {
    let mut world = running(HETZNER);
    world
        .keys
        .insert(stack("acme"), seen(&[KeyRole::Escrow], 0));
    let plan = plan_of(&world);
    assert_eq!(kinds(&plan), ["repository"]);
    let reason = &plan.steps[0].why.reason;
    assert!(
        reason.contains("the key escrow is gone or damaged"),
        "{reason}"
    );
    world.settle();
    assert!(plan_of(&world).steps.is_empty());
}

#[test]
fn a_repository_of_an_earlier_version_gets_its_keys_though_its_points_cannot_be_listed_yet() {
    let mut world = running(HETZNER);
    world.points_gap = Some(gap("recovery points of acme"));
    world.keys.insert(stack("acme"), seen(&KeyRole::ALL, 1));
    let plan = plan_of(&world);
    assert_eq!(kinds(&plan), ["repository"]);
    assert!(!plan.held.is_empty() || !plan.gaps.is_empty());
}

#[test]
fn a_key_file_that_nobody_made_is_set_aside() {
    let mut world = running(HETZNER);
    world.keys.insert(stack("acme"), seen(&[], 2));
    let plan = plan_of(&world);
    let reason = &plan.steps[0].why.reason;
    assert!(reason.ends_with("are set aside: 2"), "{reason}");
}

#[test]
fn keys_in_order_and_keys_that_nobody_could_look_at_are_no_reason_for_anything() {
    let mut world = running(HETZNER);
    assert!(plan_of(&world).steps.is_empty());
    world.keys.insert(stack("acme"), seen(&[], 0));
    assert!(plan_of(&world).steps.is_empty());
}

#[test]
fn each_repository_has_three_passwords_and_shares_none() {
    let keys = |stack: &str, machine: &str| {
        let keys = derive::repository_keys(
            &sample::key(),
            &StackId::new(stack),
            &MachineName::new(machine),
        );
        KeyRole::ALL.map(|role| keys.of(role).expose_text().unwrap().to_owned())
    };
    let all: BTreeSet<String> = [
        keys("acme", "backup-netcup-vie"),
        keys("acme", "backup-ionos-de-fra"),
        keys("annex", "backup-netcup-vie"),
    ]
    .into_iter()
    .flatten()
    .collect();
    assert_eq!(all.len(), 9);
    // What repositories of earlier versions open with.
    let before = derive::text(&sample::key(), &["repository", "acme", "backup-netcup-vie"]);
    assert_eq!(
        keys("acme", "backup-netcup-vie")[0],
        before.expose_text().unwrap()
    );
}

#[test]
fn a_drill_with_the_escrow_key_alone_is_overdue_a_year_after_the_last() {
    let mut world = running(HETZNER);
    let drilled = |escrow| Event::Drilled {
        what: What::Drill,
        point: PointId::new("p"),
        machine: MachineName::new("acme-drill-1"),
        passed: true,
        evidence: Digest("e".repeat(64)),
        data_age: 1,
        millis: 1,
        escrow,
    };
    let overdue = |world: &World| {
        let acme = &world.want.stacks[&stack("acme")];
        standing(acme, &world.past(), None, world.now).escrow_overdue
    };
    assert_eq!(overdue(&world), None, "its first point is young");
    world.now += SignedDuration::from_hours(366 * 24);
    world.record(Some(&stack("acme")), drilled(false));
    assert!(
        overdue(&world).is_some(),
        "another key proves nothing of it"
    );
    world.record(Some(&stack("acme")), drilled(true));
    assert_eq!(overdue(&world), None);
}
