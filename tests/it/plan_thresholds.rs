//! What people ask for waits for as many of them as the list wants; repair waits for nobody.

use super::plan_holds::{acme_with, holds_of, kinds, plan_of, running};
use super::plan_world::{BACKUP, HETZNER, IONOS, REPAIR, World, acme, machine, stack};
use holdfast::decide::mandate::{Assent, Backer, Freeze};
use holdfast::model::ids::CommitId;
use holdfast::model::journal::Event;
use holdfast::model::observed::Power;
use holdfast::model::plan::{Cause, Effect, Hold, Plan};
use holdfast::model::trust::{OPERATOR, OWNER, RECONCILER, Signer, Threshold};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

fn two(roles: &[&str]) -> Threshold {
    Threshold {
        signers: 2,
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
    }
}

fn signer(name: &str, role: &str) -> Signer {
    Signer {
        name: name.to_owned(),
        person: name.to_owned(),
        role: role.to_owned(),
        key: KEY.parse().unwrap(),
        from: None,
        until: None,
        revoked: None,
    }
}

fn backer(person: &str, role: &str, by_commit: bool) -> Backer {
    Backer {
        person: person.to_owned(),
        role: role.to_owned(),
        by_commit,
    }
}

/// These people signed for what acme asks, the first of them by the commit.
fn signed(world: &mut World, backers: &[(&str, &str)]) {
    let backers = backers
        .iter()
        .enumerate()
        .map(|(at, (person, role))| backer(person, role, at == 0))
        .collect();
    let assent = Assent {
        commit: CommitId::new("a".repeat(40)),
        rooted: false,
        in_line: std::collections::BTreeSet::new(),
        backers,
    };
    world.mandate.assents.insert(Some(stack("acme")), assent);
}

/// Installed at hetzner; the estate now wants it at ionos, and destructive steps need two.
fn moved() -> World {
    let mut world = running(HETZNER);
    world.now_wants(acme(IONOS));
    world.mandate.trust.thresholds.destructive = two(&[OWNER, OPERATOR]);
    world.mandate.trust.signers = vec![
        signer("anna", OWNER),
        signer("bela", OPERATOR),
        signer("robot", RECONCILER),
    ];
    world
}

/// No step of acme is left, and this many people are counted.
fn waits_for_people(world: &World, counted: u8) -> Plan {
    let plan = plan_of(world);
    assert!(plan.steps.is_empty(), "{:#?}", kinds(&plan));
    let holds = holds_of(&plan, "acme");
    let [
        Hold::NeedsApproval {
            effect: Effect::Destructive,
            have,
            need: 2,
            ..
        },
    ] = holds[..]
    else {
        panic!("{:#?}", plan.held)
    };
    assert_eq!(*have, counted);
    plan
}

#[test]
fn s05_a_move_that_one_person_signed_is_held_whole() {
    let mut world = moved();
    signed(&mut world, &[("anna", OWNER)]);
    let plan = waits_for_people(&world, 1);
    let held = &plan.held[0];
    let Hold::NeedsApproval { by, .. } = &held.hold else {
        panic!("{held:?}")
    };
    assert_eq!(by, &["bela"], "the robot may not, anna did");
    assert_eq!(held.remedy, format!("holdfast approve {}", "a".repeat(12)));
    for verb in ["create", "close", "fence", "load", "open", "quarantine"] {
        assert!(held.wanted.contains(verb), "{}", held.wanted);
    }
}

#[test]
fn s05_a_move_that_two_people_signed_is_done_and_leaves_nothing() {
    let mut world = moved();
    signed(&mut world, &[("anna", OWNER), ("bela", OPERATOR)]);
    world.settle();
    world.is_well("acme", "acme-e2");
    assert!(plan_of(&world).held.is_empty());
}

#[test]
fn s05_two_keys_of_one_person_are_one_person() {
    let mut world = moved();
    signed(&mut world, &[("anna", OWNER), ("anna", OPERATOR)]);
    waits_for_people(&world, 1);
}

#[test]
fn s05_a_role_that_the_threshold_does_not_name_counts_for_nothing() {
    let mut world = moved();
    signed(&mut world, &[("carl", "acme-admin"), ("anna", OWNER)]);
    waits_for_people(&world, 1);
}

#[test]
fn s05_an_approver_whose_role_may_not_change_the_stack_counts_for_nothing() {
    let mut world = moved();
    world.mandate.trust.thresholds.destructive = two(&[]);
    signed(&mut world, &[("anna", OWNER), ("robot", RECONCILER)]);
    waits_for_people(&world, 1);
}

