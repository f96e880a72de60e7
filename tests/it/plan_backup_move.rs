//! The backup moves to another hoster: what is planned, and what never is.

use super::plan_world::{
    BACKUP, Cut, HETZNER, Order, REPAIR, World, acme, desired, gap, hoster, machine, stack,
    stack_file,
};
use holdfast::decide::repositories::Way;
use holdfast::model::desired::Desired;
use holdfast::model::forecast::Forecast;
use holdfast::model::ids::{Epoch, StepId};
use holdfast::model::plan::{Action, Cause, Effect, Hold, Leaving, Plan, Source, Step, Why};
use holdfast::model::point::Rung;
use jiff::SignedDuration;

pub const NEW: &str = "backup-ionos-de-fra";
const WAIVER: &str =
    "\n[[waiver]]\nmachine = \"backup-netcup-vie\"\nreason = \"its disks are shredded\"\n";

pub fn at_ionos(extra: &str) -> Desired {
    let text = stack_file("acme", HETZNER, &format!("{REPAIR}{extra}"));
    let text = text.replace(
        "[backup]\nhoster = \"netcup\"\nsite = \"vie\"",
        "[backup]\nhoster = \"ionos\"\nsite = \"de/fra\"",
    );
    let want = desired(&[("acme", text)]);
    assert!(want.broken.is_empty(), "{:?}", want.broken);
    want
}

/// Three points at the old place, the newest an hour ago.
pub fn with_history() -> World {
    let mut world = World::running(acme(HETZNER));
    for _ in 0..2 {
        world.now += SignedDuration::from_hours(24);
        world.settle();
    }
    assert_eq!(world.points[&stack("acme")].len(), 3);
    world.now += SignedDuration::from_hours(1);
    world
}

pub fn moved() -> World {
    let mut world = with_history();
    world.now_wants(at_ionos(""));
    world.settle();
    world
}

pub fn words(plan: &Plan) -> String {
    let notes = plan.notes.iter().map(|note| note.text.clone());
    let held = plan.held.iter().map(|held| format!("{held:?}"));
    notes.chain(held).collect::<Vec<_>>().join("\n")
}

#[track_caller]
pub fn is_superseded(world: &World) {
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:#?}", plan.plan().steps);
    assert!(plan.plan().held.is_empty(), "{:#?}", plan.plan().held);
    let old = world.points_on(&machine(BACKUP), &stack("acme"));
    let here = world.points_on(&machine(NEW), &stack("acme"));
    for point in &old {
        let copies = here
            .iter()
            .filter(|p| (p.epoch, p.taken_at) == (point.epoch, point.taken_at));
        let rungs: Vec<Rung> = copies.map(|copy| copy.rung).collect();
        assert_eq!(rungs.len(), 1, "{point:?}");
        assert!(rungs[0] >= Rung::Shipped || point.rung < Rung::Shipped);
    }
    assert!(!world.lets_in(BACKUP, "acme", Way::Production));
    assert!(!world.lets_in(BACKUP, "acme", Way::History));
    assert!(world.lets_in(NEW, "acme", Way::Production));
}

/// From here the move comes to its end, with production on this machine.
#[track_caller]
pub fn ends_well(world: &mut World, order: Order, production: &str) {
    world.settle_in(order);
    world.is_well("acme", production);
    is_superseded(world);
}

#[test]
fn s03_history_moves_and_the_old_repository_stays() {
    let world = moved();
    world.is_well("acme", "acme-e1");
    assert_eq!(world.points[&stack("acme")].len(), 3);
    assert_eq!(world.points_on(&machine(NEW), &stack("acme")).len(), 4);
    assert_eq!(world.writes_to("acme-e1").as_deref(), Some(NEW));
    is_superseded(&world);
    assert!(
        words(world.plan().plan()).contains("holds 3 recovery points, superseded since 2026-03-0"),
        "{}",
        words(world.plan().plan())
    );
}

