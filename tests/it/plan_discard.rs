//! The old repository after a move: who signs it away by name, and what must be true before it goes.

use super::plan_backup_move::{NEW, at_ionos, moved, with_history, words};
use super::plan_world::{
    BACKUP, Cut, HETZNER, Order, REPAIR, World, acme, desired, gap, hoster, machine, stack,
    stack_file,
};
use holdfast::model::evidence::What;
use holdfast::model::ids::{CommitId, PointId, StepId};
use holdfast::model::journal::{Event, StepResult};
use holdfast::model::machine::Digest;
use holdfast::model::operation::FaultClass;
use holdfast::model::plan::{Action, Cause, Effect, Hold, Plan, Step};
use holdfast::model::point::Rung;
use holdfast::model::trust::Threshold;
use jiff::SignedDuration;

const DISCARD: &str =
    "\n[[discard]]\nmachine = \"backup-netcup-vie\"\nreason = \"copied to ionos, kept a month\"\n";

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// The newest point at the new place came back in a drill, as far as this.
fn drilled(world: &mut World, rung: Rung) {
    let acme = stack("acme");
    let points = world.elsewhere.get_mut(&machine(NEW)).unwrap();
    let points = points.get_mut(&acme).unwrap();
    let newest = points.iter_mut().max_by_key(|point| point.taken_at);
    let newest = newest.unwrap();
    newest.rung = rung;
    let point = newest.id.clone();
    let event = Event::Drilled {
        what: What::Drill,
        escrow: false,
        point,
        machine: machine("acme-drill-1"),
        passed: true,
        evidence: Digest("d".repeat(64)),
        data_age: 60,
        millis: 60_000,
    };
    world.record(Some(&acme), event);
}

/// Moved, and so many days later; nothing is proven beyond having been read back.
fn later(passed: i64) -> World {
    let mut world = moved();
    world.now += days(passed);
    world.settle();
    world
}

/// A month after the move, drilled at the new place, and signed for.
fn ready() -> World {
    let mut world = later(31);
    drilled(&mut world, Rung::AppVerified);
    // Retention waited for the drill as well.
    world.settle();
    world.now_wants(at_ionos(DISCARD));
    world
}

fn discards(plan: &Plan) -> Vec<&Step> {
    let steps = plan.steps.iter();
    let of = steps.filter(|step| matches!(step.action, Action::Discard { .. }));
    of.collect()
}

/// Nothing is deleted, by this rule, for a reason with these words.
#[track_caller]
fn holds(world: &World, rule: &str, reason: &str) {
    let plan = world.plan();
    let plan = plan.plan();
    assert_eq!(discards(plan), Vec::<&Step>::new());
    let because = plan.held.iter().any(|held| {
        held.wanted.contains("discard")
            && matches!(&held.hold, Hold::Forbidden { rule: r, reason: why }
                if r == rule && why.contains(reason))
    });
    assert!(because, "{}", words(plan));
}

#[test]
fn s03_a_repository_goes_when_it_was_signed_away_by_name() {
    let mut world = ready();
    let plan = world.plan();
    let steps = discards(plan.plan());
    assert_eq!(steps.len(), 1, "{}", words(plan.plan()));
    assert_eq!(steps[0].effect, Effect::Destructive);
    assert_eq!(steps[0].why.cause, Cause::Intent);
    assert!(matches!(&steps[0].action, Action::Discard { points, .. } if points.len() == 3));
    world.settle();
    assert!(world.points_on(&machine(BACKUP), &stack("acme")).is_empty());
    let left = world.points_on(&machine(NEW), &stack("acme"));
    assert!(left.iter().any(|point| point.rung == Rung::AppVerified));
    // Neither asked nor spoken of; the line has done its work, and the machine too.
    assert!(!world.seen().former.contains_key(&stack("acme")));
    let said = words(world.plan().plan());
    assert!(
        said.contains("its [[discard]] may be taken out of stacks/acme.toml"),
        "{said}"
    );
    assert!(
        said.contains("backup-netcup-vie keeps no repository any more")
            && said.contains("take it out of hosters.toml"),
        "{said}"
    );
    world.now_wants(at_ionos(""));
    world.settle();
    let said = words(world.plan().plan());
    assert!(
        !said.contains("discard") && !said.contains("superseded"),
        "{said}"
    );
    world.lose("acme-e1");
    world.settle();
    world.is_well("acme", "acme-e2");
}

