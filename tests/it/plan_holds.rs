//! What the planner does not do, and says why. Each test changes one thing in a world that is well.

use super::plan_world::{
    BACKUP, HETZNER, IONOS, REPAIR, WITH_FALLBACK, World, acme, desired, gap, hoster, machine,
    stack, stack_file,
};
use holdfast::model::gap::{Gap, GapKind};
use holdfast::model::ids::{Epoch, MachineName, PointId};
use holdfast::model::observed::{Power, SeenMachine, Unseen};
use holdfast::model::plan::{Action, Hold, Plan, Source};
use holdfast::model::point::Rung;

/// What is planned in this world; it keeps the invariants.
pub fn plan_of(world: &World) -> Plan {
    world.plan().plan().clone()
}

/// The steps by their verbs, in order.
pub fn kinds(plan: &Plan) -> Vec<&'static str> {
    plan.steps.iter().map(|s| s.action.verb()).collect()
}

/// What holds a customer.
pub fn holds_of<'p>(plan: &'p Plan, owner: &str) -> Vec<&'p Hold> {
    let owner = Some(stack(owner));
    let held = plan.held.iter().filter(|h| h.stack == owner);
    held.map(|h| &h.hold).collect()
}

/// No step at all, and a hold of acme because of this gap.
fn waits_for_sight(world: &World, subject: &str) {
    let plan = plan_of(world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    let unseen = |hold: &&Hold| matches!(hold, Hold::NotObserved { gap } if gap.subject == subject);
    assert!(
        holds_of(&plan, "acme").iter().any(unseen),
        "{:#?}",
        plan.held
    );
    assert!(
        plan.gaps.iter().any(|gap| gap.subject == subject),
        "{:?}",
        plan.gaps
    );
}

/// No step at all, and a hold of acme by this rule.
pub fn is_forbidden(world: &World, rule: &str) {
    let plan = plan_of(world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    let by_rule = |hold: &&Hold| matches!(hold, Hold::Forbidden { rule: r, .. } if r == rule);
    assert!(
        holds_of(&plan, "acme").iter().any(by_rule),
        "{:#?}",
        plan.held
    );
}

/// acme, with this production, installed and well.
pub fn running(production: &str) -> World {
    World::running(acme(production))
}

/// What is wanted when acme's file says this too.
pub fn acme_with(production: &str, extra: &str) -> holdfast::model::desired::Desired {
    let want = desired(&[("acme", stack_file("acme", production, extra))]);
    assert!(want.broken.is_empty(), "{:?}", want.broken);
    want
}

#[test]
fn s01_a_hoster_that_does_not_answer_gets_no_second_machine() {
    let mut world = running(HETZNER);
    world.deaf.insert(hoster("hetzner"), gap("hoster hetzner"));
    waits_for_sight(&world, "hoster hetzner");
}

#[test]
fn s01_nothing_is_installed_while_the_hoster_does_not_answer() {
    let mut world = World::before_the_first_day(acme(HETZNER));
    world.deaf.insert(hoster("hetzner"), gap("hoster hetzner"));
    let plan = plan_of(&world);
    assert!(
        plan.steps.iter().all(|s| s.stack.is_none()),
        "{:#?}",
        plan.steps
    );
    assert!(matches!(
        holds_of(&plan, "acme")[..],
        [Hold::NotObserved { .. }]
    ));
}

#[test]
fn s01_a_lost_machine_is_not_replaced_while_a_fallback_cannot_be_seen() {
    // An earlier run may have begun a machine there.
    let mut world = running(WITH_FALLBACK);
    world.lose("acme-e1");
    world.deaf.insert(hoster("ionos"), gap("hoster ionos"));
    waits_for_sight(&world, "hoster ionos");
}

#[test]
fn s01_a_machine_with_a_foreign_host_key_is_left_alone() {
    let mut world = running(HETZNER);
    let foreign = Gap::new(GapKind::ForeignHostKey, "machine acme-e1", "another key");
    world.silent.insert(machine("acme-e1"), foreign);
    waits_for_sight(&world, "machine acme-e1");
    assert!(plan_of(&world).held[0].remedy.contains("in between"));
}

#[test]
fn s01_a_silent_machine_is_neither_rebuilt_nor_fenced() {
    let mut world = running(HETZNER);
    world
        .silent
        .insert(machine("acme-e1"), gap("machine acme-e1"));
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert!(matches!(holds_of(&plan, "acme")[..], [Hold::NotYet { .. }]));
    let silent = |gap: &Gap| gap.subject == "machine acme-e1";
    assert!(plan.gaps.iter().any(silent), "{:?}", plan.gaps);
}

#[test]
fn s01_a_half_read_list_that_may_hide_the_machine_is_not_its_absence() {
    let mut world = running(HETZNER);
    let id = world.machine("acme-e1").unwrap().provider_id.clone();
    world.lose("acme-e1");
    // As the adapter says it: the id is in no word of it.
    let subject = "machine acme-e1 at hoster hetzner";
    let list = world.inventories.get_mut(&hoster("hetzner")).unwrap();
    list.unseen.push(Unseen {
        provider_id: id,
        gap: Gap::new(GapKind::Unreadable, subject, "no public address"),
    });
    waits_for_sight(&world, subject);
}

#[test]
fn s01_nothing_is_installed_where_recovery_points_may_be() {
    let mut world = World::before_the_first_day(acme(HETZNER));
    world.points_gap = Some(gap("recovery points"));
    let plan = plan_of(&world);
    assert!(
        plan.steps.iter().all(|s| s.stack.is_none()),
        "{:#?}",
        plan.steps
    );
    assert!(matches!(
        holds_of(&plan, "acme")[..],
        [Hold::NotObserved { .. }]
    ));
}

#[test]
fn s01_nothing_is_rebuilt_while_recovery_points_cannot_be_listed() {
    let mut world = running(HETZNER);
    world.lose("acme-e1");
    world.points_gap = Some(gap("recovery points"));
    waits_for_sight(&world, "recovery points");
}

#[test]
fn s01_a_lost_backup_machine_is_not_replaced_by_an_empty_one() {
    let mut world = running(HETZNER);
    world.lose(BACKUP);
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert!(
        plan.held
            .iter()
            .any(|h| h.wanted == format!("backup machine {BACKUP}"))
    );
}

#[test]
fn s15_nothing_starts_empty_when_no_point_is_proven_far_enough() {
    let mut world = running(HETZNER);
    world.lose("acme-e1");
    for point in world.points.get_mut(&stack("acme")).unwrap() {
        point.rung = Rung::Taken;
    }
    is_forbidden(&world, "S15");
}

#[test]
fn s15_nothing_starts_empty_when_the_points_are_gone_with_the_machine() {
    let mut world = running(HETZNER);
    world.lose("acme-e1");
    world.points.get_mut(&stack("acme")).unwrap().clear();
    is_forbidden(&world, "S15");
}

#[test]
fn s15_points_alone_tell_that_a_customer_was_there() {
    let mut world = running(HETZNER);
    world.lose("acme-e1");
    world.journal.clear();
    world.adopt(); // as every run does before it plans
    let plan = plan_of(&world);
    assert!(!kinds(&plan).contains(&"initialise"), "{:#?}", kinds(&plan));
    assert!(kinds(&plan).contains(&"load"), "{:#?}", kinds(&plan));
}

#[test]
fn s07_a_machine_of_ours_that_was_set_aside_is_not_used_again() {
    let mut world = running(HETZNER);
    world.lose("acme-e1");
    let plan = world.plan();
    let cut = Some((2, super::plan_world::Cut::BeforeTheEffect));
    let order = super::plan_world::Order::First;
    assert!(world.apply(&plan, order, cut, &mut Vec::new(), &mut Vec::new()));
    world.machine_mut("acme-e2").quarantined = true;
    let plan = plan_of(&world);
    let touched = plan.steps.iter().map(|s| s.action.machine());
    assert!(
        touched.clone().all(|m| m.as_str() != "acme-e2"),
        "{:#?}",
        plan.steps
    );
    assert!(touched.into_iter().any(|m| m.as_str() == "acme-e3"));
}

#[test]
fn a_repair_policy_without_rebuild_holds_the_rebuild() {
    let mut world = World::running(acme(HETZNER));
    world.lose("acme-e1");
    world.now_wants(acme_with(
        HETZNER,
        "\n[repair]\nautomatic = [\"restart\"]\n",
    ));
    is_forbidden(&world, "repair policy");
}

#[test]
fn a_repair_policy_without_restart_holds_the_switching_on_and_the_mending() {
    let mut world = World::running(acme_with(
        HETZNER,
        "\n[repair]\nautomatic = [\"rebuild\"]\n",
    ));
    world.facts_mut("acme-e1").packages.remove("nginx");
    is_forbidden(&world, "repair policy");
    assert_eq!(
        plan_of(&world).drift.len(),
        1,
        "drift is shown all the same"
    );
    world.machine_mut("acme-e1").power = Power::Off;
    is_forbidden(&world, "repair policy");
}

#[test]
fn without_a_free_ordered_machine_nothing_is_begun() {
    let mut world = running(HETZNER);
    let ionos = world.inventories.get_mut(&hoster("ionos")).unwrap();
    ionos.free.clear();
    world.now_wants(acme(IONOS));
    is_forbidden(&world, "capacity");
}

#[test]
fn s04_a_machine_that_holds_something_is_passed_over_and_named_where_no_other_is_left() {
    let mut world = running(HETZNER);
    let ionos = world.inventories.get_mut(&hoster("ionos")).unwrap();
    let held = ionos.free.remove(0);
    ionos.unseen.push(Unseen {
        provider_id: held.name.to_string(),
        gap: Gap::new(
            GapKind::Denied,
            "machine ionos-1 at hoster ionos",
            "it holds /srv/shop",
        ),
    });
    world.now_wants(acme(IONOS));
    let takes = |world: &World| {
        plan_of(world).steps.iter().find_map(|s| match &s.action {
            Action::Create { take, .. } => take.clone(),
            _ => None,
        })
    };
    assert_eq!(takes(&world), Some(machine("ionos-2")));
    let ionos = world.inventories.get_mut(&hoster("ionos")).unwrap();
    ionos.free.clear();
    assert_eq!(takes(&world), None);
    let held = format!("{:?}", plan_of(&world).held);
    assert!(
        held.contains("capacity") && held.contains("it holds /srv/shop"),
        "{held}"
    );
}

#[test]
fn a_full_place_is_passed_over_for_half_an_hour() {
    let mut world = running(WITH_FALLBACK);
    world.lose("acme-e1");
    let site = holdfast::model::ids::SiteId::new("nbg1");
    let full = holdfast::model::journal::Event::NoCapacity {
        hoster: hoster("hetzner"),
        site,
    };
    world.record(Some(&stack("acme")), full);
    let at = |world: &World| {
        let plan = plan_of(world);
        plan.steps.iter().find_map(|s| match &s.action {
            Action::Create { hoster, take, .. } => Some((hoster.clone(), take.clone())),
            _ => None,
        })
    };
    let ionos: MachineName = machine("ionos-1");
    assert_eq!(at(&world), Some((hoster("ionos"), Some(ionos))));
    world.now += jiff::SignedDuration::from_mins(31);
    assert_eq!(at(&world), Some((hoster("hetzner"), None)));
}

#[test]
fn s16_a_broken_definition_holds_its_own_stack_and_no_other() {
    let files = [
        ("acme", stack_file("acme", HETZNER, REPAIR)),
        ("bad", stack_file("bad", HETZNER, "\n[repiar]\n")),
    ];
    let want = desired(&files);
    assert!(want.broken.contains_key(&stack("bad")));
    let mut world = World::before_the_first_day(want);
    let plan = plan_of(&world);
    assert!(matches!(
        holds_of(&plan, "bad")[..],
        [Hold::Broken { findings: 1.. }]
    ));
    assert!(plan.steps.iter().all(|s| s.stack != Some(stack("bad"))));
    world.settle();
    world.is_well("acme", "acme-e1");
}

#[test]
fn s16_another_hosters_trouble_does_not_hold_a_rebuild() {
    let mut world = running(HETZNER);
    world.lose("acme-e1");
    world.deaf.insert(hoster("ionos"), gap("hoster ionos"));
    let plan = plan_of(&world);
    assert!(kinds(&plan).contains(&"create") && kinds(&plan).contains(&"open"));
    assert!(plan.held.is_empty(), "{:#?}", plan.held);
    assert_eq!(plan.gaps.len(), 1, "it is named all the same");
}

#[test]
fn s16_a_silent_machine_of_one_customer_does_not_hold_another() {
    // In a fleet of which two are no storm (S8).
    let ids: Vec<String> = (0..10).map(|number| format!("one-{number}")).collect();
    let file = |id: &String| match id.as_str() {
        "one-9" => (id.clone(), stack_file(id, IONOS, REPAIR)),
        _ => (id.clone(), stack_file(id, HETZNER, REPAIR)),
    };
    let files: Vec<(String, String)> = ids.iter().map(file).collect();
    let files: Vec<(&str, String)> = files
        .iter()
        .map(|(id, f)| (id.as_str(), f.clone()))
        .collect();
    let mut world = World::running(desired(&files));
    world
        .silent
        .insert(machine("one-3-e1"), gap("machine one-3-e1"));
    world.lose("one-9-e1");
    let plan = plan_of(&world);
    assert!(kinds(&plan).contains(&"create"), "{:#?}", plan.held);
    assert!(matches!(
        holds_of(&plan, "one-3")[..],
        [Hold::NotYet { .. }]
    ));
}

#[test]
fn s11_the_newest_proven_point_is_taken_and_a_newer_less_proven_one_is_not() {
    let mut world = running(HETZNER);
    let hour = jiff::SignedDuration::from_hours(1);
    world.now += hour;
    let newest_proven = world.add_point("acme", Epoch(1), Rung::Shipped);
    world.now += hour;
    world.add_point("acme", Epoch(1), Rung::Taken);
    world.lose("acme-e1");
    let plan = plan_of(&world);
    let sources: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|s| match &s.action {
            Action::Fetch { source, .. } | Action::Load { source, .. } => Some(source),
            _ => None,
        })
        .collect();
    assert_eq!(sources.len(), 2);
    for source in sources {
        assert!(matches!(source, Source::Point { point, .. } if *point == newest_proven));
    }
}

#[test]
fn s07_a_machine_with_our_label_that_the_journal_does_not_know_is_not_touched() {
    let mut world = running(HETZNER);
    let forged = SeenMachine {
        name: MachineName::new("acme-e9"),
        provider_id: "99".into(),
        epoch: Epoch(9),
        ..world.machine("acme-e1").unwrap().clone()
    };
    let facts = world.facts[&machine("acme-e1")].clone();
    world.facts.insert(forged.name.clone(), facts);
    let inventory = world.inventories.get_mut(&hoster("hetzner")).unwrap();
    inventory.machines.push(forged);
    world.adopt();
    let plan = plan_of(&world);
    assert!(
        plan.steps
            .iter()
            .all(|s| s.action.machine().as_str() != "acme-e9"),
        "{:#?}",
        plan.steps
    );
}

#[test]
fn s10_a_point_that_claims_a_later_epoch_does_not_unseat_production() {
    let mut world = running(HETZNER);
    let points = world.points.get_mut(&stack("acme")).unwrap();
    let mut junk = points[0].clone();
    junk.id = PointId::new("f".repeat(64));
    junk.epoch = Epoch(99);
    junk.rung = Rung::Taken;
    points.push(junk);
    let plan = plan_of(&world);
    assert!(plan.steps.is_empty() && plan.held.is_empty(), "{plan:#?}");
}
