//! Another size: in place where it can be, with a last point and a way back, else by a move.

use super::plan_size_asked::is_told;
use super::plan_world::{
    Cut, HETZNER, IONOS, LARGER, LARGER_DISK, Order, World, acme, desired, gap, hardware, machine,
    stack, stack_file,
};
use holdfast::decide::check::CheckedPlan;
use holdfast::decide::forecast::foresee;
use holdfast::decide::timeline::timeline;
use holdfast::model::ids::StepId;
use holdfast::model::journal::{Event, StepResult};
use holdfast::model::observed::Power;
use holdfast::model::plan::{Action, Hold, Plan};
use holdfast::model::units::Bytes;
use jiff::SignedDuration;

/// A machine of the size that asks for less.
pub const SMALLER: &str = "hoster = \"hetzner\"\nsite = \"nbg1\"\nmachine = { cpus = 1, memory = \"2 GiB\", disk = \"20 GB\" }";

/// Acme's machine is to be twice as large.
fn to_resize() -> World {
    let mut world = World::running(acme(HETZNER));
    world.now_wants(acme(LARGER));
    world
}

pub fn ids(plan: &CheckedPlan) -> Vec<&str> {
    plan.plan().steps.iter().map(|s| s.id.as_str()).collect()
}

pub fn kind(world: &World, name: &str) -> String {
    let hardware = &world.machine(name).unwrap().hardware;
    hardware.as_ref().unwrap().machine_type.clone()
}

pub const STEPS: [&str; 8] = [
    "acme.backup-ahead.acme-e1",
    "acme.close.acme-e1",
    "acme.backup.acme-e1",
    "acme.shut-down.acme-e1",
    "acme.resize.acme-e1",
    "acme.power-on.acme-e1",
    "acme.check.acme-e1",
    "acme.open.acme-e1",
];

#[test]
fn another_size_comes_in_place_on_the_same_machine() {
    let mut world = to_resize();
    assert_eq!(ids(&world.plan()), STEPS);
    assert_eq!(world.settle(), STEPS);
    world.is_well("acme", "acme-e1");
    assert_eq!(kind(&world, "acme-e1"), "cx33");
    let disk = world.machine("acme-e1").unwrap().hardware.clone();
    assert_eq!(disk.unwrap().size.disk, Bytes(40_000_000_000));
    assert!(ids(&world.plan()).is_empty());
}

#[test]
fn with_the_disk_that_it_kept_the_size_can_be_taken_back() {
    let mut world = to_resize();
    world.settle();
    world.now_wants(acme(HETZNER));
    assert_eq!(world.settle(), STEPS);
    assert_eq!(kind(&world, "acme-e1"), "cx23");
    world.is_well("acme", "acme-e1");
}

#[test]
fn what_else_is_wanted_of_the_machine_comes_before_it() {
    let mut world = to_resize();
    world.facts_mut("acme-e1").files.remove("/etc/motd");
    let plan = world.plan();
    assert_eq!(ids(&plan), ["acme.converge.acme-e1"]);
    let notes = &plan.plan().notes;
    let said = |text: &String| text.contains("once this is done, acme-e1 gets another type");
    assert!(notes.iter().any(|note| said(&note.text)), "{notes:?}");
    let done = world.settle();
    assert_eq!(done[1..], STEPS);
}

#[test]
fn a_disk_that_it_cannot_get_in_place_comes_by_a_move() {
    for (first, then, words) in [
        (HETZNER, LARGER_DISK, "would keep its disk of 40 GB"),
        (LARGER_DISK, HETZNER, "is smaller than that of acme-e1"),
    ] {
        let mut world = World::running(acme(first));
        world.now_wants(acme(then));
        let plan = world.plan();
        let steps = &plan.plan().steps;
        let closes = |step: &&holdfast::model::plan::Step| step.action.verb() == "close";
        let why = &steps.iter().find(closes).unwrap().why.reason;
        assert!(why.contains(words), "{why}");
        world.settle();
        world.is_well("acme", "acme-e2");
        assert!(world.machine("acme-e1").unwrap().quarantined);
        assert!(ids(&world.plan()).is_empty());
    }
}

/// First the type in place, and later all the disk that the type has.
#[test]
fn a_disk_that_was_kept_and_is_too_small_now_comes_by_a_move() {
    let mut world = to_resize();
    world.settle();
    world.now_wants(acme(LARGER_DISK));
    world.settle();
    world.is_well("acme", "acme-e2");
    let disk = world.machine("acme-e2").unwrap().hardware.clone();
    assert_eq!(disk.unwrap().size.disk, Bytes(80_000_000_000));
}