#[test]
fn copies_grow_old_like_what_they_are_copies_of() {
    let world = later(31);
    let copies = |world: &World| {
        let points = world.points_on(&machine(NEW), &stack("acme"));
        let of = points.iter().filter(|p| p.id.as_str().starts_with('c'));
        of.count()
    };
    // Retention waits for a drill, and then takes them: newer ones are proven further.
    assert_eq!(copies(&world), 3);
    assert_eq!(copies(&ready()), 0);
}

#[test]
fn s03_nothing_goes_without_a_name() {
    let mut world = ready();
    world.now_wants(at_ionos(""));
    assert_eq!(world.settle(), Vec::<String>::new());
    let said = words(world.plan().plan());
    assert!(
        said.contains("until you sign a [[discard]] with machine"),
        "{said}"
    );
}

#[test]
fn s03_signed_with_the_move_itself_it_waits_for_everything_else() {
    let mut world = with_history();
    world.now_wants(at_ionos(DISCARD));
    holds(&world, "S3", "its points still go to backup-netcup-vie");
    world.settle();
    holds(
        &world,
        "S3",
        "is kept for as long as every point is: until 2026-04-0",
    );
    world.now += days(31);
    world.settle();
    holds(
        &world,
        "S3",
        "no point on backup-ionos-de-fra is newer than those on it and restored",
    );
    drilled(&mut world, Rung::Restored);
    world.settle();
    assert!(world.points_on(&machine(BACKUP), &stack("acme")).is_empty());
}

#[test]
fn s03_it_stays_until_every_point_would_have_gone() {
    let mut world = moved();
    world.now += days(29);
    world.settle();
    drilled(&mut world, Rung::AppVerified);
    world.now_wants(at_ionos(DISCARD));
    holds(&world, "S3", "is kept for as long as every point is");
}

#[test]
fn s03_what_is_proven_less_does_not_stand_for_it() {
    for (old, new, needed) in [
        (Rung::Shipped, Rung::Shipped, "restored"),
        (Rung::Shipped, Rung::Checked, "restored"),
        (Rung::AppVerified, Rung::Restored, "app-verified"),
    ] {
        let mut world = later(31);
        let points = world.points.get_mut(&stack("acme")).unwrap();
        points[0].rung = old;
        drilled(&mut world, new);
        world.now_wants(at_ionos(DISCARD));
        holds(
            &world,
            "S3",
            &format!("newer than those on it and {needed}"),
        );
    }
}

#[test]
fn s03_what_rests_on_damage_does_not_stand_for_it() {
    let mut world = ready();
    let points = world.elsewhere.get_mut(&machine(NEW)).unwrap();
    for point in points.get_mut(&stack("acme")).unwrap() {
        point.damaged = Some("a pack is gone".to_owned());
    }
    holds(&world, "S3", "newer than those on it and restored");
}

#[test]
fn s03_a_point_that_came_after_the_copy_keeps_it() {
    let mut world = ready();
    world.add_point("acme", holdfast::model::ids::Epoch(1), Rung::Taken);
    holds(&world, "S3", "1 of its points came after it was copied");
}

#[test]
fn s03_what_was_not_copied_stays() {
    let mut world = ready();
    // Given again: what was copied from it before is not all that it holds.
    let step = StepId::new("acme.repository.backup-netcup-vie");
    let given = world.journal.iter().rposition(
        |entry| matches!(&entry.event, Event::Ended { step: ended, .. } if *ended == step),
    );
    let copied = world
        .journal
        .iter()
        .position(|entry| matches!(entry.event, Event::Copied { .. }));
    assert!(given < copied);
    world.journal.remove(copied.unwrap());
    holds(
        &world,
        "S3",
        "not everything on it was copied to backup-ionos-de-fra",
    );
}

