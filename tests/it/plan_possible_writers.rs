//! Machines that do not answer, and of which nobody can say that users were never let in.

use super::plan_holds::{kinds, plan_of, running};
use super::plan_world::{BACKUP, HETZNER, REPAIR, World, desired, gap, machine, stack, stack_file};
use holdfast::decide::adoption::recovered;
use holdfast::decide::check::{Violation, without};
use holdfast::model::ids::StepId;
use holdfast::model::journal::Event;
use holdfast::model::observed::Power;
use holdfast::model::plan::{Action, Held};

#[test]
fn s01_with_the_journal_lost_a_silent_machine_is_not_passed_over() {
    let mut world = running(HETZNER);
    world.journal.clear();
    world.adopt();
    // Even where the points cannot tell of it: another backup site, still empty.
    world.points.get_mut(&stack("acme")).unwrap().clear();
    world
        .silent
        .insert(machine("acme-e1"), gap("machine acme-e1"));
    let plan = plan_of(&world);
    for step in &plan.steps {
        assert_eq!(step.action.machine().as_str(), BACKUP, "{plan:#?}");
    }
    assert!(plan.held.iter().any(|h| h.stack == Some(stack("acme"))));
}

#[test]
fn s02_a_machine_whose_opening_did_not_end_may_be_open() {
    let mut world = running(HETZNER);
    let opened = |e: &Event| matches!(e, Event::Opened { .. });
    world.journal.retain(|entry| !opened(&entry.event));
    world.record(
        Some(&stack("acme")),
        Event::Started {
            step: StepId::new("acme.open.acme-e1"),
            action: "open acme-e1".into(),
            repair: false,
            head: None,
            mends: Vec::new(),
        },
    );
    world.points.get_mut(&stack("acme")).unwrap().clear();
    world
        .silent
        .insert(machine("acme-e1"), gap("machine acme-e1"));
    let plan = plan_of(&world);
    assert!(!kinds(&plan).contains(&"initialise"), "{:?}", kinds(&plan));
    assert!(!kinds(&plan).contains(&"create"), "{:?}", kinds(&plan));
}

#[test]
fn a_machine_that_runs_again_is_no_longer_off_for_good() {
    let mut world = running(HETZNER);
    world.record(
        Some(&stack("acme")),
        Event::PowerOnFailed {
            machine: machine("acme-e1"),
            reason: "no host".into(),
        },
    );
    for (owner, event) in recovered(&world.seen(), &world.past()) {
        world.record(owner.as_ref(), event);
    }
    world.machine_mut("acme-e1").power = Power::Off;
    assert_eq!(
        kinds(&plan_of(&world)),
        ["power-on"],
        "the cheapest repair first"
    );
}

#[test]
fn s16_a_fault_in_one_stacks_plan_holds_that_stack() {
    let mut world = running(HETZNER);
    world.lose("acme-e1");
    let mut draft = world.draft();
    let open = draft
        .steps
        .iter_mut()
        .find(|s| matches!(s.action, Action::Open { .. }));
    open.unwrap().after.clear();
    let violations: Vec<Violation> = world.check(draft.clone()).unwrap_err();
    let rest = without(draft, &violations);
    let rest = world.check(rest).unwrap();
    assert!(rest.plan().steps.iter().all(|s| s.stack.is_none()));
    assert!(
        rest.plan()
            .held
            .iter()
            .any(|h| h.stack == Some(stack("acme")))
    );
}

#[test]
fn s16_each_customers_hold_says_only_what_is_wrong_with_theirs() {
    let both = [("acme", HETZNER), ("bolt", HETZNER)];
    let files = both.map(|(id, production)| (id, stack_file(id, production, REPAIR)));
    let world = World::before_the_first_day(desired(&files));
    let mut draft = world.draft();
    for step in &mut draft.steps {
        if matches!(step.action, Action::Open { .. }) {
            step.after.clear();
        }
    }
    let violations: Vec<Violation> = world.check(draft.clone()).unwrap_err();
    let rest = without(draft, &violations);
    for (id, other) in [("acme", "bolt"), ("bolt", "acme")] {
        let own = |held: &&Held| held.stack == Some(stack(id));
        let held: Vec<String> = rest
            .held
            .iter()
            .filter(own)
            .map(|h| format!("{:?}", h.hold))
            .collect();
        let held = held.join(" ");
        assert!(held.contains(&format!("{id}-e1")), "{held}");
        assert!(!held.contains(&format!("{other}-e1")), "{held}");
    }
}
