//! What is done for the disk of a machine that is given up, before it is fenced.

use super::plan_holds::{acme_with, kinds};
use super::plan_lost::{does, hang, hung, look, look_until_done};
use super::plan_world::{HETZNER, IONOS, REPAIR, World, machine};
use holdfast::model::gap::{Gap, GapKind};
use holdfast::model::ids::Epoch;
use holdfast::model::journal::{Entry, Event};
use holdfast::model::observed::Power;
use holdfast::model::plan::Plan;
use holdfast::world::machine::rescue::{NAMESPACE, Question};
use jiff::SignedDuration;
use ssh_key::{HashAlg, LineEnding, PrivateKey};

/// acme's machine hangs for good, and everything was tried that starts it anew.
fn given_up() -> World {
    let mut world = hung();
    world.dead.insert(machine("acme-e1"));
    does(&mut world, "reset");
    does(&mut world, "power-cycle");
    world
}

#[test]
fn s02_the_rescue_system_comes_after_the_successor_answers_and_before_the_fence() {
    let mut world = given_up();
    let plan = look_until_done(&mut world);
    let of = |verb: &str| plan.steps.iter().find(|s| s.action.verb() == verb).unwrap();
    let (chance, fence) = (of("last-chance"), of("fence"));
    assert_eq!(chance.after, [of("prepare").id.clone()]);
    assert!(fence.after.contains(&chance.id), "{fence:#?}");
    assert!(
        !of("load").after.contains(&chance.id),
        "it delays nothing else"
    );
    // What would be done without one of them is refused.
    let refused = |change: &dyn Fn(&mut Plan), words: &str| {
        let mut plan = plan.clone();
        change(&mut plan);
        let said: Vec<String> = match world.check(plan) {
            Ok(_) => Vec::new(),
            Err(violations) => violations.iter().map(ToString::to_string).collect(),
        };
        assert!(said.iter().any(|said| said.contains(words)), "{said:#?}");
    };
    let step = |plan: &mut Plan, verb: &str, change: &dyn Fn(&mut holdfast::model::plan::Step)| {
        let mut all = plan.steps.iter_mut();
        change(all.find(|s| s.action.verb() == verb).unwrap());
    };
    refused(
        &|plan| step(plan, "last-chance", &|step| step.after.clear()),
        "whose successor nobody saw",
    );
    refused(
        &|plan| {
            step(plan, "fence", &|step| {
                step.after.retain(|s| !s.as_str().contains("chance"));
            });
        },
        "does not fence acme-e1 after",
    );
    world.settle();
    world.is_well("acme", "acme-e2");
    assert_eq!(world.machine("acme-e1").unwrap().power, Power::Off);
}

/// Its rescue system was begun, and then the process died; what answers there is that system.
fn cut_short() -> World {
    let mut world = given_up();
    let plan = look_until_done(&mut world);
    let mut made = plan.clone();
    // Everything before it was done; then the process died in the middle of it.
    let (done, refused) = (&mut Vec::new(), &mut Vec::new());
    made.steps
        .retain(|step| matches!(step.action.verb(), "create" | "prepare"));
    let made = world.check(made).unwrap();
    world.apply(&made, super::plan_world::Order::First, None, done, refused);
    world.begun("acme.last-chance.acme-e1");
    let foreign = Gap::new(
        GapKind::ForeignHostKey,
        "machine acme-e1",
        "another host key",
    );
    world.silent.insert(machine("acme-e1"), foreign);
    world
}

/// The machine is out of its hoster's list at one look.
fn is_left_out_once(world: &mut World) {
    let inventories = world.inventories.clone();
    for inventory in world.inventories.values_mut() {
        let mut machines = std::mem::take(&mut inventory.machines);
        machines.retain(|m| m.name != machine("acme-e1"));
        inventory.machines = machines;
    }
    look(world);
    world.inventories = inventories;
    world.now += SignedDuration::from_secs(30);
}

