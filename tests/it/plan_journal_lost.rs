//! The journal is lost around a move of the backup: Git, one key and the backup machines bring
//! everything back.

use crate::plan_backup_move::{NEW, at_ionos, ends_well, is_superseded, moved, with_history};
use crate::plan_world::{BACKUP, Cut, Order, World, gap, hoster, machine, stack};
use holdfast::model::gap::{Gap, GapKind};
use holdfast::model::journal::Event;
use holdfast::model::observed::Unseen;

/// The journal is gone; Git, the machines and the points are there.
fn lose_the_journal(world: &mut World) {
    world.journal.clear();
    let commit = world.want.commit.clone();
    world.record(None, Event::Accepted { commit });
}

#[test]
fn s03_a_journal_lost_after_the_move_learns_from_the_backup_machines_and_comes_to_rest() {
    let mut world = moved();
    lose_the_journal(&mut world);
    let done = world.settle();
    let backups = done.iter().filter(|step| step.contains(".backup."));
    assert_eq!(backups.count(), 0, "no point is due: {done:#?}");
    assert!(done.contains(&format!("acme.copy.{NEW}")), "{done:#?}");
    assert_eq!(world.points_on(&machine(NEW), &stack("acme")).len(), 4);
    world.is_well("acme", "acme-e1");
    is_superseded(&world);
}

#[test]
fn s06_a_journal_lost_anywhere_in_the_move_ends_where_one_that_was_kept_does() {
    for pass in 0..4 {
        for number in 0..8 {
            let mut world = with_history();
            world.now_wants(at_ionos(""));
            let (mut done, mut refused) = (Vec::new(), Vec::new());
            world.rounds(pass, Order::First, &mut done, &mut refused);
            world.adopt();
            let plan = world.plan();
            let at = Some((number, Cut::AfterTheEffect));
            world.apply(&plan, Order::First, at, &mut done, &mut refused);
            lose_the_journal(&mut world);
            ends_well(&mut world, Order::First, "acme-e1");
        }
    }
}

#[test]
fn s03_a_journal_lost_before_the_move_loses_no_history() {
    let mut world = with_history();
    lose_the_journal(&mut world);
    world.settle();
    world.now_wants(at_ionos(""));
    world.settle();
    assert_eq!(world.points_on(&machine(NEW), &stack("acme")).len(), 4);
    is_superseded(&world);
}

#[test]
fn s01_with_the_journal_lost_a_silent_old_backup_machine_is_asked_again() {
    let mut world = moved();
    lose_the_journal(&mut world);
    world.silent.insert(machine(BACKUP), gap(BACKUP));
    let done = world.settle();
    assert!(!done.iter().any(|s| s.contains(".backup.")), "{done:#?}");
    world.silent.clear();
    world.settle();
    is_superseded(&world);
}

/// A machine that is in the inventory of ordered ones, and was not seen.
fn not_seen(world: &mut World, ordered: &str, kind: GapKind) {
    let netcup = world.inventories.get_mut(&hoster("netcup")).unwrap();
    netcup.machines.retain(|made| made.provider_id != ordered);
    netcup.unseen.push(Unseen {
        provider_id: ordered.to_owned(),
        gap: Gap::new(kind, format!("machine {ordered}"), "no answer in 10 s"),
    });
}

fn creates(world: &World) -> Vec<String> {
    let steps = world.plan().plan().steps.clone();
    let all = steps.into_iter().map(|step| step.id.to_string());
    all.filter(|id| id.contains(".create.")).collect()
}

#[test]
fn s06_with_the_journal_lost_no_second_backup_machine_is_made_beside_an_unseen_one() {
    let mut world = with_history();
    lose_the_journal(&mut world);
    let its = world.machine(BACKUP).unwrap().provider_id.clone();
    not_seen(&mut world, &its, GapKind::Unreachable);
    assert_eq!(creates(&world), Vec::<String>::new());
}

#[test]
fn s01_a_silent_ordered_machine_holds_a_first_installation_and_a_strangers_does_not() {
    let mut world = World::before_the_first_day(with_history().want);
    not_seen(&mut world, "netcup-8", GapKind::NotOurs);
    assert_eq!(creates(&world).len(), 2);
    not_seen(&mut world, "netcup-9", GapKind::Unreachable);
    assert_eq!(creates(&world), Vec::<String>::new());
}

#[test]
fn s16_a_silent_ordered_machine_holds_nobody_once_the_journal_has_made_machines() {
    let mut world = with_history();
    not_seen(&mut world, "netcup-9", GapKind::Unreachable);
    world.lose("acme-e1");
    assert_eq!(creates(&world), ["acme.create.acme-e2"]);
}
