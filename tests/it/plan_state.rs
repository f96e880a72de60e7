//! Declared state that is not there.

use super::plan_holds::{plan_of, running};
use super::plan_world::{HETZNER, STATE, machine};
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
