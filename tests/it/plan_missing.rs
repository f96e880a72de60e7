//! A stack that the commit does not have any more: held, never destroyed, never passed over.

use super::plan_holds::kinds;
use super::plan_world::{HETZNER, REPAIR, World, desired, gap, hoster, stack, stack_file};
use holdfast::model::desired::Desired;
use holdfast::model::ids::StackId;
use holdfast::model::observed::Power;
use holdfast::model::plan::{Held, Plan};

fn file(id: &str) -> String {
    stack_file(id, HETZNER, REPAIR)
}

fn both() -> Desired {
    desired(&[("acme", file("acme")), ("bolt", file("bolt"))])
}

fn only_bolt() -> Desired {
    desired(&[("bolt", file("bolt"))])
}

fn held_for<'p>(plan: &'p Plan, id: &StackId) -> Vec<&'p Held> {
    let of = |held: &&Held| held.stack.as_ref() == Some(id);
    plan.held.iter().filter(of).collect()
}

#[test]
fn s01_a_stack_whose_file_is_gone_is_held_and_left_as_it_is() {
    let mut world = World::running(both());
    world.now_wants(only_bolt());
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:#?}", plan.plan().steps);
    let held = held_for(plan.plan(), &stack("acme"));
    assert_eq!(held.len(), 1, "{held:#?}");
    let said = format!("{:?} {}", held[0].hold, held[0].remedy);
    for word in ["acme-e1", "stacks/acme.toml", "moved_from", "retired"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert_eq!(world.machine("acme-e1").unwrap().power, Power::On);
}

#[test]
fn s01_it_is_held_also_while_its_hoster_does_not_answer_or_no_longer_lists_it() {
    let mut world = World::running(both());
    world.now_wants(only_bolt());
    world.deaf.insert(hoster("hetzner"), gap("hoster hetzner"));
    assert_eq!(held_for(world.plan().plan(), &stack("acme")).len(), 1);
    world.deaf.clear();
    world.lose("acme-e1");
    assert_eq!(held_for(world.plan().plan(), &stack("acme")).len(), 1);
}

#[test]
fn s07_it_is_held_also_when_the_journal_is_lost() {
    let mut world = World::running(both());
    world.now_wants(only_bolt());
    world.journal.clear();
    assert_eq!(held_for(world.plan().plan(), &stack("acme")).len(), 1);
}

#[test]
fn s16_the_others_go_on() {
    let mut world = World::running(both());
    world.now_wants(only_bolt());
    world.lose("bolt-e1");
    world.settle();
    world.is_well("bolt", "bolt-e2");
    assert_eq!(held_for(world.plan().plan(), &stack("acme")).len(), 1);
}

#[test]
fn s03_after_retirement_its_machine_is_named_until_a_person_deletes_it() {
    let mut world = World::running(both());
    let end = file("acme").replacen("name = ", "retired = \"2026-03-02\"\nname = ", 1);
    world.now_wants(desired(&[("acme", end), ("bolt", file("bolt"))]));
    world.settle();
    world.now_wants(only_bolt());
    let plan = world.plan();
    let held = held_for(plan.plan(), &stack("acme"));
    assert_eq!(held.len(), 1, "{held:#?}");
    assert!(format!("{:?}", held[0].hold).contains("acme-e1 is kept"));
    world.lose("acme-e1");
    assert!(held_for(world.plan().plan(), &stack("acme")).is_empty());
}

/// `stacks/acme2.toml`, as somebody writes it who renames the file.
fn renamed(moved_from: &str) -> Desired {
    let text = file("acme").replace("id = \"acme\"", &format!("id = \"acme2\"{moved_from}"));
    let want = desired(&[("acme2", text), ("bolt", file("bolt"))]);
    assert!(want.broken.is_empty(), "{:?}", want.broken);
    want
}

#[test]
fn s07_after_a_rename_with_moved_from_the_plan_is_empty() {
    let mut world = World::running(both());
    world.now_wants(renamed("\nmoved_from = \"acme\""));
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:#?}", plan.plan().steps);
    assert!(plan.plan().held.is_empty(), "{:#?}", plan.plan().held);
    // It is the same customer: lost, it comes back from the same points under the same name.
    world.lose("acme-e1");
    world.settle();
    world.is_well("acme", "acme-e2");
    assert_eq!(world.want.stack(&stack("acme2")).unwrap().id, stack("acme"));
    assert_eq!(
        world.want.stack(&stack("acme")).unwrap().shown,
        stack("acme2")
    );
}

#[test]
fn s03_after_a_rename_without_it_the_old_stack_is_held() {
    let mut world = World::running(both());
    world.now_wants(renamed(""));
    world.points.insert(stack("acme2"), Vec::new());
    let plan = world.plan();
    assert_eq!(held_for(plan.plan(), &stack("acme")).len(), 1);
    let of_acme = |id: &&str| id.contains("acme-e1");
    let ids: Vec<&str> = plan.plan().steps.iter().map(|s| s.id.as_str()).collect();
    assert!(
        ids.iter().copied().filter(|id| of_acme(id)).count() == 0,
        "{ids:?}"
    );
    // Its name is not taken from it either.
    assert!(!kinds(plan.plan()).contains(&"name"), "{ids:?}");
}

#[test]
fn s16_a_name_is_not_taken_from_a_stack_whose_file_is_broken() {
    let mut world = World::running(both());
    let thief = file("bolt").replace("docs.bolt.example", "docs.acme.example");
    let broken = file("acme").replace("schema = 1", "schema = one");
    world.now_wants(desired(&[("acme", broken), ("bolt", thief)]));
    assert!(world.want.broken.contains_key(&stack("acme")));
    let plan = world.plan();
    assert!(
        !kinds(plan.plan()).contains(&"name"),
        "{:#?}",
        plan.plan().steps
    );
    let held = held_for(plan.plan(), &stack("bolt"));
    assert!(
        held.iter().any(|h| h.wanted.contains("docs.acme.example")),
        "{held:#?}"
    );
}

#[test]
fn s16_what_a_retired_stack_left_behind_is_nobody_elses() {
    let mut world = World::running(both());
    let end = file("acme").replacen("name = ", "retired = \"2026-03-02\"\nname = ", 1);
    world.now_wants(desired(&[("acme", end), ("bolt", file("bolt"))]));
    world.settle();
    world.now_wants(renamed("\nmoved_from = \"acme\""));
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:#?}", plan.plan().steps);
    let held = held_for(plan.plan(), &stack("acme"));
    assert!(
        format!("{held:?}").contains("acme was retired"),
        "{held:#?}"
    );
}
