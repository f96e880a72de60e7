//! Another size comes only where a commit asks for one: not with a catalogue, not after a hand's work.

use super::plan_resize::{SMALLER, STEPS, ids, kind};
use super::plan_world::{HETZNER, LARGER, World, acme, hardware, hoster, machine, stack};
use holdfast::model::desired::{Desired, MachineType, Size};
use holdfast::model::journal::Event;
use holdfast::model::units::Bytes;

/// The same estate, where the first type that fits is that one.
fn with_first(mut want: Desired, name: &str, size: Size) -> Desired {
    let account = want.hosters.get_mut(&hoster("hetzner")).unwrap();
    let kind = MachineType {
        name: name.to_owned(),
        cpus: size.cpus,
        memory: size.memory,
        disk: size.disk,
        monthly_cents: None,
    };
    account.descriptor.machine_types.insert(0, kind);
    let production = &mut want.stacks.get_mut(&stack("acme")).unwrap().production;
    production.machine_type = Some(name.to_owned());
    want
}

fn size(cpus: u32, memory: u64, disk: u64) -> Size {
    Size {
        cpus,
        memory: Bytes(memory << 30),
        disk: Bytes(disk * 1_000_000_000),
    }
}

pub fn is_told(world: &World, words: &str) {
    let plan = world.plan();
    assert!(plan.plan().steps.is_empty(), "{:?}", ids(&plan));
    let notes = &plan.plan().notes;
    assert!(
        notes.iter().any(|note| note.text.contains(words)),
        "{notes:?}"
    );
}

/// A release may list a smaller type that fits before the one that is there.
#[test]
fn s05_a_catalogue_whose_smaller_type_comes_first_resizes_nobody() {
    const TOLD: &str = "would be chosen now";
    // More than is asked for is there: an in-place resize, or a move for the smaller disk.
    for disk in [40, 20] {
        let asked = SMALLER;
        let mut world = World::running(acme(asked));
        assert_eq!(kind(&world, "acme-e1"), "cx23");
        world.now_wants(with_first(acme(asked), "cx13", size(1, 2, disk)));
        is_told(&world, TOLD);
        // Nor where the journal is from before sizes were remembered.
        for entry in &mut world.journal {
            if let Event::Created { asked, .. } = &mut entry.event {
                *asked = None;
            }
        }
        is_told(&world, TOLD);
    }
    // What a commit asks less of comes.
    let mut world = World::running(acme(HETZNER));
    world.now_wants(with_first(acme(SMALLER), "cx13", size(1, 2, 40)));
    assert!(ids(&world.plan()).contains(&"acme.resize.acme-e1"));
    // But not with a later catalogue.
    let mut world = World::running(acme(HETZNER));
    world.now_wants(acme(SMALLER));
    assert!(world.settle().is_empty());
    world.now_wants(with_first(acme(SMALLER), "cx13", size(1, 2, 40)));
    is_told(&world, TOLD);
}

#[test]
fn s05_what_was_resized_by_hand_is_left_after_the_journal_was_lost() {
    let mut world = World::running(acme(HETZNER));
    let mut by_hand = hardware("cx33");
    by_hand.size.disk = Bytes(40_000_000_000);
    world.machine_mut("acme-e1").hardware = Some(by_hand);
    world.journal.clear();
    world.now_wants(acme(HETZNER));
    for done in world.settle() {
        assert!(
            !done.contains("resize") && !done.contains("create"),
            "{done}"
        );
    }
    is_told(&world, "a cx33, which has all that is asked for; cx23");
    // Whoever writes it down can take it back from then on.
    world.now_wants(acme(LARGER));
    assert!(world.settle().is_empty());
    world.now_wants(acme(HETZNER));
    assert_eq!(world.settle(), STEPS);
    assert_eq!(kind(&world, "acme-e1"), "cx23");
}

/// Written before sizes were remembered.
#[test]
fn a_journal_without_sizes_is_read_and_learns_them() {
    let created: Event = serde_json::from_value(serde_json::json!({
        "event": "created", "machine": "acme-e1", "hoster": "hetzner", "provider_id": "1",
        "role": "production", "epoch": 1, "wanted": null, "machine_type": "cx23"
    }))
    .unwrap();
    assert!(matches!(created, Event::Created { asked: None, .. }));
    let mut world = World::running(acme(HETZNER));
    for entry in &mut world.journal {
        if let Event::Created { asked, .. } = &mut entry.event {
            *asked = None;
        }
    }
    world.adopt();
    let past = world.past();
    let made = &past.machines[&machine("acme-e1")];
    assert_eq!((made.asked, made.resized), (Some(size(2, 4, 40)), false));
    let known = world.journal.len();
    world.adopt();
    assert_eq!(world.journal.len(), known, "it is written down once");
}
