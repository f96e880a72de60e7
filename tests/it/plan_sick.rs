//! A machine that answers and is sick: mended, rebooted once, and then a person's.

use super::plan_brake::fleet;
use super::plan_holds::{acme_with, holds_of, kinds, plan_of, running};
use super::plan_world::{Cut, HETZNER, IONOS, Order, REPAIR, World, acme, machine, stack};
use holdfast::decide::pass::look_again;
use holdfast::model::journal::Event;
use holdfast::model::plan::{Action, Effect, Hold, Plan};
use jiff::SignedDuration;

/// A unit on acme's machine does not stay up.
fn ill(helps: bool) -> World {
    let mut world = running(HETZNER);
    world.ill.insert(machine("acme-e1"), helps);
    world
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

/// One look, and what follows from it; gives what was done.
fn pass(world: &mut World) -> Vec<&'static str> {
    world.adopt();
    let plan = world.plan();
    world.apply(&plan, Order::First, None, &mut Vec::new(), &mut Vec::new());
    world.now += minutes(5);
    kinds(plan.plan())
}

/// Looks until it is mended no more; how often it was.
fn mended(world: &mut World) -> usize {
    (0..20)
        .take_while(|_| {
            world.adopt();
            let only = kinds(&plan_of(world)) == ["converge"];
            if only {
                pass(world);
            }
            only
        })
        .count()
}

fn person(plan: &Plan) -> Option<String> {
    let mut held = plan.held.iter();
    let held = held.find(|held| held.remedy.contains("a person must look at acme-e1"))?;
    Some(format!("{:?}; {}", held.hold, held.remedy))
}

#[test]
fn what_mending_does_not_help_is_rebooted_once() {
    let mut world = ill(true);
    assert_eq!(mended(&mut world), 3);
    let plan = plan_of(&world);
    assert_eq!(kinds(&plan), ["reboot"], "{:#?}", plan.held);
    let [step] = &plan.steps[..] else { panic!() };
    assert_eq!(step.effect, Effect::Disruptive);
    assert!(matches!(&step.action, Action::Reboot { wrong, .. } if wrong.len() == 1));
    assert!(person(&plan).is_none());
    assert_eq!(pass(&mut world), ["reboot"]);
    world.settle();
    world.is_well("acme", "acme-e1");
    let told = world.account("acme").known.join("\n");
    assert!(told.contains("acme-e1 was rebooted at"), "{told}");
    // An hour of being well, and it is as any other.
    world.now += minutes(61);
    world.adopt();
    assert!(matches!(
        world.journal.last().unwrap().event,
        Event::Healed { .. }
    ));
    assert!(world.past().sicknesses.of(&machine("acme-e1")).is_none());
    world.ill.insert(machine("acme-e1"), true);
    assert_eq!(mended(&mut world), 3);
    assert_eq!(kinds(&plan_of(&world)), ["reboot"]);
}

#[test]
fn what_a_reboot_does_not_help_is_a_persons_and_never_given_up() {
    let mut world = ill(false);
    mended(&mut world);
    assert_eq!(pass(&mut world), ["reboot"]);
    // What begins anew by itself is mended once more before anybody is called.
    assert!(person(&plan_of(&world)).is_none());
    for _ in 0..40 {
        assert_eq!(pass(&mut world), ["converge"]);
    }
    let plan = plan_of(&world);
    let said = person(&plan).unwrap();
    assert!(said.contains("which did not help"), "{said}");
    assert!(said.contains("it is not given up"), "{said}");
    assert!(world.machine("acme-e2").is_none());
    // Somebody mends it by hand.
    world.ill.clear();
    assert!(person(&plan_of(&world)).is_none());
    world.settle();
    world.is_well("acme", "acme-e1");
}

#[test]
fn what_runs_at_one_look_and_not_at_the_next_is_the_same_sickness() {
    let mut world = ill(true);
    mended(&mut world);
    pass(&mut world);
    for _ in 0..20 {
        world.ill.clear();
        world.now += minutes(15);
        pass(&mut world);
        world.ill.insert(machine("acme-e1"), true);
        assert!(!pass(&mut world).contains(&"reboot"));
    }
    assert!(person(&plan_of(&world)).is_some());
}

