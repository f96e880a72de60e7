//! The caps (S8): two rebuilds at once, some in a day, and a pause after each that failed.

use super::plan_brake::fleet;
use super::plan_holds::{holds_of, plan_of};
use super::plan_world::{Cut, IONOS, Order, REPAIR, World, desired, stack, stack_file};
use holdfast::model::ids::StepId;
use holdfast::model::journal::{Event, StepResult};
use holdfast::model::operation::FaultClass;
use holdfast::model::plan::{Hold, Plan, Step};
use jiff::SignedDuration;
use std::collections::BTreeSet;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Stacks with something to do.
fn busy(plan: &Plan) -> BTreeSet<String> {
    let stacks = plan.steps.iter().filter_map(|step| step.stack.as_ref());
    stacks.map(ToString::to_string).collect()
}

/// Why the storm brake or a cap holds this customer.
fn braked(plan: &Plan, owner: &str) -> String {
    let holds = holds_of(plan, owner);
    let mut reasons = holds.iter().filter_map(|hold| match hold {
        Hold::Brake { reason } => Some(reason.clone()),
        _ => None,
    });
    reasons.next().unwrap_or_else(|| panic!("{holds:#?}"))
}

/// Its rebuild alone is cut off where the old machine is fenced and the new one not open.
fn half_rebuild(world: &mut World, owner: &str) {
    world.lose(&format!("{owner}-e1"));
    let mut plan = plan_of(world);
    plan.steps.retain(|step| step.stack == Some(stack(owner)));
    let is_check = |s: &Step| s.action.verb() == "check";
    let number = plan.steps.iter().position(is_check).unwrap();
    let plan = world.check(plan).unwrap();
    let cut = Some((number, Cut::BeforeTheEffect));
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    assert!(world.apply(&plan, Order::First, cut, &mut done, &mut refused));
}

/// A repair of this customer was begun and came to nothing.
fn fails(world: &mut World, owner: &str, step: &str) {
    let step = StepId::new(format!("{owner}.{step}"));
    let started = Event::Started {
        step: step.clone(),
        action: step.to_string(),
        repair: true,
        head: None,
        mends: Vec::new(),
    };
    world.record(Some(&stack(owner)), started);
    let refused = StepResult::Refused {
        reason: "the hoster is busy".to_owned(),
        class: FaultClass::Retry,
    };
    let ended = Event::Ended {
        step,
        result: refused,
        millis: 1,
    };
    world.record(Some(&stack(owner)), ended);
}

#[test]
fn s08_two_rebuilds_are_under_way_at_once_and_the_third_waits_for_one_of_them() {
    let mut world = fleet(10);
    half_rebuild(&mut world, "customer-3");
    half_rebuild(&mut world, "customer-7");
    world.lose("customer-1-e1");
    let plan = plan_of(&world);
    let at_work = ["customer-3", "customer-7"].map(str::to_owned);
    assert_eq!(
        busy(&plan),
        BTreeSet::from(at_work),
        "those that began go on"
    );
    insta::assert_snapshot!(
        braked(&plan, "customer-1"),
        @"2 rebuilds are under way (customer-3, customer-7), and no more than 2 at once"
    );
    world.settle();
    world.is_well("customer-1", "customer-1-e2");
}

#[test]
fn s08_the_check_refuses_a_plan_that_begins_a_third() {
    let mut world = fleet(10);
    half_rebuild(&mut world, "customer-3");
    world.lose("customer-1-e1");
    let plan = plan_of(&world);
    assert_eq!(busy(&plan).len(), 2);
    // The same plan, where the estate wants one at once.
    world.want.caps.at_once = 1;
    let violations = world.check(plan.clone()).unwrap_err();
    assert!(violations.iter().all(|v| v.rule == "S8"), "{violations:#?}");
    assert!(
        violations[0].problem.contains("one of 2 rebuilds"),
        "{violations:#?}"
    );
    // And the planner knows.
    let held = plan_of(&world);
    assert_eq!(busy(&held), BTreeSet::from(["customer-3".to_owned()]));
    // Two machines of one customer are one too many.
    world.want.caps.at_once = 2;
    let mut twice = plan;
    let create = |s: &&Step| s.action.verb() == "create" && s.stack == Some(stack("customer-1"));
    let mut more = twice.steps.iter().find(create).unwrap().clone();
    more.id = StepId::new("customer-1.create.again");
    twice.steps.push(more);
    let violations = world.check(twice).unwrap_err();
    assert!(
        violations
            .iter()
            .any(|v| v.problem.contains("two machines of one customer")),
        "{violations:#?}"
    );
}

