//! A pause of an operator: backups and looking go on, everything else is told and held, and it
//! ends by itself.

use super::plan_forget::aged;
use super::plan_holds::{holds_of, kinds, plan_of};
use super::plan_world::{
    Cut, HETZNER, IONOS, Order, REPAIR, World, acme, desired, gap, hoster, machine, stack,
    stack_file,
};
use holdfast::decide::pause::{LONGEST, NoPause, RULE, ends};
use holdfast::decide::plan::Asked;
use holdfast::model::journal::Event;
use holdfast::model::observed::Power;
use holdfast::model::plan::{Effect, Plan};
use jiff::SignedDuration;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn pause(world: &mut World, owner: Option<&str>, length: SignedDuration) {
    let until = world.now + length;
    let reason = "the hoster works on it".to_owned();
    let owner = owner.map(stack);
    world.record(owner.as_ref(), Event::Paused { until, reason });
}

fn resume(world: &mut World, owner: Option<&str>) {
    world.record(owner.map(stack).as_ref(), Event::Resumed {});
}

fn is_paused(plan: &Plan, owner: &str) -> bool {
    holds_of(plan, owner).iter().any(|hold| hold.rule() == RULE)
}

/// The steps of acme.
fn of_acme(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter();
    let ours = steps.filter(|step| step.stack == Some(stack("acme")));
    ours.map(|step| step.id.to_string()).collect()
}

#[test]
fn a_paused_stack_is_backed_up_and_looked_at_and_nothing_else() {
    let mut world = World::running(acme(HETZNER));
    pause(&mut world, Some("acme"), DAY * 3);
    world.facts_mut("acme-e1").packages.remove("nginx");
    world.now += DAY;
    let plan = plan_of(&world);
    assert!(is_paused(&plan, "acme"), "{:#?}", plan.held);
    assert_eq!(
        of_acme(&plan),
        ["acme.backup.acme-e1", "acme.verify.backup-netcup-vie"]
    );
    assert_eq!(plan.drift.len(), 1, "drift is shown all the same");
    let withheld: Vec<&str> = plan.withheld.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(withheld, ["acme.converge.acme-e1"]);
    let points = world.points[&stack("acme")].len();
    assert_eq!(
        world.settle(),
        ["acme.backup.acme-e1", "acme.verify.backup-netcup-vie"]
    );
    assert_eq!(world.points[&stack("acme")].len(), points + 1);
    // It ends by itself, and what was held is done.
    world.now += DAY * 2;
    comes_in_line(&mut world);
}

pub fn comes_in_line(world: &mut World) {
    let done = world.settle();
    assert!(
        done.contains(&"acme.converge.acme-e1".to_owned()),
        "{done:?}"
    );
    world.is_well("acme", "acme-e1");
}

#[test]
fn a_pause_with_nothing_to_hold_is_told_all_the_same() {
    let mut world = World::running(acme(HETZNER));
    pause(&mut world, Some("acme"), DAY);
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty() && plan.held.is_empty(), "{plan:#?}");
    assert!(plan.notes[0].text.contains("the hoster works on it"));
}

#[test]
fn a_lost_machine_is_not_rebuilt_while_its_stack_is_paused() {
    for lost in [Power::On, Power::Off] {
        let mut world = World::running(acme(HETZNER));
        pause(&mut world, Some("acme"), DAY);
        match lost {
            Power::Off => world.machine_mut("acme-e1").power = Power::Off,
            _ => world.lose("acme-e1"),
        }
        let plan = plan_of(&world);
        assert!(is_paused(&plan, "acme"), "{:#?}", plan.held);
        assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
        assert!(!plan.withheld.is_empty());
        resume(&mut world, Some("acme"));
        world.settle();
        assert_eq!(world.open_machines(&stack("acme")).len(), 1);
    }
}

#[test]
fn s05_a_pause_makes_nothing_destructive_wherever_it_cuts_into_a_move_or_a_rebuild() {
    for change in [
        (|world: &mut World| world.lose("acme-e1")) as fn(&mut World),
        |world: &mut World| world.now_wants(acme(IONOS)),
    ] {
        let mut began = World::running(acme(HETZNER));
        change(&mut began);
        for number in 0..40 {
            let mut world = began.clone();
            let plan = world.plan();
            let cut = Some((number, Cut::AfterTheEffect));
            let (mut done, mut refused) = (Vec::new(), Vec::new());
            let stopped = world.apply(&plan, Order::First, cut, &mut done, &mut refused);
            world.adopt();
            pause(&mut world, Some("acme"), DAY * 2);
            world.now += DAY;
            let plan = plan_of(&world);
            let steps = plan.steps.iter().filter(|s| s.stack.is_some());
            for step in steps {
                assert_eq!(step.effect, Effect::Safe, "after {number}: {step:#?}");
                let verb = step.action.verb();
                assert!(
                    ["backup", "repository", "verify", "copy"].contains(&verb),
                    "after {number}: {step:#?}"
                );
            }
            world.settle();
            world.now += DAY;
            world.settle();
            assert_eq!(
                world.open_machines(&stack("acme")).len(),
                1,
                "after {number}"
            );
            if !stopped {
                break;
            }
        }
    }
}

#[test]
fn s05_a_plan_from_before_a_pause_is_not_carried_out_after_it() {
    let mut world = World::running(acme(HETZNER));
    world.now_wants(acme(IONOS));
    let before = plan_of(&world);
    pause(&mut world, Some("acme"), DAY);
    let violations = world.check(before).unwrap_err();
    assert!(violations.iter().any(|v| v.rule == RULE), "{violations:#?}");
}

