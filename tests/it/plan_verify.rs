//! Reading repositories for damage: when which part is due, and what damage means for a plan.

use crate::plan_world::{BACKUP, HETZNER, World, acme, machine, stack};
use holdfast::decide::clocks::{ahead, told};
use holdfast::decide::damage::damage;
use holdfast::decide::plan::verify::{CYCLE, PARTS, next_part};
use holdfast::model::ids::{Epoch, PointId};
use holdfast::model::plan::{Action, Hold, Plan};
use holdfast::model::point::Rung;
use holdfast::model::verification::{Reading, Verification};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn noon() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn verify(plan: &Plan) -> Option<(u32, u32)> {
    plan.steps.iter().find_map(|step| match step.action {
        Action::Verify { part, of, .. } => Some((part, of)),
        _ => None,
    })
}

fn alarms(plan: &Plan) -> Vec<(String, String)> {
    let held = plan.held.iter().filter_map(|held| match &held.hold {
        Hold::Forbidden { rule, reason } => Some((rule.clone(), reason.clone())),
        _ => None,
    });
    held.collect()
}

/// The record of a backup machine on which these points rest on damage.
fn damaged(points: &[&str], at: Timestamp) -> Verification {
    let findings = ["data/7f/7fe7 is gone".to_owned()];
    Verification {
        reading: Some(Reading::first(1, 1, &findings, at)),
        points: points
            .iter()
            .map(|p| (PointId::new(*p), "its pack is gone".to_owned()))
            .collect(),
        judged: BTreeSet::new(),
        lost: Vec::new(),
    }
}

#[test]
fn a_new_repository_is_read_after_a_day_and_then_daily_part_by_part() {
    let mut world = World::running(acme(HETZNER));
    assert_eq!(verify(world.plan().plan()), None);
    world.now += DAY;
    let mut read = Vec::new();
    for _ in 0..PARTS {
        read.extend(verify(world.plan().plan()));
        world.settle();
        assert_eq!(verify(world.plan().plan()), None, "once a day");
        world.now += DAY;
    }
    let every: Vec<_> = (1..=PARTS).map(|part| (part, PARTS)).collect();
    assert_eq!(read, every);
    assert_eq!(verify(world.plan().plan()), Some((1, PARTS)));
}

#[test]
fn s12_a_reading_waits_for_the_point_of_the_day_and_not_for_ever() {
    let mut world = World::running(acme(HETZNER));
    let mut due = |hours: i64| {
        world.now += SignedDuration::from_hours(hours);
        let plan = world.plan();
        let steps = &plan.plan().steps;
        let find = |verb: &str| steps.iter().find(|step| step.action.verb() == verb);
        let (backup, reading) = (find("backup").unwrap(), find("verify").unwrap());
        reading.after.contains(&backup.id)
    };
    assert!(due(30), "both touch the repository");
    assert!(!due(40), "no point comes, night after night");
}

#[test]
fn days_without_a_reconciler_are_made_up_for_within_the_cycle() {
    let mut last = Reading::first(1, PARTS, &[], noon());
    let mut now = noon();
    for part in 2..=PARTS {
        now += DAY;
        last.take_in(part, PARTS, &[], now);
    }
    // A week away: what fell behind is read at once, one after the other, and not more.
    now += DAY * 9;
    let mut read = Vec::new();
    while let Some((part, of)) = next_part(Some(&last), None, false, now) {
        last.take_in(part, of, &[], now);
        read.push(part);
    }
    assert_eq!(read, [1, 2, 3, 4, 5, 6, 7]);
}

proptest! {
    #[test]
    fn every_byte_is_read_within_the_cycle_if_somebody_looks_twice_a_day(
        hours in prop::collection::vec(1_i64..12, 400)
    ) {
        let (mut now, begun) = (noon(), noon());
        let mut last: Option<Reading> = None;
        let mut first_round: BTreeMap<u32, Timestamp> = BTreeMap::new();
        for hours in hours {
            now += SignedDuration::from_hours(hours);
            if let Some((part, of)) = next_part(last.as_ref(), Some(begun), false, now) {
                match &mut last {
                    Some(last) => last.take_in(part, of, &[], now),
                    None => last = Some(Reading::first(part, of, &[], now)),
                }
                first_round.entry(part).or_insert(now);
            }
            let Some(last) = &last else { continue };
            for part in 1..=PARTS {
                let since = last.read.get(&part).copied().unwrap_or(begun + DAY);
                prop_assert!(
                    now.duration_since(since) <= CYCLE + SignedDuration::from_hours(36),
                    "part {part} was not read since {since}, and it is {now}"
                );
            }
        }
        prop_assert_eq!(first_round.len(), PARTS as usize);
    }
}

