//! A check that can fail: hand-made plans, each breaking one rule, each refused by that rule.

use super::plan_world::{BACKUP, HETZNER, IMAGE, World, acme, gap, hoster, machine, stack};
use holdfast::model::forecast::Forecast;
use holdfast::model::ids::{Epoch, ImageName, PointId, SiteId, StepId};
use holdfast::model::machine::Role;
use holdfast::model::plan::{Action, Cause, Effect, FenceBy, Plan, Source, Step, Why};
use holdfast::model::point::Rung;

fn step(id: &str, action: Action, after: &[&str]) -> Step {
    Step {
        id: StepId::new(id),
        stack: Some(stack("acme")),
        action,
        effect: Effect::Safe,
        why: Why {
            reason: "because".into(),
            place: None,
            line: None,
            cause: Cause::Reality,
        },
        after: after.iter().map(|id| StepId::new(*id)).collect(),
        forecast: Forecast::default(),
    }
}

fn plan_with(world: &World, steps: Vec<Step>) -> Plan {
    let empty = world.draft();
    Plan {
        steps,
        held: Vec::new(),
        ..empty
    }
}

/// The rules that this plan breaks, with the steps that break them.
fn broken(world: &World, steps: Vec<Step>) -> Vec<(&'static str, String)> {
    match world.check(plan_with(world, steps)) {
        Ok(_) => Vec::new(),
        Err(found) => found
            .into_iter()
            .map(|v| (v.rule, v.step.to_string()))
            .collect(),
    }
}

fn breaks(world: &World, steps: Vec<Step>, rule: &'static str, at: &str) {
    let found = broken(world, steps);
    assert_eq!(found, [(rule, at.to_owned())]);
}

fn create(name: &str, at: &str) -> Action {
    Action::Create {
        machine: machine(name),
        take: None,
        hoster: hoster(at),
        site: SiteId::new("nbg1"),
        machine_type: None,
        image: ImageName::new(IMAGE),
        role: Role::Production,
        epoch: Epoch(2),
    }
}
fn install(name: &str) -> Action {
    Action::Install {
        machine: machine(name),
    }
}
fn initialise(name: &str) -> Action {
    Action::Initialise {
        machine: machine(name),
    }
}
fn verify(name: &str) -> Action {
    Action::Check {
        machine: machine(name),
        services: Vec::new(),
    }
}
fn fence(name: &str, by: FenceBy) -> Action {
    Action::Fence {
        machine: machine(name),
        by,
    }
}
fn open(name: &str, fenced: &[&str]) -> Action {
    Action::Open {
        machine: machine(name),
        epoch: Epoch(2),
        fenced: fenced.iter().map(|name| machine(name)).collect(),
    }
}
fn load(name: &str, point: &PointId) -> Action {
    Action::Load {
        machine: machine(name),
        source: Source::Point {
            point: point.clone(),
            taken_at: "2026-03-02T12:00:00Z".parse().unwrap(),
            rung: Rung::Shipped,
            on: machine(BACKUP),
        },
    }
}

fn running() -> World {
    World::running(acme(HETZNER))
}
fn empty() -> World {
    World::before_the_first_day(acme(HETZNER))
}

#[test]
fn s05_a_plan_that_keeps_the_rules_is_accepted() {
    let mut world = running();
    world.lose("acme-e1");
    let drawn = world.draft();
    assert!(drawn.steps.len() > 8, "{}", drawn.steps.len());
    let checked = world.check(drawn.clone()).unwrap();
    assert_eq!(*checked.plan(), drawn);
}

#[test]
fn s05_a_step_that_waits_for_nothing_known_or_for_itself_is_refused() {
    let world = running();
    let wait = |id: &str, after: &[&str]| step(id, verify("acme-e1"), after);
    breaks(&world, vec![wait("a", &["nowhere"])], "S5", "a");
    breaks(&world, vec![wait("a", &["a"])], "S5", "a");
    let circle = vec![wait("a", &["b"]), wait("b", &["a"])];
    let found = broken(&world, circle);
    assert_eq!(found, [("S5", "a".to_owned()), ("S5", "b".to_owned())]);
}

