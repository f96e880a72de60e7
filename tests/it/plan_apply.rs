//! After a simulated apply a second plan is empty, from whatever point the first one was cut off.

use super::plan_world::{
    Cut, HETZNER, IONOS, Order, WITH_FALLBACK, World, acme, hoster, machine, stack,
};
use holdfast::model::ids::Epoch;
use holdfast::model::journal::Event;
use holdfast::model::observed::Power;
use holdfast::model::plan::Action;
use holdfast::model::point::Rung;

fn nothing_is_left(world: &World) {
    let plan = world.plan();
    let plan = plan.plan();
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert!(plan.held.is_empty(), "{:#?}", plan.held);
    assert!(plan.gaps.is_empty() && plan.drift.is_empty());
}

fn installed() -> World {
    World::running(acme(HETZNER))
}

fn lost() -> World {
    let mut world = installed();
    world.lose("acme-e1");
    world
}

fn off_for_good() -> World {
    let mut world = installed();
    world.machine_mut("acme-e1").power = Power::Off;
    world.dead.insert(machine("acme-e1"));
    world.has_long_been_silent("acme-e1");
    world
}

fn moved() -> World {
    let mut world = installed();
    world.now_wants(acme(IONOS));
    world
}

fn drifted() -> World {
    let mut world = installed();
    let facts = world.facts_mut("acme-e1");
    facts.packages.remove("nginx");
    facts.units.get_mut("nginx.service").unwrap().active = false;
    world
}

/// Position of a step in what was done.
fn at(done: &[String], id: &str) -> usize {
    let place = done.iter().position(|step| step == id);
    place.unwrap_or_else(|| panic!("no {id} in {done:#?}"))
}

#[test]
fn s05_an_installation_leaves_nothing_to_do() {
    for order in [Order::First, Order::Last] {
        let mut world = World::before_the_first_day(acme(HETZNER));
        let done = world.settle_in(order);
        nothing_is_left(&world);
        world.is_well("acme", "acme-e1");
        assert!(at(&done, "acme.check.acme-e1") < at(&done, "acme.open.acme-e1"));
        assert!(at(&done, "acme.open.acme-e1") < at(&done, "acme.backup.acme-e1"));
    }
}

#[test]
fn s05_drift_is_mended_once_and_named() {
    let mut world = drifted();
    let plan = world.plan();
    assert_eq!(plan.plan().drift.len(), 2, "{:#?}", plan.plan().drift);
    assert_eq!(world.settle(), ["acme.converge.acme-e1"]);
    nothing_is_left(&world);
    world.is_well("acme", "acme-e1");
}

#[test]
fn s05_what_a_commit_changed_is_a_step_and_no_drift() {
    let mut world = installed();
    world.now_wants(acme(HETZNER));
    // What the new commit asks for is not there yet.
    world.facts_mut("acme-e1").packages.remove("nginx");
    let plan = world.plan();
    assert_eq!(plan.plan().drift, []);
    assert!(matches!(
        &plan.plan().steps[0].action,
        Action::Converge { changes, .. } if !changes.is_empty()
    ));
    world.settle();
    // Brought in line with it, what differs from now on is drift.
    world.facts_mut("acme-e1").packages.remove("nginx");
    assert_eq!(world.plan().plan().drift.len(), 1);
    // The journal knows nothing: nobody can say that the intent is the same.
    world
        .journal
        .retain(|entry| !matches!(entry.event, Event::Accepted { .. }));
    assert_eq!(world.plan().plan().drift, []);
}

#[test]
fn s05_a_backup_is_due_once_a_day() {
    let mut world = installed();
    world.now += jiff::SignedDuration::from_hours(24);
    let done = world.settle();
    assert_eq!(
        done,
        ["acme.backup.acme-e1", "acme.verify.backup-netcup-vie"]
    );
    nothing_is_left(&world);
}

#[test]
fn s05_a_lost_machine_is_rebuilt_and_nothing_is_left() {
    for order in [Order::First, Order::Last] {
        let mut world = lost();
        let done = world.settle_in(order);
        nothing_is_left(&world);
        world.is_well("acme", "acme-e2");
        assert!(at(&done, "acme.fence.acme-e1") < at(&done, "acme.open.acme-e2"));
    }
}