/// A new catalogue, or a smaller wish that no smaller type fits.
#[test]
fn a_machine_that_has_all_that_is_asked_for_is_left_as_it_is() {
    let mut world = World::running(acme(HETZNER));
    world.now_wants(acme(SMALLER));
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty() && plan.plan().notes.is_empty());
    let mut want = acme(HETZNER);
    let production = &mut want.stacks.get_mut(&stack("acme")).unwrap().production;
    production.machine_type = Some("cpx22".to_owned());
    world.now_wants(want);
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:?}", ids(&plan));
    let notes = &plan.plan().notes;
    let said = |text: &String| text.contains("a cx23, which has all that is asked for; cpx22");
    assert!(notes.iter().any(|note| said(&note.text)), "{notes:?}");
}

#[test]
fn what_somebody_resized_by_hand_is_told_and_left() {
    let mut world = World::running(acme(HETZNER));
    world.machine_mut("acme-e1").hardware = Some(hardware("cx33"));
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:?}", ids(&plan));
    let notes = &plan.plan().notes;
    let said = |text: &String| text.contains("somebody resized acme-e1 by hand");
    assert!(notes.iter().any(|note| said(&note.text)), "{notes:?}");
    // Whoever writes it down has it so, and can take it back from then on.
    world.now_wants(acme(LARGER));
    assert!(world.settle().is_empty());
    assert!(world.plan().plan().notes.is_empty());
}

#[test]
fn an_ordered_machine_has_no_other_size() {
    let sized = |cpus: u32| {
        let size = format!("machine = {{ cpus = {cpus}, memory = \"4 GiB\", disk = \"40 GB\" }}");
        desired(&[(
            "acme",
            stack_file(
                "acme",
                &format!("{IONOS}\n{size}"),
                super::plan_world::REPAIR,
            ),
        )])
    };
    let mut world = World::running(sized(2));
    assert!(world.plan().plan().notes.is_empty());
    world.now_wants(sized(8));
    is_told(&world, "an ordered machine has no other: order one");
}

#[test]
fn s01_a_type_that_nobody_tells_is_no_difference() {
    let mut world = to_resize();
    world.machine_mut("acme-e1").hardware = None;
    assert!(ids(&world.plan()).is_empty());
}

#[test]
fn a_type_of_which_nothing_is_left_is_held_and_the_machine_serves_as_it_was() {
    let mut world = to_resize();
    world.sold_out.insert("cx33".to_owned());
    world.settle();
    world.is_well("acme", "acme-e1");
    assert_eq!(kind(&world, "acme-e1"), "cx23");
    let plan = world.plan();
    let held = &plan.plan().held;
    let words = held.iter().find_map(|held| match &held.hold {
        Hold::Forbidden { rule, reason } if rule == "the way back" => Some(reason.clone()),
        _ => None,
    });
    let words = words.unwrap_or_else(|| panic!("{held:#?}"));
    assert!(
        words.contains("acme.resize.acme-e1 did not go well") && words.contains("no cx33 is left"),
        "{words}"
    );
    assert!(plan.plan().steps.is_empty(), "{:?}", ids(&plan));
    world.sold_out.clear();
    world.now_wants(acme(LARGER));
    world.settle();
    assert_eq!(kind(&world, "acme-e1"), "cx33");
    world.is_well("acme", "acme-e1");
}

/// Everything that a cut may leave, in each step.
#[test]
fn s06_wherever_it_is_cut_off_it_ends_on_the_same_machine() {
    for cut in [Cut::BeforeTheEffect, Cut::AfterTheEffect] {
        for number in 0..STEPS.len() {
            let mut world = to_resize();
            let plan = world.plan();
            let (mut done, mut refused) = (Vec::new(), Vec::new());
            assert!(world.apply(
                &plan,
                Order::First,
                Some((number, cut)),
                &mut done,
                &mut refused
            ));
            world.settle();
            world.is_well("acme", "acme-e1");
            assert_eq!(kind(&world, "acme-e1"), "cx33", "{cut:?} in {number}");
        }
    }
}