#[test]
fn s05_two_steps_with_one_id_are_refused() {
    let world = running();
    let twice = vec![
        step("a", verify("acme-e1"), &[]),
        step("a", verify("acme-e1"), &[]),
    ];
    breaks(&world, twice, "S5", "a");
}

#[test]
fn s01_creating_where_nobody_could_look_is_refused() {
    let mut world = empty();
    world.deaf.insert(hoster("hetzner"), gap("hoster hetzner"));
    breaks(
        &world,
        vec![step("c", create("acme-e1", "hetzner"), &[])],
        "S1",
        "c",
    );
}

#[test]
fn s01_a_second_machine_while_the_first_cannot_be_seen_is_refused() {
    let mut world = running();
    world.deaf.insert(hoster("hetzner"), gap("hoster hetzner"));
    breaks(
        &world,
        vec![step("c", create("acme-e2", "ionos"), &[])],
        "S1",
        "c",
    );
}

#[test]
fn s06_creating_what_is_there_is_refused() {
    let world = running();
    breaks(
        &world,
        vec![step("c", create("acme-e1", "hetzner"), &[])],
        "S6",
        "c",
    );
}

#[test]
fn s15_starting_empty_is_refused_where_state_ever_was() {
    let steps = || {
        vec![
            step("c", create("acme-e2", "hetzner"), &[]),
            step("i", install("acme-e2"), &["c"]),
            step("e", initialise("acme-e2"), &["i"]),
        ]
    };
    let mut world = running();
    let all = ["S2", "S15", "S15"].map(|rule| (rule, "e".to_owned()));
    assert_eq!(
        broken(&world, steps()),
        all,
        "its name was given away, it was open, and points exist"
    );
    world.given.clear();
    world.points.get_mut(&stack("acme")).unwrap().clear();
    breaks(&world, steps(), "S15", "e");
    let mut world = empty();
    assert_eq!(broken(&world, steps()), []);
    world.points_gap = Some(gap("recovery points"));
    breaks(&world, steps(), "S1", "e");
}

#[test]
fn s15_starting_without_installation_and_opening_without_checks_are_refused() {
    let world = empty();
    let bare = vec![
        step("c", create("acme-e1", "hetzner"), &[]),
        step("e", initialise("acme-e1"), &["c"]),
    ];
    breaks(&world, bare, "S15", "e");
    let unchecked = vec![
        step("c", create("acme-e1", "hetzner"), &[]),
        step("v", verify("acme-e1"), &["c"]),
        step("o", open("acme-e1", &[]), &["c"]),
    ];
    breaks(&world, unchecked, "S15", "o");
}

#[test]
fn s04_nothing_is_laid_over_live_data() {
    let world = running();
    let newest = world.points[&stack("acme")].last().unwrap().id.clone();
    for action in [
        install("acme-e1"),
        Action::Prepare {
            machine: machine("acme-e1"),
        },
        load("acme-e1", &newest),
    ] {
        breaks(&world, vec![step("x", action, &[])], "S4", "x");
    }
}

#[test]
fn s11_a_point_that_is_not_the_newest_proven_one_is_refused() {
    let mut world = running();
    let old = world.points[&stack("acme")].last().unwrap().id.clone();
    world.now += jiff::SignedDuration::from_hours(1);
    let newest = world.add_point("acme", Epoch(1), Rung::Shipped);
    world.now += jiff::SignedDuration::from_hours(1);
    let unproven = world.add_point("acme", Epoch(1), Rung::Taken);
    let steps = |point: &PointId| {
        vec![
            step("c", create("acme-e2", "hetzner"), &[]),
            step("l", load("acme-e2", point), &["c"]),
        ]
    };
    assert_eq!(broken(&world, steps(&newest)), []);
    for point in [&old, &unproven, &PointId::new("invented")] {
        breaks(&world, steps(point), "S11", "l");
    }
    world.points_gap = Some(gap("recovery points"));
    breaks(&world, steps(&newest), "S1", "l");
}