#[test]
fn s02_a_machine_off_for_good_is_switched_on_first_and_fenced_before_the_new_one_opens() {
    for order in [Order::First, Order::Last] {
        let mut world = off_for_good();
        let first = world.plan();
        let kinds: Vec<&str> = first.plan().steps.iter().map(|s| s.action.verb()).collect();
        assert_eq!(kinds, ["power-on"], "the cheapest repair first");
        let done = world.settle_in(order);
        nothing_is_left(&world);
        world.is_well("acme", "acme-e2");
        assert!(at(&done, "acme.fence.acme-e1") < at(&done, "acme.open.acme-e2"));
        assert!(
            world.machine("acme-e1").unwrap().quarantined,
            "kept, set aside"
        );
    }
}

#[test]
fn s02_a_machine_that_can_be_switched_on_keeps_its_customer() {
    let mut world = installed();
    world.machine_mut("acme-e1").power = Power::Off;
    assert_eq!(world.settle(), ["acme.power-on.acme-e1"]);
    nothing_is_left(&world);
    world.is_well("acme", "acme-e1");
}

#[test]
fn s02_a_move_takes_a_last_point_fences_and_only_then_opens() {
    for order in [Order::First, Order::Last] {
        let mut world = moved();
        let done = world.settle_in(order);
        nothing_is_left(&world);
        world.is_well("acme", "acme-e2");
        let place = |id| at(&done, id);
        assert!(place("acme.close.acme-e1") < place("acme.backup.acme-e1"));
        assert!(place("acme.backup.acme-e1") < place("acme.fence.acme-e1"));
        assert!(place("acme.fence.acme-e1") < place("acme.open.acme-e2"));
        assert!(place("acme.open.acme-e2") < place("acme.quarantine.acme-e1"));
        let old = world.machine("acme-e1").unwrap();
        assert!(old.power == Power::Off && old.quarantined);
        let last = world.points[&stack("acme")]
            .iter()
            .rfind(|p| p.epoch == Epoch(1));
        assert_eq!(
            world.facts[&machine("acme-e2")].restored_from,
            last.map(|p| p.id.to_string()),
            "restored from the point taken after closing"
        );
    }
}

#[test]
fn a_full_hoster_leads_to_the_fallback_and_it_stays_there_while_the_first_is_full() {
    let mut world = World::running(acme(WITH_FALLBACK));
    world.lose("acme-e1");
    world.full.insert(hoster("hetzner"));
    world.settle();
    world.is_well("acme", "acme-e2");
    assert_eq!(world.machine("acme-e2").unwrap().hoster, hoster("ionos"));
    assert!(world.plan().plan().steps.is_empty());
    // The first choice has room again: nobody asked for another interruption.
    world.full.clear();
    world.now += jiff::SignedDuration::from_mins(31);
    let steps = world.settle();
    assert!(
        steps.iter().all(|id| id.starts_with("acme.backup.")),
        "{steps:?}"
    );
    world.is_well("acme", "acme-e2");
    // Without that fallback it stands where nobody wants it.
    world.now_wants(acme(HETZNER));
    let held = world.plan().plan().held.clone();
    assert!(
        held.iter().any(|h| h.wanted.starts_with("moving acme")),
        "{held:?}"
    );
}

/// Cuts the work off in each of its steps, in both ways and orders, and lets it go on afterwards.
fn from_every_crash_point(begin: impl Fn() -> World, ends_at: &[&str]) {
    let mut cuts = 0;
    for order in [Order::First, Order::Last] {
        for cut in [Cut::BeforeTheEffect, Cut::AfterTheEffect] {
            for number in 0.. {
                let mut world = begin();
                let came = cut_off(&mut world, order, number, cut);
                let Some(where_cut) = came else { break };
                let said = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    world.settle_in(order);
                    nothing_is_left(&world);
                    let open = world.open_machines(&stack("acme"));
                    assert!(
                        open.len() == 1 && ends_at.contains(&open[0].as_str()),
                        "{open:?}"
                    );
                    world.is_well("acme", &open[0]);
                }));
                assert!(
                    said.is_ok(),
                    "{order:?}, {cut:?} in step {number}, {where_cut}"
                );
                cuts += 1;
            }
        }
    }
    assert!(cuts > 20, "only {cuts} cuts");
}

