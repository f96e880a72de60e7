//! A backup machine is lost with all its points: what is planned, and that the gap is told.

use super::plan_backup_move::{NEW, at_ionos, moved, with_history, words};
use super::plan_world::{
    BACKUP, IONOS, REPAIR, World, desired, gap, hoster, machine, stack, stack_file,
};
use holdfast::decide::losses::{losses, pauses, unseen};
use holdfast::decide::plan::backup_now;
use holdfast::decide::point::{choose, why};
use holdfast::flow::points::Listing;
use holdfast::model::desired::Desired;
use holdfast::model::journal::Event;
use holdfast::model::listed::Beside;
use holdfast::model::observed::{Power, Unseen};
use holdfast::model::plan::Hold;
use holdfast::model::point::Rung;
use holdfast::show::views::points::human;
use jiff::SignedDuration;
use std::cmp::Reverse;
use std::collections::BTreeMap;

const WAIVER: &str =
    "\n[[waiver]]\nmachine = \"backup-netcup-vie\"\nreason = \"its disks are shredded\"\n";

#[test]
fn s03_a_lost_backup_machine_is_never_replaced_by_an_empty_one_in_its_place() {
    let mut world = with_history();
    world.lose(BACKUP);
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:#?}", plan.plan().steps);
    assert!(words(plan.plan()).contains("name another backup site"));
    assert_eq!(world.open_machines(&stack("acme")), ["acme-e1"]);
}

#[test]
fn s03_after_a_loss_another_site_begins_anew_and_the_gap_is_stated() {
    let mut world = with_history();
    world.lose(BACKUP);
    world.now_wants(at_ionos(""));
    world.settle();
    world.is_well("acme", "acme-e1");
    assert_eq!(world.points_on(&machine(NEW), &stack("acme")).len(), 1);
    let plan = world.plan();
    assert!(plan.plan().held.is_empty(), "{:#?}", plan.plan().held);
    let said = words(plan.plan());
    assert!(
        said.contains("recovery points of acme before 2026-03-0")
            && said.contains("were lost with backup-netcup-vie: 3 that the journal knows of"),
        "{said}"
    );
    let told = told_of_acme(&world);
    let (first, rest) = told.split_once("3 lost").unwrap();
    assert_eq!(
        first.lines().filter(|line| line.contains("2026-")).count(),
        1,
        "{told}"
    );
    assert!(
        rest.contains("history was lost with backup-netcup-vie: 3 points that the journal knows of, read back from 2026-03-0"),
        "{told}"
    );
    // As long as there would be points of that time.
    world.now += SignedDuration::from_hours(24 * 31);
    world.settle();
    let said = words(world.plan().plan());
    assert!(!said.contains("lost with"), "{said}");
    // History does not come back by being old.
    assert!(told_of_acme(&world).contains("3 lost"));
}

/// A third backup machine that stands in between, as the journal would tell of it.
const THIRD: &str = "backup-hetzner-nbg1";

fn found_third(world: &mut World) {
    let found = Event::Found {
        machine: machine(THIRD),
        named: false,
        points: BTreeMap::new(),
    };
    world.record(Some(&stack("acme")), found);
}

fn copied(world: &mut World, from: &str, to: &str) {
    world.now += SignedDuration::from_secs(1);
    let copied = Event::Copied {
        from: machine(from),
        to: machine(to),
        points: 2,
    };
    world.record(Some(&stack("acme")), copied);
}

#[test]
fn what_was_copied_on_from_machine_to_machine_is_not_lost() {
    let mut world = moved();
    found_third(&mut world);
    let is_copy = |event: &Event| matches!(event, Event::Copied { .. });
    world.journal.retain(|entry| !is_copy(&entry.event));
    // It went on before the rest came, so that nobody can say that it took everything along.
    copied(&mut world, THIRD, NEW);
    copied(&mut world, BACKUP, THIRD);
    world.lose(BACKUP);
    let said = words(world.plan().plan());
    assert!(said.contains("were lost with"), "{said}");
    copied(&mut world, THIRD, NEW);
    let said = words(world.plan().plan());
    assert!(!said.contains("were lost with"), "{said}");
}

