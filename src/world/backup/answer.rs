//! Answers of the scripts, read into the model.

use crate::model::evidence::SealedEvidence;
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{Epoch, MachineName, PointId, StackId};
use crate::model::listed::{Claim, Foreign, Listed};
use crate::model::point::{Proof, RecoveryPoint, Rung};
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
        MachineError::Unreachable { .. }
        | MachineError::Withheld { .. }
        | MachineError::Lost { .. } => GapKind::Unreachable,
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

/// Either points or the reason why there are none to be seen.
#[derive(Deserialize)]
struct StackLine {
    points: Option<Vec<SeenPoint>>,
    #[serde(default)]
    documents: BTreeMap<String, SealedEvidence>,
    gap: Option<SeenGap>,
}

#[derive(Deserialize)]
pub(super) struct SeenGap {
    pub(super) code: String,
    pub(super) reason: String,
}

#[derive(Deserialize)]
struct SeenPoint {
    id: PointId,
    time: Timestamp,
    tags: Vec<String>,
    bytes: Option<u64>,
    arrived: Option<Timestamp>,
    #[serde(default)]
    copied: bool,
    rungs: Vec<SeenRung>,
}

#[derive(Deserialize)]
struct SeenRung {
    rung: String,
    at: Option<Timestamp>,
    document: Option<String>,
}

/// Reads the answer to the question for the points of `stacks`. Every stack
/// asked about has an entry; one the answer does not speak of is a gap.
///
/// Snapshots without our tags (a person's own, or junk written by a machine that was broken
/// into) are no recovery points; they are named apart.
pub fn parse_points(
    stacks: &[&StackId],
    lines: Vec<Value>,
) -> BTreeMap<StackId, Result<Listed, Gap>> {
    let mut seen: BTreeMap<StackId, Result<Listed, Gap>> = stacks
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
        let unreadable = |detail: String| Gap::new(GapKind::Unreadable, subject(&stack), detail);
        *entry = match serde_json::from_value::<StackLine>(line) {
            Err(error) => Err(unreadable(error.to_string())),
            Ok(StackLine { gap: Some(gap), .. }) => {
                Err(Gap::new(kind_of(&gap.code), subject(&stack), gap.reason))
            }
            Ok(StackLine { points: None, .. }) => Err(unreadable("no points are named".into())),
            Ok(StackLine {
                points: Some(points),
                documents,
                ..
            }) => Ok(listed(&stack, points, documents)),
        };
    }
    seen
}

/// What a gap about a stack's points is called.
pub(super) fn subject(stack: &StackId) -> String {
    format!("recovery points of {stack}")
}

fn listed(
    stack: &StackId,
    points: Vec<SeenPoint>,
    documents: BTreeMap<String, SealedEvidence>,
) -> Listed {
    let mut listed = Listed {
        documents,
        ..Listed::default()
    };
    for seen in points {
        match recovery_point(stack, &seen) {
            Ok(point) => {
                listed.claims.extend(claims(&seen));
                listed.points.push(point);
            }
            Err(reason) => listed.foreign.push(Foreign {
                snapshot: seen.id,
                reason: reason.to_owned(),
                arrived_at: seen.arrived,
            }),
        }
    }
    listed
}

fn recovery_point(stack: &StackId, seen: &SeenPoint) -> Result<RecoveryPoint, &'static str> {
    let tag = |name: &str| {
        seen.tags
            .iter()
            .find_map(|tag| tag.strip_prefix(name)?.strip_prefix('='))
    };
    if tag("stack") != Some(stack.as_str()) {
        return Err("it does not carry this stack's tag");
    }
    let Some(epoch) = tag("epoch").and_then(|text| text.parse().ok()) else {
        return Err("it carries no epoch");
    };
    // Points of the first form have no such tag.
    let Ok(schema) = tag("schema").unwrap_or("1").parse() else {
        return Err("nobody can say of which form it is");
    };
    let evidence = of_the_machine(&seen.rungs, seen.arrived.unwrap_or(seen.time));
    Ok(RecoveryPoint {
        rung: evidence
            .iter()
            .map(|proof| proof.rung)
            .max()
            .unwrap_or(Rung::Taken),
        id: seen.id.clone(),
        stack: stack.clone(),
        epoch: Epoch(epoch),
        taken_at: seen.time,
        bytes: Bytes(seen.bytes.unwrap_or_default()),
        arrived_at: arrival(seen),
        evidence,
        damaged: None,
        aside: seen.tags.iter().any(|tag| tag == "aside"),
        cold: seen.tags.iter().any(|tag| tag == "cold"),
        schema,
    })
}

/// When a snapshot arrived. A copy arrived long after what it is a copy of, and in any order: if
/// nobody carried over when that was, it is dated by its own word, unless that claims a time after
/// the copy was there.
fn arrival(seen: &SeenPoint) -> Option<Timestamp> {
    seen.arrived
        .filter(|arrived| !seen.copied || seen.time > *arrived)
}

/// A rung that this program does not know proves nothing.
fn known(name: &str) -> Option<Rung> {
    serde_json::from_value(Value::String(name.to_owned())).ok()
}

/// The rungs that the backup machine reached by itself. Nothing counts that was never read back.
fn of_the_machine(rungs: &[SeenRung], otherwise: Timestamp) -> Vec<Proof> {
    let mut proofs: Vec<Proof> = rungs
        .iter()
        .filter_map(|seen| {
            let rung = known(&seen.rung)?;
            matches!(rung, Rung::Shipped | Rung::Checked).then(|| Proof {
                rung,
                at: seen.at.unwrap_or(otherwise),
                document: None,
            })
        })
        .collect();
    proofs.sort_by_key(|proof| proof.rung);
    if proofs
        .first()
        .is_none_or(|proof| proof.rung != Rung::Shipped)
    {
        proofs.clear();
    }
    proofs
}

/// The rungs that only a document can stand for.
fn claims(seen: &SeenPoint) -> impl Iterator<Item = Claim> {
    seen.rungs.iter().filter_map(|claimed| {
        let rung = known(&claimed.rung)?;
        (rung > Rung::Checked).then(|| Claim {
            point: seen.id.clone(),
            rung,
            document: claimed.document.clone(),
        })
    })
}