#[test]
fn after_damage_everything_is_read_once_and_then_daily_again() {
    let found = ["data/7f/7fe7 is gone".to_owned()];
    let mut last = Reading::first(1, PARTS, &found, noon());
    let soon = noon() + SignedDuration::from_mins(1);
    assert_eq!(next_part(Some(&last), None, false, soon), Some((1, 1)));
    last.take_in(1, 1, &found, soon);
    assert_eq!(next_part(Some(&last), None, false, soon), None);
    assert_eq!(
        next_part(Some(&last), None, false, soon + DAY),
        Some((1, PARTS)),
        "not all of it again each day"
    );
}

#[test]
fn a_reading_that_is_to_come_proves_nothing() {
    let last = Reading::first(1, PARTS, &[], noon() + DAY);
    assert_eq!(
        next_part(Some(&last), None, false, noon()),
        Some((2, PARTS))
    );
}

#[test]
fn s01_what_was_read_is_known_without_the_journal_and_without_the_record() {
    let mut world = World::running(acme(HETZNER));
    world.now += DAY;
    // The journal is of before; the backup machine's record says that today's part was read.
    let reading = Reading::first(1, PARTS, &[], world.now);
    let kept = Verification {
        reading: Some(reading),
        ..Verification::default()
    };
    world.verified.insert(stack("acme"), kept);
    assert_eq!(verify(world.plan().plan()), None);
    // The other way round.
    world.verified.clear();
    world.settle();
    assert_eq!(verify(world.plan().plan()), None);
}

#[test]
fn s11_a_rebuild_takes_the_newest_point_that_is_not_damaged() {
    let mut world = World::running(acme(HETZNER));
    let good = world.points[&stack("acme")][0].id.clone();
    world.now += SignedDuration::from_hours(1);
    world.add_point("acme", Epoch(1), Rung::AppVerified);
    let points = world.points.get_mut(&stack("acme")).unwrap();
    points[1].damaged = Some("its pack is gone".into());
    world.lose("acme-e1");
    let plan = world.plan();
    let fetched = plan.plan().steps.iter().find_map(|s| match &s.action {
        Action::Fetch { source, .. } => Some(format!("{source:?}")),
        _ => None,
    });
    assert!(fetched.unwrap().contains(good.as_str()));
}

#[test]
fn s11_a_plan_that_takes_a_damaged_point_is_thrown_away() {
    let mut world = World::running(acme(HETZNER));
    world.lose("acme-e1");
    let plan = world.draft();
    let points = world.points.get_mut(&stack("acme")).unwrap();
    points[0].damaged = Some("its pack is gone".into());
    let violations = world.check(plan).unwrap_err();
    assert!(violations.iter().any(|v| v.rule == "S11"), "{violations:?}");
}

#[test]
fn s15_with_every_point_damaged_nothing_starts_empty() {
    let mut world = World::running(acme(HETZNER));
    let points = world.points.get_mut(&stack("acme")).unwrap();
    points[0].damaged = Some("its pack is gone".into());
    world.lose("acme-e1");
    let plan = world.plan();
    let plan = plan.plan();
    let creates = |s: &holdfast::model::plan::Step| matches!(s.action, Action::Create { .. });
    assert!(!plan.steps.iter().any(creates), "{:?}", plan.steps);
    assert!(alarms(plan).iter().any(|(rule, _)| rule == "S15"));
}

#[test]
fn s12_damage_is_an_alarm_for_as_long_as_it_stands_and_names_the_last_good_point() {
    let mut world = World::running(acme(HETZNER));
    let good = world.points[&stack("acme")][0].id.clone();
    world.now += SignedDuration::from_hours(1);
    let bad = world.add_point("acme", Epoch(1), Rung::Shipped);
    let points = world.points.get_mut(&stack("acme")).unwrap();
    points[1].damaged = Some("its pack is gone".into());
    let kept = damaged(&[bad.as_str()], world.now);
    world.verified.insert(stack("acme"), kept);
    let plan = world.plan();
    let said = alarms(plan.plan());
    let [(rule, reason)] = said.as_slice() else {
        panic!("{said:?}")
    };
    assert_eq!(rule, "damage");
    assert!(reason.contains("data/7f/7fe7 is gone"), "{reason}");
    assert!(reason.contains("1 of 2 points rest on it"), "{reason}");
    let last = format!("the last good one is {}", &good.as_str()[..8]);
    assert!(reason.contains(&last), "{reason}");
    let found = damage(
        &stack("acme"),
        &machine(BACKUP),
        &world.seen(),
        &world.past(),
    );
    assert_eq!(found, ["data/7f/7fe7 is gone"]);
    world.verified.clear();
    assert!(alarms(world.plan().plan()).is_empty());
}

