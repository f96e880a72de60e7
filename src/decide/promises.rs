//! Promises against what was measured: a drill or a rebuild says how long it took, a loss how
//! much was gone. What nobody measured is a hope, and is called one.

use super::document::{about_file, codes};
use crate::model::desired::Desired;
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::ids::StackId;
use crate::model::units::show_duration;
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// So many stacks are named in a message.
const NAMED: usize = 3;

/// The worst that was measured of a stack, lately enough to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Measured {
    /// Age of the data that came back.
    pub loss: Option<SignedDuration>,
    /// From the alarm until users were let in again.
    pub rebuild: Option<SignedDuration>,
}

/// Judges every promise. Those that nobody measured are told together, once for the estate.
pub fn check(desired: &Desired, measured: &BTreeMap<StackId, Measured>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut unmeasured: Vec<&StackId> = Vec::new();
    for stack in desired.stacks.values() {
        let known = measured.get(&stack.id).copied().unwrap_or_default();
        let promises = [
            ("rpo", stack.objectives.rpo, known.loss, "data of the last"),
            ("rto", stack.objectives.rto, known.rebuild, "a rebuild of"),
        ];
        let mut open = false;
        for (key, promised, found, what) in promises {
            let Some(promised) = promised else { continue };
            let Some(found) = found else {
                open = true;
                continue;
            };
            if found > promised {
                findings.push(Diagnostic {
                    code: codes::PROMISE,
                    severity: Severity::Error,
                    place: stack.place.clone(),
                    span: (0, 0),
                    message: format!(
                        "{} promises {key} = {}, and {what} {} was measured: {} too much",
                        stack.shown,
                        show_duration(promised),
                        show_duration(found),
                        show_duration(found - promised)
                    ),
                    help: Some(format!(
                        "promise what can be kept, or make it true and measure again ({key})"
                    )),
                });
            }
        }
        if open {
            unmeasured.push(&stack.shown);
        }
    }
    findings.extend(hopes(desired, &unmeasured));
    findings
}

fn hopes(desired: &Desired, stacks: &[&StackId]) -> Option<Diagnostic> {
    let mut names: Vec<String> = stacks.iter().take(NAMED).map(ToString::to_string).collect();
    if stacks.is_empty() {
        return None;
    }
    if stacks.len() > NAMED {
        names.push(format!("and {} more", stacks.len() - NAMED));
    }
    let count = match stacks.len() {
        1 => "1 stack".to_owned(),
        many => format!("{many} stacks"),
    };
    let message = format!(
        "the promises (rpo, rto) of {count} were never measured: {}",
        names.join(", ")
    );
    let help = "a drill or a rebuild measures them, and its signed document counts once it is committed in evidence/: holdfast evidence show STACK --to evidence; until then they are hopes";
    let mut found = about_file(codes::UNMEASURED, "estate.toml", message, help);
    if !desired.policy.measured_required {
        found.severity = Severity::Warning;
    }
    Some(found)
}
