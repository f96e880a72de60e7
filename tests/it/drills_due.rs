//! Drills: when one is due, and what waits for one that failed or is overdue.

use super::drills::{DAY, DRILL, schedule};
use super::plan_world::{HETZNER, IONOS, REPAIR, World, acme, desired, machine, stack, stack_file};
use holdfast::decide::drill::{Trouble, due, standing};
use holdfast::model::machine::Digest;
use holdfast::model::plan::Hold;
use holdfast::model::point::{Proof, Rung};
use holdfast::show::views::drill::table;

/// Held because of a drill, in words.
fn held_for_a_drill(world: &World) -> Vec<String> {
    let plan = world.plan();
    let held = plan.plan().held.iter();
    held.filter(|held| matches!(&held.hold, Hold::Forbidden { rule, .. } if rule == "drill"))
        .map(|held| held.wanted.clone())
        .collect()
}

fn is_due(world: &World) -> bool {
    let plan = world.draft();
    !due(&world.want, &world.past(), &world.seen(), &plan).is_empty()
}

#[test]
fn a_drill_is_due_a_day_after_the_first_point_and_then_by_its_schedule() {
    let mut world = World::running(acme(HETZNER));
    assert!(!is_due(&world));
    world.now += DAY;
    world.settle();
    assert!(is_due(&world));
    world.drill("acme", &schedule());
    assert!(!is_due(&world), "one has just passed");
    world.now += DAY * 26;
    world.settle();
    assert!(!is_due(&world));
    world.now += DAY;
    world.settle();
    assert!(is_due(&world), "a tenth of the time is left");
    assert_eq!(held_for_a_drill(&world), [""; 0]);
    world.now += DAY * 4;
    world.settle();
    assert_eq!(
        held_for_a_drill(&world),
        [
            "destroying anything of acme because it is asked",
            "forget backup-netcup-vie"
        ]
    );
}

#[test]
fn one_that_was_never_done_is_overdue_only_after_its_time() {
    let mut world = World::running(acme(HETZNER));
    let trouble = |world: &World| {
        let acme = &world.want.stacks[&stack("acme")];
        let points = &world.points[&stack("acme")];
        standing(acme, &world.past(), Some(points), world.now).trouble
    };
    world.now += DAY * 29;
    world.settle();
    assert_eq!(trouble(&world), None);
    world.now += DAY * 2;
    // The first points were forgotten meanwhile: the journal knows that there were some.
    world.points.get_mut(&stack("acme")).unwrap().remove(0);
    assert!(matches!(
        trouble(&world),
        Some(Trouble::Overdue {
            passed_at: None,
            ..
        })
    ));
}

#[test]
fn one_that_failed_is_tried_again_after_a_pause() {
    let mut world = World::running(acme(HETZNER));
    world.broken.insert(machine(DRILL));
    world.drill("acme", &schedule());
    assert!(!is_due(&world));
    assert_eq!(held_for_a_drill(&world).len(), 1);
    world.now += DAY;
    world.settle();
    assert!(is_due(&world));
    world.drill("acme", &schedule());
    assert!(!is_due(&world));
    assert_eq!(held_for_a_drill(&world).len(), 0);
}

#[test]
fn with_the_journal_lost_a_signed_document_tells_that_one_passed() {
    let mut world = World::running(acme(HETZNER));
    world.now += DAY * 2;
    world.settle();
    let at = world.now;
    world.journal.clear();
    world.now += DAY * 20;
    let standing_of = |world: &World| {
        let acme = &world.want.stacks[&stack("acme")];
        let points = &world.points[&stack("acme")];
        standing(acme, &world.past(), Some(points), world.now)
    };
    assert_eq!(standing_of(&world).passed_at, None);
    let prove = |world: &mut World, rung, document| {
        let points = world.points.get_mut(&stack("acme")).unwrap();
        points[0].evidence.push(Proof { rung, at, document });
    };
    // What the backup machine did itself is no drill.
    prove(&mut world, Rung::Checked, None);
    assert_eq!(standing_of(&world).passed_at, None);
    assert!(standing_of(&world).is_due(world.now));
    prove(&mut world, Rung::Restored, Some(Digest("d".repeat(64))));
    let known = standing_of(&world);
    assert_eq!((known.passed_at, &known.trouble), (Some(at), &None));
    assert!(!known.is_due(world.now));
    let listed = [(stack("acme"), known)].into_iter().collect();
    let told = table(&listed, world.now);
    assert!(told.contains("passed") && !told.contains("never"), "{told}");
    world.now += DAY * 11;
    let trouble = standing_of(&world).trouble;
    assert!(
        matches!(trouble, Some(Trouble::Overdue { passed_at, .. }) if passed_at == Some(at)),
        "{trouble:?}"
    );
}

#[test]
fn s16_a_failed_drill_holds_up_what_is_asked_of_its_own_stack_alone() {
    let file = |id: &str, place| stack_file(id, place, REPAIR);
    let two = |place| desired(&[("acme", file("acme", place)), ("bolt", file("bolt", place))]);
    let mut world = World::running(two(HETZNER));
    world.broken.insert(machine(DRILL));
    world.drill("acme", &schedule());
    world.now_wants(two(IONOS));
    let plan = world.plan();
    let of = |id: &str| {
        let steps = plan.plan().steps.iter();
        steps.filter(|s| s.stack == Some(stack(id))).count()
    };
    assert_eq!(of("acme"), 0, "{:#?}", plan.plan().steps);
    assert!(of("bolt") > 0);
    let withheld = &plan.plan().withheld;
    assert!(
        withheld.iter().any(|s| s.action.verb() == "fence"),
        "{withheld:#?}"
    );
    assert!(withheld.iter().all(|s| s.stack == Some(stack("acme"))));
    // Once one has passed, it goes on.
    world.broken.clear();
    world.drill("acme", &schedule());
    world.settle();
    world.is_well("acme", "acme-e2");
    world.is_well("bolt", "bolt-e2");
}

#[test]
fn s16_a_failed_drill_stops_no_repair() {
    let mut world = World::running(acme(HETZNER));
    world.broken.insert(machine(DRILL));
    world.drill("acme", &schedule());
    world.lose("acme-e1");
    world.settle();
    world.is_well("acme", "acme-e2");
}
