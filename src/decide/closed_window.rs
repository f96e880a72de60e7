//! How long a plan will shut users out, from what its stack has measured.

use super::critical_path::{Measured, critical_path};
use super::durations::{kind, median};
use super::history::History;
use crate::model::forecast::ClosedWindow;
use crate::model::ids::StepId;
use crate::model::plan::{Action, Step};
use std::collections::BTreeSet;
use std::time::Duration;

/// For each step that shuts users out and is followed by one that lets them in: until then.
pub(super) fn windows(steps: &[Step], past: &History) -> Vec<Option<ClosedWindow>> {
    let shuts = |step: &Step| matches!(step.action, Action::Close { .. });
    let each = steps.iter().map(|step| {
        let window = shuts(step).then(|| window(step, steps, past));
        window.flatten()
    });
    each.collect()
}

fn window(close: &Step, steps: &[Step], past: &History) -> Option<ClosedWindow> {
    let stack = close.stack.as_ref()?;
    // A step is written after those that it waits for.
    let mut behind: BTreeSet<&StepId> = [&close.id].into();
    for step in steps {
        if step.after.iter().any(|before| behind.contains(before)) {
            behind.insert(&step.id);
        }
    }
    let opens =
        |step: &&Step| behind.contains(&step.id) && matches!(step.action, Action::Open { .. });
    let open = steps.iter().find(opens)?;
    let mut before: BTreeSet<&StepId> = [&open.id].into();
    for step in steps.iter().rev() {
        if before.contains(&step.id) {
            before.extend(&step.after);
        }
    }
    let within: Vec<&Step> = steps
        .iter()
        .filter(|step| behind.contains(&step.id) && before.contains(&step.id))
        .collect();
    let took = |step: &Step| {
        let kind = kind(step, steps);
        let own = median(past.windows.own(stack, kind));
        own.or_else(|| median(past.durations.get(kind)?))
    };
    let measured: Vec<Measured> = within
        .iter()
        .map(|step| Measured {
            id: step.id.clone(),
            after: step.after.clone(),
            took: Duration::from_millis(took(step).map_or(0, |estimate| estimate.millis)),
        })
        .collect();
    let path = critical_path(&measured);
    let on_it = measured.iter().filter(|step| path.contains(&step.id));
    let sum: Duration = on_it.map(|step| step.took).sum();
    let unmeasured = within.iter().filter(|step| took(step).is_none());
    let resizes = |step: &&Step| matches!(step.action, Action::Resize { .. });
    let last = if within.iter().any(resizes) {
        past.windows.last_size(stack)
    } else {
        past.windows.last(stack)
    };
    Some(ClosedWindow {
        millis: u64::try_from(sum.as_millis()).unwrap_or(u64::MAX),
        unmeasured: unmeasured
            .map(|step| step.action.verb().to_owned())
            .collect(),
        last_millis: last.and_then(|last| u64::try_from(last.length().as_millis()).ok()),
    })
}