#[test]
fn a_restart_of_the_reconciler_begins_nothing_anew() {
    let mut world = ill(false);
    mended(&mut world);
    pass(&mut world);
    pass(&mut world);
    // Nobody looked for a day; all that is known stands in the journal.
    world.now += minutes(24 * 60);
    for _ in 0..10 {
        assert!(!pass(&mut world).contains(&"reboot"));
    }
}

#[test]
fn tries_that_follow_at_once_are_one_try() {
    let mut world = ill(true);
    for _ in 0..10 {
        assert_eq!(pass(&mut world), ["converge"]);
        world.now -= minutes(5);
        world.now += SignedDuration::from_secs(3);
    }
}

#[test]
fn what_needs_mending_now_and_then_is_not_sick() {
    let mut world = ill(true);
    for _ in 0..20 {
        world.ill.insert(machine("acme-e1"), true);
        assert_eq!(pass(&mut world), ["converge"]);
        world.ill.clear();
        world.now += minutes(40);
        world.settle();
    }
}

#[test]
fn a_file_that_somebody_writes_again_and_again_is_no_sickness() {
    let mut world = running(HETZNER);
    for _ in 0..10 {
        let facts = world.facts_mut("acme-e1");
        facts.files.values_mut().next().unwrap().mode = "0777".to_owned();
        assert_eq!(pass(&mut world), ["converge"]);
    }
}

#[test]
fn s05_nothing_is_rebooted_that_the_estate_does_not_allow() {
    let repair = "\n[repair]\nautomatic = [\"restart\", \"reinstall\", \"rebuild\"]\n";
    let mut world = World::running(acme_with(HETZNER, repair));
    world.ill.insert(machine("acme-e1"), true);
    for _ in 0..8 {
        assert_eq!(pass(&mut world), ["converge"]);
    }
    let said = person(&plan_of(&world)).unwrap();
    assert!(
        said.contains("add \\\"reboot\\\"") || said.contains("add \"reboot\""),
        "{said}"
    );
}

#[test]
fn s08_what_ails_several_at_once_is_no_reboots_to_mend() {
    let mut world = fleet(10);
    for name in ["customer-3-e1", "customer-7-e1"] {
        world.ill.insert(machine(name), true);
    }
    for _ in 0..8 {
        assert!(!pass(&mut world).contains(&"reboot"));
    }
    let plan = plan_of(&world);
    for owner in ["customer-3", "customer-7"] {
        let braked = |hold: &&Hold| matches!(hold, Hold::Brake { reason } if reason.contains("2 machines are sick or suspect at hetzner"));
        assert!(
            holds_of(&plan, owner).iter().any(braked),
            "{:#?}",
            plan.held
        );
    }
    // One of them got well: the other is nobody's common cause.
    world.ill.remove(&machine("customer-3-e1"));
    for _ in 0..14 {
        if pass(&mut world).contains(&"reboot") {
            return;
        }
    }
    panic!("{:#?}", plan_of(&world).held)
}

#[test]
fn s08_the_checker_lets_no_reboot_pass_within_an_hour_of_another_at_its_place() {
    let mut world = fleet(10);
    world.ill.insert(machine("customer-3-e1"), true);
    for _ in 0..8 {
        world.adopt();
        if kinds(&plan_of(&world)).contains(&"reboot") {
            break;
        }
        pass(&mut world);
    }
    let good = plan_of(&world);
    assert_eq!(kinds(&good), ["reboot"]);
    assert!(world.check(good.clone()).is_ok());
    let begun = Event::Started {
        step: holdfast::model::ids::StepId::new("customer-7.reboot.customer-7-e1"),
        action: "reboot customer-7-e1".to_owned(),
        repair: false,
        head: None,
        mends: vec!["unit x.service".to_owned()],
    };
    world.record(Some(&stack("customer-7")), begun);
    let violations = world.check(good.clone()).unwrap_err();
    let mut said = violations.iter().map(ToString::to_string);
    assert!(
        said.any(|said| said.contains("within an hour of customer-7-e1")),
        "{violations:#?}"
    );
    assert!(!kinds(&plan_of(&world)).contains(&"reboot"));
    world.now += minutes(61);
    let said = world.check(good).err().unwrap_or_default();
    let said: Vec<String> = said.iter().map(ToString::to_string).collect();
    assert!(
        !said.iter().any(|said| said.contains("within an hour")),
        "{said:#?}"
    );
}