fn ends_it_and_is_well(mut world: World) {
    let plan = look_until_done(&mut world);
    assert!(kinds(&plan).contains(&"last-chance"), "{:#?}", plan.held);
    assert!(!kinds(&plan).contains(&"reset"), "the ladder was climbed");
    assert!(world.past().silences.of(&machine("acme-e1")).is_some());
    hang(&mut world, "acme-e1");
    world.settle();
    world.is_well("acme", "acme-e2");
    assert_eq!(world.machine("acme-e1").unwrap().power, Power::Off);
    let begun = world
        .journal
        .iter()
        .filter(|entry| matches!(&entry.event, Event::LastChance { .. }));
    assert_eq!(begun.count(), 1);
}

#[test]
fn a_last_chance_that_was_cut_short_is_ended_and_not_begun_again() {
    // Soon after; after so long that nobody knows what was between; after its hoster left it out of
    // one list.
    let mut world = cut_short();
    world.now += SignedDuration::from_mins(11);
    ends_it_and_is_well(world);
    let mut world = cut_short();
    world.now += SignedDuration::from_hours(4);
    ends_it_and_is_well(world);
    let mut world = cut_short();
    world.now += SignedDuration::from_mins(11);
    is_left_out_once(&mut world);
    ends_it_and_is_well(world);
}

#[test]
fn a_signed_waiver_counts_for_a_machine_whose_rescue_system_shows_its_own_key() {
    let waiver = "\n[[waiver]]\nmachine = \"acme-e1\"\nreason = \"given up\"\n";
    let mut world = cut_short();
    world.now_wants(acme_with(HETZNER, &format!("{REPAIR}{waiver}")));
    let plan = look(&mut world);
    assert!(kinds(&plan).contains(&"fence"), "{:#?}", plan.held);
    // Of one that shows a foreign key for another reason, a person must find out why.
    let mut world = hung();
    let foreign = Gap::new(GapKind::ForeignHostKey, "machine acme-e1", "another key");
    world.silent.insert(machine("acme-e1"), foreign);
    world.now_wants(acme_with(HETZNER, &format!("{REPAIR}{waiver}")));
    assert!(look(&mut world).steps.is_empty());
}

#[test]
fn s02_a_machine_whose_last_chance_is_over_is_not_switched_on_again() {
    for over in [true, false] {
        let mut world = cut_short();
        if over {
            let over = Event::LastChance {
                machine: machine("acme-e1"),
                point: None,
                why: "nobody answered".to_owned(),
            };
            world.record(Some(&super::plan_world::stack("acme")), over);
        }
        // It was switched off; before it was fenced, the process died.
        world.machine_mut("acme-e1").power = Power::Off;
        world.silent.clear();
        world.now += SignedDuration::from_mins(11);
        let plan = look_until_done(&mut world);
        assert!(!kinds(&plan).contains(&"power-on"), "{:#?}", plan.steps);
        assert!(kinds(&plan).contains(&"fence"), "{:#?}", plan.held);
        let mut on = plan.clone();
        for step in &mut on.steps {
            if step.action.verb() == "fence" {
                let machine = machine("acme-e1");
                step.action = holdfast::model::plan::Action::PowerOn { machine };
            }
        }
        let violations = world.check(on).unwrap_err();
        let said = violations.iter().map(ToString::to_string);
        assert!(
            said.clone().any(|said| said.contains("which was given up")),
            "{:#?}",
            said.collect::<Vec<_>>()
        );
        world.settle();
        world.is_well("acme", "acme-e2");
        assert_eq!(world.machine("acme-e1").unwrap().power, Power::Off);
    }
}