#[test]
fn the_first_new_point_comes_before_history() {
    let mut world = with_history();
    world.now_wants(at_ionos(""));
    let done = world.settle();
    let place = |step: &str| {
        done.iter()
            .position(|id| id == step)
            .unwrap_or_else(|| panic!("{step}: {done:#?}"))
    };
    let order = [
        format!("estate.install.{NEW}"),
        "acme.converge.acme-e1".into(),
        "acme.backup.acme-e1".into(),
        format!("estate.converge.{BACKUP}"),
        format!("acme.copy.{NEW}"),
    ];
    let places: Vec<usize> = order.iter().map(|step| place(step)).collect();
    assert!(places.is_sorted(), "{done:#?}");
}

#[test]
fn s06_a_cut_anywhere_in_the_move_ends_where_an_uncut_one_does() {
    for cut in [Cut::BeforeTheEffect, Cut::AfterTheEffect] {
        for order in [Order::First, Order::Last] {
            for pass in 0..4 {
                for number in 0..8 {
                    let mut world = with_history();
                    world.now_wants(at_ionos(""));
                    let (mut done, mut refused) = (Vec::new(), Vec::new());
                    world.rounds(pass, order, &mut done, &mut refused);
                    world.adopt();
                    let plan = world.plan();
                    let at = Some((number, cut));
                    if !world.apply(&plan, order, at, &mut done, &mut refused) {
                        continue;
                    }
                    ends_well(&mut world, order, "acme-e1");
                }
            }
        }
    }
}

#[test]
fn s11_production_lost_anywhere_in_the_move_comes_back_from_the_newest_proven_point() {
    for pass in 0..5 {
        for number in 0..8 {
            let mut world = with_history();
            world.now_wants(at_ionos(""));
            let (mut done, mut refused) = (Vec::new(), Vec::new());
            world.rounds(pass, Order::First, &mut done, &mut refused);
            let plan = world.plan();
            let at = Some((number, Cut::AfterTheEffect));
            world.apply(&plan, Order::First, at, &mut done, &mut refused);
            let everywhere = [BACKUP, NEW].map(|on| world.points_on(&machine(on), &stack("acme")));
            let newest = everywhere
                .iter()
                .flatten()
                .filter(|p| p.rung >= Rung::Shipped)
                .map(|p| p.taken_at)
                .max();
            world.lose("acme-e1");
            world.adopt();
            let mut taken = None;
            for _ in 0..8 {
                let plan = world.plan();
                taken = taken.or_else(|| {
                    plan.plan()
                        .steps
                        .iter()
                        .find_map(|step| match &step.action {
                            Action::Fetch {
                                source: Source::Point { taken_at, .. },
                                ..
                            } => Some(*taken_at),
                            _ => None,
                        })
                });
                world.apply(&plan, Order::First, None, &mut done, &mut refused);
            }
            assert_eq!(taken, newest, "after {done:#?}");
            ends_well(&mut world, Order::First, "acme-e2");
        }
    }
}

#[test]
fn s01_no_room_at_the_new_place_and_points_still_go_to_the_old_one() {
    let mut world = with_history();
    world
        .inventories
        .get_mut(&hoster("ionos"))
        .unwrap()
        .free
        .clear();
    world.now_wants(at_ionos(""));
    world.now += SignedDuration::from_hours(24);
    assert!(words(world.plan().plan()).contains("capacity"));
    let mut done = world.settle();
    done.retain(|step| !step.contains(".verify."));
    assert_eq!(done, ["acme.backup.acme-e1"]);
    assert_eq!(world.points[&stack("acme")].len(), 4);
    world.lose("acme-e1");
    world.settle();
    assert_eq!(world.open_machines(&stack("acme")), ["acme-e2"]);
}

#[test]
fn s01_an_old_backup_machine_that_is_silent_is_waited_for() {
    let mut world = with_history();
    world.now_wants(at_ionos(""));
    world.silent.insert(machine(BACKUP), gap(BACKUP));
    world.settle();
    assert_eq!(world.points_on(&machine(NEW), &stack("acme")).len(), 1);
    let plan = world.plan();
    let held = &plan.plan().held;
    assert!(
        held.iter()
            .any(|held| matches!(held.hold, Hold::NotObserved { .. })
                && held.wanted.contains("copying the recovery points of acme")),
        "{held:#?}"
    );
    world.silent.clear();
    world.settle();
    is_superseded(&world);
}

