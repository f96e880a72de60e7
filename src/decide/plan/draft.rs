//! A plan in the making: steps with ids from their content.

use crate::model::desired::Desired;
use crate::model::diagnostic::Place;
use crate::model::forecast::Forecast;
use crate::model::gap::Gap;
use crate::model::ids::{MachineName, StackId, StepId};
use crate::model::plan::{Action, Cause, Drift, Effect, Held, Hold, Note, Step, Why};
use std::collections::{BTreeMap, BTreeSet};

/// Collects what the stages find.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub steps: Vec<Step>,
    ids: BTreeSet<StepId>,
    /// Where in `steps` those of each stack are.
    of: BTreeMap<StackId, Vec<usize>>,
    pub held: Vec<Held>,
    /// Steps that are held, whole.
    pub withheld: Vec<Step>,
    pub drift: Vec<Drift>,
    pub gaps: Vec<Gap>,
    pub notes: Vec<Note>,
    /// Ordered machines that a step of this plan takes already.
    pub taken: BTreeSet<MachineName>,
    /// Stacks that this plan rebuilds, and whether it begins to.
    pub rebuilt: BTreeMap<StackId, bool>,
}

impl Draft {
    /// The steps of one stack, as far as they are written.
    pub fn steps_of(&self, stack: &StackId) -> impl Iterator<Item = &Step> {
        let places = self.of.get(stack).into_iter().flatten();
        places.filter_map(|&place| self.steps.get(place))
    }

    /// A draft for what is not to be done; it knows which ordered machines are taken.
    pub fn aside(&self) -> Self {
        Self {
            taken: self.taken.clone(),
            ..Self::default()
        }
    }

    /// Takes over what another draft found. Gives its steps that this one does not have.
    pub fn learn(&mut self, aside: Self) -> Vec<Step> {
        let new = |held: &Held| !self.held.contains(held);
        let held: Vec<Held> = aside.held.into_iter().filter(new).collect();
        self.held.extend(held);
        for gap in aside.gaps {
            if !self.gaps.contains(&gap) {
                self.gaps.push(gap);
            }
        }
        for note in aside.notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        self.drift.extend(aside.drift);
        let mut steps = aside.steps;
        steps.retain(|step| !self.ids.contains(&step.id));
        steps
    }
}

/// Steps and holds of one stack (or of what stacks share).
pub(super) struct Pen<'a> {
    pub draft: &'a mut Draft,
    pub stack: Option<&'a StackId>,
    /// Who set off what is written now.
    pub cause: Cause,
}

/// Why a step is written, without who set it off: that the pen knows.
pub(super) struct Reason {
    words: String,
    place: Option<Place>,
}

impl Pen<'_> {
    /// Adds a step; its id comes from stack, verb and object.
    pub fn step(
        &mut self,
        action: Action,
        effect: Effect,
        why: Reason,
        after: &[Option<&StepId>],
    ) -> StepId {
        let id = step_id(self.stack, &action);
        if self.draft.ids.insert(id.clone()) {
            if let Some(stack) = self.stack {
                let place = self.draft.steps.len();
                self.draft.of.entry(stack.clone()).or_default().push(place);
            }
            self.draft.steps.push(Step {
                id: id.clone(),
                stack: self.stack.cloned(),
                action,
                effect,
                why: Why {
                    reason: why.words,
                    place: why.place,
                    line: None,
                    cause: self.cause,
                },
                after: after.iter().filter_map(|s| s.cloned()).collect(),
                forecast: Forecast::default(),
            });
        }
        id
    }

    /// The same pen for steps that something else set off.
    pub fn set_off_by(&mut self, cause: Cause) -> Pen<'_> {
        Pen {
            draft: self.draft,
            stack: self.stack,
            cause,
        }
    }

    /// Adds a hold: wanted, but not now.
    pub fn hold(&mut self, wanted: impl Into<String>, hold: Hold, remedy: impl Into<String>) {
        self.draft.held.push(Held {
            stack: self.stack.cloned(),
            wanted: wanted.into(),
            hold,
            remedy: remedy.into(),
        });
    }

    /// Adds what is good to know and asks for nothing.
    pub fn note(&mut self, text: String) {
        self.draft.notes.push(Note {
            stack: self.stack.cloned(),
            text,
        });
    }

    /// A hold because something could not be seen (S1); the gap is listed too.
    pub fn hold_unseen(&mut self, wanted: impl Into<String>, gap: &Gap, remedy: impl Into<String>) {
        self.gap(gap);
        self.hold(wanted, Hold::NotObserved { gap: gap.clone() }, remedy);
    }

    /// Lists a gap once.
    pub fn gap(&mut self, gap: &Gap) {
        if !self.draft.gaps.contains(gap) {
            self.draft.gaps.push(gap.clone());
        }
    }
}

/// `acme.fetch.acme-e2`: the same content gives the same id, in every plan.
fn step_id(stack: Option<&StackId>, action: &Action) -> StepId {
    let owner = stack.map_or("estate", StackId::as_str);
    StepId::new(format!("{owner}.{}.{}", action.verb(), action.object()))
}

/// A reason that points at a line in Git.
pub(super) fn because_of(place: &Place, reason: impl Into<String>) -> Reason {
    Reason {
        words: reason.into(),
        place: Some(place.clone()),
    }
}

/// A reason that lies in what was seen.
pub(super) fn because(reason: impl Into<String>) -> Reason {
    Reason {
        words: reason.into(),
        place: None,
    }
}

/// Stacks that are broken are held at their last accepted state (S16).
pub(super) fn hold_broken(want: &Desired, draft: &mut Draft) {
    for (id, findings) in &want.broken {
        Pen {
            draft,
            stack: Some(id),
            cause: Cause::Reality,
        }
        .hold(
            "changes to this stack",
            Hold::Broken {
                findings: findings.len(),
            },
            "correct the definition (holdfast check shows each finding) and commit",
        );
    }
}
