//! A planned move: what takes long is done while users go on, they are shut out for little, and
//! until the old machine is fenced it can open again.

use super::plan_world::{Cut, HETZNER, IONOS, Order, World, acme, machine, stack};
use holdfast::decide::check::CheckedPlan;
use holdfast::decide::forecast::foresee;
use holdfast::decide::timeline::timeline;
use holdfast::model::desired::Desired;
use holdfast::model::evidence::What;
use holdfast::model::ids::{Epoch, ImageName};
use holdfast::model::journal::Event;
use holdfast::model::machine::Digest;
use holdfast::model::observed::Power;
use holdfast::model::plan::{Action, Hold, Plan, Source};
use holdfast::model::point::Rung;

/// Another site of the same hoster.
fn elsewhere() -> Desired {
    acme(&HETZNER.replace("nbg1", "fsn1"))
}

/// Acme stands at Hetzner and is wanted at IONOS.
fn to_move() -> World {
    let mut world = World::running(acme(HETZNER));
    world.now_wants(acme(IONOS));
    world
}

fn ids(plan: &CheckedPlan) -> Vec<&str> {
    plan.plan().steps.iter().map(|s| s.id.as_str()).collect()
}

/// Applies until this step, which is begun and cut off there.
fn cut_at(world: &mut World, step: &str, cut: Cut) {
    for number in 0.. {
        let mut tried = world.clone();
        let plan = tried.plan();
        let (mut done, mut refused) = (Vec::new(), Vec::new());
        let cut_here = Some((number, cut));
        assert!(
            tried.apply(&plan, Order::First, cut_here, &mut done, &mut refused),
            "no {step} in {done:?}, {refused:?}"
        );
        if tried.past().unfinished.iter().any(|id| id.as_str() == step) {
            *world = tried;
            return;
        }
    }
}

#[test]
fn what_takes_long_is_done_before_users_are_shut_out() {
    let mut world = to_move();
    let done = world.settle();
    let order = [
        "acme.prepare.acme-e2",
        "acme.pre-copy.acme-e2",
        "acme.backup-ahead.acme-e1",
        "acme.catch-up.acme-e2",
        "acme.close.acme-e1",
        "acme.backup.acme-e1",
        "acme.fetch.acme-e2",
        "acme.load.acme-e2",
        "acme.check.acme-e2",
        "acme.fence.acme-e1",
        "acme.open.acme-e2",
        "acme.quarantine.acme-e1",
    ];
    let places: Vec<usize> = order
        .iter()
        .map(|id| done.iter().position(|step| step == id).expect(id))
        .collect();
    assert!(places.is_sorted(), "{done:#?}");
    world.is_well("acme", "acme-e2");
}

#[test]
fn in_whatever_order_steps_end_users_are_let_in_once_all_is_there() {
    let mut world = to_move();
    world.settle_in(Order::Last);
    world.is_well("acme", "acme-e2");
}

/// Its restic fetches all of it whatever is there.
#[test]
fn nothing_is_copied_ahead_to_a_debian_12() {
    let mut world = World::running(acme(HETZNER));
    let mut want = acme(HETZNER);
    let production = &mut want.stacks.get_mut(&stack("acme")).unwrap().production;
    production.image = ImageName::new("debian-12");
    world.now_wants(want);
    let plan = world.plan();
    let ids = ids(&plan);
    assert!(ids.contains(&"acme.fetch.acme-e2"), "{ids:?}");
    assert!(
        !ids.iter()
            .any(|id| id.contains("copy") || id.contains("ahead")),
        "{ids:?}"
    );
}

/// The plan with one action put in place of another's step.
fn but(plan: &Plan, step: &str, action: Action) -> Plan {
    let mut plan = plan.clone();
    let mut steps = plan.steps.iter_mut();
    steps.find(|s| s.id.as_str() == step).unwrap().action = action;
    plan
}

#[track_caller]
fn breaks(world: &World, plan: Plan, rule: &str) {
    let violations = world.check(plan).unwrap_err();
    assert!(violations.iter().any(|v| v.rule == rule), "{violations:#?}");
}

#[test]
fn s04_nothing_is_copied_ahead_to_a_machine_that_serves() {
    let world = to_move();
    let plan = world.plan().plan().clone();
    let copied = plan.steps.iter().find_map(|step| match &step.action {
        Action::Precopy { source, .. } => Some(source.clone()),
        _ => None,
    });
    let action = Action::Precopy {
        machine: machine("acme-e1"),
        source: copied.unwrap(),
    };
    breaks(&world, but(&plan, "acme.pre-copy.acme-e2", action), "S4");
}