/// Somebody switches the old machine on while users are shut out.
#[test]
fn s02_a_rival_is_fenced_before_it_goes_on() {
    for (number, first) in [(3, "acme.check.acme-e2"), (4, "acme.power-on.acme-e2")] {
        let mut world = World::running(acme(&HETZNER.replace("nbg1", "fsn1")));
        world.now_wants(acme(HETZNER));
        world.settle();
        world.now_wants(acme(LARGER));
        let plan = world.plan();
        let (mut done, mut refused) = (Vec::new(), Vec::new());
        let cut = Some((number, Cut::BeforeTheEffect));
        assert!(world.apply(&plan, Order::First, cut, &mut done, &mut refused));
        world.machine_mut("acme-e1").power = Power::On;
        let plan = world.plan();
        assert_eq!(ids(&plan)[0], first);
        assert!(!ids(&plan).contains(&"acme.resize.acme-e2"));
        let held = &plan.plan().held;
        let waits = |hold: &Hold| matches!(hold, Hold::Forbidden { rule, .. } if rule == "S2");
        assert!(held.iter().any(|held| waits(&held.hold)), "{held:#?}");
        world.settle();
        world.is_well("acme", "acme-e2");
        assert_eq!(world.machine("acme-e1").unwrap().power, Power::Off);
        assert_eq!(kind(&world, "acme-e2"), "cx33");
    }
}

/// Its hoster copies the disk for longer than is waited for.
#[test]
fn s01_what_is_still_being_resized_is_not_started_anew() {
    let mut world = to_resize();
    let plan = world.plan();
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    let cut = Some((4, Cut::BeforeTheEffect));
    assert!(world.apply(&plan, Order::First, cut, &mut done, &mut refused));
    let unknown = Event::Ended {
        step: StepId::new("acme.resize.acme-e1"),
        result: StepResult::Unknown {
            reason: "the hoster says that it is cx23".to_owned(),
        },
        millis: 1,
    };
    world.record(Some(&stack("acme")), unknown);
    world.machine_mut("acme-e1").power = Power::Unknown;
    world.silent.insert(machine("acme-e1"), gap("acme-e1"));
    world.has_long_been_silent("acme-e1");
    for _ in 0..10 {
        world.adopt();
        let plan = world.plan();
        assert!(plan.plan().steps.is_empty(), "{:?}", ids(&plan));
        world.now += SignedDuration::from_mins(10);
    }
    // It is over.
    world.machine_mut("acme-e1").power = Power::On;
    world.machine_mut("acme-e1").hardware = Some(hardware("cx33"));
    world.silent.clear();
    world.settle();
    world.is_well("acme", "acme-e1");
    assert_eq!(kind(&world, "acme-e1"), "cx33");
}

/// A service that dies of too little memory differs in every pass.
#[test]
fn what_mending_does_not_help_does_not_keep_the_larger_size_away() {
    for reboot in [true, false] {
        let repair = ["\"restart\"", "\"restart\", \"reboot\""][usize::from(reboot)];
        let repair = format!("\n[repair]\nautomatic = [{repair}]\n");
        let file = |production| desired(&[("acme", stack_file("acme", production, &repair))]);
        let mut world = World::running(file(HETZNER));
        world.now_wants(file(LARGER));
        // It stays so until the machine is larger.
        world.ill.insert(machine("acme-e1"), false);
        let mut done = Vec::new();
        while !done.contains(&STEPS[0].to_owned()) {
            assert!(done.len() < 6, "{done:?}");
            world.adopt();
            let plan = world.plan();
            if ids(&plan).contains(&STEPS[1]) {
                world.ill.clear();
            }
            world.apply(&plan, Order::First, None, &mut done, &mut Vec::new());
            world.now += SignedDuration::from_mins(5);
        }
        world.settle();
        let before = done.iter().position(|step| step == STEPS[0]).unwrap();
        let verbs = |verb: &str| done[..before].iter().filter(|s| s.contains(verb)).count();
        assert_eq!(
            (verbs("converge") >= 3, verbs("reboot")),
            (true, usize::from(reboot))
        );
        assert_eq!(done[before..], STEPS);
        assert_eq!(kind(&world, "acme-e1"), "cx33");
        world.is_well("acme", "acme-e1");
    }
}

