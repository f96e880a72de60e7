//! Freezes that people signed, and words that let one machine be replaced: what they stop, what
//! goes on, and that they end by themselves.

use super::plan_holds::{acme_with, holds_of, is_forbidden, kinds, plan_of};
use super::plan_paused::comes_in_line;
use super::plan_world::{
    Cut, HETZNER, IONOS, Order, REPAIR, World, desired, machine, stack, stack_file,
};
use holdfast::decide::expiry;
use holdfast::decide::stop::FREEZE;
use holdfast::model::brakes::SignedFreeze;
use holdfast::model::desired::Desired;
use holdfast::model::diagnostic::Place;
use holdfast::model::plan::{Cause, Hold, Plan, Step};
use jiff::{SignedDuration, Timestamp};

const DAY: SignedDuration = SignedDuration::from_hours(24);
const UNTIL: &str = "2026-03-05T07:00:00Z";

fn frozen(until: &str) -> String {
    format!("{REPAIR}\n[[freeze]]\nuntil = \"{until}\"\nreason = \"nobody is there\"\n")
}

fn but_repairs(until: &str) -> String {
    format!("{}allow = [\"repair\"]\n", frozen(until))
}

/// acme is well, then its file says this as well.
fn running_then(production: &str, extra: &str) -> World {
    let mut world = World::running(acme_with(HETZNER, REPAIR));
    world.now_wants(acme_with(production, extra));
    world
}

/// The whole estate is frozen.
fn freeze_all(want: &mut Desired, until: Timestamp) {
    want.freezes = vec![SignedFreeze {
        of: None,
        until,
        reason: "the year is closed".to_owned(),
        repairs: false,
        place: Place {
            file: "estate.toml".to_owned(),
            line: 12,
            column: 1,
        },
    }];
}

fn is_frozen(plan: &Plan, owner: &str) -> bool {
    holds_of(plan, owner)
        .iter()
        .any(|hold| hold.rule() == FREEZE)
}

fn ids(steps: &[Step]) -> Vec<String> {
    steps.iter().map(|step| step.id.to_string()).collect()
}

#[test]
fn a_frozen_stack_is_backed_up_and_looked_at_and_nothing_else_begins() {
    let mut world = running_then(HETZNER, &frozen(UNTIL));
    world.facts_mut("acme-e1").packages.remove("nginx");
    world.now += DAY;
    let plan = plan_of(&world);
    assert_eq!(
        ids(&plan.steps),
        ["acme.backup.acme-e1", "acme.verify.backup-netcup-vie"]
    );
    assert_eq!(ids(&plan.withheld), ["acme.converge.acme-e1"]);
    let held = plan.held.iter().find(|held| held.hold.rule() == FREEZE);
    let held = held.unwrap();
    let Hold::Forbidden { reason, .. } = &held.hold else {
        panic!("{held:?}")
    };
    insta::assert_snapshot!(
        format!("{}\n{reason}\n{}", held.wanted, held.remedy),
        @r"
    converge acme-e1
    it is frozen until 2026-03-05 07:00 UTC: nobody is there (stacks/acme.toml:31)
    it ends by itself; or sign its end: holdfast unfreeze acme
    "
    );
    world.settle();
    // It ends by itself, and what was held is done.
    world.now = UNTIL.parse().unwrap();
    comes_in_line(&mut world);
}

#[test]
fn a_frozen_stack_neither_moves_nor_is_rebuilt() {
    let mut world = running_then(IONOS, &frozen(UNTIL));
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty() && is_frozen(&plan, "acme"));
    world.lose("acme-e1");
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty() && is_frozen(&plan, "acme"));
    assert!(!plan.withheld.is_empty(), "it says what would be done");
    world.now = UNTIL.parse().unwrap();
    world.settle();
    assert_eq!(world.open_machines(&stack("acme")), ["acme-e2"]);
}

#[test]
fn a_freeze_of_the_estate_holds_every_stack() {
    let file = |id: &str| stack_file(id, HETZNER, REPAIR);
    let two = desired(&[("acme", file("acme")), ("bolt", file("bolt"))]);
    let mut world = World::running(two.clone());
    let mut want = two;
    freeze_all(&mut want, UNTIL.parse().unwrap());
    world.now_wants(want);
    for name in ["acme-e1", "bolt-e1"] {
        world.facts_mut(name).packages.remove("nginx");
    }
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert!(is_frozen(&plan, "acme") && is_frozen(&plan, "bolt"));
    let remedy = &plan.held[0].remedy;
    assert!(remedy.ends_with("holdfast unfreeze --all"), "{remedy}");
}