#[test]
fn s05_where_nobody_knows_who_signed_nobody_did() {
    waits_for_people(&moved(), 0);
}

#[test]
fn s05_what_the_root_asks_for_needs_no_further_people() {
    let mut world = moved();
    signed(&mut world, &[]);
    let acme = Some(stack("acme"));
    world.mandate.assents.get_mut(&acme).unwrap().rooted = true;
    world.settle();
    world.is_well("acme", "acme-e2");
}

#[test]
fn s05_a_plan_with_an_unapproved_step_is_no_checked_plan() {
    let mut world = moved();
    signed(&mut world, &[("anna", OWNER)]);
    let found = world.check(world.draft()).unwrap_err();
    let rules: Vec<_> = found.iter().map(|v| (v.rule, v.step.as_str())).collect();
    assert_eq!(rules, [("S5", "acme.fence.acme-e1")]);
}

#[test]
fn s05_a_rebuild_needs_no_further_people() {
    let mut world = running(HETZNER);
    world.mandate.trust.thresholds.destructive = two(&[]);
    world.mandate.trust.thresholds.disruptive = two(&[]);
    world.mandate.trust.thresholds.safe = two(&[]);
    world.lose("acme-e1");
    let plan = plan_of(&world);
    assert!(plan.steps.iter().any(|s| s.effect == Effect::Destructive));
    assert!(plan.steps.iter().all(|s| s.why.cause == Cause::Reality));
    world.settle();
    world.is_well("acme", "acme-e2");
}

#[test]
fn s05_an_old_machine_that_comes_back_is_fenced_without_asking_anybody() {
    let mut world = running(HETZNER);
    world.now_wants(acme(IONOS));
    world.settle();
    world.mandate.trust.thresholds.destructive = two(&[]);
    world.machine_mut("acme-e1").power = Power::On;
    world.facts_mut("acme-e1").open = true;
    let plan = plan_of(&world);
    assert!(kinds(&plan).contains(&"fence"), "{plan:#?}");
}

#[test]
fn s05_a_move_cut_off_after_the_fence_is_finished_without_asking_again() {
    let mut world = moved();
    signed(&mut world, &[("anna", OWNER), ("bela", OPERATOR)]);
    let plan = world.plan();
    let fence = plan.plan().steps.iter();
    let fence = fence.filter(|s| s.effect == Effect::Destructive).count();
    assert_eq!(fence, 1);
    // Whoever signed since, signed for something else.
    let mut cut = 0;
    loop {
        let mut tried = world.clone();
        let order = super::plan_world::Order::First;
        let at = Some((cut, super::plan_world::Cut::AfterTheEffect));
        assert!(tried.apply(&plan, order, at, &mut Vec::new(), &mut Vec::new()));
        if tried.past().machines[&machine("acme-e1")].fenced.is_some() {
            tried.mandate.assents.clear();
            tried.settle();
            tried.is_well("acme", "acme-e2");
            return;
        }
        cut += 1;
    }
}

#[test]
fn s05_a_waiver_is_asked_for_by_people() {
    let mut world = running(IONOS);
    world.silent.insert(
        machine("acme-e1"),
        super::plan_world::gap("machine acme-e1"),
    );
    let waiver = "\n[[waiver]]\nmachine = \"acme-e1\"\nreason = \"burnt down\"\n";
    world.now_wants(acme_with(IONOS, &format!("{REPAIR}{waiver}")));
    world.mandate.trust.thresholds.destructive = two(&[]);
    signed(&mut world, &[("anna", OWNER)]);
    waits_for_people(&world, 1);
}

#[test]
fn s05_a_changed_file_is_held_and_the_backup_that_would_follow_it_is_not() {
    let mut world = running(HETZNER);
    world.now += jiff::SignedDuration::from_hours(30);
    world.facts_mut("acme-e1").packages.remove("nginx");
    assert_eq!(kinds(&plan_of(&world)), ["converge", "backup", "verify"]);
    world.mandate.trust.thresholds.disruptive = two(&[]);
    signed(&mut world, &[("anna", OWNER)]);
    let plan = plan_of(&world);
    assert_eq!(kinds(&plan), ["backup", "verify"]);
    assert!(matches!(
        holds_of(&plan, "acme")[..],
        [Hold::NeedsApproval {
            have: 1,
            need: 2,
            ..
        }]
    ));
}

