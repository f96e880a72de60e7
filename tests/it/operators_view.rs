//! How stacks stand, why, and what has happened: as people and scripts see it.

use super::plan_world::{
    HETZNER, IONOS, REPAIR, World, acme, desired, gap, hoster, machine, stack, stack_file,
};
use holdfast::decide::only::only;
use holdfast::decide::status::{Line, State, lines};
use holdfast::decide::timeline::{Outcome, timeline};
use holdfast::decide::why::account;
use holdfast::model::journal::Event;
use holdfast::model::observed::Power;
use holdfast::model::plan::Plan;
use holdfast::show::exit::Exit;
use holdfast::show::views;
use jiff::SignedDuration;

/// What happens to a world that is well.
type Change = fn(&mut World);

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn golden(name: &str, shown: &str) {
    insta::with_settings!({ snapshot_path => "../golden", omit_expression => true }, {
        insta::assert_snapshot!(name, shown);
    });
}

fn look(world: &World) -> (Plan, Vec<Line>) {
    let plan = world.plan().plan().clone();
    let lines = lines(&world.want, &world.seen(), &world.past(), &plan);
    (plan, lines)
}

fn state(world: &World) -> State {
    let (plan, lines) = look(world);
    let line = lines.iter().find(|l| l.stack == stack("acme")).unwrap();
    let exit = Exit::of_lines(&plan, &lines);
    assert_eq!(line.state.is_well(), exit == Exit::Nothing, "{line:#?}");
    line.state
}

fn pause(world: &mut World, owner: &str) {
    let until = world.now + HOUR * 4;
    let reason = "the hoster works on it".to_owned();
    world.record(Some(&stack(owner)), Event::Paused { until, reason });
}

/// Six customers, each with a trouble of its own.
fn troubled() -> World {
    let mut files: Vec<(&str, String)> = ["acme", "bolt", "cord", "dune", "echo"]
        .into_iter()
        .map(|id| (id, stack_file(id, HETZNER, REPAIR)))
        .collect();
    let mut world = World::running(desired(&files));
    files.push(("fern", stack_file("fern", HETZNER, "\n[repiar]\n")));
    world.now_wants(desired(&files));
    world.now += HOUR * 3;
    world.machine_mut("bolt-e1").power = Power::Off;
    world
        .silent
        .insert(machine("cord-e1"), gap("machine cord-e1"));
    world.facts_mut("dune-e1").packages.remove("nginx");
    pause(&mut world, "dune");
    world.facts_mut("echo-e1").packages.remove("nginx");
    world
}

#[test]
fn how_all_stacks_stand_reads_like_this() {
    let world = troubled();
    let (plan, lines) = look(&world);
    golden("status", &views::status::human(&lines, &plan, world.now));
}

