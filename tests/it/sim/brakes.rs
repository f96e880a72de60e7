//! The brakes in simulated lives: losses one after the other while processes die, and a freeze
//! that is signed in the middle of a rebuild.

use super::dice::Dice;
use super::ledger::Death;
use super::life::Life;
use super::state::{Faults, Server, State};
use super::story::lose;
use crate::plan_world::{HETZNER, REPAIR, desired, stack_file};
use holdfast::decide::history::History;
use holdfast::model::desired::Desired;
use holdfast::model::ids::{MachineName, StackId};
use jiff::SignedDuration;
use std::collections::BTreeSet;
use std::sync::OnceLock;

const THREE: [&str; 3] = ["acme", "bolt", "cord"];

impl State {
    /// Never more than two customers on their way back at once, and never twice the same.
    pub fn check_caps(&mut self, name: &MachineName, stack: &StackId) {
        if self.may_move.contains(stack) || self.is_late {
            return;
        }
        let past = History::from_entries(&self.journal);
        let mut half: BTreeSet<StackId> = Self::half_rebuilt(&past);
        let goes_on = half.remove(stack);
        let given_up = |stack: &StackId| past.rebuilds.get(stack).is_some_and(|of| of.failed >= 3);
        half.retain(|stack| !given_up(stack));
        if half.len() >= 2 && !goes_on && past.writers.contains_key(stack) {
            self.violate(format!(
                "S8: {name} is made while {half:?} are on their way"
            ));
        }
        let epoch = past.writers.get(stack).map(|(epoch, _)| *epoch);
        let other = |server: &&Server| {
            let aside = server.label_aside || server.disk.aside;
            server.on && !aside && server.epoch() > epoch && server.called() != name.as_str()
        };
        let other = self.production(stack).find(other).map(Server::called);
        if let Some(other) = other {
            self.violate(format!("S8: {name} is made while {other} is on its way"));
        }
    }

    /// Stacks whose old machine can no longer write, and whose new one is not open.
    fn half_rebuilt(past: &History) -> BTreeSet<StackId> {
        let fenced = past.writers.iter().filter(|(_, (_, name))| {
            let made = past.machines.get(name);
            made.is_some_and(|made| made.fenced.is_some())
        });
        fenced.map(|(stack, _)| stack.clone()).collect()
    }
}

fn three(extra: &str) -> Desired {
    let file = |id| stack_file(id, HETZNER, &format!("{REPAIR}{extra}"));
    desired(&THREE.map(|id| (id, file(id))))
}

fn acme(extra: &str) -> Desired {
    let file = stack_file("acme", HETZNER, &format!("{REPAIR}{extra}"));
    desired(&[("acme", file)])
}

/// Installed yesterday, and saved since; made once.
fn installed(kept: &'static OnceLock<State>, want: Desired, seed: u64) -> Life {
    let state = kept.get_or_init(|| {
        let life = Life::begin(0, want.clone());
        life.comes_to_rest();
        life.later(SignedDuration::from_hours(26));
        life.comes_to_rest();
        let mut state = life.sim.state().clone();
        state.told.clear();
        state
    });
    let life = Life::of(state.clone(), want);
    life.sim.state().seed = seed;
    life.sim.state().dice = Dice::new(seed);
    life
}

fn some(life: &Life, most: u64) -> u64 {
    life.sim.state().dice.below(most)
}

fn faults(life: &Life) -> Faults {
    let calls = [0, 20, 60][usize::try_from(some(life, 3)).unwrap()];
    Faults {
        calls,
        lists: calls,
        ..Faults::default()
    }
}

fn is_fenced(life: &Life, stack: &str) -> bool {
    let state = life.sim.state();
    let past = History::from_entries(&state.journal);
    State::half_rebuilt(&past).contains(&StackId::new(stack))
}

