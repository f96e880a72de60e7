//! A plan of some stacks alone: their steps, the shared steps that these wait for, nothing else.

use crate::decide::document::suggest;
use crate::decide::mandate::WHO_SIGNED;
use crate::model::desired::Desired;
use crate::model::ids::{StackId, StepId};
use crate::model::machine::Digest;
use crate::model::plan::{Hold, Plan};
use std::collections::{BTreeMap, BTreeSet};

/// A name that no stack of the estate has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the estate has no stack {id:?}{}", help.as_ref().map(|h| format!("; {h}")).unwrap_or_default())]
pub struct NoSuchStack {
    /// As asked for.
    pub id: String,
    /// What may have been meant.
    pub help: Option<String>,
}

/// The stacks of these names, each once, sorted.
pub fn named<'d>(
    asked: &[StackId],
    known: impl IntoIterator<Item = &'d str>,
) -> Result<Vec<StackId>, NoSuchStack> {
    let known: BTreeSet<&str> = known.into_iter().collect();
    let asked: BTreeSet<&StackId> = asked.iter().collect();
    if let Some(unknown) = asked.iter().find(|id| !known.contains(id.as_str())) {
        return Err(NoSuchStack {
            id: unknown.to_string(),
            // All names of a large estate are no help.
            help: suggest(unknown.as_str(), known.iter().copied())
                .filter(|help| known.len() <= 20 || help.starts_with("did")),
        });
    }
    Ok(asked.into_iter().cloned().collect())
}

/// Why nothing can be done for a stack of this name: there is none, or its file has errors.
pub fn not_sound(want: &Desired, stack: &StackId) -> String {
    if want.began(stack).is_some() {
        return format!("the definition of {stack} has errors; holdfast check shows them");
    }
    let known = want.names();
    let unknown = named(
        std::slice::from_ref(stack),
        known.iter().map(StackId::as_str),
    );
    unknown.map_or_else(
        |unknown| unknown.to_string(),
        |_| format!("{stack} is not sound"),
    )
}

/// Leaves out what is not of these stacks. `parts` is what their plan rests on.
pub fn only(mut plan: Plan, stacks: Vec<StackId>, parts: &BTreeMap<String, Digest>) -> Plan {
    let ours = |stack: Option<&StackId>| stack.is_some_and(|id| stacks.contains(id));
    let mut kept: BTreeSet<StepId> = BTreeSet::new();
    // A step stands after those that it waits for.
    for step in plan.steps.iter().rev() {
        if ours(step.stack.as_ref()) || kept.contains(&step.id) {
            kept.insert(step.id.clone());
            kept.extend(step.after.iter().cloned());
        }
    }
    plan.steps.retain(|step| kept.contains(&step.id));
    plan.withheld.retain(|step| ours(step.stack.as_ref()));
    plan.notes.retain(|note| ours(note.stack.as_ref()));
    let rests_on = |subject: &str| parts.contains_key(subject);
    plan.held.retain(|held| match &held.stack {
        Some(stack) => stacks.contains(stack),
        None => {
            machines(parts).any(|name| words(&held.wanted).any(|word| word == name))
                || parts.keys().any(|subject| held.wanted.ends_with(subject))
                || matches!(&held.hold, Hold::NotObserved { gap } if rests_on(&gap.subject))
        }
    });
    plan.drift.retain(|drift| match &drift.stack {
        Some(stack) => stacks.contains(stack),
        None => rests_on(&format!("machine {}", drift.machine)),
    });
    let held = &plan.held;
    plan.gaps.retain(|gap| {
        rests_on(&gap.subject)
            || asks_who_signed(&gap.subject, &stacks)
            || held
                .iter()
                .any(|held| matches!(&held.hold, Hold::NotObserved { gap: of } if of == gap))
    });
    plan.basis.stacks = Some(stacks);
    plan
}

/// Names of the machines that the plan rests on.
fn machines(parts: &BTreeMap<String, Digest>) -> impl Iterator<Item = &str> {
    parts
        .keys()
        .filter_map(|part| part.strip_prefix("machine "))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',']).filter(|word| !word.is_empty())
}

/// Who signed for what these stacks ask, or for what stacks share.
fn asks_who_signed(subject: &str, stacks: &[StackId]) -> bool {
    subject.strip_prefix(WHO_SIGNED).is_some_and(|whose| {
        let ours = |id: &StackId| whose.strip_suffix(" asks") == Some(&format!(" {id}"));
        stacks.iter().any(ours) || whose.starts_with(" the stacks ")
    })
}