#[test]
fn s16_a_rebuild_that_fails_again_and_again_takes_nobodys_place() {
    let mut world = fleet(10);
    for name in ["customer-3", "customer-7"] {
        half_rebuild(&mut world, name);
        for _ in 0..3 {
            fails(&mut world, name, &format!("load.{name}-e2"));
        }
    }
    world.lose("customer-1-e1");
    let plan = plan_of(&world);
    // All of them: what has fenced the old machine goes on, whatever it came to before.
    assert_eq!(busy(&plan).len(), 3, "{:#?}", plan.held);
}

#[test]
fn s08_the_next_try_comes_later_and_later() {
    let mut world = fleet(10);
    world.lose("customer-3-e1");
    for (failed, minutes) in [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60)] {
        fails(&mut world, "customer-3", "create.customer-3-e2");
        let plan = plan_of(&world);
        assert!(busy(&plan).is_empty(), "after {failed}: {:#?}", plan.steps);
        if failed == 2 {
            insta::assert_snapshot!(
                braked(&plan, "customer-3"),
                @"2 tries in a row failed; the next is at 2026-03-02 12:16:33 UTC"
            );
        }
        world.now += MINUTE * minutes - SignedDuration::from_secs(1);
        assert!(busy(&plan_of(&world)).is_empty(), "after {failed}");
        world.now += SignedDuration::from_secs(1);
        assert!(!busy(&plan_of(&world)).is_empty(), "after {failed}");
    }
    // Once it went well, all of that is forgotten.
    world.settle();
    world.is_well("customer-3", "customer-3-e2");
    world.lose("customer-3-e2");
    assert!(!busy(&plan_of(&world)).is_empty());
}

#[test]
fn s08_a_rebuild_that_has_fenced_the_old_machine_does_not_pause() {
    let mut world = fleet(10);
    half_rebuild(&mut world, "customer-3");
    fails(&mut world, "customer-3", "load.customer-3-e2");
    assert!(!busy(&plan_of(&world)).is_empty());
}

#[test]
fn s08_a_day_has_five_rebuilds_and_a_stack_two_of_them() {
    let mut world = fleet(10);
    for number in 0..5 {
        world.lose(&format!("customer-{number}-e1"));
        world.settle();
        world.now += HOUR;
    }
    world.lose("customer-5-e1");
    let plan = plan_of(&world);
    assert!(busy(&plan).is_empty(), "{:#?}", plan.steps);
    insta::assert_snapshot!(
        braked(&plan, "customer-5"),
        @"5 rebuilds were begun in 24 hours, and more are not without a person; the next may be at 2026-03-03 12:01:34 UTC"
    );
    world.now += HOUR * 19;
    assert!(busy(&plan_of(&world)).contains("customer-5"));
}

#[test]
fn s16_one_customers_bad_luck_leaves_something_for_the_others() {
    let mut world = fleet(10);
    for epoch in 1..=2 {
        world.lose(&format!("customer-3-e{epoch}"));
        world.settle();
        world.now += HOUR;
    }
    world.lose("customer-3-e3");
    let plan = plan_of(&world);
    assert!(busy(&plan).is_empty(), "{:#?}", plan.steps);
    insta::assert_snapshot!(
        braked(&plan, "customer-3"),
        @"2 rebuilds of this stack were begun in 24 hours, and more are not without a person; the next may be at 2026-03-03 12:01:34 UTC"
    );
    world.now += HOUR * 22;
    assert!(busy(&plan_of(&world)).contains("customer-3"));
}

#[test]
fn s08_what_people_ask_for_is_not_counted() {
    let mut world = fleet(2);
    let moved = ["customer-0", "customer-1"].map(|id| (id, stack_file(id, IONOS, REPAIR)));
    world.now_wants(desired(&moved));
    world.want.caps.at_once = 1;
    let plan = plan_of(&world);
    assert_eq!(busy(&plan).len(), 2, "two moves at once: {:#?}", plan.held);
    world.settle();
    assert_eq!(world.past().rebuilds.values().count(), 0);
}