/// Three customers are lost one after the other, each in the middle of another's rebuild. Gives who
/// serves each in the end: one machine, to which its names lead.
fn losses(seed: u64) -> [String; 3] {
    static KEPT: OnceLock<State> = OnceLock::new();
    let life = installed(&KEPT, three(""), seed);
    life.sim.state().faults = faults(&life);
    for stack in THREE {
        lose(&life, true);
        // Until it is fenced, the next loss would be a storm.
        for _ in 0..16 {
            let later = 6 + usize::try_from(some(&life, 20)).unwrap();
            let number = life.sim.state().journal.len() + later;
            life.dies_at(Some(Death::After(number)));
            life.process();
            life.dies_at(None);
            let state = life.sim.state();
            let stack_id = StackId::new(stack);
            let serves = state.production(&stack_id).any(|s| s.serves(state.now));
            drop(state);
            if is_fenced(&life, stack) || serves {
                break;
            }
            life.later(SignedDuration::from_mins(70));
        }
    }
    life.sim.state().faults = Faults::default();
    life.later(SignedDuration::from_hours(2));
    life.comes_to_rest();
    THREE.map(|stack| life.is_well(stack))
}

/// What came of a freeze.
struct Frozen {
    /// The old machine could no longer write by then, so that the rebuild goes on.
    goes_on: bool,
    /// Machines of the stack when it began, and after two passes in it.
    machines: (usize, usize),
    /// Users are served while it lasts.
    serves: bool,
    /// Who serves once it is over.
    in_the_end: String,
}

/// A freeze is signed while a rebuild is on its way, or before it has begun.
fn frozen(seed: u64) -> Frozen {
    static KEPT: OnceLock<State> = OnceLock::new();
    let mut life = installed(&KEPT, acme(""), seed);
    lose(&life, true);
    life.sim.state().faults = faults(&life);
    let before = some(&life, 4);
    if before > 0 {
        let number = life.sim.state().journal.len() + usize::try_from(before * 4).unwrap();
        life.dies_at(Some(Death::After(number)));
        life.process();
        life.dies_at(None);
    }
    let until = life.sim.state().now + SignedDuration::from_hours(48);
    life.now_wants(acme(&format!(
        "\n[[freeze]]\nuntil = \"{until}\"\nreason = \"nobody is there\"\n"
    )));
    let goes_on = is_fenced(&life, "acme");
    let acme = StackId::new("acme");
    // What was sent before may arrive after it.
    life.later(SignedDuration::from_mins(30));
    let there = life.sim.state().production(&acme).count();
    for _ in 0..2 {
        life.process();
        life.later(SignedDuration::from_mins(70));
    }
    let machines = (there, life.sim.state().production(&acme).count());
    life.sim.state().faults = Faults::default();
    life.later(SignedDuration::from_hours(2));
    life.comes_to_rest();
    let state = life.sim.state();
    let serves = state
        .production(&acme)
        .any(|server| server.serves(state.now));
    drop(state);
    life.later(SignedDuration::from_hours(48));
    life.comes_to_rest();
    Frozen {
        goes_on,
        machines,
        serves,
        in_the_end: life.is_well("acme"),
    }
}

#[test]
fn s08_seeds_of_losses_one_after_the_other_end_well() {
    for seed in 0..12 {
        for (stack, serves) in THREE.iter().zip(losses(seed)) {
            assert!(serves.starts_with(stack), "seed {seed}: {serves}");
            assert_ne!(serves, format!("{stack}-e1"), "seed {seed}: it was lost");
        }
    }
}

#[test]
fn seeds_with_a_freeze_in_the_middle_of_a_rebuild_end_well() {
    let mut both = [false; 2];
    for seed in 0..24 {
        let of = frozen(seed);
        let (before, after) = of.machines;
        // A frozen stack gets no machine, unless its old one was fenced: then it comes back.
        assert!(of.goes_on || after <= before, "seed {seed}: {after}");
        assert_eq!(of.serves, of.goes_on, "seed {seed}");
        assert_ne!(of.in_the_end, "acme-e1", "seed {seed}: it was lost");
        both[usize::from(of.goes_on)] = true;
    }
    assert_eq!(both, [true; 2], "both happen among these seeds");
}