#[test]
fn s11_what_is_copied_ahead_is_the_newest_point_that_is_proven() {
    let mut world = to_move();
    let older = world.points[&stack("acme")][0].id.clone();
    world.add_point("acme", Epoch(1), Rung::Shipped);
    let plan = world.plan().plan().clone();
    let mut step = plan
        .steps
        .iter()
        .find(|step| step.action.verb() == "pre-copy")
        .unwrap()
        .clone();
    if let Action::Precopy {
        source: Source::Point { point, .. },
        ..
    } = &mut step.action
    {
        assert_ne!(*point, older);
        *point = older;
    }
    breaks(
        &world,
        but(&plan, "acme.pre-copy.acme-e2", step.action),
        "S11",
    );
}

#[test]
fn s02_the_new_machine_does_not_open_beside_one_that_is_only_closed() {
    let world = to_move();
    let mut plan = world.plan().plan().clone();
    let fence = |id: &str| id == "acme.fence.acme-e1";
    plan.steps.retain(|step| !fence(step.id.as_str()));
    for step in &mut plan.steps {
        step.after.retain(|id| !fence(id.as_str()));
    }
    breaks(&world, plan, "S2");
}

#[test]
fn s02_a_move_whose_checks_fail_is_taken_back_and_held() {
    let mut world = to_move();
    world.broken.insert(machine("acme-e2"));
    world.settle();
    world.is_well("acme", "acme-e1");
    assert_eq!(world.machine("acme-e1").unwrap().power, Power::On);
    let plan = world.plan();
    let held = &plan.plan().held;
    let words = held.iter().find_map(|held| match &held.hold {
        Hold::Forbidden { rule, reason } if rule == "the way back" => Some(reason.clone()),
        _ => None,
    });
    let words = words.unwrap_or_else(|| panic!("{held:#?}"));
    assert!(
        words.contains("acme.check.acme-e2 did not go well while users waited")
            && words.contains("acme-e1 serves again"),
        "{words}"
    );
    assert!(plan.plan().steps.is_empty(), "{:?}", ids(&plan));
}

/// What was wanted may have brought checks that it does not pass.
#[test]
fn a_machine_that_opens_again_is_not_changed_before() {
    let mut world = to_move();
    cut_at(&mut world, "acme.check.acme-e2", Cut::BeforeTheEffect);
    world.facts_mut("acme-e1").files.remove("/etc/motd");
    world.broken.insert(machine("acme-e2"));
    world.settle();
    let log = &world.journal;
    let begun = |id: &str| {
        let mut all = log.iter();
        all.rposition(|entry| format!("{:?}", entry.event).contains(id))
    };
    assert!(begun("acme.open.acme-e1") < begun("acme.converge.acme-e1"));
    world.is_well("acme", "acme-e1");
}

#[test]
fn the_next_commit_tries_a_move_again_that_was_taken_back() {
    let mut world = to_move();
    world.broken.insert(machine("acme-e2"));
    world.settle();
    world.broken.clear();
    world.now_wants(acme(IONOS));
    world.settle();
    // What was loaded for the first try is too old by now.
    world.is_well("acme", "acme-e3");
    assert!(world.machine("acme-e2").unwrap().quarantined);
}

/// The machine's checks failed, and the commit that asked for the move was not the last.
#[test]
fn s16_who_was_shut_out_for_a_move_that_may_not_go_on_is_let_in_again() {
    let mut world = to_move();
    cut_at(&mut world, "acme.check.acme-e2", Cut::BeforeTheEffect);
    assert!(!world.facts_mut("acme-e1").open);
    let point = world.points[&stack("acme")].last().unwrap().id.clone();
    let failed = Event::Drilled {
        what: What::Move,
        escrow: false,
        point,
        machine: machine("acme-e2"),
        passed: false,
        evidence: Digest("d".repeat(64)),
        data_age: 60,
        millis: 60_000,
    };
    world.record(Some(&stack("acme")), failed);
    world.now_wants(acme(IONOS));
    let plan = world.plan();
    assert_eq!(ids(&plan), ["acme.check.acme-e1", "acme.open.acme-e1"]);
    let withheld = &plan.plan().withheld;
    let moves = withheld
        .iter()
        .filter(|s| s.id.as_str() == "acme.open.acme-e2");
    assert_eq!(moves.count(), 1, "{withheld:#?}");
    world.settle();
    world.is_well("acme", "acme-e1");
    let plan = world.plan();
    let by_drill = |hold: &Hold| matches!(hold, Hold::Forbidden { rule, .. } if rule == "drill");
    assert!(plan.plan().held.iter().any(|held| by_drill(&held.hold)));
}