#[test]
fn s08_the_checker_lets_no_reboot_pass_that_nothing_speaks_for() {
    let mut world = ill(true);
    mended(&mut world);
    let good = plan_of(&world);
    assert!(world.check(good.clone()).is_ok());
    let refused = |world: &World, plan: &Plan, words: &str| {
        let violations = world.check(plan.clone()).unwrap_err();
        let said: Vec<String> = violations.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|said| said.contains(words)), "{said:#?}");
    };
    let closed = |world: &mut World, open| world.facts_mut("acme-e1").open = open;
    closed(&mut world, false);
    refused(&world, &good, "which is closed");
    closed(&mut world, true);
    let mut other = good.clone();
    if let Action::Reboot { wrong, .. } = &mut other.steps[0].action {
        *wrong = vec!["unit something.service".to_owned()];
    }
    refused(&world, &other, "not mended often enough");
    let mut twice = good.clone();
    let mut beside = twice.steps[0].clone();
    beside.id = holdfast::model::ids::StepId::new("acme.close.acme-e1");
    beside.action = Action::Close {
        machine: machine("acme-e1"),
    };
    twice.steps.push(beside);
    refused(&world, &twice, "beside acme.close.acme-e1");
    world.begun("acme.backup.acme-e1");
    refused(&world, &good, "may be at work");
    let mut world = ill(true);
    mended(&mut world);
    pass(&mut world);
    refused(&world, &good, "once more");
    world.silent.insert(
        machine("acme-e1"),
        super::plan_world::gap("machine acme-e1"),
    );
    refused(&world, &good, "does not answer");
}

#[test]
fn s06_a_reboot_of_which_nobody_knows_the_end_is_tried_once_more_and_left() {
    let mut world = ill(false);
    mended(&mut world);
    for _ in 0..2 {
        world.adopt();
        let plan = world.plan();
        assert_eq!(kinds(plan.plan()), ["reboot"]);
        let (done, refused) = (&mut Vec::new(), &mut Vec::new());
        world.apply(
            &plan,
            Order::First,
            Some((0, Cut::AfterTheEffect)),
            done,
            refused,
        );
        // It may still be at work.
        world.now += minutes(1);
        let plan = plan_of(&world);
        assert!(!kinds(&plan).contains(&"reboot"), "{plan:#?}");
        world.now += minutes(10);
    }
    for _ in 0..8 {
        assert_eq!(pass(&mut world), ["converge"]);
    }
    let said = person(&plan_of(&world)).unwrap();
    assert!(said.contains("nobody knows that it came about"), "{said}");
}

#[test]
fn s01_one_that_is_closed_or_on_its_way_elsewhere_is_not_rebooted() {
    let mut world = ill(true);
    mended(&mut world);
    world.facts_mut("acme-e1").open = false;
    assert!(!kinds(&plan_of(&world)).contains(&"reboot"));
    world.facts_mut("acme-e1").open = true;
    world.now_wants(acme(IONOS));
    assert!(!kinds(&plan_of(&world)).contains(&"reboot"));
}

#[test]
fn a_pause_holds_a_reboot() {
    let mut world = ill(true);
    mended(&mut world);
    let until = world.now + minutes(60);
    let paused = Event::Paused {
        until,
        reason: "somebody looks".into(),
    };
    world.record(Some(&stack("acme")), paused);
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert!(look_again(&plan, world.now).is_none() || !plan.held.is_empty());
}

#[test]
fn a_pool_without_power_control_can_be_rebooted_too() {
    let file = acme_with(IONOS, REPAIR);
    let mut world = World::running(file);
    world.ill.insert(machine("acme-e1"), true);
    mended(&mut world);
    assert_eq!(pass(&mut world), ["reboot"]);
    world.settle();
    world.is_well("acme", "acme-e1");
}