#[test]
fn s03_what_was_saved_from_a_disk_lies_aside_and_is_not_chosen() {
    let mut world = given_up();
    world.readable.insert(machine("acme-e1"));
    world.settle();
    world.is_well("acme", "acme-e2");
    let points = &world.points[&super::plan_world::stack("acme")];
    let cold: Vec<_> = points.iter().filter(|point| point.cold).collect();
    let [cold] = cold.as_slice() else {
        panic!("{points:#?}")
    };
    assert!(cold.aside && cold.epoch == Epoch(1), "{cold:#?}");
    let loaded = |entry: &Entry| matches!(&entry.event, Event::Started { step, action, .. } if step.as_str().contains(".load.") && action.contains(cold.id.as_str()));
    assert!(!world.journal.iter().any(loaded));
    // Once it comes back, nothing is saved of it a second time; where it lived on, it is.
    for lived_on in [false, true] {
        let mut world = world.clone();
        if lived_on {
            let answered = Event::Answered {
                machine: machine("acme-e1"),
            };
            world.record(Some(&super::plan_world::stack("acme")), answered);
        }
        world.machine_mut("acme-e1").power = Power::On;
        world.silent.clear();
        world.facts_mut("acme-e1").open = false;
        let kinds = kinds(&look(&mut world));
        assert_eq!(kinds.contains(&"save-aside"), lived_on, "{kinds:?}");
    }
}

#[test]
fn a_last_chance_can_be_left_out() {
    let mut world = World::running(acme_with(
        HETZNER,
        &REPAIR.replace("[repair]", "[repair]\nlast_chance = \"off\""),
    ));
    hang(&mut world, "acme-e1");
    world.dead.insert(machine("acme-e1"));
    does(&mut world, "reset");
    does(&mut world, "power-cycle");
    let plan = look_until_done(&mut world);
    assert!(kinds(&plan).contains(&"fence"));
    assert!(!kinds(&plan).contains(&"last-chance"));
    assert!(!plan.notes.iter().any(|note| note.text.contains("disk")));
}

#[test]
fn a_machine_that_is_gone_or_at_a_pool_has_no_last_chance() {
    let mut world = World::running(acme_with(HETZNER, REPAIR));
    world.lose("acme-e1");
    assert!(!kinds(&look(&mut world)).contains(&"last-chance"));
    let waiver = "\n[[waiver]]\nmachine = \"acme-e1\"\nreason = \"it burnt\"\n";
    let mut world = World::running(acme_with(IONOS, REPAIR));
    world.now_wants(acme_with(IONOS, &format!("{REPAIR}{waiver}")));
    hang(&mut world, "acme-e1");
    let plan = look(&mut world);
    assert!(kinds(&plan).contains(&"fence"), "{:#?}", plan.held);
    assert!(!kinds(&plan).contains(&"last-chance"));
    let said = |note: &&holdfast::model::plan::Note| {
        note.text.contains("no interface with a rescue system")
    };
    assert!(
        plan.notes.iter().any(|note| said(&note)),
        "{:#?}",
        plan.notes
    );
}

fn key(seed: u8) -> PrivateKey {
    let pair = ssh_key::private::Ed25519Keypair::from_seed(&[seed; 32]);
    PrivateKey::new(pair.into(), "").unwrap()
}

fn public(key: &PrivateKey) -> String {
    key.public_key().to_openssh().unwrap()
}

#[test]
fn s13_only_the_disks_own_key_under_this_very_session_proves_a_rescue_system() {
    let (disk, other) = (key(1), key(2));
    let sign = |key: &PrivateKey, namespace: &str, text: &str| {
        let signature = key.sign(namespace, HashAlg::Sha512, text.as_bytes());
        signature.unwrap().to_pem(LineEnding::LF).unwrap()
    };
    let acme = machine("acme-e1");
    let question = Question::new(&acme, "ssh-ed25519 session");
    let text = question.text();
    let proven = |signature: &str| question.is_answered(&public(&disk), signature);
    assert_eq!(proven(&sign(&disk, NAMESPACE, text)), Ok(()));
    // Somebody else's key; our key for something else; another session, or another time.
    assert!(proven(&sign(&other, NAMESPACE, text)).is_err());
    assert!(proven(&sign(&disk, "file", text)).is_err());
    let relayed = Question::new(&acme, "ssh-ed25519 in-between");
    assert!(proven(&sign(&disk, NAMESPACE, relayed.text())).is_err());
    let again = Question::new(&acme, "ssh-ed25519 session");
    assert!(proven(&sign(&disk, NAMESPACE, again.text())).is_err());
    assert!(proven("nothing").is_err());
}
