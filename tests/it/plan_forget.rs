//! What a plan that forgets may hold, and why nothing is forgotten in doubt.

use crate::plan_world::{BACKUP, Cut, HETZNER, Order, World, acme, gap, machine, stack};
use crate::retention::{keeping, shape};
use holdfast::decide::plan::Asked;
use holdfast::model::evidence::What;
use holdfast::model::ids::{Epoch, PointId};
use holdfast::model::journal::Event;
use holdfast::model::machine::Digest;
use holdfast::model::plan::{Action, Effect, Hold, Leaving, Plan};
use holdfast::model::point::{RecoveryPoint, Rung};
use holdfast::model::vault::Holdings;
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// A customer whose points of the last sixty nights are there.
pub fn aged() -> World {
    let mut want = acme(HETZNER);
    want.stacks
        .get_mut(&stack("acme"))
        .unwrap()
        .backup
        .retention = keeping(30, [0, 0, 3, 0]);
    let mut world = World::running(want);
    let id = stack("acme");
    let newest = world.points[&id][0].clone();
    for night in 1..=60_i64 {
        let mut older = newest.clone();
        older.id = PointId::new(format!("{night:02}{}", "a".repeat(62)));
        older.arrived_at = Some(world.now - SignedDuration::from_hours(24 * night - 1));
        older.taken_at = older.arrived_at.unwrap();
        world.points.get_mut(&id).unwrap().push(older);
    }
    // Read today already: nothing else is due.
    let read = Event::Verified {
        machine: machine(BACKUP),
        part: 1,
        of: 28,
        findings: Vec::new(),
    };
    world.record(Some(&id), read);
    let drilled = Event::Drilled {
        what: What::Drill,
        escrow: false,
        point: newest.id,
        machine: machine("acme-drill-1"),
        passed: true,
        evidence: Digest("d".repeat(64)),
        data_age: 60,
        millis: 60_000,
    };
    world.record(Some(&id), drilled);
    world
}

fn forgotten(plan: &Plan) -> Option<&Vec<Leaving>> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::Forget { points, .. } => Some(points),
        _ => None,
    })
}

fn frozen(world: &World) -> String {
    let plan = world.plan();
    let plan = plan.plan();
    assert_eq!(forgotten(plan), None);
    let held = plan.held.iter().find_map(|held| match &held.hold {
        Hold::Forbidden { rule, reason } if rule == "S12" => Some(reason.clone()),
        _ => None,
    });
    held.unwrap_or_else(|| panic!("no alarm: {:#?}", plan.held))
}

#[test]
fn a_plan_names_each_point_that_goes_and_afterwards_nothing_is_left_to_do() {
    let mut world = aged();
    let plan = world.plan();
    let step = &plan.plan().steps[0];
    assert_eq!(plan.plan().steps.len(), 1);
    assert_eq!(step.effect, Effect::Destructive);
    let gone = forgotten(plan.plan()).unwrap();
    assert_eq!(gone.len(), 29);
    assert!(gone.iter().all(|point| point.why.contains("30d 0h")));
    let count = world.points[&stack("acme")].len();
    assert_eq!(world.settle(), ["acme.forget.backup-netcup-vie"]);
    assert_eq!(world.points[&stack("acme")].len(), count - 29);
    assert!(world.plan().plan().steps.is_empty());
}

#[test]
fn s12_nothing_is_forgotten_while_anything_is_in_doubt() {
    let id = stack("acme");
    let mut junk = aged();
    let aside = BTreeMap::from([("index".to_owned(), 3)]);
    let holdings = Holdings {
        aside,
        ..Holdings::default()
    };
    junk.holdings.insert(id.clone(), holdings);
    assert!(frozen(&junk).contains("3 files that are nobody's"));

    let mut unfinished = aged();
    unfinished.begun("acme.verify.backup-netcup-vie");
    assert!(frozen(&unfinished).contains("acme.verify.backup-netcup-vie was begun"));

    let mut wrong = aged();
    let newest = wrong.points[&id][0].id.clone();
    let before = PointId::new(format!("01{}", "a".repeat(62)));
    let shapes = BTreeMap::from([
        (before, shape(1000, 500, 20_000, 0, 0)),
        (newest.clone(), shape(1000, 500, 0, 0, 0)),
    ]);
    let holdings = Holdings {
        shapes,
        ..Holdings::default()
    };
    wrong.holdings.insert(id.clone(), holdings);
    assert!(frozen(&wrong).contains("0 rows after 20000"));
    let mut unlooked = wrong.clone();
    let holdings = unlooked.holdings.get_mut(&id).unwrap();
    let shape = holdings.shapes.get_mut(&newest).unwrap();
    shape.unlooked = true;
    (shape.rows, shape.added, shape.packed) = (Some(20_000), None, None);
    assert!(frozen(&unlooked).contains("nobody has looked at what was new"));

    let mut broken = aged();
    let holdings = Holdings {
        unreadable: vec!["/srv/holdfast/rungs/acme/1.shipped.json".into()],
        ..Holdings::default()
    };
    broken.holdings.insert(id.clone(), holdings);
    assert!(frozen(&broken).contains("1 records of what its points look like"));

    // A signed word lifts it.
    let right = vec![newest.as_str()[..12].to_owned()];
    let retention = &mut wrong.want.stacks.get_mut(&id).unwrap().backup.retention;
    retention.right = right;
    assert!(forgotten(wrong.plan().plan()).is_some());

    // Where nothing could be seen, nothing goes, and that is said.
    let mut unseen = aged();
    unseen.points_gap = Some(gap("recovery points of acme"));
    let plan = unseen.plan();
    assert_eq!(forgotten(plan.plan()), None);
    assert!(!plan.plan().held.is_empty());
}