#[test]
fn of_a_lost_machine_it_is_said_which_of_its_points_are_still_elsewhere() {
    let mut world = moved();
    found_third(&mut world);
    let is_copy = |event: &Event| matches!(event, Event::Copied { .. });
    world.journal.retain(|entry| !is_copy(&entry.event));
    copied(&mut world, THIRD, BACKUP);
    let points = world.points_on(&machine(BACKUP), &stack("acme"));
    let there = world.elsewhere.entry(machine(THIRD)).or_default();
    there.insert(stack("acme"), points[..2].to_vec());
    world.lose(BACKUP);
    let said = words(world.plan().plan());
    assert!(
        said.contains("recovery points of acme were lost with backup-netcup-vie: 3 that")
            && said.contains("up to 2 of them were copies of those on backup-hetzner-nbg1"),
        "{said}"
    );
}

/// What `holdfast points acme` tells.
fn told_of_acme(world: &World) -> String {
    let (seen, past) = (world.seen(), world.past());
    let acme = &world.want.stacks[&stack("acme")];
    let mut points = world.points_on(&machine(NEW), &stack("acme"));
    points.sort_by_key(|point| Reverse(point.taken_at));
    let choice = choose(&points, Rung::Shipped);
    let listing = Listing {
        why: why(&points, &choice, Rung::Shipped),
        points,
        choice,
        beside: Beside::default(),
        kept_on: None,
        lost: losses(acme, &world.want, &seen, &past),
        unseen: unseen(acme, &machine(NEW), &world.want, &seen, &past),
        pauses: Vec::new(),
    };
    human(&stack("acme"), &listing, world.now)
}

#[test]
fn a_missed_backup_is_a_pause_and_a_forgotten_point_is_none() {
    let mut world = with_history();
    let acme = world.want.stacks[&stack("acme")].clone();
    let since = world.points[&stack("acme")][0].taken_at;
    assert_eq!(pauses(&acme, &world.past(), since), []);
    let gone = world.points[&stack("acme")][1].id.clone();
    world.record(
        Some(&stack("acme")),
        Event::Forgotten {
            machine: machine(BACKUP),
            points: vec![gone],
        },
    );
    assert_eq!(pauses(&acme, &world.past(), since), []);
    world.now += SignedDuration::from_hours(24 * 4);
    world.settle();
    let found = pauses(&acme, &world.past(), since);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].to.duration_since(found[0].from) > SignedDuration::from_hours(96));
    // Before the oldest point there is nothing to miss.
    assert_eq!(pauses(&acme, &world.past(), world.now), []);
}

#[test]
fn s03_a_silent_machine_is_given_up_by_a_signed_word_only() {
    let mut world = with_history();
    // An ordered machine that does not answer is not listed; that is no word of its hoster.
    world.lose(BACKUP);
    let netcup = world.inventories.get_mut(&hoster("netcup")).unwrap();
    netcup.free.retain(|m| m.name.as_str() != "netcup-1");
    netcup.unseen.push(Unseen {
        provider_id: "netcup-1".to_owned(),
        gap: gap("pool machine netcup-1 of hoster netcup"),
    });
    world.now_wants(at_ionos(""));
    world.settle();
    assert!(words(world.plan().plan()).contains("copying the recovery points of acme"));
    assert!(told_of_acme(&world).contains("There may be newer ones"));
    world.now_wants(at_ionos(WAIVER));
    world.settle();
    let said = words(world.plan().plan());
    assert!(said.contains("were lost with backup-netcup-vie"), "{said}");
    assert!(!said.contains("copying"), "{said}");
}

const RENTED: &str = "backup-hetzner-fsn1";

/// Production on an ordered machine, points on a rented one, or on an ordered one.
fn with_points_at(place: &str, extra: &str) -> Desired {
    let text = stack_file("acme", IONOS, &format!("{REPAIR}{extra}"));
    let text = text.replace("hoster = \"netcup\"\nsite = \"vie\"", place);
    let want = desired(&[("acme", text)]);
    assert!(want.broken.is_empty(), "{:?}", want.broken);
    want
}

const AT_FSN: &str = "hoster = \"hetzner\"\nsite = \"fsn1\"\nmachine = { cpus = 2, memory = \"4 GiB\", disk = \"40 GB\" }";
const AT_VIE: &str = "hoster = \"netcup\"\nsite = \"vie\"";