#[test]
fn s12_damage_that_only_the_journal_remembers_stands_all_the_same() {
    let mut world = World::running(acme(HETZNER));
    world.now += DAY;
    world.damage = vec!["config is gone".into()];
    world.settle();
    let found = damage(
        &stack("acme"),
        &machine(BACKUP),
        &world.seen(),
        &world.past(),
    );
    assert_eq!(found, ["config is gone"]);
    assert_eq!(alarms(world.plan().plan()).len(), 1);
    // Found well again: the alarm is over.
    world.damage.clear();
    world.now += DAY;
    world.settle();
    assert!(alarms(world.plan().plan()).is_empty());
}

#[test]
fn a_damaged_newest_point_is_followed_by_another_backup() {
    let mut world = World::running(acme(HETZNER));
    let backs_up = |world: &World| {
        let plan = world.plan();
        let mut steps = plan.plan().steps.iter();
        steps.any(|s| matches!(s.action, Action::Backup { .. }))
    };
    assert!(!backs_up(&world));
    let points = world.points.get_mut(&stack("acme")).unwrap();
    points[0].damaged = Some("its pack is gone".into());
    assert!(backs_up(&world));
}

#[test]
fn nothing_is_read_while_a_restore_needs_the_disk() {
    let mut world = World::running(acme(HETZNER));
    world.now += DAY;
    world.lose("acme-e1");
    assert_eq!(verify(world.plan().plan()), None);
    world.settle();
    assert_eq!(verify(world.plan().plan()), None, "read in the end");
    assert!(world.past().read.contains_key(&stack("acme")));
}

#[test]
fn a_clock_is_told_of_from_half_a_minute_on_and_what_the_way_explains_is_not() {
    let second = SignedDuration::from_secs(1);
    let (asked, answered) = (noon(), noon() + second * 20);
    assert_eq!(
        ahead(asked + second * 7, asked, answered),
        SignedDuration::ZERO
    );
    assert_eq!(ahead(answered + second * 40, asked, answered), second * 40);
    assert_eq!(ahead(asked - second * 40, asked, answered), second * -40);
    assert_eq!(told(29_999), None);
    assert_eq!(told(-300_000).unwrap(), "it is 5m 00s behind ours");

    let mut world = World::running(acme(HETZNER));
    for name in ["acme-e1", BACKUP] {
        world.facts_mut(name).ahead_ms = 300_000;
    }
    let said = alarms(world.plan().plan());
    let rules: Vec<&str> = said.iter().map(|(rule, _)| rule.as_str()).collect();
    assert_eq!(rules, ["clock", "clock"]);
}

#[test]
fn the_end_of_the_certificates_is_told_a_year_ahead() {
    let mut world = World::running(acme(HETZNER));
    world.now = "2074-12-31T12:00:00Z".parse().unwrap();
    let told = |world: &World| {
        alarms(world.plan().plan())
            .iter()
            .any(|(rule, _)| rule == "certificate")
    };
    assert!(!told(&world));
    world.now = "2075-01-01T00:00:00Z".parse().unwrap();
    assert!(told(&world));
}

#[test]
fn s11_a_point_that_came_after_damage_is_not_trusted_before_it_was_looked_at() {
    let mut kept = damaged(&["lost"], noon());
    kept.judged = ["lost", "good"].map(PointId::new).into();
    assert_eq!(kept.against(&PointId::new("good")), None);
    assert!(
        kept.against(&PointId::new("lost"))
            .unwrap()
            .contains("pack")
    );
    let new = PointId::new("new");
    assert!(kept.against(&new).unwrap().contains("came after damage"));
    // It is looked at as soon as it is there, and not each time again.
    let last = kept.reading.clone().unwrap();
    assert_eq!(next_part(Some(&last), None, true, noon()), Some((1, PARTS)));
    assert_eq!(next_part(Some(&last), None, false, noon()), None);
    // Without damage nothing speaks against a point that was not read yet.
    kept.reading = Some(Reading::first(1, 1, &[], noon()));
    assert_eq!(kept.against(&new), None);
}