/// Works until the step with this number, over several plans; gives the step's name, if there is one.
fn cut_off(world: &mut World, order: Order, number: usize, cut: Cut) -> Option<String> {
    let mut past = 0;
    for _ in 0..8 {
        world.adopt();
        let plan = world.plan();
        if plan.plan().steps.is_empty() {
            return None;
        }
        let (mut done, mut refused) = (Vec::new(), Vec::new());
        let here = Some((number - past, cut));
        if world.apply(&plan, order, here, &mut done, &mut refused) {
            return Some(format!("after {done:?}"));
        }
        past += done.len() + refused.len();
    }
    panic!("it never comes to rest")
}

#[test]
fn s06_an_installation_goes_on_from_every_crash_point() {
    from_every_crash_point(|| World::before_the_first_day(acme(HETZNER)), &["acme-e1"]);
}

#[test]
fn s06_a_rebuild_goes_on_from_every_crash_point() {
    from_every_crash_point(lost, &["acme-e2"]);
}

#[test]
fn s06_a_rebuild_after_power_loss_goes_on_from_every_crash_point() {
    from_every_crash_point(off_for_good, &["acme-e2"]);
}

#[test]
fn s06_a_move_goes_on_from_every_crash_point() {
    from_every_crash_point(moved, &["acme-e2", "acme-e3"]);
}

/// The reconciler fell between renting the machine and writing the receipt down.
fn without_a_receipt() -> World {
    let mut world = World::before_the_first_day(acme(HETZNER));
    let plan = world.plan();
    let steps = &plan.plan().steps;
    let number = steps
        .iter()
        .position(|s| s.id.as_str() == "acme.create.acme-e1");
    let cut = Some((number.unwrap(), Cut::AfterTheEffect));
    assert!(world.apply(&plan, Order::First, cut, &mut Vec::new(), &mut Vec::new()));
    world.settle();
    assert!(
        world.past().machines.contains_key(&machine("acme-e1")),
        "written down later"
    );
    world
}

#[test]
fn s06_a_machine_without_a_receipt_is_moved_like_any_other() {
    let begin = || {
        let mut world = without_a_receipt();
        world.now_wants(acme(IONOS));
        world
    };
    from_every_crash_point(begin, &["acme-e2", "acme-e3"]);
}

#[test]
fn s06_a_machine_without_a_receipt_is_rebuilt_like_any_other() {
    let begin = || {
        let mut world = without_a_receipt();
        world.lose("acme-e1");
        world
    };
    from_every_crash_point(begin, &["acme-e2"]);
}

#[test]
fn s04_a_machine_filled_from_an_older_point_is_set_aside_and_not_filled_again() {
    let mut world = lost();
    let plan = world.plan();
    let steps = &plan.plan().steps;
    let number = steps
        .iter()
        .position(|s| s.action.verb() == "check")
        .unwrap();
    let cut = Some((number, Cut::BeforeTheEffect));
    assert!(world.apply(&plan, Order::First, cut, &mut Vec::new(), &mut Vec::new()));
    assert!(world.facts[&machine("acme-e2")].restored_from.is_some());
    world.now += jiff::SignedDuration::from_mins(1);
    world.add_point("acme", Epoch(1), Rung::Shipped);
    world.settle();
    nothing_is_left(&world);
    world.is_well("acme", "acme-e3");
    assert!(world.machine("acme-e2").unwrap().quarantined);
}

#[test]
fn s06_a_lost_journal_leaves_customers_open_and_learns_who_writes() {
    let mut world = World::running(acme(HETZNER));
    world.now_wants(acme(IONOS));
    world.settle();
    world.journal.clear();
    assert_eq!(
        world.settle(),
        ["acme.check.acme-e2", "acme.open.acme-e2"],
        "nothing is made, nothing is fenced"
    );
    nothing_is_left(&world);
    world.is_well("acme", "acme-e2");
}