#[test]
fn s01_nothing_is_restored_while_newer_points_may_be_where_nobody_can_look() {
    let mut world = with_history();
    world.now_wants(at_ionos(""));
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    let plan = world.plan();
    world.apply(&plan, Order::First, None, &mut done, &mut refused);
    // The new machine is there, no point yet; production and the old machine fall silent.
    world.silent.insert(machine(BACKUP), gap(BACKUP));
    world.lose("acme-e1");
    let plan = world.plan();
    assert!(
        !plan
            .plan()
            .steps
            .iter()
            .any(|s| s.action.verb() == "create")
    );
    world.silent.clear();
    ends_well(&mut world, Order::First, "acme-e2");
}

#[test]
fn s03_after_the_copy_the_old_machine_may_burn() {
    let mut world = moved();
    world.lose(BACKUP);
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:#?}", plan.plan().steps);
    assert!(plan.plan().held.is_empty(), "{:#?}", plan.plan().held);
    // Only what was copied is left to rebuild from.
    let points = world.elsewhere.get_mut(&machine(NEW)).unwrap();
    let points = points.get_mut(&stack("acme")).unwrap();
    points.retain(|point| point.id.as_str().starts_with('c'));
    assert_eq!(points.len(), 3);
    world.lose("acme-e1");
    world.settle();
    world.is_well("acme", "acme-e2");
}

#[test]
fn back_again_and_the_points_of_the_time_between_come_along() {
    let mut world = moved();
    world.now += SignedDuration::from_hours(24);
    world.settle();
    world.now_wants(acme(HETZNER));
    world.settle();
    world.is_well("acme", "acme-e1");
    assert_eq!(world.writes_to("acme-e1").as_deref(), Some(BACKUP));
    let old = world.points_on(&machine(NEW), &stack("acme"));
    let here = world.points_on(&machine(BACKUP), &stack("acme"));
    for point in old {
        assert!(
            here.iter().any(|p| p.taken_at == point.taken_at),
            "{point:?}"
        );
    }
    assert!(!world.lets_in(NEW, "acme", Way::Production));
    assert!(world.plan().plan().held.is_empty());
}

#[test]
fn s11_a_point_that_was_never_read_back_is_not_proven_by_being_copied() {
    let mut world = with_history();
    world.now += SignedDuration::from_mins(1);
    world.add_point("acme", Epoch(1), Rung::Taken);
    world.now_wants(at_ionos(""));
    world.settle();
    let here = world.points_on(&machine(NEW), &stack("acme"));
    assert_eq!(here.iter().filter(|p| p.rung == Rung::Taken).count(), 1);
    is_superseded(&world);
}

/// The rules that a plan breaks which takes every point of this machine but the newest away.
fn forgetting_on(world: &World, vault: &str) -> String {
    let mut points = world.points_on(&machine(vault), &stack("acme"));
    points.sort_by_key(|point| point.taken_at);
    points.pop();
    let leaving = points.into_iter().map(|point| Leaving {
        point: point.id,
        taken_at: point.taken_at,
        rung: point.rung,
        why: String::new(),
    });
    let mut plan = world.draft();
    plan.steps = vec![Step {
        id: StepId::new(format!("acme.forget.{vault}")),
        stack: Some(stack("acme")),
        action: Action::Forget {
            machine: machine(vault),
            points: leaving.collect(),
            right: Vec::new(),
        },
        effect: Effect::Destructive,
        why: Why {
            reason: String::new(),
            place: None,
            line: None,
            cause: Cause::Reality,
        },
        after: Vec::new(),
        forecast: Forecast::default(),
    }];
    let found = world.check(plan).err().into_iter().flatten();
    let found: Vec<String> = found.map(|violation| violation.to_string()).collect();
    found.join("\n")
}

