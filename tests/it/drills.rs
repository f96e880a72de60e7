//! Drills: the plan of one, and its end whatever happens.

use super::plan_world::{
    Cut, HETZNER, IONOS, Order, REPAIR, WITH_FALLBACK, World, acme, desired, gap, hoster, machine,
    stack, stack_file,
};
use holdfast::decide::drill::{at, places};
use holdfast::decide::plan::{Asked, NoDrill};
use holdfast::model::ids::{Epoch, HostName, MachineName};
use holdfast::model::machine::Role;
use holdfast::model::plan::{Action, Effect, Plan, Step};
use holdfast::model::point::Rung;
use jiff::SignedDuration;
use std::path::Path;

pub const DRILL: &str = "acme-drill-1";
pub const DAY: SignedDuration = SignedDuration::from_hours(24);

#[test]
fn what_cuts_a_drill_off_is_nothing_that_nobody_declares() {
    let script = |path: &str| {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/world");
        std::fs::read_to_string(scripts.join(path)).unwrap()
    };
    let (cuts, knows) = (
        script("machine/scripts/isolate.sh"),
        script("backup/scripts/undeclared.sh"),
    );
    let unit = "/etc/systemd/system/holdfast-isolated.service";
    assert!(cuts.contains(&format!("cat >{unit} ")));
    assert!(cuts.contains("\nWantedBy=sysinit.target\n"));
    for written in [
        unit,
        "/etc/systemd/system/sysinit.target.wants/holdfast-isolated.service",
    ] {
        assert!(knows.lines().any(|line| line == written), "{written}");
    }
}

pub fn schedule() -> Asked {
    Asked::default()
}

fn point(id: &str) -> Asked {
    Asked {
        point: Some(id.to_owned()),
        at: None,
    }
}

fn elsewhere(id: &str) -> Asked {
    Asked {
        point: None,
        at: Some((hoster(id), None)),
    }
}

/// The checks' findings when one step of a drill's plan is another.
fn violations(world: &World, change: impl Fn(&mut Plan)) -> String {
    let mut plan = world.plan_drill("acme", &schedule()).unwrap().0.plan;
    change(&mut plan);
    let found = world.check(plan).expect_err("the plan is allowed");
    let found: Vec<String> = found.iter().map(|v| format!("{v}\n")).collect();
    found.concat()
}

fn instead(verb: &str, action: Action) -> impl Fn(&mut Plan) {
    let verb = verb.to_owned();
    move |plan| {
        let step: &mut Step = plan
            .steps
            .iter_mut()
            .find(|step| step.action.verb() == verb)
            .unwrap();
        step.action = action.clone();
    }
}

#[test]
fn a_drill_takes_the_steps_of_a_rebuild_and_leaves_nothing() {
    let mut world = World::running(acme(HETZNER));
    let before = world.inventories.clone();
    let done = world.drill("acme", &schedule());
    assert_eq!(
        done,
        [
            "create", "prepare", "install", "fetch", "isolate", "load", "check", "destroy"
        ]
        .map(|verb| format!("acme.{verb}.{DRILL}"))
    );
    let mut after = world.inventories.clone();
    for inventory in after.values_mut() {
        inventory.free.sort_by(|a, b| a.name.cmp(&b.name));
    }
    assert_eq!(after, before);
    assert!(!world.past().machines.contains_key(&machine(DRILL)));
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty() && plan.plan().held.is_empty());
    world.is_well("acme", "acme-e1");
    assert_eq!(
        world.drill("acme", &schedule())[0],
        "acme.create.acme-drill-2"
    );
}

#[test]
fn a_drill_goes_to_a_third_hoster_if_there_is_one() {
    let world = World::running(acme(HETZNER));
    let (drill, _) = world.plan_drill("acme", &schedule()).unwrap();
    assert_eq!(drill.placement.hoster.as_str(), "ionos");
    assert!(drill.third && drill.word.is_none(), "{:?}", drill.word);
    // Rented machines come before ordered ones, which a rebuild may need.
    let world = World::running(acme(IONOS));
    let (drill, _) = world.plan_drill("acme", &schedule()).unwrap();
    assert_eq!(drill.placement.hoster.as_str(), "hetzner");
    assert!(drill.third && drill.placement.machine_type.is_some());
}