#[test]
fn s01_what_cannot_be_seen_is_not_deleted() {
    let mut world = ready();
    world.silent.insert(machine(BACKUP), gap(BACKUP));
    let plan = world.plan();
    assert!(discards(plan.plan()).is_empty());
    let unseen = |held: &holdfast::model::plan::Held| {
        held.wanted.contains("discarding") && matches!(held.hold, Hold::NotObserved { .. })
    };
    assert!(
        plan.plan().held.iter().any(unseen),
        "{}",
        words(plan.plan())
    );
    // Nor what stands for it.
    let mut world = ready();
    world.silent.insert(machine(NEW), gap(NEW));
    holds(&world, "S3", "cannot be seen");
}

#[test]
fn s12_nothing_goes_in_doubt() {
    let mut world = ready();
    let begun = Event::Started {
        step: StepId::new("acme.load.acme-e1"),
        action: "load acme-e1".to_owned(),
        repair: false,
        head: None,
        mends: Vec::new(),
    };
    world.record(Some(&stack("acme")), begun);
    holds(
        &world,
        "S12",
        "acme.load.acme-e1 was begun and its end is not known",
    );
    let mut world = ready();
    world.silent.insert(machine("acme-e1"), gap("acme-e1"));
    holds(&world, "S12", "production");
}

#[test]
fn s14_nothing_goes_while_what_stays_falls_together_with_production() {
    let mut world = ready();
    let company = world.want.hosters[&hoster("ionos")]
        .descriptor
        .legal_entity
        .clone();
    let account = world.want.hosters.get_mut(&hoster("hetzner")).unwrap();
    account.descriptor.legal_entity = format!(" {}", company.to_uppercase());
    holds(&world, "S14", "the same company");
}

#[test]
fn a_drill_that_is_overdue_or_failed_keeps_it() {
    let mut world = ready();
    world.now_wants(at_ionos(""));
    world.now += days(31);
    world.settle();
    world.now_wants(at_ionos(DISCARD));
    holds(&world, "drill", "a drill is overdue");
    let mut world = ready();
    let failed = world
        .journal
        .iter_mut()
        .rev()
        .find_map(|entry| match &mut entry.event {
            Event::Drilled { passed, .. } => Some(passed),
            _ => None,
        });
    *failed.unwrap() = false;
    holds(&world, "drill", "failed");
}

#[test]
fn s05_it_needs_as_many_people_as_destruction_does() {
    let mut world = ready();
    world.mandate.trust.thresholds.destructive = Threshold {
        signers: 2,
        roles: Vec::new(),
    };
    let plan = world.plan();
    assert!(discards(plan.plan()).is_empty());
    let needs = |held: &holdfast::model::plan::Held| {
        held.wanted == "discard backup-netcup-vie"
            && matches!(
                held.hold,
                Hold::NeedsApproval {
                    effect: Effect::Destructive,
                    need: 2,
                    ..
                }
            )
    };
    assert!(plan.plan().held.iter().any(needs), "{}", words(plan.plan()));
}

#[test]
fn s06_a_cut_in_the_middle_ends_where_an_uncut_one_does() {
    for cut in [Cut::BeforeTheEffect, Cut::AfterTheEffect] {
        let mut world = ready();
        let plan = world.plan();
        let number = plan.plan().steps.len() - 1;
        let (mut done, mut refused) = (Vec::new(), Vec::new());
        assert!(world.apply(
            &plan,
            Order::First,
            Some((number, cut)),
            &mut done,
            &mut refused
        ));
        world.settle();
        assert!(world.points_on(&machine(BACKUP), &stack("acme")).is_empty());
        assert!(!world.seen().former.contains_key(&stack("acme")));
        assert!(world.past().unfinished.is_empty());
        world.is_well("acme", "acme-e1");
    }
}

#[test]
fn a_discard_that_was_refused_is_planned_anew() {
    let mut world = ready();
    let id = StepId::new("acme.discard.backup-netcup-vie");
    let refused = Event::Ended {
        step: id,
        result: StepResult::Refused {
            reason: "point-unknown".to_owned(),
            class: FaultClass::Retry,
        },
        millis: 1,
    };
    world.record(Some(&stack("acme")), refused);
    assert_eq!(discards(world.plan().plan()).len(), 1);
}

#[test]
fn back_at_a_place_that_was_discarded_it_begins_anew() {
    let mut world = ready();
    world.settle();
    world.now_wants(acme(HETZNER));
    world.settle();
    world.is_well("acme", "acme-e1");
    assert_eq!(world.writes_to("acme-e1").as_deref(), Some(BACKUP));
    let said = words(world.plan().plan());
    assert!(!said.contains("can be given back"), "{said}");
}

