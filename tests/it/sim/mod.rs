//! The simulated world: hosters, machines, backups, names, the network and the clock in memory,
//! and the real `decide` and `flow` over them. Everything that can go wrong goes wrong by a seed;
//! the same seed is the same world, step by step.
//!
//! What is real: planning, checking, executing, evidence, manifests with their keys, the pool
//! hoster, the answers' readers. What is not: the scripts, whose refusals are told again in
//! `machine` and `vault`; the Hetzner Cloud interface; SSH; Git; the journal's file.
//!
//! `HOLDFAST_SEED=7 cargo test --test it -- seeds` lives one seed again and prints what happened.
//! Beside it `plan_world` plays planning alone, without time, faults or executing.

mod alone;
mod brakes;
mod cloud;
mod dice;
mod invariants;
mod ledger;
mod life;
mod machine;
mod mutants;
mod person;
mod plights;
mod points;
mod rivals;
mod secrets;
mod shell;
mod sizes;
mod state;
mod story;
mod strangers;
mod tests;
mod time;
mod vault;

use holdfast::model::plan::Plan;
use ledger::Death;
use state::State;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The world, and who waits in it; as one process sees it.
pub struct Sim {
    state: Arc<Mutex<State>>,
    timers: Arc<time::Timers>,
    /// The process that acts through it.
    own: time::Process,
}

impl Sim {
    pub fn new(state: State) -> Self {
        Self {
            state: Arc::new(Mutex::new(state)),
            timers: Arc::default(),
            own: time::Process::default(),
        }
    }

    /// The same world for another process.
    pub fn for_another(&self) -> Self {
        Self {
            state: self.state.clone(),
            timers: self.timers.clone(),
            own: time::Process::default(),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn say(&self, words: &str) {
        self.state().say(words);
    }

    /// The same of what somebody may read later: no secret is in it.
    pub fn tell(&self, what: &str, text: &str) {
        let mut state = self.state();
        state.say(&format!("{what}: {text}"));
        state.check_secrets(what, text);
    }

    /// A plan is made, and told to whoever looks.
    pub fn shows(&self, plan: &Plan) {
        let text = serde_json::to_string(plan).unwrap();
        self.state().check_secrets("a plan", &text);
    }

    /// It is that late now, and what was on its way until then has come.
    pub fn becomes(&self, now: jiff::Timestamp) {
        let mut state = self.state();
        state.now = state.now.max(now);
        state.arrive(now);
        state.check_gates();
        drop(state);
        self.end_if_violated();
    }

    /// Looks at the invariants after an effect; a process does not outlive a violation.
    pub fn look(&self, after: &str) {
        self.state().look(after);
        self.end_if_violated();
    }

    fn end_if_violated(&self) {
        if self.state().violation.is_some() {
            self.own.dies();
        }
    }

    /// Whether the process dies here: because it was told so, or by chance.
    pub fn dies(&self, here: Death) -> bool {
        let mut state = self.state();
        let state = &mut *state;
        state.death == Some(here) || state.dice.happens(state.faults.deaths)
    }
}

/// Whether a password is the one of this line; each pair is tried once.
pub fn password_fits(password: &str, line: &str) -> bool {
    static TRIED: Mutex<BTreeMap<(String, String), bool>> = Mutex::new(BTreeMap::new());
    let key = (password.to_owned(), line.to_owned());
    let known = TRIED.lock().unwrap().get(&key).copied();
    known.unwrap_or_else(|| {
        let fits = bcrypt::verify(password, line).unwrap_or(false);
        TRIED.lock().unwrap().insert(key, fits);
        fits
    })
}
