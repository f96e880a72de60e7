//! The end of a stack: closed, saved a last time, off and kept. Nothing is deleted (S3).

use super::plan_holds::kinds;
use super::plan_world::{
    BACKUP, Cut, HETZNER, IONOS, Order, REPAIR, World, acme, desired, gap, machine, stack,
    stack_file,
};
use holdfast::model::desired::Desired;
use holdfast::model::observed::Power;
use holdfast::model::plan::{Effect, Hold};

/// The worlds begin on 2 March 2026.
const TODAY: &str = "2026-03-02";

fn retired(production: &str, day: &str, extra: &str) -> Desired {
    let file = stack_file("acme", production, &format!("{REPAIR}{extra}"));
    let file = file.replacen("name = ", &format!("retired = \"{day}\"\nname = "), 1);
    let want = desired(&[("acme", file)]);
    assert!(want.broken.is_empty(), "{:?}", want.broken);
    want
}

fn running_then(production: &str, day: &str, extra: &str) -> World {
    let mut world = World::running(acme(production));
    world.now_wants(retired(production, day, extra));
    world
}

fn is_kept_and_off(world: &World) {
    let kept = world.machine("acme-e1").expect("nothing is deleted");
    assert!(kept.quarantined && kept.power == Power::Off, "{kept:?}");
    assert!(world.machine(BACKUP).is_some_and(|m| m.power == Power::On));
    assert!(world.open_machines(&stack("acme")).is_empty());
    assert!(world.points[&stack("acme")].len() >= 2, "a last point");
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:#?}", plan.plan().steps);
}

#[test]
fn s03_a_retired_stack_is_closed_saved_switched_off_and_kept() {
    for order in [Order::First, Order::Last] {
        let mut world = running_then(HETZNER, TODAY, "");
        let plan = world.plan();
        for step in &plan.plan().steps {
            let place = step.why.place.as_ref().expect("the line in Git");
            assert_eq!((place.file.as_str(), place.line), ("stacks/acme.toml", 5));
        }
        let effect = |verb: &str| {
            let steps = &plan.plan().steps;
            steps
                .iter()
                .find(|s| s.action.verb() == verb)
                .unwrap()
                .effect
        };
        assert_eq!(effect("close"), Effect::Destructive);
        assert_eq!(effect("fence"), Effect::Destructive);
        assert_eq!(
            world.settle_in(order),
            [
                "acme.close.acme-e1",
                "acme.backup.acme-e1",
                "acme.fence.acme-e1",
                "acme.quarantine.acme-e1"
            ]
        );
        is_kept_and_off(&world);
    }
}

#[test]
fn s03_the_names_of_a_retired_stack_are_left_to_a_person() {
    let mut world = running_then(HETZNER, TODAY, "");
    world.settle();
    let held = world.plan().plan().held.clone();
    assert_eq!(held.len(), 1, "{held:#?}");
    assert!(held[0].wanted.contains("docs.acme.example"), "{held:#?}");
    for addresses in world.names.values_mut() {
        addresses.clear();
    }
    assert!(world.plan().plan().held.is_empty());
}

#[test]
fn a_stack_lives_until_its_last_day() {
    let mut world = running_then(HETZNER, "2026-03-03", "");
    assert!(world.plan().plan().steps.is_empty());
    world.now += jiff::SignedDuration::from_hours(12);
    assert_eq!(kinds(world.plan().plan())[0], "close");
}

#[test]
fn s06_a_retirement_goes_on_from_every_crash_point() {
    for order in [Order::First, Order::Last] {
        for cut in [Cut::BeforeTheEffect, Cut::AfterTheEffect] {
            for number in 0..4 {
                let mut world = running_then(HETZNER, TODAY, "");
                let plan = world.plan();
                let here = Some((number, cut));
                assert!(world.apply(&plan, order, here, &mut Vec::new(), &mut Vec::new()));
                world.settle_in(order);
                is_kept_and_off(&world);
            }
        }
    }
}

#[test]
fn s01_a_retired_machine_that_does_not_answer_is_waited_for() {
    let mut world = running_then(HETZNER, TODAY, "");
    let silent = gap("machine acme-e1");
    world.silent.insert(machine("acme-e1"), silent);
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:#?}", plan.plan().steps);
    let wanted = &plan.plan().held[0].wanted;
    assert_eq!(wanted, "retirement of acme");
}

#[test]
fn s03_nothing_is_switched_off_while_its_last_point_cannot_be_taken() {
    let mut world = running_then(HETZNER, TODAY, "");
    world.points_gap = Some(gap("recovery points"));
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:#?}", plan.plan().steps);
    assert!(matches!(plan.plan().held[0].hold, Hold::NotObserved { .. }));
}

#[test]
fn s03_a_machine_that_is_off_keeps_what_no_point_has_unless_somebody_signs_it_away() {
    let mut world = running_then(HETZNER, TODAY, "");
    world.machine_mut("acme-e1").power = Power::Off;
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:#?}", plan.plan().steps);
    assert!(plan.plan().held[0].remedy.contains("[[waiver]]"));
    let waiver = "\n[[waiver]]\nmachine = \"acme-e1\"\nreason = \"its disk is dead\"\n";
    world.now_wants(retired(HETZNER, TODAY, waiver));
    assert_eq!(world.settle(), ["acme.quarantine.acme-e1"]);
}

#[test]
fn a_retired_stack_is_neither_rebuilt_nor_installed() {
    let mut world = running_then(HETZNER, TODAY, "");
    world.lose("acme-e1");
    assert!(world.plan().plan().steps.is_empty());
    let fresh = World::before_the_first_day(retired(HETZNER, TODAY, ""));
    assert!(
        fresh.plan().plan().steps.is_empty(),
        "not even its backup machine"
    );
}

#[test]
fn s02_a_retired_machine_that_somebody_switches_on_is_closed_and_switched_off_again() {
    let mut world = running_then(HETZNER, TODAY, "");
    world.settle();
    world.machine_mut("acme-e1").power = Power::On;
    world.facts_mut("acme-e1").open = true;
    world.settle();
    is_kept_and_off(&world);
}

#[test]
fn s03_without_power_control_a_retired_machine_is_closed_saved_and_labelled() {
    let mut world = running_then(IONOS, TODAY, "");
    assert_eq!(
        world.settle(),
        [
            "acme.close.acme-e1",
            "acme.backup.acme-e1",
            "acme.quarantine.acme-e1"
        ]
    );
    assert!(world.machine("acme-e1").unwrap().quarantined);
    assert!(world.open_machines(&stack("acme")).is_empty());
}

#[test]
fn s08_machines_that_were_wished_off_are_no_storm() {
    let bolt = || stack_file("bolt", HETZNER, REPAIR);
    let coal = || stack_file("coal", HETZNER, REPAIR);
    let end = |id: &str| {
        let file = stack_file(id, HETZNER, REPAIR);
        let line = format!("retired = \"{TODAY}\"\nname = ");
        file.replacen("name = ", &line, 1)
    };
    let three = [
        ("acme", stack_file("acme", HETZNER, REPAIR)),
        ("bolt", bolt()),
        ("coal", coal()),
    ];
    let mut world = World::running(desired(&three));
    world.now_wants(desired(&[
        ("acme", end("acme")),
        ("bolt", end("bolt")),
        ("coal", coal()),
    ]));
    for id in ["acme-e1", "bolt-e1"] {
        world.machine_mut(id).power = Power::Off;
    }
    world.lose("coal-e1");
    assert!(
        kinds(world.plan().plan()).contains(&"create"),
        "one rebuild, no storm"
    );
}
