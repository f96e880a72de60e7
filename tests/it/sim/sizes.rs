//! Another size for the machine that serves, and how that must end.

use super::life::Life;
use super::state::Server;
use super::story::remembered;
use crate::plan_world::{LARGER, LARGER_DISK, REPAIR, desired, stack_file};
use holdfast::decide::history::History;
use holdfast::model::ids::{MachineName, StackId};

/// The type that both sizes come to.
const TYPE: &str = "cx33";

/// Twice as large; now and then with a disk that only a new machine has.
pub fn asked(life: &mut Life, variant: u64) {
    let by_move = variant % 5 == 4;
    let production = if by_move { LARGER_DISK } else { LARGER };
    if by_move {
        life.sim.state().may_move.insert(StackId::new("acme"));
    }
    let file = stack_file("acme", production, REPAIR);
    life.now_wants(remembered(desired(&[("acme", file)])));
}

/// It is of that type: the same machine, unless it had to be another.
pub fn ends_well(life: &Life, serves: &str) {
    let state = life.sim.state();
    let by_move = state.may_move.contains(&StackId::new("acme"));
    let there = state.servers.iter().find(|s| s.called() == serves);
    let larger = there.is_some_and(|server| server.is_a(TYPE));
    let first = MachineName::new("acme-e1");
    let past = History::from_entries(&state.journal);
    // In trouble it may have been lost, like any other.
    let fenced = past.machines[&first].fenced.is_some();
    let left = state
        .servers
        .iter()
        .filter(|s| s.name().as_ref() == Some(&first));
    let off: Vec<String> = left.filter(|s| !s.on).map(Server::called).collect();
    drop(state);
    life.holds(larger, "it is of the type that was asked for");
    life.holds(
        by_move == (serves != "acme-e1") || fenced,
        "it is the same machine",
    );
    life.holds(off.is_empty() || fenced, "it is not left off");
}