#[test]
fn what_stacks_stand_like_is_told_to_scripts_too() {
    let world = troubled();
    let (plan, lines) = look(&world);
    let json = views::status::json(&lines, &plan, world.now);
    assert_eq!(json["status_schema"], 1);
    let stacks = json["stacks"].as_array().unwrap();
    let told: Vec<(&str, &str)> = stacks
        .iter()
        .map(|s| (s["stack"].as_str().unwrap(), s["state"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("bolt", "down"),
            ("cord", "unknown"),
            ("fern", "unknown"),
            ("dune", "paused"),
            ("echo", "to-do"),
            ("acme", "as-wanted"),
        ]
    );
    let fern = &stacks[2];
    assert!(fern["proven"]["unknown"].is_object(), "{fern:#}");
    assert_eq!(stacks[5]["proven"]["rung"], "shipped");
    assert_eq!(stacks[3]["paused"]["reason"], "the hoster works on it");
}

#[test]
fn s01_what_was_not_seen_is_never_taken_for_well() {
    let well = World::running(acme(HETZNER));
    assert_eq!(state(&well), State::AsWanted);
    let changes: [(&str, Change, State); 8] = [
        (
            "its hoster does not answer",
            |w| {
                w.deaf.insert(hoster("hetzner"), gap("hoster hetzner"));
            },
            State::Unknown,
        ),
        (
            "it does not answer itself",
            |w| {
                w.silent.insert(machine("acme-e1"), gap("machine acme-e1"));
            },
            State::Unknown,
        ),
        (
            "its points cannot be listed",
            |w| w.points_gap = Some(gap("recovery points")),
            State::Unknown,
        ),
        (
            "the backup machine is gone with them",
            |w| w.lose(super::plan_world::BACKUP),
            State::Unknown,
        ),
        ("it is lost", |w| w.lose("acme-e1"), State::Down),
        (
            "it is closed",
            |w| w.facts_mut("acme-e1").open = false,
            State::Down,
        ),
        (
            "no point is proven",
            |w| w.points.get_mut(&stack("acme")).unwrap().clear(),
            State::Held,
        ),
        (
            "something differs",
            |w| {
                w.facts_mut("acme-e1").packages.remove("nginx");
            },
            State::ToDo,
        ),
    ];
    for (what, change, expected) in changes {
        let mut world = well.clone();
        change(&mut world);
        assert_eq!(state(&world), expected, "{what}");
    }
}

/// Why, of acme alone.
fn why(world: &World) -> String {
    let plan = world.plan().plan().clone();
    let parts = plan.basis.parts.clone();
    let plan = only(plan, vec![stack("acme")], &parts);
    let (seen, past) = (world.seen(), world.past());
    let id = stack("acme");
    let account = account(&id, &world.want, &seen, &past, &world.journal, &plan).unwrap();
    let json = views::why::json(&account, &plan, world.now);
    assert_eq!(json["why_schema"], 1);
    assert_eq!(json["short"]["stack"], "acme");
    views::why::human(&account, &plan, world.now)
}

#[test]
fn why_a_silent_machine_is_left_alone_reads_like_this() {
    let mut world = World::running(acme(HETZNER));
    world.now += HOUR;
    let silent = gap("machine acme-e1");
    world.silent.insert(machine("acme-e1"), silent);
    golden("why_unseen", &why(&world));
}

#[test]
fn why_a_lost_machine_is_not_rebuilt_now_reads_like_this() {
    let mut world = World::running(acme(HETZNER));
    pause(&mut world, "acme");
    world.now += HOUR;
    world.lose("acme-e1");
    golden("why_paused", &why(&world));
}

#[test]
fn a_stack_whose_file_is_gone_is_unknown_and_why_says_what_is_left_of_it() {
    let files = ["acme", "bolt"].map(|id| (id, stack_file(id, HETZNER, REPAIR)));
    let mut world = World::running(desired(&files));
    world.now_wants(desired(&files[1..]));
    assert_eq!(state(&world), State::Unknown);
    let why = why(&world);
    assert!(why.contains("held by S3: stack acme"), "{why}");
    assert!(why.contains("acme-e1 (e1) was opened last"), "{why}");
}

#[test]
fn what_has_happened_reads_like_this() {
    let mut world = World::running(acme(HETZNER));
    world.now += HOUR;
    world.now_wants(acme(IONOS));
    pause(&mut world, "acme");
    world.record(Some(&stack("acme")), Event::Resumed {});
    world.settle();
    world.begun("acme.backup.acme-e2");
    let id = stack("acme");
    let told = timeline(&world.journal, Some(&id), None);
    golden("log", &views::log::human(&told, Some(&id)));
}

#[test]
fn an_unfinished_step_is_told_as_one_and_only_the_last_try_has_an_end() {
    let mut world = World::running(acme(HETZNER));
    let done = world.journal.len();
    world.begun("acme.converge.acme-e1");
    world.facts_mut("acme-e1").packages.remove("nginx");
    world.settle();
    let told = timeline(&world.journal, Some(&stack("acme")), None);
    let tries: Vec<_> = told
        .iter()
        .filter(|t| t.entry > i64::try_from(done).unwrap() && t.step.is_some())
        .map(|t| t.outcome.clone().unwrap())
        .collect();
    assert_eq!(tries, [Outcome::Unfinished, Outcome::Done]);
}

#[test]
fn the_log_of_one_stack_tells_of_no_other_and_since_leaves_out_what_was_before() {
    let file = |id: &str| stack_file(id, HETZNER, REPAIR);
    let two = desired(&[("acme", file("acme")), ("bolt", file("bolt"))]);
    let mut world = World::running(two);
    let noon = world.now + HOUR;
    world.now += HOUR * 2;
    pause(&mut world, "bolt");
    let of = |owner: &str, since| timeline(&world.journal, Some(&stack(owner)), since);
    assert!(
        of("acme", None)
            .iter()
            .all(|t| t.stack != Some(stack("bolt")))
    );
    assert!(of("acme", Some(noon)).is_empty());
    let told = of("bolt", Some(noon));
    assert_eq!(told.len(), 1);
    assert!(told[0].text.contains("the hoster works on it"));
    let all = timeline(&world.journal, None, None);
    assert!(all.len() > of("acme", None).len());
}