#[test]
fn without_a_third_hoster_a_drill_is_done_and_says_so() {
    let mut world = World::running(acme(HETZNER));
    world
        .inventories
        .get_mut(&hoster("ionos"))
        .unwrap()
        .free
        .clear();
    let (drill, _) = world.plan_drill("acme", &schedule()).unwrap();
    assert_eq!(drill.placement.hoster.as_str(), "hetzner");
    let word = drill.word.unwrap();
    assert!(
        !drill.third && word.contains("no free debian-13 machine"),
        "{word}"
    );
    let mut world = World::running(acme(HETZNER));
    world.deaf.insert(hoster("ionos"), gap("hoster ionos"));
    let (drill, _) = world.plan_drill("acme", &schedule()).unwrap();
    assert!(drill.word.unwrap().contains("ionos cannot be seen"));
    let (drill, _) = world.plan_drill("acme", &elsewhere("netcup")).unwrap();
    assert!(!drill.third && drill.placement.hoster.as_str() == "netcup");
    let nowhere = world.plan_drill("acme", &elsewhere("ovh")).unwrap_err();
    assert!(matches!(nowhere, NoDrill::NoPlace(why) if why.contains("hetzner, ionos, netcup")));
}

#[test]
fn a_place_in_the_file_comes_first_and_each_place_once() {
    let text = stack_file("acme", WITH_FALLBACK, REPAIR).replace(
        "retention =",
        "drill = { every = \"14d\", at = { hoster = \"netcup\", site = \"vie\" } }\nretention =",
    );
    let want = desired(&[("acme", text)]);
    let acme = &want.stacks[&stack("acme")];
    let mut names: Vec<String> = places(acme, &want)
        .iter()
        .map(|p| format!("{} {}", p.placement.hoster, p.third))
        .collect();
    // Nobody ordered a machine at ionos yet: all its sites.
    names.dedup();
    assert_eq!(names[..3], ["netcup false", "ionos true", "hetzner false"]);
    assert!(at(acme, &want, &hoster("ionos"), None).unwrap()[0].third);
}

#[test]
fn s02_a_drills_machine_gets_no_name_and_takes_no_backup_and_is_cut_off_first() {
    let world = World::running(acme(HETZNER));
    let name = MachineName::new(DRILL);
    let named = Action::Name {
        host: HostName::new("docs.acme.example"),
        machine: name.clone(),
        ttl: None,
    };
    let said = violations(&world, instead("check", named));
    assert!(
        said.contains("S2: step") && said.contains("points docs.acme.example"),
        "{said}"
    );
    let backup = Action::Backup {
        machine: name.clone(),
        to: machine("backup-netcup-vie"),
        ahead: false,
    };
    let said = violations(&world, instead("check", backup));
    assert!(
        said.contains("S2: step") && said.contains("recovery point of"),
        "{said}"
    );
    let said = violations(&world, |plan| {
        plan.steps.retain(|step| step.action.verb() != "isolate");
        for step in &mut plan.steps {
            step.after
                .retain(|before| !before.as_str().contains("isolate"));
        }
    });
    assert!(said.contains("can still talk to others"), "{said}");
}

#[test]
fn s02_a_drills_machine_is_no_writer_and_no_rival() {
    let mut world = World::running(acme(HETZNER));
    let (_, plan) = world.plan_drill("acme", &schedule()).unwrap();
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    let cut = Some((7, Cut::BeforeTheEffect));
    assert!(world.apply(&plan, Order::First, cut, &mut done, &mut refused));
    assert_eq!(world.machine(DRILL).unwrap().role, Role::Drill);
    // It is there, loaded and checked, while production is lost.
    world.lose("acme-e1");
    let done = world.settle();
    assert!(done.contains(&format!("acme.destroy.{DRILL}")), "{done:?}");
    assert!(done.contains(&"acme.open.acme-e2".to_owned()), "{done:?}");
    world.is_well("acme", "acme-e2");
}

#[test]
fn s04_a_drill_restores_into_its_own_machine_alone() {
    let world = World::running(acme(HETZNER));
    let (drill, plan) = world.plan_drill("acme", &schedule()).unwrap();
    for step in &plan.plan().steps {
        assert_eq!(step.action.machine(), &drill.machine, "{}", step.id);
        assert_eq!(step.effect, Effect::Safe, "{}", step.id);
    }
    let load = plan.plan().steps.iter().find(|s| s.action.verb() == "load");
    let Some(Action::Load { source, .. }) = load.map(|step| &step.action) else {
        panic!("no load")
    };
    let over_production = Action::Load {
        machine: machine("acme-e1"),
        source: source.clone(),
    };
    let said = violations(&world, instead("load", over_production));
    assert!(said.contains("S4: step"), "{said}");
}

#[test]
fn s03_nothing_but_a_drills_machine_is_destroyed() {
    let world = World::running(acme(HETZNER));
    for other in ["acme-e1", "backup-netcup-vie"] {
        let end = Action::Destroy {
            machine: machine(other),
        };
        let said = violations(&world, instead("destroy", end));
        assert!(
            said.contains("S3: step") && said.contains("of no drill"),
            "{said}"
        );
    }
}

#[test]
fn s06_a_drill_without_an_end_is_no_plan() {
    let world = World::running(acme(HETZNER));
    let said = violations(&world, |plan| {
        plan.steps.retain(|step| step.action.verb() != "destroy");
    });
    assert!(
        said.contains("S6: step") && said.contains("never destroys it"),
        "{said}"
    );
}