/// Whoever does not let anything be repaired has it switched on all the same: we switched it off.
#[test]
fn s06_a_machine_that_was_switched_off_for_it_is_not_left_off() {
    let file = |production| stack_file("acme", production, "\n[repair]\nautomatic = []\n");
    let mut world = World::running(desired(&[("acme", file(HETZNER))]));
    world.now_wants(desired(&[("acme", file(LARGER))]));
    let plan = world.plan();
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    let cut = Some((4, Cut::BeforeTheEffect));
    assert!(world.apply(&plan, Order::First, cut, &mut done, &mut refused));
    assert_eq!(world.machine("acme-e1").unwrap().power, Power::Off);
    // And nobody asks for it any more.
    world.now_wants(desired(&[("acme", file(HETZNER))]));
    assert_eq!(ids(&world.plan()), ["acme.power-on.acme-e1"]);
    world.settle();
    world.is_well("acme", "acme-e1");
    assert_eq!(kind(&world, "acme-e1"), "cx23");
}

#[test]
fn s16_who_was_shut_out_for_a_size_that_too_few_have_signed_is_let_in_again() {
    let mut world = to_resize();
    let plan = world.plan();
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    let cut = Some((4, Cut::BeforeTheEffect));
    assert!(world.apply(&plan, Order::First, cut, &mut done, &mut refused));
    world.now_wants(acme(LARGER));
    world.mandate.trust.thresholds.disruptive.signers = 2;
    assert_eq!(ids(&world.plan()), ["acme.power-on.acme-e1"]);
    world.settle();
    world.is_well("acme", "acme-e1");
    let plan = world.plan();
    let short = |hold: &Hold| matches!(hold, Hold::NeedsApproval { .. });
    assert!(plan.plan().held.iter().any(|held| short(&held.hold)));
    assert_eq!(kind(&world, "acme-e1"), "cx23");
}

/// The plan without this step, and with nobody waiting for it.
fn without(plan: &Plan, step: &str) -> Plan {
    let mut plan = plan.clone();
    let gone = plan.steps.iter().find(|s| s.id.as_str() == step).unwrap();
    let before = gone.after.clone();
    plan.steps.retain(|s| s.id.as_str() != step);
    for other in &mut plan.steps {
        if other.after.iter().any(|id| id.as_str() == step) {
            other.after.retain(|id| id.as_str() != step);
            other.after.extend(before.clone());
        }
    }
    plan
}

#[test]
fn what_a_plan_may_not_leave_out() {
    let world = to_resize();
    let plan = world.plan().plan().clone();
    for (step, rule) in [
        ("acme.close.acme-e1", "S2"),
        ("acme.shut-down.acme-e1", "S2"),
        ("acme.backup.acme-e1", "S3"),
        ("acme.power-on.acme-e1", "S6"),
        ("acme.check.acme-e1", "S15"),
    ] {
        let violations = world.check(without(&plan, step)).unwrap_err();
        assert!(violations.iter().any(|v| v.rule == rule), "{violations:#?}");
    }
}

#[test]
fn s02_only_the_machine_that_users_are_on_is_resized() {
    let world = to_resize();
    let mut plan = world.plan().plan().clone();
    for step in &mut plan.steps {
        if let Action::Resize { machine: of, .. } = &mut step.action {
            *of = machine("backup-netcup-vie");
        }
    }
    let violations = world.check(plan).unwrap_err();
    assert!(violations.iter().any(|v| v.rule == "S2"), "{violations:#?}");
}

#[test]
fn how_long_nobody_gets_in_is_foreseen_and_measured() {
    let mut world = to_resize();
    let window = |world: &World| {
        let mut plan = world.draft();
        foresee(&mut plan, &world.want.hosters, &world.past());
        let cost = plan.monthly_cost.cents;
        let mut all = plan.steps.iter().filter_map(|s| s.forecast.window.clone());
        (all.next().expect("nobody is shut out"), cost)
    };
    let (first, cost) = window(&world);
    assert_eq!(
        first.unmeasured,
        ["close", "shut-down", "resize", "power-on"]
    );
    assert_eq!(cost, 250);
    world.settle();
    let told = timeline(&world.journal, Some(&stack("acme")), None);
    let words: Vec<&str> = told.iter().map(|told| told.text.as_str()).collect();
    for expected in [
        "acme-e1 is a cx33, by its hoster's word",
        "users were let in to acme-e1, e1; nobody got in for 6s",
    ] {
        assert!(words.contains(&expected), "{words:#?}");
    }
    world.now_wants(acme(HETZNER));
    assert_eq!(world.past().windows.last(&stack("acme")), None);
    let (second, cost) = window(&world);
    assert_eq!(second.unmeasured, [""; 0]);
    assert_eq!((second.last_millis, cost), (Some(6_000), -250));
}
