//! What the loop decides between its passes.

use super::plan_holds::{plan_of, running};
use super::plan_world::{HETZNER, World, stack};
use holdfast::decide::pass::{ending, health, just_begun, pause, states};
use holdfast::decide::probe::{Answers, targets};
use holdfast::flow::run::Wakes;
use holdfast::model::gap::{Gap, GapKind};
use holdfast::model::observed::Power;
use holdfast::model::operation::FaultClass;
use holdfast::model::pass::{Ending, Pass, StackState, Wake};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[test]
fn what_was_left_over_is_tried_again_soon_then_less_often_and_never_later_than_the_interval() {
    let pauses: Vec<u64> = (0..7).map(|tries| pause(tries, MINUTE).as_secs()).collect();
    assert_eq!(pauses, [60, 5, 10, 20, 40, 60, 60]);
    assert_eq!(pause(u32::MAX, MINUTE), MINUTE);
    assert_eq!(pause(1, seconds(2)), seconds(2));
}

#[tokio::test]
async fn any_number_of_wakes_become_one_pass() {
    let wakes = Arc::new(Wakes::default());
    for _ in 0..100 {
        wakes.wake(Wake::Push);
    }
    wakes.wake(Wake::Start);
    let came = wakes.next().await;
    assert_eq!(came, BTreeSet::from([Wake::Start, Wake::Push]));
    let second = tokio::time::timeout(seconds(1), wakes.next());
    assert!(second.await.is_err(), "there was nothing more to do");
    // One that comes while nobody waits is not lost, and wakes who waits already.
    let waiting = tokio::spawn({
        let wakes = wakes.clone();
        async move { wakes.next().await }
    });
    tokio::task::yield_now().await;
    wakes.wake(Wake::Push);
    assert_eq!(waiting.await.unwrap(), BTreeSet::from([Wake::Push]));
}

fn pass(ending: Ending) -> Pass {
    Pass {
        wakes: BTreeSet::from([Wake::Timer]),
        began: "2026-03-02T12:00:00Z".parse().unwrap(),
        took: seconds(2),
        ending,
        done: 0,
        stacks: BTreeMap::new(),
        held: 0,
    }
}

#[test]
fn the_loop_is_well_as_long_as_its_last_look_is_young() {
    let settled = pass(Ending::Settled);
    let failed = pass(Ending::Failed {
        class: FaultClass::Retry,
        why: "the disk is full".to_owned(),
    });
    let busy = pass(Ending::Busy {
        holder: "4711".to_owned(),
    });
    for (looked, last, well, why) in [
        (None, None, false, "no pass has looked"),
        (None, Some((&failed, 1)), false, "the disk is full"),
        (Some(1), Some((&settled, 1)), true, "1s ago"),
        (Some(180), Some((&settled, 180)), true, "3m 00s ago"),
        (Some(181), Some((&settled, 181)), false, "the limit is 3m"),
        // One failure does not make it ill; that none has looked for long does.
        (Some(90), Some((&failed, 10)), true, "failed 10s ago"),
        (Some(300), Some((&failed, 10)), false, "the disk is full"),
        (Some(300), Some((&busy, 10)), false, "process 4711"),
    ] {
        let last = last.map(|(pass, ago)| (pass, seconds(ago)));
        let health = health(looked.map(seconds), last, MINUTE);
        assert_eq!(health.well, well, "{health:?}");
        assert!(health.why.contains(why), "{why:?}: {health:?}");
    }
}

#[test]
fn s08_a_loop_that_has_just_begun_destroys_nothing() {
    let still = Duration::from_mins(5);
    let freeze = just_begun(seconds(40), still, false).unwrap();
    assert_eq!(freeze.rule, "S8");
    assert!(freeze.reason.contains("40s"), "{}", freeze.reason);
    assert!(freeze.reason.contains("5m 00s"), "{}", freeze.reason);
    assert!(just_begun(seconds(299), still, false).is_some());
    assert_eq!(just_begun(still, still, false), None);
    assert_eq!(just_begun(Duration::ZERO, Duration::ZERO, false), None);
}

#[test]
fn each_stack_is_where_the_worst_that_is_true_of_it_puts_it() {
    let mut world = running(HETZNER);
    let of = |world: &World, failed: &[&str]| {
        let failed = failed.iter().map(|id| stack(id)).collect();
        states(&world.want, &plan_of(world), &failed, &BTreeSet::new())[&stack("acme")]
    };
    let none = BTreeSet::new();
    assert_eq!(ending(&plan_of(&world), &none), Ending::Settled);
    assert_eq!(of(&world, &[]), StackState::Settled);
    // Nothing is left of what failed.
    assert_eq!(of(&world, &["acme"]), StackState::Settled);
    world.facts_mut("acme-e1").packages.remove("nginx");
    assert_eq!(of(&world, &[]), StackState::Changing);
    assert!(matches!(
        ending(&plan_of(&world), &none),
        Ending::Unfinished { left: 1 }
    ));
    assert_eq!(of(&world, &["acme"]), StackState::Failing);
    let busy = BTreeSet::from([stack("acme")]);
    let found = states(&world.want, &plan_of(&world), &busy, &busy);
    assert_eq!(found[&stack("acme")], StackState::UnderWay);
    let under_way = ending(&plan_of(&world), &busy);
    assert_eq!(under_way, Ending::UnderWay { stacks: 1 });
    let gap = Gap::new(GapKind::Unreachable, "hoster hetzner", "no answer");
    world.deaf.insert(super::plan_world::hoster("hetzner"), gap);
    assert_eq!(of(&world, &[]), StackState::Held);
    assert!(matches!(
        ending(&plan_of(&world), &none),
        Ending::Held { .. }
    ));
    assert_eq!(of(&world, &["acme"]), StackState::Failing);
}

#[test]
fn two_failures_in_a_row_of_what_answered_before_wake_the_loop_once() {
    let every = seconds(30);
    let mut answers = Answers::default();
    // What never answered is perhaps not for us to reach.
    for _ in 0..5 {
        assert!(!answers.take_in(false));
        assert_eq!(answers.next(every), every);
    }
    assert!(!answers.take_in(true));
    assert_eq!(answers.next(every), every);
    assert!(!answers.take_in(false), "one may be the network's");
    assert_eq!(answers.next(every), seconds(5));
    assert!(answers.take_in(false));
    assert!(!answers.take_in(false), "the loop knows");
    assert_eq!(answers.next(every), every);
    assert!(!answers.take_in(true));
    assert!(!answers.take_in(false));
    assert!(answers.take_in(false), "it was lost once more");
}

#[test]
fn what_serves_is_probed_and_what_is_closed_or_off_is_not() {
    let mut world = running(HETZNER);
    let of = |world: &World| -> Vec<String> {
        let found = targets(&world.want, &world.seen());
        found
            .into_iter()
            .map(|target| format!("{} {}", target.what, target.address.port()))
            .collect()
    };
    let all = of(&world);
    assert!(all.contains(&"acme-e1 22".to_owned()), "{all:?}");
    assert!(all.iter().any(|target| target.ends_with(" 443")), "{all:?}");
    assert!(
        !all.iter().any(|target| target.starts_with("backup-")),
        "{all:?}"
    );
    world.facts_mut("acme-e1").open = false;
    assert_eq!(of(&world), Vec::<String>::new());
    world.facts_mut("acme-e1").open = true;
    world.machine_mut("acme-e1").power = Power::Off;
    assert_eq!(of(&world), Vec::<String>::new());
}