#[test]
fn s06_what_a_broken_drill_left_is_found_and_destroyed() {
    for number in 0..8 {
        for cut in [Cut::BeforeTheEffect, Cut::AfterTheEffect] {
            let mut world = World::running(acme(HETZNER));
            let before = world.plan().plan().steps.len();
            let (_, plan) = world.plan_drill("acme", &schedule()).unwrap();
            let (mut done, mut refused) = (Vec::new(), Vec::new());
            world.apply(
                &plan,
                Order::First,
                Some((number, cut)),
                &mut done,
                &mut refused,
            );
            let left = world.machine(DRILL).is_some();
            let done = world.settle();
            let ends = done.iter().filter(|id| id.contains(".destroy.")).count();
            assert_eq!(
                (ends, before),
                (usize::from(left), 0),
                "{number} {cut:?}: {done:?}"
            );
            assert!(world.machine(DRILL).is_none(), "{number} {cut:?}");
            world.is_well("acme", "acme-e1");
            let next = world.drill("acme", &schedule());
            assert_eq!(next[0], "acme.create.acme-drill-2", "{number} {cut:?}");
        }
    }
}

#[test]
fn s06_a_drill_that_fails_destroys_its_machine() {
    let mut world = World::running(acme(HETZNER));
    world.broken.insert(machine(DRILL));
    let done = world.drill("acme", &schedule());
    assert!(!done.iter().any(|id| id.contains(".check.")), "{done:?}");
    assert_eq!(done.last().unwrap(), &format!("acme.destroy.{DRILL}"));
    assert!(world.machine(DRILL).is_none());
}

#[test]
fn s07_a_machine_that_only_claims_to_be_of_a_drill_is_not_touched() {
    let mut world = World::running(acme(HETZNER));
    let (_, plan) = world.plan_drill("acme", &schedule()).unwrap();
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    let cut = Some((3, Cut::BeforeTheEffect));
    world.apply(&plan, Order::First, cut, &mut done, &mut refused);
    world.machine_mut(DRILL).name = machine("acme-drill-9");
    let facts = world.facts.remove(&machine(DRILL)).unwrap();
    world.facts.insert(machine("acme-drill-9"), facts);
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:#?}", plan.plan().steps);
    let held = &plan.plan().held;
    assert!(
        held.iter().any(|h| h.wanted == "destroying acme-drill-9"),
        "{held:#?}"
    );
}

#[test]
fn s11_a_drill_takes_what_a_rebuild_would_or_what_is_asked_for() {
    let mut world = World::running(acme(HETZNER));
    let old = world.points[&stack("acme")][0].id.clone();
    world.now += DAY;
    let newest = world.add_point("acme", Epoch(1), Rung::Shipped);
    world.now += DAY;
    let half = world.add_point("acme", Epoch(1), Rung::Taken);
    let of = |asked: &Asked| {
        world
            .plan_drill("acme", asked)
            .map(|(drill, _)| drill.point.id)
    };
    assert_eq!(of(&schedule()).unwrap(), newest);
    assert_eq!(of(&point(&old.as_str()[..8])).unwrap(), old);
    assert!(
        of(&point(half.as_str()))
            .unwrap_err()
            .to_string()
            .contains("never read back")
    );
    assert!(
        of(&point("0"))
            .unwrap_err()
            .to_string()
            .contains("3 recovery points begin with 0")
    );
    assert!(
        of(&point("ffff"))
            .unwrap_err()
            .to_string()
            .contains("no recovery point ffff")
    );
    // Production, of which somebody is served, still takes the newest only.
    let mut lost = world.clone();
    lost.lose("acme-e1");
    let mut plan = lost.draft();
    let mut changed = 0;
    for step in &mut plan.steps {
        if let Action::Fetch { source, .. } | Action::Load { source, .. } = &mut step.action
            && let holdfast::model::plan::Source::Point { point, .. } = source
        {
            *point = old.clone();
            changed += 1;
        }
    }
    assert_eq!(changed, 2);
    let found = lost.check(plan).unwrap_err();
    assert!(
        found.iter().all(|violation| violation.rule == "S11"),
        "{found:?}"
    );
}

#[test]
fn s15_nobody_is_ever_let_in_to_a_drills_machine() {
    let world = World::running(acme(HETZNER));
    let open = Action::Open {
        machine: machine(DRILL),
        epoch: Epoch(0),
        fenced: Vec::new(),
    };
    let said = violations(&world, instead("check", open));
    assert!(
        said.contains("S15: step") && said.contains("lets users in"),
        "{said}"
    );
    let empty = Action::Initialise {
        machine: machine(DRILL),
    };
    let said = violations(&world, instead("load", empty));
    assert!(
        said.contains("S15: step") && said.contains("empty"),
        "{said}"
    );
}