#[test]
fn s16_a_freeze_of_one_stack_holds_no_other() {
    let file = |id: &str, extra: &str| stack_file(id, HETZNER, extra);
    let two = |extra: &str| {
        desired(&[
            ("acme", file("acme", extra)),
            ("bolt", file("bolt", REPAIR)),
        ])
    };
    let mut world = World::running(two(REPAIR));
    world.now_wants(two(&frozen(UNTIL)));
    for name in ["acme-e1", "bolt-e1"] {
        world.facts_mut(name).packages.remove("nginx");
    }
    assert_eq!(world.settle(), ["bolt.converge.bolt-e1"]);
}

#[test]
fn s02_a_customer_whose_machine_is_fenced_already_is_not_left_down_by_a_freeze() {
    let mut world = World::running(acme_with(HETZNER, REPAIR));
    world.lose("acme-e1");
    let plan = world.plan();
    let is_check = |step: &Step| step.action.verb() == "check";
    let number = plan.plan().steps.iter().position(is_check).unwrap();
    let cut = Some((number, Cut::BeforeTheEffect));
    assert!(world.apply(&plan, Order::First, cut, &mut Vec::new(), &mut Vec::new()));
    world.now_wants(acme_with(HETZNER, &frozen(UNTIL)));
    world.settle();
    assert_eq!(world.open_machines(&stack("acme")), ["acme-e2"]);
    // The next loss waits.
    world.lose("acme-e2");
    assert!(is_frozen(&plan_of(&world), "acme"));
}

#[test]
fn s02_an_older_machine_that_comes_back_is_closed_although_the_stack_is_frozen() {
    let mut world = World::running(acme_with(HETZNER, REPAIR));
    let old = world.clone();
    world.lose("acme-e1");
    world.settle();
    world.now_wants(acme_with(HETZNER, &frozen(UNTIL)));
    // It was only out of sight.
    let seen = old.machine("acme-e1").unwrap().clone();
    let hoster = seen.hoster.clone();
    world
        .inventories
        .get_mut(&hoster)
        .unwrap()
        .machines
        .push(seen);
    let facts = old.facts[&machine("acme-e1")].clone();
    world.facts.insert(machine("acme-e1"), facts);
    let plan = plan_of(&world);
    let verbs = kinds(&plan);
    assert!(
        verbs.contains(&"fence") || verbs.contains(&"quarantine"),
        "{verbs:?}: {:#?}",
        plan.held
    );
}

#[test]
fn a_freeze_that_allows_repairs_holds_only_what_people_ask_for() {
    let mut world = running_then(IONOS, &but_repairs(UNTIL));
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert!(is_frozen(&plan, "acme"), "{:#?}", plan.held);
    assert!(ids(&plan.withheld).contains(&"acme.fence.acme-e1".to_owned()));
    // What is lost comes back, where the head wants it (decision 0008).
    world.lose("acme-e1");
    world.settle();
    assert_eq!(world.open_machines(&stack("acme")), ["acme-e2"]);
}

#[test]
fn s05_a_plan_from_before_a_freeze_is_not_carried_out_after_it() {
    for extra in [frozen(UNTIL), but_repairs(UNTIL)] {
        let mut world = running_then(IONOS, REPAIR);
        let before = plan_of(&world);
        world.now_wants(acme_with(IONOS, &extra));
        let violations = world.check(before).unwrap_err();
        assert!(
            violations.iter().any(|v| v.rule == FREEZE),
            "{violations:#?}"
        );
    }
}

#[test]
fn no_drill_is_due_while_a_stack_is_frozen() {
    let mut world = World::running(acme_with(HETZNER, REPAIR));
    world.now += DAY * 2;
    world.settle();
    assert!(world.drill_is_due());
    world.now_wants(acme_with(HETZNER, &frozen(UNTIL)));
    assert!(!world.drill_is_due());
    world.now += DAY * 2;
    world.settle();
    assert!(world.drill_is_due());
}