#[test]
fn s05_nothing_is_closed_for_a_backup_machine_that_waits_for_people() {
    let mut world = moved();
    world.mandate.trust.thresholds.destructive = two(&[]);
    signed(&mut world, &[("anna", OWNER), ("bela", OPERATOR)]);
    world.facts_mut(BACKUP).packages.remove("restic");
    assert!(kinds(&plan_of(&world)).contains(&"close"));
    // Who signed for what the stacks share is not enough for what acme asks, nor the reverse.
    world.mandate.trust.thresholds.safe = two(&[]);
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty(), "{:#?}", kinds(&plan));
    let held = plan.held.iter().find(|held| held.wanted.contains("close"));
    assert!(matches!(held.unwrap().hold, Hold::NeedsApproval { .. }));
    // A repair of reality waits for nobody.
    world.lose("acme-e1");
    assert!(kinds(&plan_of(&world)).contains(&"fence"));
}

#[test]
fn s05_a_backup_machine_in_line_says_nothing_of_another() {
    let mut world = running(HETZNER);
    world.mandate.trust.thresholds.safe = two(&[]);
    world.facts_mut(BACKUP).packages.remove("restic");
    let mut assent = Assent {
        commit: CommitId::new("a".repeat(40)),
        rooted: false,
        in_line: [machine("backup-elsewhere")].into(),
        backers: Vec::new(),
    };
    world.mandate.assents.insert(None, assent.clone());
    assert_eq!(kinds(&plan_of(&world)), Vec::<&str>::new());
    assent.in_line.insert(machine(BACKUP));
    world.mandate.assents.insert(None, assent);
    assert_eq!(kinds(&plan_of(&world)), ["converge"]);
}

#[test]
fn s05_a_rebuild_does_not_say_that_people_signed_for_what_it_made() {
    let accept = |world: &mut World, digit: &str| {
        let commit = CommitId::new(digit.repeat(40));
        let event = Event::Accepted {
            commit: commit.clone(),
        };
        world.record(None, event);
        commit
    };
    let acme = stack("acme");
    let mut world = World::before_the_first_day(super::plan_world::acme(HETZNER));
    let first = accept(&mut world, "a");
    world.settle();
    assert_eq!(world.past().in_line[&acme], first);
    assert_eq!(world.past().shared_in_line[&machine(BACKUP)], first);
    world.now_wants(super::plan_world::acme(IONOS));
    let later = accept(&mut world, "b");
    world.lose("acme-e1");
    world.settle();
    world.is_well("acme", "acme-e2");
    assert_eq!(world.past().in_line[&acme], first);
    // What is mended because the definition wants it otherwise says so.
    world.facts_mut("acme-e2").packages.remove("nginx");
    world.settle();
    assert_eq!(world.past().in_line[&acme], later);
}

#[test]
fn s05_drift_under_an_unchanged_intent_is_mended_without_asking() {
    let mut world = running(HETZNER);
    world.facts_mut("acme-e1").packages.remove("nginx");
    world.mandate.trust.thresholds.disruptive = two(&[]);
    signed(&mut world, &[("anna", OWNER)]);
    let acme = Some(stack("acme"));
    let assent = world.mandate.assents.get_mut(&acme).unwrap();
    assent.in_line.insert(machine("acme-e1"));
    assert_eq!(kinds(&plan_of(&world)), ["converge"]);
}

#[test]
fn s09_nothing_destructive_happens_while_the_head_is_in_doubt() {
    let freeze = Freeze {
        rule: "freshness",
        reason: "nothing could be fetched".into(),
        remedy: "find out why".into(),
    };
    let mut world = running(HETZNER);
    world.lose("acme-e1");
    world.mandate.freezes.push(freeze);
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty(), "{:#?}", kinds(&plan));
    assert!(matches!(
        holds_of(&plan, "acme")[..],
        [Hold::Forbidden { rule, .. }] if rule == "freshness"
    ));
    let found = world.check(world.draft()).unwrap_err();
    assert_eq!(found[0].rule, "freshness");
    // What is not destructive goes on.
    let mut drifted = running(HETZNER);
    drifted.mandate.freezes.clone_from(&world.mandate.freezes);
    drifted.facts_mut("acme-e1").packages.remove("nginx");
    assert_eq!(kinds(&plan_of(&drifted)), ["converge"]);
}
