//! Another operating system for production: on a new machine beside the old one, which is kept.

use super::plan_world::{Cut, HETZNER, Order, World, desired, gap, machine, stack_file};
use holdfast::model::blueprint::Engine;
use holdfast::model::desired::Desired;
use holdfast::model::observed::Power;
use holdfast::model::plan::{Action, Hold};

const ON_12: &str = "image = \"debian-12\"";
const ON_13: &str = "image = \"debian-13\"";

/// Acme on an operating system, at a place.
fn on(image: &str, production: &str) -> Desired {
    let file = stack_file(
        "acme",
        production,
        "\n[repair]\nautomatic = [\"rebuild\"]\n",
    );
    desired(&[("acme", file.replacen(ON_13, image, 1))])
}

fn image_of(world: &World, name: &str) -> String {
    world
        .machine(name)
        .unwrap()
        .image
        .as_ref()
        .unwrap()
        .to_string()
}

/// Applies until this step has ended well, and not beyond it.
fn up_to(world: &mut World, step: &str) {
    for number in 0.. {
        let mut tried = world.clone();
        let plan = tried.plan();
        let mut done = Vec::new();
        let after = Some((number, Cut::AfterTheEffect));
        assert!(
            tried.apply(&plan, Order::First, after, &mut done, &mut Vec::new()),
            "no {step} in {done:?}"
        );
        if tried.past().unfinished.iter().any(|id| id.as_str() == step) {
            *world = tried;
            return;
        }
    }
}

#[test]
fn another_operating_system_is_a_new_machine_and_the_old_one_is_kept() {
    let mut world = World::running(on(ON_12, HETZNER));
    assert_eq!(image_of(&world, "acme-e1"), "debian-12");
    world.now_wants(on(ON_13, HETZNER));
    let plan = world.plan();
    let steps = &plan.plan().steps;
    let created = steps
        .iter()
        .find(|s| s.id.as_str() == "acme.create.acme-e2");
    let why = &created.unwrap().why;
    assert!(
        why.reason
            .contains("wanted on debian-13, and acme-e1 runs debian-12"),
        "{why:?}"
    );
    let done = world.settle();
    let place = |id: &str| done.iter().position(|step| step == id).unwrap();
    assert!(place("acme.check.acme-e2") < place("acme.fence.acme-e1"));
    assert!(place("acme.fence.acme-e1") < place("acme.open.acme-e2"));
    assert!(place("acme.open.acme-e2") < place("acme.quarantine.acme-e1"));
    world.is_well("acme", "acme-e2");
    assert_eq!(image_of(&world, "acme-e2"), "debian-13");
    let old = world.machine("acme-e1").expect("the old machine is kept");
    assert!(old.power == Power::Off && old.quarantined);
    assert!(world.plan().plan().steps.is_empty());
}

#[test]
fn s03_until_the_new_one_is_open_the_old_one_is_only_off() {
    let mut world = World::running(on(ON_12, HETZNER));
    world.now_wants(on(ON_13, HETZNER));
    for (step, power) in [
        ("acme.check.acme-e2", Power::On),
        ("acme.fence.acme-e1", Power::Off),
    ] {
        let mut world = world.clone();
        up_to(&mut world, step);
        let old = world.machine("acme-e1").unwrap();
        assert!(old.power == power && !old.quarantined, "{old:?}");
    }
}

#[test]
fn whoever_thinks_better_of_it_before_the_new_one_opened_gets_the_old_system_back() {
    let mut world = World::running(on(ON_12, HETZNER));
    world.engine = Some(Engine::Postgresql);
    world.now_wants(on(ON_13, HETZNER));
    up_to(&mut world, "acme.check.acme-e2");
    world.now_wants(on(ON_12, HETZNER));
    world.settle();
    // Nothing was written anywhere else: the old machine simply opens again.
    world.is_well("acme", "acme-e1");
    assert_eq!(image_of(&world, "acme-e1"), "debian-12");
    assert!(world.machine("acme-e2").unwrap().quarantined);
}

#[test]
fn a_machine_lost_after_the_commit_is_rebuilt_on_the_new_system() {
    let mut world = World::running(on(ON_12, HETZNER));
    world.now_wants(on(ON_13, HETZNER));
    world.lose("acme-e1");
    world.settle();
    world.is_well("acme", "acme-e2");
    assert_eq!(image_of(&world, "acme-e2"), "debian-13");
}

#[test]
fn s01_a_machine_that_does_not_answer_is_not_moved() {
    let mut world = World::running(on(ON_12, HETZNER));
    world.now_wants(on(ON_13, HETZNER));
    world
        .silent
        .insert(machine("acme-e1"), gap("machine acme-e1"));
    assert!(world.plan().plan().steps.is_empty());
}

#[test]
fn a_system_with_an_older_postgresql_is_refused_before_anything_is_closed() {
    for (engine, refused) in [(Engine::Postgresql, true), (Engine::Mariadb, false)] {
        let mut world = World::running(on(ON_13, HETZNER));
        world.engine = Some(engine);
        world.facts_mut("acme-e1");
        world.now_wants(on(ON_12, HETZNER));
        let plan = world.plan();
        let said = plan.plan().held.iter().any(|held| match &held.hold {
            Hold::Forbidden { rule, reason } => {
                rule == "crossing" && reason.contains("of 17: a dump only goes forward")
            }
            _ => false,
        });
        assert_eq!(said, refused, "{:#?}", plan.plan().held);
        let closes = plan.plan().steps.iter();
        let closes = closes.filter(|s| matches!(s.action, Action::Close { .. }));
        assert_eq!(closes.count() == 0, refused);
    }
}