#[test]
fn a_repair_that_the_policy_does_not_allow_may_be_signed_for_by_name() {
    let lost = || {
        let mut world = World::running(acme_with(HETZNER, ""));
        world.lose("acme-e1");
        world
    };
    is_forbidden(&lost(), "repair policy");
    let word = |machine: &str, until: &str| {
        format!(
            "\n[[approve]]\nrebuild = \"{machine}\"\nuntil = \"{until}\"\nreason = \"the disk is gone\"\n"
        )
    };
    for (machine, until) in [("acme-e2", UNTIL), ("acme-e1", "2026-03-01T07:00:00Z")] {
        let mut world = lost();
        world.now_wants(acme_with(HETZNER, &word(machine, until)));
        is_forbidden(&world, "repair policy");
    }
    let mut world = lost();
    world.now_wants(acme_with(HETZNER, &word("acme-e1", UNTIL)));
    let plan = plan_of(&world);
    let fence = plan.steps.iter().find(|s| s.action.verb() == "fence");
    // People ask for it, so that as many must have signed as trust.toml says.
    assert_eq!(fence.unwrap().why.cause, Cause::Intent);
    world.settle();
    world.is_well("acme", "acme-e2");
    // The word was for that one machine.
    world.lose("acme-e2");
    is_forbidden(&world, "repair policy");
}

#[test]
fn s08_a_person_may_sign_for_one_rebuild_in_a_storm() {
    let file = |id: &str, extra: &str| stack_file(id, HETZNER, &format!("{REPAIR}{extra}"));
    let all = |extra: &str| desired(&[("acme", file("acme", extra)), ("bolt", file("bolt", ""))]);
    let mut world = World::running(all(""));
    world.lose("acme-e1");
    world.lose("bolt-e1");
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    let remedy = &plan.held[0].remedy;
    assert!(remedy.contains("[[approve]] with rebuild = \"acme-e1\" in stacks/acme.toml"));
    world.now_wants(all(&format!(
        "\n[[approve]]\nrebuild = \"acme-e1\"\nuntil = \"{UNTIL}\"\nreason = \"fire in the hall\"\n"
    )));
    let plan = plan_of(&world);
    let owners: Vec<_> = plan.steps.iter().map(|s| s.stack.clone()).collect();
    assert!(!owners.is_empty() && owners.iter().all(|o| *o == Some(stack("acme"))));
}

#[test]
fn why_tells_of_freezes_words_and_caps_with_their_lines() {
    let extra = format!(
        "{}\n[[approve]]\nrebuild = \"acme-e1\"\nuntil = \"2026-03-01T07:00:00Z\"\nreason = \"the disk is gone\"\n",
        frozen(UNTIL)
    );
    let world = running_then(HETZNER, &extra);
    let told = world.account("acme");
    let brakes = told.wanted.iter().filter(|wanted| {
        [
            "rebuilds without",
            "nothing to begin",
            "a rebuild in the place",
        ]
        .iter()
        .any(|begin| wanted.text.starts_with(begin))
    });
    let lines: Vec<String> = brakes
        .map(|wanted| match &wanted.place {
            Some(place) => format!("{} ({}:{})", wanted.text, place.file, place.line),
            None => wanted.text.clone(),
        })
        .collect();
    insta::assert_snapshot!(format!("{}\n{}", told.line.because, lines.join("\n")), @r"
    it is frozen until 2026-03-05 07:00 UTC: nobody is there (stacks/acme.toml:31)
    rebuilds without a person: at most 2 at once, 5 in 24 hours, 2 of them of this stack, and 5m 00s after a try that failed
    nothing to begin until 2026-03-05 07:00 UTC: nobody is there (stacks/acme.toml:31)
    a rebuild in the place of acme-e1 allowed until 2026-03-01 07:00 UTC, which is over: the disk is gone (stacks/acme.toml:35)
    ");
}

#[test]
fn what_is_over_and_what_ends_far_away_is_warned_of() {
    let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
    let said = |until: &str| {
        let want = acme_with(HETZNER, &frozen(until));
        let found = expiry::check(&want, now);
        let lines = found.iter().map(|f| format!("{} {}", f.code, f.message));
        lines.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(said("2026-03-01 Europe/Berlin"), @"HF0050 this freeze has been over since 2026-03-01 22:59 UTC (13h 00m ago), and says nothing any more");
    assert_eq!(said("2026-04-01T12:00:00Z"), "");
    insta::assert_snapshot!(said("2026-04-01T12:00:01Z"), @"HF0051 this freeze ends on 2026-04-01 12:00 UTC, in 30d 0h");
}