/// The rules that a plan breaks which discards this, whatever the planner thinks.
fn discarding(world: &World, vault: &str, points: &[PointId]) -> String {
    let mut plan = world.draft();
    let mut step = discards(ready().plan().plan())[0].clone();
    step.id = StepId::new(format!("acme.discard.{vault}"));
    step.action = Action::Discard {
        machine: machine(vault),
        points: points.to_vec(),
    };
    plan.steps = vec![step];
    let found = world.check(plan).err().into_iter().flatten();
    let found: Vec<String> = found.map(|violation| violation.to_string()).collect();
    found.join("\n")
}

#[test]
fn s03_the_court_judges_a_discard_by_itself() {
    let ids = |world: &World, on: &str| -> Vec<PointId> {
        let points = world.points_on(&machine(on), &stack("acme"));
        points.into_iter().map(|point| point.id).collect()
    };
    let world = ready();
    let old = ids(&world, BACKUP);
    assert_eq!(discarding(&world, BACKUP, &old), "");
    let said = discarding(&world, NEW, &ids(&world, NEW));
    assert!(said.contains("where new points come"), "{said}");
    let said = discarding(&world, BACKUP, &old[1..]);
    assert!(said.contains("other points than were seen"), "{said}");
    let world = later(31);
    let said = discarding(&world, BACKUP, &old);
    assert!(said.contains("nothing newer is proven as far"), "{said}");
    let mut world = with_history();
    drilled_at_home(&mut world);
    world.now_wants(at_ionos(""));
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        world.adopt();
        let plan = world.plan();
        world.apply(&plan, Order::First, None, &mut done, &mut refused);
    }
    let said = discarding(&world, BACKUP, &ids(&world, BACKUP));
    assert!(said.contains("was not copied to"), "{said}");
    let mut world = ready();
    world.silent.insert(machine(BACKUP), gap(BACKUP));
    let said = discarding(&world, BACKUP, &old);
    assert!(
        said.contains("S1") && said.contains("could not be looked at"),
        "{said}"
    );
}

fn drilled_at_home(world: &mut World) {
    let points = world.points.get_mut(&stack("acme")).unwrap();
    points.last_mut().unwrap().rung = Rung::AppVerified;
}

#[test]
fn a_definition_never_signs_away_what_it_uses() {
    let found = |extra: &str| {
        let text = stack_file("acme", HETZNER, &format!("{REPAIR}{extra}"));
        let want = desired(&[("acme", text)]);
        let found = want.broken.get(&stack("acme")).cloned().unwrap_or_default();
        let said = found.iter().map(|d| format!("{} {}", d.code, d.message));
        said.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        found(DISCARD),
        "HF0042 the recovery points of this stack go to backup-netcup-vie"
    );
    let other = DISCARD.replace("netcup-vie", "ionos-de-fra");
    assert_eq!(found(&other), "");
    let twice = found(&format!("{other}{other}"));
    assert!(twice.contains("this stands twice"), "{twice}");
    let production = found(&DISCARD.replace("backup-netcup-vie", "acme-e1"));
    assert!(
        production.contains("acme-e1 is no backup machine"),
        "{production}"
    );
}

#[test]
fn a_machine_that_never_was_is_no_thing_done() {
    let mut world = World::running(acme(HETZNER));
    for block in ["discard", "waiver"] {
        let wrong = DISCARD.replace("netcup-vie", "netcup-wien");
        let wrong = wrong.replace("discard", block);
        let text = stack_file("acme", HETZNER, &format!("{REPAIR}{wrong}"));
        world.now_wants(desired(&[("acme", text)]));
        world.want.commit = CommitId::new("c".repeat(40));
        world.settle();
        let said = words(world.plan().plan());
        assert!(
            said.contains("no machine named backup-netcup-wien is known")
                && said.contains(&format!("[[{block}]] in stacks/acme.toml does nothing"))
                && said.contains("did you mean `backup-netcup-vie`?"),
            "{said}"
        );
        assert!(!said.contains("may be taken out"), "{said}");
    }
}
