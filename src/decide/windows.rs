//! Closed windows: how long users were shut out in moves, and what was tried in them. From the
//! journal alone, in its order, so that no clock decides.

use crate::model::ids::{CommitId, MachineName, PointId, StackId, StepId};
use crate::model::journal::{Entry, Event, StepResult};
use crate::model::operation::FaultClass;
use crate::model::point::Rung;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How often a step that may go well the next time is tried while users wait.
const TRIES: u32 = 3;

/// The key of durations of a fetch that had a copy to build on.
pub const REST: &str = "fetch-rest";

/// Everything that windows tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Windows {
    /// Stacks whose users are shut out now.
    shut: BTreeMap<StackId, Shut>,
    /// The newest move of each stack that came to its end.
    last: BTreeMap<StackId, Window>,
    /// The same of machines that got another size in place.
    last_size: BTreeMap<StackId, Window>,
    /// The newest move of each stack that was tried and given up, until another machine opens.
    given_up: BTreeMap<StackId, GivenUp>,
    /// New machines that a point was copied to ahead.
    ahead: BTreeSet<MachineName>,
    /// How long steps of each stack took, its drills' included, in milliseconds, by verb.
    own: BTreeMap<StackId, BTreeMap<String, Vec<u64>>>,
}

/// The machine that served, and that users are shut out of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shut {
    machine: MachineName,
    since: Timestamp,
    backing_up: bool,
    last: Option<PointId>,
    failures: u32,
    /// It may have been shut down since, on purpose, to be switched on again.
    switched_off: bool,
    /// It is of another type since.
    resized: bool,
}

/// A move, or another size, as its users saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// When users were shut out.
    pub closed_at: Timestamp,
    /// When they were let in again, at the new machine or the larger one.
    pub opened_at: Timestamp,
    /// The journal's entry that says so.
    pub opened_by: i64,
}

impl Window {
    /// How long nobody was served.
    pub fn length(&self) -> SignedDuration {
        self.opened_at.duration_since(self.closed_at)
    }
}

/// A move that did not come to its end while users waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// The head that asked for it.
    pub commit: Option<CommitId>,
    /// The step that failed last.
    pub step: StepId,
    /// Why, in its own words.
    pub reason: String,
}

impl Windows {
    /// The last point of a machine that has not written since: taken and read back while users
    /// were shut out.
    pub fn last_word(&self, stack: &StackId, machine: &MachineName) -> Option<&PointId> {
        let shut = self.shut.get(stack)?;
        shut.last.as_ref().filter(|_| shut.machine == *machine)
    }

    /// Why the move that this head asks for is not tried again.
    pub fn given_up(&self, stack: &StackId, head: &CommitId) -> Option<&GivenUp> {
        let given_up = self.given_up.get(stack)?;
        (given_up.commit.as_ref() == Some(head)).then_some(given_up)
    }

    /// Whether users are shut out now.
    pub fn is_shut(&self, stack: &StackId) -> bool {
        self.shut.contains_key(stack)
    }

    /// The machine that was shut down while users were shut out, and that is switched on again
    /// whatever comes of it.
    pub fn switched_off(&self, stack: &StackId) -> Option<&MachineName> {
        let shut = self.shut.get(stack).filter(|shut| shut.switched_off)?;
        Some(&shut.machine)
    }

    /// The newest move of a stack that came to its end.
    pub fn last(&self, stack: &StackId) -> Option<&Window> {
        self.last.get(stack)
    }

    /// The newest time that its machine got another size in place.
    pub fn last_size(&self, stack: &StackId) -> Option<&Window> {
        self.last_size.get(stack)
    }

    /// Whether the newest move of a stack was given up, whatever the head.
    pub fn is_given_up(&self, stack: &StackId) -> bool {
        self.given_up.contains_key(stack)
    }

    /// Durations of this stack's own steps.
    pub fn own(&self, stack: &StackId, verb: &str) -> &[u64] {
        let of = self.own.get(stack).and_then(|of| of.get(verb));
        of.map_or(&[], Vec::as_slice)
    }

