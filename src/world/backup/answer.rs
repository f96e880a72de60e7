//! Answers of the scripts, read into the model.

use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{Epoch, MachineName, PointId, StackId};
use crate::model::point::{RecoveryPoint, Rung};
use crate::model::units::Bytes;
use crate::world::machine::{MachineError, Script};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// The value of the answer's line `{"<key>":…}`.
pub(super) fn only<T: DeserializeOwned>(
    machine: &MachineName,
    script: Script,
    key: &str,
    lines: Vec<Value>,
) -> Result<T, MachineError> {
    let unreadable = |detail: String| MachineError::Unreadable {
        machine: machine.clone(),
        script: script.name,
        detail,
    };
    let value = lines
        .into_iter()
        .rev()
        .find_map(|mut line| line.get_mut(key).map(Value::take))
        .ok_or_else(|| unreadable(format!("no line with {key:?}")))?;
    serde_json::from_value(value).map_err(|error| unreadable(format!("{key}: {error}")))
}

/// What an error of a script means for knowing: never absence (S1).
pub fn scripted_error_gap(subject: &str, error: &MachineError) -> Gap {
    let kind = match error {
        MachineError::Unreachable { .. } | MachineError::Lost { .. } => GapKind::Unreachable,
        MachineError::ForeignHostKey { .. } => GapKind::ForeignHostKey,
        MachineError::Denied { .. } => GapKind::Denied,
        MachineError::Refused { code, .. } => kind_of(code),
        MachineError::Unreadable { .. } => GapKind::Unreadable,
    };
    Gap::new(kind, subject, error.to_string())
}

pub(super) fn kind_of(code: &str) -> GapKind {
    match code {
        "wrong-password" | "denied" | "certificate-refused" => GapKind::Denied,
        "busy" | "backup-unreachable" => GapKind::Unreachable,
        _ => GapKind::Unreadable,
    }
}

#[derive(Deserialize)]
struct StackLine {
    stack: StackId,
    #[serde(flatten)]
    seen: Seen,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Seen {
    Points(Vec<SeenPoint>),
    Gap { code: String, reason: String },
}

#[derive(Deserialize)]
struct SeenPoint {
    id: PointId,
    time: Timestamp,
    tags: Vec<String>,
    bytes: Option<u64>,
    rungs: Vec<String>,
}

/// Reads the answer to the question for the points of `stacks`. Every stack
/// asked about has an entry; one the answer does not speak of is a gap.
///
/// Snapshots without our tags (a person's own, or junk written by a machine that
/// was broken into) are no recovery points and are left out.
pub fn parse_points(
    stacks: &[&StackId],
    lines: Vec<Value>,
) -> BTreeMap<StackId, Result<Vec<RecoveryPoint>, Gap>> {
    let mut seen: BTreeMap<StackId, Result<Vec<RecoveryPoint>, Gap>> = stacks
        .iter()
        .map(|stack| {
            let silent = Gap::new(GapKind::Unreadable, subject(stack), "the answer is silent");
            ((*stack).clone(), Err(silent))
        })
        .collect();
    for line in lines {
        let Some(stack) = line.get("stack").and_then(Value::as_str).map(StackId::new) else {
            continue;
        };
        let Some(entry) = seen.get_mut(&stack) else {
            continue;
        };
        *entry = match serde_json::from_value::<StackLine>(line) {
            Err(error) => Err(Gap::new(
                GapKind::Unreadable,
                subject(&stack),
                error.to_string(),
            )),
            Ok(StackLine {
                seen: Seen::Gap { code, reason },
                ..
            }) => Err(Gap::new(kind_of(&code), subject(&stack), reason)),
            Ok(StackLine {
                stack,
                seen: Seen::Points(points),
            }) => Ok(points
                .into_iter()
                .filter_map(|point| recovery_point(&stack, point))
                .collect()),
        };
    }
    seen
}

/// What a gap about a stack's points is called.
pub(super) fn subject(stack: &StackId) -> String {
    format!("recovery points of {stack}")
}

fn recovery_point(stack: &StackId, seen: SeenPoint) -> Option<RecoveryPoint> {
    let tag = |name: &str| {
        seen.tags
            .iter()
            .find_map(|tag| tag.strip_prefix(name)?.strip_prefix('='))
    };
    if tag("stack") != Some(stack.as_str()) {
        tracing::warn!(%stack, snapshot = %seen.id, "a snapshot without this stack's tag is no recovery point");
        return None;
    }
    let Some(epoch) = tag("epoch").and_then(|text| text.parse().ok()) else {
        tracing::warn!(%stack, snapshot = %seen.id, "a snapshot without epoch is no recovery point");
        return None;
    };
    Some(RecoveryPoint {
        rung: furthest(&seen.rungs),
        id: seen.id,
        stack: stack.clone(),
        epoch: Epoch(epoch),
        taken_at: seen.time,
        bytes: Bytes(seen.bytes.unwrap_or_default()),
        arrived_at: None,
        evidence: Vec::new(),
        damaged: None,
    })
}

/// The furthest rung with evidence. Nothing counts that was never read back, and
/// a rung this program does not know proves nothing.
fn furthest(rungs: &[String]) -> Rung {
    let known: Vec<Rung> = rungs
        .iter()
        .filter_map(|name| serde_json::from_value(Value::String(name.clone())).ok())
        .collect();
    if known.contains(&Rung::Shipped) {
        known.into_iter().max().unwrap_or(Rung::Taken)
    } else {
        Rung::Taken
    }
}
