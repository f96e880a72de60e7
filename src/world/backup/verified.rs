//! On backup machines: reading repositories for damage, and what the readings have come to.

use super::answer::{kind_of, only, scripted_error_gap};
use super::input::Lines;
use super::{VERIFIED, VERIFY};
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{PointId, StackId};
use crate::model::secret::Secret;
use crate::model::verification::Verification;
use crate::world::machine::{Contact, MachineError, Transport};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What shall be read.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Which part of the data, from 1.
    pub part: u32,
    /// Of how many; at most 256.
    pub of: u32,
    /// The time by the reconciler's clock: the schedule of readings goes by one clock.
    pub at: Timestamp,
}

/// What a reading found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Verified {
    /// What is damaged, in words; empty: nothing.
    pub findings: Vec<String>,
    /// Points that rest on it, and why.
    pub points: BTreeMap<PointId, String>,
    /// How many points were proven one rung further.
    pub checked: u64,
    /// Milliseconds on the machine.
    pub millis: u64,
}

/// Reads a repository's structure and one part of its data; the only way to
/// [`Rung::Checked`](crate::model::point::Rung::Checked). Mends nothing.
///
/// Refusals: `repository-missing`, `wrong-password`, `busy`, `tool-missing`. Damage is no
/// refusal, it is the answer.
pub async fn verify(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
    password: &Secret,
    part: Part,
) -> Result<Verified, MachineError> {
    let input = Lines::new()
        .words(&["stack", stack.as_str()])
        .words(&["part", &part.part.to_string()])
        .words(&["of", &part.of.to_string()])
        .words(&["at", &part.at.to_string()])
        .secret(&["password"], password)
        .done();
    let answer = transport.run(backup, VERIFY, &input).await?;
    only(&backup.machine, VERIFY, "verified", answer)
}

#[derive(Deserialize)]
struct Unseen {
    code: String,
    reason: String,
}

/// What the readings of many stacks' repositories on one backup machine have come to.
pub async fn verified(
    transport: &dyn Transport,
    backup: &Contact,
    stacks: &[StackId],
) -> BTreeMap<StackId, Result<Verification, Gap>> {
    let mut input = Lines::new();
    for stack in stacks {
        input = input.words(&["stack", stack.as_str()]);
    }
    let gap = |stack: &StackId, reason: &str| {
        Gap::new(GapKind::Unreadable, subject(stack), reason.to_owned())
    };
    let lines = match transport.run(backup, VERIFIED, &input.done()).await {
        Ok(lines) => lines,
        Err(error) => {
            let gap = |stack: &StackId| scripted_error_gap(&subject(stack), &error);
            return stacks.iter().map(|s| (s.clone(), Err(gap(s)))).collect();
        }
    };
    let silent = stacks
        .iter()
        .map(|stack| (stack.clone(), Err(gap(stack, "the answer is silent"))));
    let mut seen: BTreeMap<StackId, Result<Verification, Gap>> = silent.collect();
    for mut line in lines {
        let Some(stack) = line.get("stack").and_then(Value::as_str).map(StackId::new) else {
            continue;
        };
        let Some(entry) = seen.get_mut(&stack) else {
            continue;
        };
        let part = |line: &mut Value, key: &str| line.get_mut(key).map(Value::take);
        *entry = match (part(&mut line, "verification"), part(&mut line, "gap")) {
            (Some(said), _) => {
                serde_json::from_value(said).map_err(|error| gap(&stack, &error.to_string()))
            }
            (None, Some(said)) => Err(match serde_json::from_value::<Unseen>(said) {
                Ok(unseen) => Gap::new(kind_of(&unseen.code), subject(&stack), unseen.reason),
                Err(error) => gap(&stack, &error.to_string()),
            }),
            (None, None) => Err(gap(&stack, "the answer is silent")),
        };
    }
    seen
}

fn subject(stack: &StackId) -> String {
    format!("what was read of the recovery points of {stack}")
}