/// Its disk is gone; its hoster lists the machine, off, and it will not start.
fn rented_and_dead() -> World {
    let mut world = World::running(with_points_at(AT_FSN, ""));
    world.machine_mut(RENTED).power = Power::Off;
    world.facts.remove(&machine(RENTED));
    world.silent.insert(machine(RENTED), gap(RENTED));
    world.dead.insert(machine(RENTED));
    world
}

#[test]
fn s03_a_listed_machine_without_its_disk_is_given_up_by_a_signed_word() {
    let mut world = rented_and_dead();
    world.now_wants(with_points_at(AT_VIE, ""));
    world.settle();
    assert_eq!(world.writes_to("acme-e1").as_deref(), Some(BACKUP));
    let said = words(world.plan().plan());
    assert!(
        said.contains("copying the recovery points of acme"),
        "{said}"
    );
    let past = world.past();
    let acme = world.want.stacks[&stack("acme")].clone();
    assert_eq!(losses(&acme, &world.want, &world.seen(), &past), []);
    let waiver = WAIVER.replace(BACKUP, RENTED);
    world.now_wants(with_points_at(AT_VIE, &waiver));
    world.settle();
    let said = words(world.plan().plan());
    assert!(
        said.contains("were lost with backup-hetzner-fsn1"),
        "{said}"
    );
    assert!(!said.contains("copying"), "{said}");
    // Nothing is done to the machine itself.
    assert_eq!(world.machine_mut(RENTED).power, Power::Off);
    // A rebuild no longer waits for it.
    world.lose("acme-e1");
    world.settle();
    world.is_well("acme", "acme-e2");
}

#[test]
fn s01_what_a_waiver_calls_lost_and_answers_all_the_same_is_copied() {
    let mut world = World::running(with_points_at(AT_FSN, ""));
    let waiver = WAIVER.replace(BACKUP, RENTED);
    world.now_wants(with_points_at(AT_VIE, &waiver));
    world.settle();
    let said = words(world.plan().plan());
    assert!(!said.contains("were lost"), "{said}");
    assert_eq!(world.points_on(&machine(BACKUP), &stack("acme")).len(), 2);
}

#[test]
fn a_backup_machine_that_will_not_start_is_a_hold_with_a_remedy() {
    let mut world = rented_and_dead();
    world.settle();
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:#?}", plan.plan().steps);
    let held = plan.plan().held.iter();
    let of = held
        .clone()
        .find(|held| held.wanted.contains(RENTED))
        .unwrap();
    assert!(
        matches!(&of.hold, Hold::NotObserved { gap } if gap.to_string().contains("it did not start: it will not start")),
        "{of:?}"
    );
    for part in [
        "switch it on at its hoster",
        "name another backup site",
        "sign a [[waiver]] with machine = \"backup-hetzner-fsn1\"",
    ] {
        assert!(of.remedy.contains(part), "{}", of.remedy);
    }
    // Somebody did: it is in use again.
    world.dead.clear();
    world.silent.clear();
    world.machine_mut(RENTED).power = Power::On;
    let facts = World::running(with_points_at(AT_FSN, "")).facts;
    let facts = facts[&machine(RENTED)].clone();
    world.facts.insert(machine(RENTED), facts);
    world.settle();
    assert_eq!(words(world.plan().plan()), "");
}

#[test]
fn a_backup_that_is_asked_for_says_that_the_machine_is_there_and_off() {
    let world = rented_and_dead();
    let (mut seen, past) = (world.seen(), world.past());
    // One that is off is not asked.
    seen.machines.remove(&machine(RENTED));
    let basis = world.draft().basis;
    let why = backup_now(&world.want, &stack("acme"), &seen, &past, basis).unwrap_err();
    assert_eq!(
        why,
        "the backup machine backup-hetzner-fsn1 is off; holdfast apply switches it on"
    );
}

#[test]
fn s15_production_and_backup_both_lost_is_a_hold_with_words() {
    let mut world = with_history();
    world.lose(BACKUP);
    world.lose("acme-e1");
    assert!(world.plan().plan().steps.is_empty());
    world.now_wants(at_ionos(""));
    world.settle();
    let plan = world.plan();
    let said = words(plan.plan());
    assert!(
        said.contains("S15") && said.contains("were lost with backup-netcup-vie"),
        "{said}"
    );
    assert_eq!(world.open_machines(&stack("acme")), Vec::<String>::new());
}
