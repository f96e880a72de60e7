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
    /// Age of what the newest drill brought back. A drill may take any point, so a failure at its
    /// beginning would have lost this much or less: it can show that a promise is kept, and never
    /// that it is broken.
    pub loss_at_most: Option<SignedDuration>,
    /// From the alarm until users were let in again.
    pub rebuild: Option<SignedDuration>,
}

/// Judges every promise. Those that nobody measured are told together, once for the estate.
pub fn check(desired: &Desired, measured: &BTreeMap<StackId, Measured>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut unmeasured: Vec<String> = Vec::new();
    for stack in desired.stacks.values() {
        let known = measured.get(&stack.id).copied().unwrap_or_default();
        let rpo = stack.objectives.rpo;
        let kept = known
            .loss_at_most
            .filter(|most| rpo.is_some_and(|rpo| *most <= rpo));
        let promises = [
            ("rpo", rpo, known.loss.or(kept), "data of the last"),
            ("rto", stack.objectives.rto, known.rebuild, "a rebuild of"),
        ];
        let mut open = Vec::new();
        for (key, promised, found, what) in promises {
            let Some(promised) = promised else { continue };
            let Some(found) = found else {
                open.push(key);
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
        if !open.is_empty() {
            unmeasured.push(format!("{} ({})", stack.shown, open.join(", ")));
        }
    }
    findings.extend(hopes(desired, &unmeasured));
    findings
}

fn hopes(desired: &Desired, stacks: &[String]) -> Option<Diagnostic> {
    let mut names: Vec<String> = stacks.iter().take(NAMED).cloned().collect();
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
        "promises of {count} were never measured: {}",
        names.join(", ")
    );
    let help = "rto is measured by a drill or a rebuild; rpo by a rebuild, or by the newest drill if its point was young enough to keep the promise; the signed document counts once it is committed in evidence/: holdfast evidence show STACK --to evidence; until then they are hopes";
    let mut found = about_file(codes::UNMEASURED, "estate.toml", message, help);
    if !desired.policy.measured_required {
        found.severity = Severity::Warning;
    }
    Some(found)
}