#[test]
fn s11_data_from_a_step_that_makes_no_point_is_refused() {
    let world = running();
    let source = Source::Step {
        step: StepId::new("c"),
    };
    let fetch = Action::Fetch {
        machine: machine("acme-e2"),
        source,
    };
    let steps = vec![
        step("c", create("acme-e2", "hetzner"), &[]),
        step("f", fetch, &["c"]),
    ];
    breaks(&world, steps, "S11", "f");
}

#[test]
fn s02_opening_while_another_may_write_is_refused() {
    let steps = |fence_first: &[&str]| {
        let mut after = vec!["v"];
        after.extend(fence_first);
        vec![
            step("c", create("acme-e2", "hetzner"), &[]),
            step("v", verify("acme-e2"), &["c"]),
            step("f", fence("acme-e1", FenceBy::PowerOff), &[]),
            step("o", open("acme-e2", &["acme-e1"]), &after),
        ]
    };
    let world = running();
    breaks(&world, steps(&[]), "S2", "o");
    assert_eq!(broken(&world, steps(&["f"])), []);
}

#[test]
fn s02_a_fence_that_was_undone_is_no_fence() {
    let mut world = running();
    let proof = "hoster says off".to_owned();
    let fenced = holdfast::model::journal::Event::Fenced {
        machine: machine("acme-e1"),
        proof,
    };
    world.record(Some(&stack("acme")), fenced);
    let steps = || {
        vec![
            step("c", create("acme-e2", "hetzner"), &[]),
            step("v", verify("acme-e2"), &["c"]),
            step("o", open("acme-e2", &["acme-e1"]), &["v"]),
        ]
    };
    breaks(&world, steps(), "S2", "o");
    world.machine_mut("acme-e1").power = holdfast::model::observed::Power::Off;
    assert_eq!(broken(&world, steps()), []);
}

#[test]
fn s02_a_machine_that_its_hoster_lists_is_not_gone() {
    let world = running();
    breaks(
        &world,
        vec![step("f", fence("acme-e1", FenceBy::Gone), &[])],
        "S2",
        "f",
    );
}

#[test]
fn s07_what_does_not_carry_our_label_is_not_touched() {
    let world = running();
    let stranger = || machine("shop-3");
    let actions = [
        fence("shop-3", FenceBy::PowerOff),
        Action::PowerOn {
            machine: stranger(),
        },
        Action::Close {
            machine: stranger(),
        },
        Action::Quarantine {
            machine: stranger(),
        },
        Action::Converge {
            machine: stranger(),
            changes: Vec::new(),
        },
        Action::Backup {
            machine: stranger(),
            to: machine(BACKUP),
            ahead: false,
        },
        Action::Repository {
            machine: stranger(),
            like: None,
        },
        install("shop-3"),
        verify("shop-3"),
    ];
    for action in actions {
        breaks(&world, vec![step("x", action, &[])], "S7", "x");
    }
}

#[test]
fn s07_a_labelled_machine_without_a_receipt_is_named_and_not_touched() {
    let mut stranger = running().machine("acme-e1").unwrap().clone();
    stranger.name = machine("acme-e0");
    stranger.epoch = Epoch(0);
    let mut world = running();
    let facts = world.facts[&machine("acme-e1")].clone();
    world.facts.insert(stranger.name.clone(), facts);
    let list = world.inventories.get_mut(&hoster("hetzner")).unwrap();
    list.machines.push(stranger);
    for open in [true, false] {
        world.facts_mut("acme-e1").open = open;
        let plan = world.plan();
        let touched = |s: &Step| s.action.machine().as_str() == "acme-e0";
        assert!(
            !plan.plan().steps.iter().any(touched),
            "{:#?}",
            plan.plan().steps
        );
        assert!(plan.plan().steps.iter().all(|s| s.action.verb() != "open"));
        assert_eq!(plan.plan().gaps.len(), 1, "it is named");
        assert_eq!(
            plan.plan().held.is_empty(),
            open,
            "only an opening waits for it"
        );
    }
}