#[test]
fn s12_a_pause_stops_no_backup_of_a_stack_that_is_to_move_or_to_end() {
    let file = stack_file("acme", HETZNER, REPAIR);
    let file = file.replacen("name = ", "retired = \"2026-03-02\"\nname = ", 1);
    for want in [acme(IONOS), desired(&[("acme", file)])] {
        let mut world = World::running(acme(HETZNER));
        pause(&mut world, None, DAY * 3);
        world.now_wants(want);
        world.now += DAY;
        let done = world.settle();
        assert!(done.contains(&"acme.backup.acme-e1".to_owned()), "{done:?}");
        assert_eq!(world.open_machines(&stack("acme")), ["acme-e1"]);
        // Once a day, and not with every look.
        let plan = plan_of(&world);
        assert!(!kinds(&plan).contains(&"backup"), "{:#?}", plan.steps);
    }
}

#[test]
fn s12_nothing_is_forgotten_while_a_stack_is_paused() {
    let mut world = aged();
    assert_eq!(kinds(&plan_of(&world)), ["forget"]);
    pause(&mut world, Some("acme"), DAY);
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert_eq!(plan.withheld[0].action.verb(), "forget");
}

#[test]
fn s16_a_pause_of_one_stack_holds_no_other() {
    let file = |id: &str| stack_file(id, HETZNER, REPAIR);
    let two = desired(&[("acme", file("acme")), ("bolt", file("bolt"))]);
    let mut world = World::running(two);
    pause(&mut world, Some("acme"), DAY);
    for name in ["acme-e1", "bolt-e1"] {
        world.facts_mut(name).packages.remove("nginx");
    }
    assert_eq!(world.settle(), ["bolt.converge.bolt-e1"]);
    resume(&mut world, Some("acme"));
    assert_eq!(world.settle(), ["acme.converge.acme-e1"]);
}

#[test]
fn what_stacks_share_serves_their_backups_and_goes_on() {
    let mut world = World::running(acme(HETZNER));
    pause(&mut world, None, DAY * 2);
    let vault = super::plan_world::BACKUP;
    world.machine_mut(vault).power = Power::Off;
    let done = world.settle();
    assert_eq!(done, [format!("estate.power-on.{vault}")]);
}

#[test]
fn a_pause_of_all_holds_each_and_ends_with_resume_all_alone() {
    let mut world = World::running(acme(HETZNER));
    pause(&mut world, Some("acme"), DAY);
    pause(&mut world, None, DAY * 2);
    world.facts_mut("acme-e1").packages.remove("nginx");
    let remedy = |world: &World| {
        let plan = plan_of(world);
        let held = plan.held.iter().find(|held| held.hold.rule() == RULE);
        held.map(|held| held.remedy.clone())
    };
    // Of two, the one that ends later is told.
    assert!(remedy(&world).unwrap().ends_with("resume --all"));
    resume(&mut world, Some("acme"));
    assert!(remedy(&world).is_some());
    resume(&mut world, None);
    assert_eq!(remedy(&world), None);
}

#[test]
fn no_drill_is_due_while_paused_and_what_one_left_behind_stays_for_as_long() {
    let mut world = World::running(acme(HETZNER));
    world.now += DAY * 2;
    world.settle();
    assert!(world.drill_is_due());
    let (_, plan) = world.plan_drill("acme", &Asked::default()).unwrap();
    let cut = Some((2, Cut::AfterTheEffect));
    let order = Order::First;
    assert!(world.apply(&plan, order, cut, &mut Vec::new(), &mut Vec::new()));
    world.adopt();
    pause(&mut world, Some("acme"), DAY * 2);
    world.now += DAY;
    assert!(!world.drill_is_due());
    let plan = plan_of(&world);
    assert!(!kinds(&plan).contains(&"destroy"), "{:#?}", plan.steps);
    assert!(is_paused(&plan, "acme"), "{:#?}", plan.held);
    // Whoever asks by name gets one all the same.
    assert!(world.plan_drill("acme", &Asked::default()).is_ok());
    world.now += DAY;
    assert!(kinds(&plan_of(&world)).contains(&"destroy"));
}

#[test]
fn s01_what_cannot_be_seen_is_told_of_a_paused_stack_as_of_any() {
    let mut world = World::running(acme(HETZNER));
    pause(&mut world, Some("acme"), DAY);
    world.deaf.insert(hoster("hetzner"), gap("hoster hetzner"));
    world
        .silent
        .insert(machine("acme-e1"), gap("machine acme-e1"));
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert!(plan.gaps.iter().any(|gap| gap.subject == "hoster hetzner"));
    assert!(!holds_of(&plan, "acme").is_empty());
}

#[test]
fn a_pause_has_an_end_and_a_reason() {
    let now = "2026-03-02T12:00:00Z".parse().unwrap();
    assert_eq!(ends(now, DAY, "works"), Ok(now + DAY));
    assert_eq!(ends(now, LONGEST, "works"), Ok(now + LONGEST));
    let second = SignedDuration::from_secs(1);
    assert_eq!(ends(now, LONGEST + second, "works"), Err(NoPause::TooLong));
    assert_eq!(
        ends(now, SignedDuration::ZERO, "works"),
        Err(NoPause::NoTime)
    );
    assert_eq!(ends(now, DAY, " "), Err(NoPause::NoReason));
    for unseen in ["a\nb", "a\u{202e}b", "a\u{1b}[2J"] {
        assert_eq!(ends(now, DAY, unseen), Err(NoPause::NotReadable));
    }
}