#[test]
fn a_customer_whose_move_was_taken_back_is_saved_and_mended_as_ever() {
    let mut world = to_move();
    world.broken.insert(machine("acme-e2"));
    world.settle();
    world.now += jiff::SignedDuration::from_hours(30);
    let plan = world.plan();
    assert!(
        ids(&plan).contains(&"acme.backup.acme-e1"),
        "{:?}",
        ids(&plan)
    );
}

#[test]
fn s06_a_move_that_was_cut_off_after_the_last_point_goes_on_with_it() {
    for (step, cut) in [
        ("acme.fetch.acme-e2", Cut::BeforeTheEffect),
        ("acme.load.acme-e2", Cut::AfterTheEffect),
        ("acme.check.acme-e2", Cut::AfterTheEffect),
        ("acme.fence.acme-e1", Cut::BeforeTheEffect),
    ] {
        let mut world = to_move();
        cut_at(&mut world, step, cut);
        let plan = world.plan();
        let ids = ids(&plan);
        for again in ["backup.acme-e1", "close.acme-e1", "pre-copy.acme-e2"] {
            let again = format!("acme.{again}");
            assert!(!ids.contains(&again.as_str()), "{step}: {ids:?}");
        }
        world.settle();
        world.is_well("acme", "acme-e2");
    }
}

#[test]
fn s15_who_was_let_in_meanwhile_by_hand_is_in_the_point_that_counts() {
    let mut world = to_move();
    cut_at(&mut world, "acme.fence.acme-e1", Cut::BeforeTheEffect);
    let before = world.points[&stack("acme")].len();
    world.facts_mut("acme-e1").open = true;
    let done = world.settle();
    for again in ["acme.close.acme-e1", "acme.backup.acme-e1"] {
        assert!(done.iter().any(|step| step == again), "{done:?}");
    }
    assert!(world.points[&stack("acme")].len() > before);
    // Data is loaded into a fresh machine only.
    world.is_well("acme", "acme-e3");
}

#[test]
fn whoever_takes_the_commit_back_gets_the_old_place_back() {
    let mut world = World::running(acme(HETZNER));
    world.now_wants(elsewhere());
    world.settle();
    world.is_well("acme", "acme-e2");
    world.now_wants(acme(HETZNER));
    let done = world.settle();
    assert!(done.iter().any(|step| step == "acme.pre-copy.acme-e3"));
    world.is_well("acme", "acme-e3");
    let site = world.machine("acme-e3").unwrap().site.clone().unwrap();
    assert_eq!(site.as_str(), "nbg1");
    for kept in ["acme-e1", "acme-e2"] {
        assert!(world.machine(kept).unwrap().quarantined, "{kept}");
    }
}

/// The closed window of the plan's move, as it is foreseen.
fn window(world: &World) -> holdfast::model::forecast::ClosedWindow {
    let mut plan = world.draft();
    foresee(&mut plan, &world.want.hosters, &world.past());
    let mut all = plan.steps.iter().filter_map(|s| s.forecast.window.clone());
    all.next().expect("nobody is shut out")
}

#[test]
fn how_long_users_will_be_shut_out_is_told_as_far_as_it_was_measured() {
    let mut world = World::running(acme(HETZNER));
    world.now_wants(elsewhere());
    let first = window(&world);
    assert_eq!(first.unmeasured, ["close", "fetch", "load", "fence"]);
    assert_eq!(first.last_millis, None);
    world.settle();
    world.now_wants(acme(HETZNER));
    let second = window(&world);
    assert_eq!(second.unmeasured, [""; 0]);
    // Every step took a millisecond: close, backup, fetch, load, check, fence, open.
    assert_eq!(second.millis, 7);
    // In this world one begins a second after the other.
    assert_eq!(second.last_millis, Some(6_000));
}

#[test]
fn the_journal_tells_how_long_nobody_got_in() {
    let mut world = to_move();
    world.settle();
    let told = timeline(&world.journal, Some(&stack("acme")), None);
    let opened: Vec<&str> = told
        .iter()
        .map(|told| told.text.as_str())
        .filter(|text| text.contains("let in to"))
        .collect();
    assert_eq!(
        opened,
        [
            "users were let in to acme-e1, e1",
            "users were let in to acme-e2, e2; nobody got in for 6s"
        ]
    );
}