#[test]
fn s03_nothing_is_forgotten_on_either_machine_while_history_moves() {
    let mut world = with_history();
    world.now_wants(at_ionos(""));
    let copies = |plan: &Plan| {
        let mut steps = plan.steps.iter();
        steps.any(|step| matches!(step.action, Action::Copy { .. }))
    };
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    while !copies(world.plan().plan()) {
        let plan = world.plan();
        world.apply(&plan, Order::First, None, &mut done, &mut refused);
        world.adopt();
    }
    let awaits = format!("while those on {BACKUP} are not copied");
    let said = forgetting_on(&world, NEW);
    assert!(said.contains(&awaits), "{said}");
    let closed = "where no new ones come";
    assert!(forgetting_on(&world, BACKUP).contains(closed));
    world.settle();
    assert!(!forgetting_on(&world, NEW).contains(&awaits));
    assert!(forgetting_on(&world, BACKUP).contains(closed));
}

/// The backup leaves netcup, and production goes there, in one commit.
fn crossed() -> Desired {
    let text = stack_file("acme", AT_NETCUP, REPAIR);
    let text = text.replace(
        "[backup]\nhoster = \"netcup\"\nsite = \"vie\"",
        "[backup]\nhoster = \"ionos\"\nsite = \"de/fra\"",
    );
    let want = desired(&[("acme", text)]);
    assert!(want.broken.is_empty(), "{:?}", want.broken);
    want
}

const AT_NETCUP: &str = "hoster = \"netcup\"\nsite = \"vie\"";

#[test]
fn s14_production_does_not_move_to_where_its_only_history_is() {
    let mut world = with_history();
    world.now_wants(crossed());
    let mut moves = Vec::new();
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        world.adopt();
        let plan = world.plan();
        if plan.plan().steps.is_empty() {
            break;
        }
        let copied = world.past().repositories[&stack("acme")]
            .get(&machine(BACKUP))
            .is_some_and(|kept| kept.copied.contains_key(&machine(NEW)));
        let mut steps = plan.plan().steps.iter();
        if steps.any(|step| step.id.as_str() == "acme.create.acme-e2") {
            moves.push(copied);
        }
        world.apply(&plan, Order::First, None, &mut done, &mut refused);
    }
    assert!(
        !moves.is_empty() && moves.iter().all(|copied| *copied),
        "{moves:?}"
    );
    world.is_well("acme", "acme-e2");
    assert_eq!(world.machine("acme-e2").unwrap().hoster, hoster("netcup"));
    is_superseded(&world);
}

#[test]
fn s14_a_move_waits_with_words_and_points_are_taken_meanwhile() {
    let mut world = with_history();
    world.now_wants(crossed());
    world.silent.insert(machine(BACKUP), gap(BACKUP));
    world.settle();
    world.now += SignedDuration::from_hours(24);
    let done = world.settle();
    assert!(done.contains(&"acme.backup.acme-e1".to_owned()), "{done:?}");
    assert_eq!(world.open_machines(&stack("acme")), ["acme-e1"]);
    let said = words(world.plan().plan());
    assert!(
        said.contains("rule: \"S14\"")
            && said.contains("are on backup-netcup-vie alone, which is not independent of netcup"),
        "{said}"
    );
    // By a person's word they are lost: nothing is left to wait for.
    let netcup = world.inventories.get_mut(&hoster("netcup")).unwrap();
    netcup.machines.retain(|m| m.name.as_str() != BACKUP);
    let mut lost = crossed();
    lost.stacks = at_ionos(WAIVER).stacks;
    let production = crossed().stacks[&stack("acme")].production.clone();
    lost.stacks.get_mut(&stack("acme")).unwrap().production = production;
    world.now_wants(lost);
    world.settle();
    assert_eq!(world.open_machines(&stack("acme")), ["acme-e2"]);
}

#[test]
fn s14_an_emergency_does_not_wait_for_history() {
    let mut world = with_history();
    world.now_wants(crossed());
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    let plan = world.plan();
    world.apply(&plan, Order::First, None, &mut done, &mut refused);
    world.lose("acme-e1");
    let plan = world.plan();
    let mut steps = plan.plan().steps.iter();
    let create = steps.find(|step| step.id.as_str() == "acme.create.acme-e2");
    assert!(
        matches!(create.map(|step| &step.action), Some(Action::Create { hoster: at, .. }) if *at == hoster("netcup")),
        "{}",
        words(plan.plan())
    );
    ends_well(&mut world, Order::First, "acme-e2");
}