#[test]
fn a_drill_that_failed_keeps_what_grew_old_until_one_passes() {
    let mut world = aged();
    world.broken.insert(machine("acme-drill-1"));
    world.drill("acme", &Asked::default());
    let plan = world.plan();
    assert_eq!(forgotten(plan.plan()), None);
    let rules: Vec<&str> = plan
        .plan()
        .held
        .iter()
        .filter_map(|held| match &held.hold {
            Hold::Forbidden { rule, .. } => Some(rule.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(rules, ["drill", "drill"], "{:#?}", plan.plan().held);
    world.broken.clear();
    world.drill("acme", &Asked::default());
    assert!(forgotten(world.plan().plan()).is_some());
}

#[test]
fn s12_a_drill_that_was_broken_off_does_not_keep_everything_for_ever() {
    let mut world = aged();
    for step in ["acme.create.acme-drill-7", "acme.retrieve.acme-e1"] {
        world.begun(step);
    }
    assert!(forgotten(world.plan().plan()).is_some());
}

#[test]
fn s12_without_a_recent_point_nothing_goes() {
    let mut world = aged();
    // No backup for a week: one is due, and what it will say is waited for.
    world.now += SignedDuration::from_hours(24 * 7);
    let plan = world.plan();
    assert_eq!(forgotten(plan.plan()), None);
    let verbs: Vec<&str> = plan.plan().steps.iter().map(|s| s.action.verb()).collect();
    assert!(verbs.contains(&"backup"), "{verbs:?}");
}

#[test]
fn s03_s12_a_plan_that_forgets_too_much_is_thrown_away_whoever_wrote_it() {
    let world = aged();
    let id = stack("acme");
    let plan = world.plan().plan().clone();
    let broken = |world: &World, points: Vec<&RecoveryPoint>| -> Vec<&'static str> {
        let mut plan = plan.clone();
        let leaving = points.into_iter().map(|p| Leaving {
            point: p.id.clone(),
            taken_at: p.taken_at,
            rung: p.rung,
            why: String::new(),
        });
        let leaving = leaving.collect();
        for step in &mut plan.steps {
            if let Action::Forget { points, .. } = &mut step.action {
                *points = std::mem::take(&mut Vec::clone(&leaving));
            }
        }
        let judged = world.check(plan);
        let mut rules: Vec<_> = judged.err().into_iter().flatten().map(|v| v.rule).collect();
        rules.dedup();
        rules
    };
    let points = &world.points[&id];
    let newest = points.iter().max_by_key(|p| p.arrived_at).unwrap();
    let oldest = points.iter().min_by_key(|p| p.arrived_at).unwrap();
    assert_eq!(broken(&world, vec![oldest]), [""; 0]);
    assert_eq!(broken(&world, vec![newest]), ["S3"]);
    assert_eq!(broken(&world, points.iter().collect()), ["S3"]);
    let mut stranger = oldest.clone();
    stranger.id = PointId::new("0".repeat(64));
    assert_eq!(broken(&world, vec![&stranger]), ["S1"]);
    // The last that was drilled stays, though many newer ones were only read back.
    let mut drilled = world.clone();
    let all = drilled.points.get_mut(&id).unwrap();
    let old = all.iter_mut().min_by_key(|p| p.arrived_at).unwrap();
    old.rung = Rung::AppVerified;
    assert_eq!(broken(&drilled, vec![oldest]), ["S3"]);
    let mut undated = world.clone();
    for point in undated.points.get_mut(&id).unwrap() {
        point.arrived_at = None;
    }
    assert_eq!(broken(&undated, vec![oldest]), ["S12", "S3"]);
    let mut unseen = world.clone();
    unseen.points_gap = Some(gap("recovery points"));
    assert_eq!(broken(&unseen, vec![oldest]), ["S1"]);
    let mut junk = world.clone();
    let aside = BTreeMap::from([("keys".to_owned(), 1)]);
    let holdings = Holdings {
        aside,
        ..Holdings::default()
    };
    junk.holdings.insert(id.clone(), holdings);
    assert_eq!(broken(&junk, vec![oldest]), ["S12"]);
    assert!(world.machine(BACKUP).is_some() && machine(BACKUP).as_str() == BACKUP);
}

#[test]
fn s06_forgetting_that_was_interrupted_is_done_again() {
    for cut in [Cut::BeforeTheEffect, Cut::AfterTheEffect] {
        let mut world = aged();
        let plan = world.plan();
        let (mut done, mut refused) = (Vec::new(), Vec::new());
        assert!(world.apply(&plan, Order::First, Some((0, cut)), &mut done, &mut refused));
        let again = world.plan();
        let points = forgotten(again.plan()).expect("it is not taken up again");
        assert_eq!(points.is_empty(), cut == Cut::AfterTheEffect);
        world.settle();
        assert!(world.past().unfinished.is_empty());
    }
}

#[test]
fn s10_a_snapshot_that_claims_a_higher_epoch_unseats_nobody() {
    let mut world = World::running(acme(HETZNER));
    let junk = world.add_point("acme", Epoch(999), Rung::Taken);
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:?}", plan.plan().steps);
    assert!(plan.plan().held.is_empty(), "{:?}", plan.plan().held);
    // Nor when the journal is lost and only the points tell of the past.
    world.journal.truncate(1);
    world.adopt();
    let plan = world.plan();
    let named =
        |step: &holdfast::model::plan::Step| step.action.machine().as_str().contains("e999");
    assert!(
        !plan.plan().steps.iter().any(named),
        "{:?}",
        plan.plan().steps
    );
    assert!(world.points[&stack("acme")].iter().any(|p| p.id == junk));
}
