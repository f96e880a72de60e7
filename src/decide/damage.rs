//! What is damaged in a repository, by the readings of it.

use super::history::History;
use crate::model::ids::{MachineName, StackId};
use crate::model::observed::Observed;
use crate::model::verification::Reading;
use std::collections::BTreeSet;

/// What the readings of a stack's repository have come to: by the backup machine's own record,
/// or by the journal, whichever is newer. The journal may be lost, and so may the record.
pub fn reading<'a>(
    stack: &StackId,
    machine: &MachineName,
    seen: &'a Observed,
    past: &'a History,
) -> Option<&'a Reading> {
    let kept = seen.verified.get(stack).and_then(|v| v.reading.as_ref());
    let journaled = past.read.get(stack).and_then(|of| of.get(machine));
    kept.into_iter().chain(journaled).max_by_key(|r| r.at)
}

/// What is damaged in a stack's repository, as far as anybody knows; empty: nothing. While it is
/// not empty, nothing may be taken out of the repository (S12).
pub fn damage(
    stack: &StackId,
    machine: &MachineName,
    seen: &Observed,
    past: &History,
) -> Vec<String> {
    let lost = seen.verified.get(stack).map(|v| v.lost.as_slice());
    let found = reading(stack, machine, seen, past).map(|r| r.findings.as_slice());
    let all = lost.into_iter().chain(found).flatten();
    let mut told = BTreeSet::new();
    all.filter(|words| told.insert(*words)).cloned().collect()
}
