//! What a plan is expected to take, cost and risk: measured or from a list, else unknown.

use super::plan_world::{HETZNER, IONOS, REPAIR, World, acme, desired, stack_file};
use holdfast::decide::forecast::foresee;
use holdfast::model::forecast::{CostChange, CostFrom, DataAtRisk, Estimate};
use holdfast::model::ids::{Epoch, StepId};
use holdfast::model::journal::{Event, StepResult};
use holdfast::model::operation::FaultClass;
use holdfast::model::plan::{Plan, Step};
use holdfast::model::point::Rung;

fn foreseen(world: &World) -> Plan {
    let mut plan = world.plan().plan().clone();
    foresee(&mut plan, &world.want.hosters, &world.past());
    plan
}

fn step<'p>(plan: &'p Plan, id: &str) -> &'p Step {
    let found = plan.steps.iter().find(|step| step.id.as_str() == id);
    found.unwrap_or_else(|| panic!("no {id}"))
}

fn ended(world: &mut World, id: &str, millis: u64, done: bool) {
    let result = if done {
        StepResult::Done
    } else {
        StepResult::Refused {
            reason: "no".into(),
            class: FaultClass::Retry,
        }
    };
    let step = StepId::new(id);
    world.record(
        None,
        Event::Ended {
            step,
            result,
            millis,
        },
    );
}

#[test]
fn durations_are_the_medians_of_what_ended_well_here() {
    let mut world = World::before_the_first_day(acme(HETZNER));
    for millis in [9_000, 1_000, 3_000] {
        ended(&mut world, "other.create.other-e1", millis, true);
    }
    ended(&mut world, "other.create.other-e2", 1, false);
    let plan = foreseen(&world);
    let estimate = |id| step(&plan, id).forecast.estimate;
    let measured = Estimate {
        millis: 3_000,
        measured: 3,
    };
    assert_eq!(estimate("acme.create.acme-e1"), Some(measured));
    assert_eq!(estimate("acme.install.acme-e1"), None, "not yet measured");
    let total = plan.estimate.unwrap();
    // Both machines are made at the same time.
    assert_eq!(total.millis, 3_000);
    assert_eq!(total.unmeasured, plan.steps.len() - 2);
}

#[test]
fn nothing_measured_is_no_estimate() {
    let plan = foreseen(&World::before_the_first_day(acme(HETZNER)));
    assert_eq!(plan.estimate, None);
}

#[test]
fn an_unknown_price_is_unknown_and_never_nothing() {
    let plan = foreseen(&World::before_the_first_day(acme(HETZNER)));
    let cost = |id| step(&plan, id).forecast.monthly_cost.unwrap();
    let now = |cents| CostChange {
        cents,
        from: CostFrom::Step,
    };
    assert_eq!(cost("acme.create.acme-e1"), now(Some(399)));
    assert_eq!(cost("estate.create.backup-netcup-vie"), now(None));
    assert_eq!(
        step(&plan, "acme.install.acme-e1").forecast.monthly_cost,
        None
    );
    assert_eq!(
        (plan.monthly_cost.cents, plan.monthly_cost.unknown),
        (399, 1)
    );
}

#[test]
fn the_old_machine_costs_until_it_is_retired() {
    let mut world = World::running(acme(HETZNER));
    world.now_wants(acme(IONOS));
    let plan = foreseen(&world);
    let quarantine = step(&plan, "acme.quarantine.acme-e1").forecast.monthly_cost;
    assert_eq!(
        quarantine,
        Some(CostChange {
            cents: Some(-399),
            from: CostFrom::Retirement
        })
    );
    let total = plan.monthly_cost;
    assert_eq!((total.cents, total.unknown), (0, 1));
    assert_eq!(total.after_retirement_cents, -399);
}

#[test]
fn a_rebuild_names_the_point_its_age_and_how_far_it_is_proven() {
    let mut world = World::running(acme(HETZNER));
    world.now += jiff::SignedDuration::from_hours(3);
    world.lose("acme-e1");
    let plan = foreseen(&world);
    for id in ["acme.fence.acme-e1", "acme.load.acme-e2"] {
        let Some(DataAtRisk::Point {
            age_seconds, rung, ..
        }) = &step(&plan, id).forecast.data_at_risk
        else {
            panic!("{:?}", step(&plan, id).forecast)
        };
        assert!((10_800..10_900).contains(age_seconds), "{age_seconds}");
        assert_eq!(*rung, Rung::Shipped);
    }
    assert_eq!(
        step(&plan, "acme.create.acme-e2").forecast.data_at_risk,
        None
    );
}

#[test]
fn a_move_rests_on_the_point_that_it_takes() {
    let mut world = World::running(acme(HETZNER));
    world.add_point("acme", Epoch(1), Rung::AppVerified);
    world.now_wants(acme(IONOS));
    let risk = step(&foreseen(&world), "acme.fence.acme-e1")
        .forecast
        .data_at_risk
        .clone();
    let taken = StepId::new("acme.backup.acme-e1");
    assert_eq!(risk, Some(DataAtRisk::ThisPlan { step: taken }));
}

#[test]
fn forecasts_of_one_customer_do_not_mix_with_another() {
    let stacks = ["acme", "beta"].map(|id| (id, stack_file(id, HETZNER, REPAIR)));
    let mut world = World::running(desired(&stacks));
    world.lose("beta-e1");
    let plan = foreseen(&world);
    let owners = plan
        .steps
        .iter()
        .filter(|s| s.forecast.data_at_risk.is_some());
    for step in owners {
        assert_eq!(step.stack.as_ref().unwrap().as_str(), "beta");
    }
}
