//! Who may write (S2): waivers, machines without power control, machines that come back.

use super::plan_holds::{acme_with, is_forbidden, kinds, plan_of, running};
use super::plan_world::{
    HETZNER, IONOS, REPAIR, WITH_FALLBACK, World, acme, gap, hoster, machine, stack,
};
use holdfast::decide::point::holds;
use holdfast::model::ids::Epoch;
use holdfast::model::observed::Power;
use holdfast::model::plan::{Action, FenceBy};
use holdfast::model::point::Rung;

#[test]
fn s02_a_machine_without_power_control_is_not_left_without_a_waiver() {
    let mut world = running(IONOS);
    world.now_wants(acme(HETZNER));
    is_forbidden(&world, "S2");
    let waiver = "\n[[waiver]]\nmachine = \"acme-e1\"\nreason = \"seen powered off in the rack\"\n";
    world.now_wants(acme_with(HETZNER, &format!("{REPAIR}{waiver}")));
    let plan = plan_of(&world);
    let by_waiver = |s: &holdfast::model::plan::Step| {
        matches!(&s.action, Action::Fence { by: FenceBy::Waiver { place }, .. }
            if place.file == "stacks/acme.toml" && place.line > 1)
    };
    assert!(plan.steps.iter().any(by_waiver), "{:#?}", plan.steps);
    assert!(plan.held.is_empty(), "{:#?}", plan.held);
    world.settle();
    world.is_well("acme", "acme-e2");
}

/// acme was moved, and its old machine is switched on again by somebody.
fn with_a_zombie() -> World {
    let mut world = running(HETZNER);
    world.now_wants(acme(IONOS));
    world.settle();
    world.machine_mut("acme-e1").power = Power::On;
    world
}

#[test]
fn s02_an_old_machine_that_is_on_again_is_fenced_again() {
    let mut world = with_a_zombie();
    assert_eq!(kinds(&plan_of(&world)), ["fence"]);
    world.machine_mut("acme-e1").quarantined = false;
    assert_eq!(kinds(&plan_of(&world)), ["fence", "quarantine"]);
    world.settle();
    assert_eq!(world.machine("acme-e1").unwrap().power, Power::Off);
    world.is_well("acme", "acme-e2");
}

#[test]
fn s02_nothing_opens_beside_an_old_machine_that_is_on_and_says_nothing() {
    let mut world = with_a_zombie();
    world.machine_mut("acme-e1").quarantined = false;
    world
        .silent
        .insert(machine("acme-e1"), gap("machine acme-e1"));
    world.facts_mut("acme-e2").open = false;
    let plan = plan_of(&world);
    let open = plan
        .steps
        .iter()
        .find(|s| s.action.verb() == "open")
        .unwrap();
    let fence = plan
        .steps
        .iter()
        .find(|s| s.action.verb() == "fence")
        .unwrap();
    assert!(open.after.contains(&fence.id), "{open:#?}");
    let Action::Open { fenced, .. } = &open.action else {
        unreachable!()
    };
    assert_eq!(fenced, &[machine("acme-e1")]);
}

#[test]
fn s02_an_old_machine_without_power_control_that_lets_users_in_is_closed() {
    let mut world = running(IONOS);
    let waiver = "\n[[waiver]]\nmachine = \"acme-e1\"\nreason = \"seen powered off in the rack\"\n";
    world.now_wants(acme_with(HETZNER, &format!("{REPAIR}{waiver}")));
    world.settle();
    world.facts_mut("acme-e1").open = true;
    assert_eq!(kinds(&plan_of(&world)), ["close", "save-aside"]);
    world.settle();
    world.is_well("acme", "acme-e2");
}

/// A waiver for a machine whose hoster does not answer, and the stack elsewhere by then.
fn given_up_and_rebuilt() -> World {
    let mut world = running(WITH_FALLBACK);
    world.deaf.insert(hoster("hetzner"), gap("hoster hetzner"));
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    let called = plan.held.iter().any(|h| {
        h.remedy.contains("stacks/acme.toml") && h.remedy.contains("machine = \"acme-e1\"")
    });
    assert!(called, "{:#?}", plan.held);
    let waiver = "[[waiver]]\nmachine = \"acme-e1\"\nreason = \"its hoster is gone\"\n";
    world.now_wants(acme_with(WITH_FALLBACK, &format!("{REPAIR}{waiver}")));
    let done = world.settle();
    assert!(done.iter().any(|id| id == "acme.fence.acme-e1"), "{done:?}");
    assert_eq!(world.machine("acme-e2").unwrap().hoster, hoster("ionos"));
    world
}

#[test]
fn s01_a_hoster_that_is_away_with_its_machine_calls_a_person_and_a_waiver_goes_on_elsewhere() {
    let world = given_up_and_rebuilt();
    assert!(plan_of(&world).steps.is_empty());
}

#[test]
fn s03_what_a_machine_that_comes_back_holds_is_saved_aside_before_it_is_switched_off() {
    let mut world = given_up_and_rebuilt();
    world.deaf.clear();
    let kinds = kinds(&plan_of(&world));
    assert_eq!(kinds[..2], ["close", "save-aside"], "{kinds:?}");
    assert!(
        kinds.contains(&"fence") && kinds.contains(&"quarantine"),
        "{kinds:?}"
    );
    world.settle();
    let points = &world.points[&stack("acme")];
    let aside: Vec<_> = points.iter().filter(|point| point.aside).collect();
    assert_eq!(aside.len(), 1);
    assert_eq!(aside[0].epoch, Epoch(1));
    assert!(!holds(aside[0], Rung::Taken), "it is never chosen");
    assert!(plan_of(&world).steps.is_empty());
}

#[test]
fn s02_a_machine_taken_out_of_the_inventory_is_not_gone_by_its_hosters_word() {
    let mut world = running(IONOS);
    world.lose("acme-e1"); // Not listed, not free: hosters.toml is our own list.
    world
        .inventories
        .get_mut(&hoster("ionos"))
        .unwrap()
        .free
        .clear();
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert!(
        plan.held.iter().any(|h| h.remedy.contains("[[waiver]]")),
        "{:#?}",
        plan.held
    );
}

#[test]
fn s02_a_waiver_lets_a_silent_machine_be_rebuilt_elsewhere() {
    let mut world = running(IONOS);
    world.lose("acme-e1");
    let ionos = world.inventories.get_mut(&hoster("ionos")).unwrap();
    ionos.free.clear();
    assert!(
        plan_of(&world).steps.is_empty(),
        "nobody can say that it is gone"
    );
    let waiver = format!("{REPAIR}[[waiver]]\nmachine = \"acme-e1\"\nreason = \"burnt\"\n");
    world.now_wants(acme_with(HETZNER, &waiver));
    let done = world.settle();
    assert!(done.iter().any(|id| id == "acme.fence.acme-e1"), "{done:?}");
    world.is_well("acme", "acme-e2");
}
