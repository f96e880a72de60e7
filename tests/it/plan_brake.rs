//! The storm brake (S8): too much lost at once is a common cause, and a person must look.

use super::plan_holds::{holds_of, kinds, plan_of};
use super::plan_world::{HETZNER, IONOS, REPAIR, World, desired, machine, stack, stack_file};
use holdfast::decide::pass::just_begun;
use holdfast::model::ids::{StackId, StepId};
use holdfast::model::journal::Event;
use holdfast::model::observed::Power;
use holdfast::model::plan::Hold;
use std::time::Duration;

/// So many customers, all well.
pub fn fleet(count: usize) -> World {
    let ids: Vec<String> = (0..count).map(|n| format!("customer-{n}")).collect();
    let files: Vec<(&str, String)> = ids
        .iter()
        .map(|id| (id.as_str(), stack_file(id, HETZNER, REPAIR)))
        .collect();
    World::running(desired(&files))
}

#[test]
fn s08_two_lost_machines_in_one_place_stop_every_rebuild() {
    let mut world = fleet(10);
    world.lose("customer-3-e1");
    world.lose("customer-7-e1");
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    for owner in ["customer-3", "customer-7"] {
        let holds = holds_of(&plan, owner);
        let [Hold::Brake { reason }] = holds[..] else {
            panic!("{holds:?}")
        };
        assert!(reason.contains("hetzner"), "{reason}");
    }
}

/// All were switched off for another size, in one commit, and their hoster has trouble.
#[test]
fn s08_what_was_switched_off_for_a_size_and_is_gone_since_is_a_suspect() {
    let mut world = fleet(10);
    for n in 0..8 {
        let (owner, name) = (format!("customer-{n}"), format!("customer-{n}-e1"));
        let machine = machine(&name);
        world.record(Some(&stack(&owner)), Event::Closed { machine });
        let started = Event::Started {
            step: StepId::new(format!("{owner}.shut-down.{name}")),
            action: "shut-down".to_owned(),
            repair: false,
            head: None,
            mends: Vec::new(),
        };
        world.record(Some(&stack(&owner)), started);
        world.machine_mut(&name).power = Power::Off;
    }
    let plan = plan_of(&world);
    let off = |hold: &Hold| matches!(hold, Hold::Brake { .. });
    assert!(
        !plan.held.iter().any(|held| off(&held.hold)),
        "as it should be"
    );
    assert!(kinds(&plan).iter().all(|kind| *kind == "power-on"));
    for n in 0..8 {
        world.lose(&format!("customer-{n}-e1"));
    }
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    for n in 0..8 {
        let holds = holds_of(&plan, &format!("customer-{n}"));
        assert!(matches!(holds[..], [Hold::Brake { .. }]), "{holds:?}");
    }
}

#[test]
fn s08_more_than_a_fifth_of_the_fleet_stops_every_rebuild_wherever_they_stand() {
    let files = [
        ("one", stack_file("one", HETZNER, REPAIR)),
        ("two", stack_file("two", IONOS, REPAIR)),
        ("three", stack_file("three", HETZNER, REPAIR)),
    ];
    let mut world = World::running(desired(&files));
    world.lose("one-e1");
    assert!(
        kinds(&plan_of(&world)).contains(&"create"),
        "one is no storm"
    );
    world.lose("two-e1");
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    let braked = |h: &&Hold| matches!(h, Hold::Brake { reason } if reason.contains("2 of 3"));
    for owner in ["one", "two"] {
        assert!(
            holds_of(&plan, owner).iter().any(braked),
            "{:#?}",
            plan.held
        );
    }
}

#[test]
fn s08_the_brake_does_not_stop_a_rebuild_that_has_fenced_the_old_machine_already() {
    let mut world = fleet(10);
    world.lose("customer-3-e1");
    let plan = world.plan();
    let steps = &plan.plan().steps;
    let check = steps
        .iter()
        .position(|s| s.action.verb() == "check")
        .unwrap();
    let cut = Some((check, super::plan_world::Cut::BeforeTheEffect));
    let order = super::plan_world::Order::First;
    assert!(world.apply(&plan, order, cut, &mut Vec::new(), &mut Vec::new()));
    world.lose("customer-5-e1");
    world.lose("customer-7-e1");
    let plan = plan_of(&world);
    let owners: Vec<Option<StackId>> = plan.steps.iter().map(|s| s.stack.clone()).collect();
    assert!(!owners.is_empty() && owners.iter().all(|o| *o == Some(stack("customer-3"))));
}

/// What a loop knows of itself that has run for so long.
fn up_for(world: &mut World, up: Duration) {
    let still = Duration::from_mins(5);
    world.mandate.freezes = just_begun(up, still, false).into_iter().collect();
}

#[test]
fn s08_a_loop_begins_no_rebuild_in_its_first_five_minutes() {
    let mut world = fleet(10);
    world.lose("customer-3-e1");
    world.facts_mut("customer-5-e1").packages.remove("nginx");
    up_for(&mut world, Duration::from_secs(299));
    let plan = plan_of(&world);
    assert_eq!(kinds(&plan), ["converge"], "what destroys nothing goes on");
    let holds = holds_of(&plan, "customer-3");
    let [Hold::Forbidden { rule, reason }] = holds[..] else {
        panic!("{holds:?}")
    };
    assert_eq!(rule, "S8");
    assert!(reason.contains("the first 5m"), "{reason}");
    let found = world.check(world.draft()).unwrap_err();
    assert!(found.iter().all(|found| found.rule == "S8"), "{found:?}");
    up_for(&mut world, Duration::from_mins(5));
    assert!(kinds(&plan_of(&world)).contains(&"fence"));
}

#[test]
fn s08_a_loop_that_was_killed_in_a_rebuild_goes_on_with_it_at_once() {
    let mut world = fleet(10);
    world.lose("customer-3-e1");
    let plan = world.plan();
    let steps = &plan.plan().steps;
    let check = steps.iter().position(|s| s.action.verb() == "check");
    let cut = Some((check.unwrap(), super::plan_world::Cut::BeforeTheEffect));
    let order = super::plan_world::Order::First;
    assert!(world.apply(&plan, order, cut, &mut Vec::new(), &mut Vec::new()));
    up_for(&mut world, Duration::from_secs(1));
    assert!(kinds(&plan_of(&world)).contains(&"open"));
}
