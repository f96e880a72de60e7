//! Is it really lost: what must be known of a silent machine, and what is tried before it is given up.

use super::plan_holds::{acme_with, holds_of, kinds, plan_of, running};
use super::plan_world::{
    BACKUP, HETZNER, IONOS, REPAIR, World, acme, desired, gap, hoster, machine, stack_file,
};
use holdfast::decide::pass::look_again;
use holdfast::model::gap::{Gap, GapKind};
use holdfast::model::journal::Event;
use holdfast::model::observed::Power;
use holdfast::model::plan::{Action, FenceBy, Hold, Plan};
use jiff::SignedDuration;

/// acme's machine is on by its hoster's word, and does not answer.
pub fn hung() -> World {
    let mut world = running(HETZNER);
    hang(&mut world, "acme-e1");
    world
}

pub fn hang(world: &mut World, name: &str) {
    world
        .silent
        .insert(machine(name), gap(&format!("machine {name}")));
}

/// Looks, and gives what would be done.
pub fn look(world: &mut World) -> Plan {
    world.adopt();
    plan_of(world)
}

/// Looks again whenever the plan says so, until there is something to do or nothing to wait for.
pub fn look_until_done(world: &mut World) -> Plan {
    for _ in 0..10 {
        let plan = look(world);
        match look_again(&plan, world.now) {
            Some(away) if plan.steps.is_empty() => {
                world.now += SignedDuration::try_from(away).unwrap();
            }
            _ => return plan,
        }
    }
    panic!("it is looked at for ever")
}

/// The one thing that is done next, done.
#[track_caller]
pub fn does(world: &mut World, verb: &str) {
    let plan = look_until_done(world);
    assert_eq!(kinds(&plan), [verb], "{:#?}", plan.held);
    let plan = world.plan();
    let order = super::plan_world::Order::First;
    world.apply(&plan, order, None, &mut Vec::new(), &mut Vec::new());
}