    /// Takes in the next entry. `writer` is who served until then, `accepted` the head.
    pub(super) fn take_in(
        &mut self,
        entry: &Entry,
        writer: Option<&MachineName>,
        accepted: Option<&CommitId>,
    ) {
        let Some(stack) = &entry.stack else { return };
        match &entry.event {
            Event::Started { step, .. } => {
                self.backs_up(stack, step, true);
                self.perhaps_open(stack, step);
                self.perhaps_off(stack, step);
            }
            Event::Resized { machine, .. } => {
                let shut = self.shut.get_mut(stack);
                if let Some(shut) = shut.filter(|shut| shut.machine == *machine) {
                    shut.resized = true;
                }
            }
            Event::Proven { point, rung } if *rung == Rung::Shipped => {
                let shut = self.shut.get_mut(stack);
                if let Some(shut) = shut.filter(|shut| shut.backing_up) {
                    shut.last = Some(point.clone());
                }
            }
            Event::Ended {
                step,
                result,
                millis,
            } => {
                self.backs_up(stack, step, false);
                match result {
                    StepResult::Done => self.measured(stack, step, *millis),
                    StepResult::Refused { reason, class } => {
                        let tries = if *class == FaultClass::Retry {
                            1
                        } else {
                            TRIES
                        };
                        self.failed(stack, step, reason, tries, accepted);
                    }
                    StepResult::Unknown { reason } => {
                        self.failed(stack, step, reason, 1, accepted);
                    }
                }
            }
            Event::Closed { machine } if writer == Some(machine) => {
                let shut = self.shut.entry(stack.clone()).or_insert(Shut {
                    machine: machine.clone(),
                    since: entry.at,
                    backing_up: false,
                    last: None,
                    failures: 0,
                    switched_off: false,
                    resized: false,
                });
                // It would not be shut a second time, had it not been seen open.
                shut.last = None;
            }
            Event::Opened { machine, .. } => self.opened(stack, machine, entry),
            _ => {}
        }
    }

    fn backs_up(&mut self, stack: &StackId, step: &StepId, begins: bool) {
        if let Some(("backup", machine)) = verb_and_machine(step)
            && let Some(shut) = self.shut.get_mut(stack)
            && shut.machine == machine
        {
            shut.backing_up = begins;
        }
    }

    /// From here on users may have been let in again, whatever is heard of it.
    fn perhaps_open(&mut self, stack: &StackId, step: &StepId) {
        if let Some(("open", machine)) = verb_and_machine(step)
            && let Some(shut) = self.shut.get_mut(stack)
            && shut.machine == machine
        {
            shut.last = None;
        }
    }

    /// From here on it may be off, whatever is heard of it.
    fn perhaps_off(&mut self, stack: &StackId, step: &StepId) {
        if let Some(("shut-down", machine)) = verb_and_machine(step)
            && let Some(shut) = self.shut.get_mut(stack)
            && shut.machine == machine
        {
            shut.switched_off = true;
        }
    }

    fn measured(&mut self, stack: &StackId, step: &StepId, millis: u64) {
        let Some(kind) = self.kind_of(step) else {
            return;
        };
        let own = self.own.entry(stack.clone()).or_default();
        own.entry(kind.to_owned()).or_default().push(millis);
        if let Some(("pre-copy" | "catch-up", machine)) = verb_and_machine(step) {
            self.ahead.insert(machine);
        }
    }

    fn failed(
        &mut self,
        stack: &StackId,
        step: &StepId,
        reason: &str,
        tries: u32,
        accepted: Option<&CommitId>,
    ) {
        let verb = verb_and_machine(step).map(|(verb, _)| verb);
        let Some("backup" | "fetch" | "load" | "check" | "fence" | "shut-down" | "resize") = verb
        else {
            return;
        };
        let Some(shut) = self.shut.get_mut(stack) else {
            return;
        };
        let before = shut.failures;
        shut.failures += tries;
        if before < TRIES && shut.failures >= TRIES {
            let given_up = GivenUp {
                commit: accepted.cloned(),
                step: step.clone(),
                reason: reason.to_owned(),
            };
            self.given_up.insert(stack.clone(), given_up);
        }
    }

    /// Users are let in: where they were, perhaps at another size, or at another machine.
    fn opened(&mut self, stack: &StackId, machine: &MachineName, entry: &Entry) {
        let Some(shut) = self.shut.remove(stack) else {
            return;
        };
        if shut.machine != *machine || shut.resized {
            self.given_up.remove(stack);
            let window = Window {
                closed_at: shut.since,
                opened_at: entry.at,
                opened_by: entry.seq,
            };
            let all = if shut.machine == *machine {
                &mut self.last_size
            } else {
                &mut self.last
            };
            all.insert(stack.clone(), window);
        }
    }

    /// What a step is counted as among durations: a fetch that has a copy to build on is another
    /// matter than a whole one.
    pub(super) fn kind_of<'a>(&self, step: &'a StepId) -> Option<&'a str> {
        let (verb, machine) = verb_and_machine(step)?;
        let rest = verb == "fetch" && self.ahead.contains(&machine);
        Some(if rest { REST } else { verb })
    }
}

fn verb_and_machine(step: &StepId) -> Option<(&str, MachineName)> {
    let (_, verb, object) = step.parts()?;
    Some((verb, MachineName::new(object)))
}
