//! Which steps of a plan are done beside each other, and whose turn it is.

use super::plan_holds::plan_of;
use super::plan_world::{BACKUP, HETZNER, REPAIR, World, desired, machine, stack, stack_file};
use holdfast::decide::groups::{Busy, Group, beside, part, split};
use holdfast::decide::history::History;
use holdfast::decide::turns::Turns;
use holdfast::model::ids::{CommitId, StackId, StepId};
use holdfast::model::journal::{Entry, Event, StepResult};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn both() -> World {
    let file = |id| stack_file(id, HETZNER, REPAIR);
    World::before_the_first_day(desired(&[("acme", file("acme")), ("bolt", file("bolt"))]))
}

fn running() -> World {
    let mut world = both();
    world.settle();
    world
}

fn stacks(group: &Group) -> Vec<&str> {
    group.stacks.iter().map(StackId::as_str).collect()
}

#[test]
fn customers_who_share_no_step_are_done_beside_each_other() {
    let mut world = running();
    world.facts_mut("acme-e1").packages.remove("nginx");
    world.facts_mut("bolt-e1").packages.remove("nginx");
    world.facts_mut(BACKUP).packages.remove("restic");
    let plan = plan_of(&world);
    let groups = split(&plan);
    let found: Vec<Vec<&str>> = groups.iter().map(stacks).collect();
    assert!(found.contains(&vec!["acme"]), "{found:?}");
    assert!(found.contains(&vec!["bolt"]), "{found:?}");
    let all: usize = groups.iter().map(|group| group.steps.len()).sum();
    assert_eq!(all, plan.steps.len());
    for group in &groups {
        let alone = part(plan.clone(), group, &BTreeMap::new());
        assert_eq!(alone.steps.len(), group.steps.len());
        world.check(alone).unwrap();
    }
}

#[test]
fn who_waits_for_the_same_step_is_done_together() {
    let groups = split(&plan_of(&both()));
    assert_eq!(groups.len(), 1, "{groups:#?}");
    assert_eq!(stacks(&groups[0]), ["acme", "bolt"]);
    assert!(groups[0].machines.contains(&machine(BACKUP)));
}

#[test]
fn s16_what_is_under_way_is_left_out_and_nothing_of_anybody_else() {
    let mut world = running();
    world.facts_mut("acme-e1").packages.remove("nginx");
    world.facts_mut("bolt-e1").packages.remove("nginx");
    let plan = plan_of(&world);
    let busy = Busy {
        stacks: BTreeSet::from([stack("acme")]),
        ..Busy::default()
    };
    let rest = beside(plan.clone(), &busy);
    assert!(!rest.steps.is_empty());
    assert!(rest.steps.iter().all(|s| s.stack == Some(stack("bolt"))));
    // On the first day both wait for the backup machine that somebody is making.
    let first = plan_of(&both());
    let making = Busy {
        machines: BTreeSet::from([machine(BACKUP)]),
        ..Busy::default()
    };
    assert_eq!(beside(first, &making).steps, []);
    assert_eq!(beside(plan.clone(), &Busy::default()), plan);
}

#[test]
fn a_stack_is_under_way_until_its_own_steps_have_ended_or_wait_in_vain() {
    let plan = plan_of(&both());
    let of = |id: &str| -> Vec<StepId> {
        let own = plan.steps.iter().filter(|s| s.stack == Some(stack(id)));
        own.map(|s| s.id.clone()).collect()
    };
    let mut ended = BTreeMap::new();
    let shared = plan.steps.iter().filter(|step| step.stack.is_none());
    ended.extend(shared.map(|step| (step.id.clone(), true)));
    let busy = Busy::with(&plan.steps, &ended);
    assert_eq!(busy.stacks.len(), 2);
    assert!(!busy.machines.contains(&machine(BACKUP)));
    ended.extend(of("acme").into_iter().map(|id| (id, true)));
    let busy = Busy::with(&plan.steps, &ended);
    assert_eq!(busy.stacks, BTreeSet::from([stack("bolt")]));
    // What bolt begins with fails, and everything else of it waits for that.
    let bolts = of("bolt");
    for step in plan.steps.iter().filter(|step| bolts.contains(&step.id)) {
        if !step.after.iter().any(|before| bolts.contains(before)) {
            ended.insert(step.id.clone(), false);
        }
    }
    assert_eq!(Busy::with(&plan.steps, &ended), Busy::default());
}

#[test]
fn the_same_steps_once_more_wait_and_other_steps_do_not() {
    let mut world = running();
    world.facts_mut("acme-e1").packages.remove("nginx");
    let plan = plan_of(&world);
    let group = &split(&plan)[0];
    let mut turns = Turns::default();
    let mut at = seconds(1_000);
    for wait in [5, 10, 20, 40, 60, 60] {
        assert_eq!(turns.wait(&plan, group, at, MINUTE), Duration::ZERO);
        turns.begun(&plan, group, at, MINUTE);
        turns.ended(group, at + seconds(1));
        at += seconds(1);
        assert_eq!(turns.wait(&plan, group, at, MINUTE), seconds(wait));
        at += seconds(wait);
    }
    turns.begun(&plan, group, at, MINUTE);
    world.facts_mut("acme-e1").packages.remove("restic");
    let other = plan_of(&world);
    let group = &split(&other)[0];
    assert_eq!(turns.wait(&other, group, at, MINUTE), Duration::ZERO);
    // Somebody pushed: everything is tried.
    let group = &split(&plan)[0];
    turns.forget();
    assert_eq!(turns.wait(&plan, group, at, MINUTE), Duration::ZERO);
}

#[test]
fn what_brings_something_back_goes_first_then_who_waited_longest() {
    let mut world = running();
    world.facts_mut("acme-e1").packages.remove("nginx");
    world.facts_mut("bolt-e1").packages.remove("nginx");
    let plan = plan_of(&world);
    let mut groups = split(&plan);
    let mut turns = Turns::default();
    turns.order(&mut groups);
    let first = groups[0].clone();
    turns.begun(&plan, &first, seconds(1), MINUTE);
    turns.order(&mut groups);
    assert_ne!(groups[0], first);
    for group in &mut groups {
        group.urgent = *group == first;
    }
    turns.order(&mut groups);
    assert_eq!(groups[0].stacks, first.stacks);
}

/// A head that was accepted in the middle is not what a running step makes real.
#[test]
fn s05_a_step_ends_under_the_head_that_it_was_planned_from() {
    let step = StepId::new("acme.install.acme-e1");
    let head = |letter: &str| CommitId::new(letter.repeat(40));
    let events = [
        Event::Accepted { commit: head("a") },
        Event::Started {
            step: step.clone(),
            action: "install acme-e1".to_owned(),
            repair: false,
            head: Some(head("a")),
            mends: Vec::new(),
        },
        Event::Accepted { commit: head("b") },
        Event::Ended {
            step,
            result: StepResult::Done,
            millis: 1,
        },
    ];
    let entry = |(seq, event): (i64, Event)| Entry {
        seq,
        at: "2026-03-02T12:00:00Z".parse().unwrap(),
        stack: Some(stack("acme")),
        event,
    };
    let entries: Vec<Entry> = (1..).zip(events).map(entry).collect();
    let past = History::from_entries(&entries);
    assert_eq!(past.accepted, Some(head("b")));
    assert_eq!(past.in_line[&stack("acme")], head("a"));
    assert!(past.planned_from.is_empty());
}