#[track_caller]
fn waits(world: &mut World, words: &str) {
    let plan = look(world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    let said = |hold: &&Hold| matches!(hold, Hold::NotYet { reason, .. } if reason.contains(words));
    let holds = holds_of(&plan, "acme");
    assert!(holds.iter().any(said), "{holds:#?}");
}

/// Held, and nothing but a person can tell more.
#[track_caller]
fn asks_for_a_person(world: &mut World, words: &str) {
    let plan = look_until_done(world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    let held = plan
        .held
        .iter()
        .find(|held| matches!(&held.hold, Hold::NotObserved { gap } if gap.reason.contains(words)));
    let held = held.unwrap_or_else(|| panic!("{:#?}", plan.held));
    assert!(held.remedy.contains("person must look"), "{held:#?}");
}

#[test]
fn a_hung_machine_is_reset_once_it_has_been_silent_for_long_enough() {
    let mut world = hung();
    let begin = world.now;
    waits(&mut world, "looked at once");
    does(&mut world, "reset");
    let took = world.now.duration_since(begin);
    assert!(took >= SignedDuration::from_secs(90), "{took:?}");
    assert!(took < SignedDuration::from_secs(100), "{took:?}");
    assert!(look(&mut world).steps.is_empty());
    world.is_well("acme", "acme-e1");
    assert!(world.past().silences.of(&machine("acme-e1")).is_none());
}

#[test]
fn what_a_reset_does_not_help_is_switched_off_and_on_and_then_rebuilt() {
    let mut world = hung();
    world.dead.insert(machine("acme-e1"));
    does(&mut world, "reset");
    waits(&mut world, "it may take until");
    does(&mut world, "power-cycle");
    waits(&mut world, "it may take until");
    let plan = look_until_done(&mut world);
    assert_eq!(kinds(&plan)[0], "create", "{:#?}", plan.held);
    world.settle();
    world.is_well("acme", "acme-e2");
    assert_eq!(world.machine("acme-e1").unwrap().power, Power::Off);
}

#[test]
fn s02_a_silent_machine_is_switched_off_only_once_its_successor_answers() {
    let mut world = hung();
    world.dead.insert(machine("acme-e1"));
    does(&mut world, "reset");
    does(&mut world, "power-cycle");
    let plan = look_until_done(&mut world);
    let of = |verb: &str| plan.steps.iter().find(|s| s.action.verb() == verb).unwrap();
    let (fence, open) = (of("fence"), of("open"));
    assert!(fence.after.contains(&of("prepare").id), "{fence:#?}");
    assert!(open.after.contains(&fence.id), "{open:#?}");
    assert!(matches!(&fence.action, Action::Fence { by, .. } if *by == FenceBy::PowerOffIfSilent));
    // It answers after all, while the other is still empty: it stays, and the other goes.
    let create = super::plan_world::Cut::BeforeTheEffect;
    let plan = world.plan();
    let order = super::plan_world::Order::First;
    world.apply(
        &plan,
        order,
        Some((2, create)),
        &mut Vec::new(),
        &mut Vec::new(),
    );
    world.silent.clear();
    world.settle();
    world.is_well("acme", "acme-e1");
    assert!(world.machine("acme-e2").unwrap().quarantined);
}

#[test]
fn s01_looks_that_follow_at_once_are_one_look() {
    let mut world = hung();
    for _ in 0..20 {
        waits(&mut world, "looked at once");
        world.now += SignedDuration::from_secs(1);
    }
    // A loop that did not run for an hour has looked no more often than it has.
    world.now += SignedDuration::from_hours(1);
    waits(&mut world, "looked at 2 times");
}

#[test]
fn s01_a_machine_that_answers_in_between_begins_anew() {
    let mut world = hung();
    waits(&mut world, "looked at once");
    world.now += SignedDuration::from_secs(80);
    let silent = std::mem::take(&mut world.silent);
    assert!(look(&mut world).steps.is_empty());
    world.silent = silent;
    world.now += SignedDuration::from_secs(80);
    waits(&mut world, "looked at once");
}

#[test]
fn s01_whoever_says_anything_is_not_silent() {
    for kind in [
        GapKind::Denied,
        GapKind::Unreadable,
        GapKind::ForeignHostKey,
    ] {
        let mut world = running(HETZNER);
        let said = Gap::new(kind, "machine acme-e1", "not as it should be");
        world.silent.insert(machine("acme-e1"), said);
        for _ in 0..5 {
            assert!(look(&mut world).steps.is_empty(), "{kind:?}");
            world.now += SignedDuration::from_mins(5);
        }
        assert!(world.past().silences.of(&machine("acme-e1")).is_none());
    }
}

#[test]
fn s01_when_nobody_answers_it_is_our_own_network() {
    let mut world = hung();
    hang(&mut world, BACKUP);
    asks_for_a_person(&mut world, "may be our own network");
    world.lose("acme-e1");
    let plan = look_until_done(&mut world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
}

#[test]
fn s01_a_hoster_whose_interface_is_silent_says_nothing() {
    let mut world = hung();
    world.has_long_been_silent("acme-e1");
    world.deaf.insert(hoster("hetzner"), gap("hoster hetzner"));
    let plan = look_until_done(&mut world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    let unseen =
        |hold: &&Hold| matches!(hold, Hold::NotObserved { gap } if gap.subject == "hoster hetzner");
    assert!(
        holds_of(&plan, "acme").iter().any(unseen),
        "{:#?}",
        plan.held
    );
    assert!(plan.held.iter().any(|h| h.remedy.contains("[[waiver]]")));
}

#[test]
fn s08_a_place_where_nobody_answers_is_left_alone() {
    let two = [
        ("acme", stack_file("acme", HETZNER, REPAIR)),
        ("bolt", stack_file("bolt", HETZNER, REPAIR)),
        ("cord", stack_file("cord", IONOS, REPAIR)),
    ];
    let mut world = World::running(desired(&two));
    hang(&mut world, "acme-e1");
    hang(&mut world, "bolt-e1");
    asks_for_a_person(&mut world, "looks like the place");
    // Where some of them answer, it is no partition, and two are still too many.
    let mut files: Vec<(String, String)> = Vec::new();
    for number in 0..10 {
        let id = format!("customer-{number}");
        files.push((id.clone(), stack_file(&id, HETZNER, REPAIR)));
    }
    let files: Vec<(&str, String)> = files
        .iter()
        .map(|(id, f)| (id.as_str(), f.clone()))
        .collect();
    let mut world = World::running(desired(&files));
    hang(&mut world, "customer-3-e1");
    hang(&mut world, "customer-7-e1");
    let plan = look_until_done(&mut world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    for owner in ["customer-3", "customer-7"] {
        let braked = |hold: &&Hold| matches!(hold, Hold::Brake { .. });
        assert!(
            holds_of(&plan, owner).iter().any(braked),
            "{:#?}",
            plan.held
        );
    }
    // A silent one and one that is gone are two as well.
    world.silent.remove(&machine("customer-7-e1"));
    world.lose("customer-7-e1");
    assert!(look_until_done(&mut world).steps.is_empty());
}

#[test]
fn s01_what_is_gone_from_one_list_is_not_gone() {
    let mut world = running(HETZNER);
    let listed = world.inventories.clone();
    let inventory = world.inventories.get_mut(&hoster("hetzner")).unwrap();
    inventory.machines.clear();
    waits(&mut world, "looked at once");
    world.inventories = listed;
    assert!(look(&mut world).steps.is_empty());
    world.is_well("acme", "acme-e1");
}

/// acme's machine is gone, and the one after it was made just now.
fn half_made() -> World {
    let mut world = running(HETZNER);
    world.lose("acme-e1");
    look_until_done(&mut world);
    let (plan, order) = (world.plan(), super::plan_world::Order::First);
    let cut = Some((1, super::plan_world::Cut::AfterTheEffect));
    world.apply(&plan, order, cut, &mut Vec::new(), &mut Vec::new());
    look(&mut world);
    assert!(world.machine("acme-e2").is_some());
    world
}

#[test]
fn s01_s06_one_on_its_way_up_that_one_list_leaves_out_is_not_gone() {
    let mut world = half_made();
    let listed = world.inventories.clone();
    let inventory = world.inventories.get_mut(&hoster("hetzner")).unwrap();
    inventory.machines.clear();
    waits(&mut world, "acme-e2 was begun there");
    world.inventories = listed;
    world.settle();
    world.is_well("acme", "acme-e2");
}

#[test]
fn one_on_its_way_up_that_list_after_list_leaves_out_is_made_anew() {
    let mut world = half_made();
    world.lose("acme-e2");
    look_until_done(&mut world);
    world.settle();
    world.is_well("acme", "acme-e3");
}

#[test]
fn s02_a_fenced_machine_that_is_on_again_and_says_nothing_is_switched_off_again() {
    let mut world = hung();
    let fenced = Event::Fenced {
        machine: machine("acme-e1"),
        proof: "hetzner says that it is off".to_owned(),
    };
    world.record(Some(&super::plan_world::stack("acme")), fenced);
    let plan = look(&mut world);
    let by = |step: &holdfast::model::plan::Step| matches!(&step.action, Action::Fence { by, .. } if *by == FenceBy::PowerOff);
    assert!(plan.steps.iter().any(by), "{:#?}", plan.held);
    world.settle();
    world.is_well("acme", "acme-e2");
    assert_eq!(world.machine("acme-e1").unwrap().power, Power::Off);
}

#[test]
fn a_step_of_ours_that_may_still_be_at_work_is_waited_for() {
    let mut world = hung();
    let step = holdfast::model::ids::StepId::new("acme.converge.acme-e1");
    let started = Event::Started {
        step,
        action: "converge acme-e1".into(),
        repair: false,
        head: None,
        mends: Vec::new(),
    };
    world.record(Some(&super::plan_world::stack("acme")), started);
    world.has_long_been_silent("acme-e1");
    waits(&mut world, "may still be at work");
    does(&mut world, "reset");
}

#[test]
fn nothing_is_started_anew_that_the_estate_does_not_allow() {
    let mut world = hung();
    let repair = "\n[repair]\nautomatic = [\"restart\", \"reinstall\", \"rebuild\"]\n";
    world.now_wants(acme_with(HETZNER, repair));
    asks_for_a_person(&mut world, "does not name reboot");
    let plan = look_until_done(&mut world);
    assert!(
        plan.held
            .iter()
            .any(|h| h.remedy.contains("add \"reboot\""))
    );
}

#[test]
fn how_long_is_waited_stands_in_the_estate() {
    let mut world = hung();
    let begin = world.now;
    let repair = "\n[repair]\nautomatic = [\"reboot\"]\nlost_after = \"10m\"\n";
    world.now_wants(acme_with(HETZNER, repair));
    does(&mut world, "reset");
    assert!(world.now.duration_since(begin) >= SignedDuration::from_mins(10));
}

#[test]
fn s06_a_restart_begins_neither_the_wait_nor_the_ladder_anew() {
    let mut world = hung();
    world.dead.insert(machine("acme-e1"));
    does(&mut world, "reset");
    // Only the journal is left of it; a process that starts now goes on.
    let mut later = world.clone();
    later.now += SignedDuration::from_mins(2);
    assert_eq!(kinds(&look(&mut later)), ["power-cycle"]);
    // Cut off in the effect, nobody knows whether it was done: it is done once more, then left.
    let mut world = hung();
    world.has_long_been_silent("acme-e1");
    for _ in 0..2 {
        let plan = world.plan();
        assert_eq!(kinds(plan.plan()), ["reset"]);
        let cut = Some((0, super::plan_world::Cut::BeforeTheEffect));
        let order = super::plan_world::Order::First;
        assert!(world.apply(&plan, order, cut, &mut Vec::new(), &mut Vec::new()));
        world.now += SignedDuration::from_mins(11);
    }
    assert_eq!(kinds(&look(&mut world)), ["power-cycle"]);
}

#[test]
fn s02_a_silent_machine_without_power_control_is_held_for_a_waiver() {
    let mut world = running(IONOS);
    hang(&mut world, "acme-e1");
    for _ in 0..5 {
        let plan = look(&mut world);
        assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
        assert!(plan.held.iter().any(|h| h.remedy.contains("[[waiver]]")));
        world.now += SignedDuration::from_hours(1);
    }
}

#[test]
fn a_machine_that_is_off_and_will_not_start_is_given_up_within_three_minutes() {
    let mut world = World::running(acme(HETZNER));
    let begin = world.now;
    world.machine_mut("acme-e1").power = Power::Off;
    world.dead.insert(machine("acme-e1"));
    does(&mut world, "power-on");
    let plan = look_until_done(&mut world);
    assert!(kinds(&plan).contains(&"create"), "{:#?}", plan.held);
    // And up to a minute until the first look.
    let took = world.now.duration_since(begin);
    assert!(took <= SignedDuration::from_secs(100), "{took:?}");
}

#[test]
fn s01_the_checker_refuses_to_give_up_what_was_not_tried() {
    let mut world = hung();
    world.dead.insert(machine("acme-e1"));
    does(&mut world, "reset");
    does(&mut world, "power-cycle");
    let plan = look_until_done(&mut world);
    let found = |world: &World| {
        let found = world.check(plan.clone()).unwrap_err();
        assert!(found.iter().any(|f| f.rule == "S1"), "{found:?}");
    };
    let mut hasty = world.clone();
    hasty
        .journal
        .retain(|e| !matches!(e.event, Event::Tried { .. }));
    found(&hasty);
    let mut speaking = world.clone();
    speaking.silent.clear();
    found(&speaking);
    hang(&mut world, BACKUP);
    found(&world);
}
