//! Declared state that is not there.

use super::plan_holds::{plan_of, running};
use super::plan_world::{BACKUP, Cut, HETZNER, Order, STATE, machine, stack};
use holdfast::model::machine::Stage;
use holdfast::model::observed::Power;
use holdfast::model::plan::Hold;

#[test]
fn s15_missing_state_is_held_and_never_made_anew() {
    let mut world = running(HETZNER);
    let facts = world.facts.get_mut(&machine("acme-e1")).unwrap();
    facts.directories.remove(STATE);
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty() && plan.drift.is_empty(), "{plan:#?}");
    let held = |hold: &Hold| matches!(hold, Hold::Forbidden { rule, .. } if rule == "S15");
    assert!(
        plan.held
            .iter()
            .any(|h| h.wanted.contains(STATE) && held(&h.hold)),
        "{plan:#?}"
    );
}

#[test]
fn s06_a_backup_machine_that_was_never_said_to_serve_is_installed_to_its_end() {
    let mut world = running(HETZNER);
    world.facts_mut(BACKUP).stage = Stage::Building;
    let done = world.settle();
    let install = format!("estate.install.{BACKUP}");
    assert!(done.contains(&install), "{done:?}");
    assert_eq!(world.facts_mut(BACKUP).stage, Stage::Opened);
}

#[test]
fn s06_what_was_begun_in_the_place_of_one_that_came_back_is_set_aside() {
    let mut world = running(HETZNER);
    world.machine_mut("acme-e1").power = Power::Off;
    world.dead.insert(machine("acme-e1"));
    world.has_long_been_silent("acme-e1");
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for cut in [None, Some((1, Cut::BeforeTheEffect))] {
        let plan = world.plan();
        world.apply(&plan, Order::First, cut, &mut done, &mut refused);
    }
    assert_eq!(done, ["acme.create.acme-e2"]);
    world.dead.clear();
    world.machine_mut("acme-e1").power = Power::On;
    world.settle();
    assert_eq!(world.open_machines(&stack("acme")), ["acme-e1"]);
    assert!(world.machine("acme-e2").unwrap().quarantined);
}
