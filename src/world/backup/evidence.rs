//! Evidence beside the repositories: outside them, so that production cannot touch it (S10).

use super::answer::only;
use super::input::Lines;
use super::{EVIDENCE_KEEP, EVIDENCE_LIST};
use crate::model::evidence::SealedEvidence;
use crate::model::ids::{PointId, StackId};
use crate::model::point::Rung;
use crate::world::machine::{Contact, MachineError, Transport};
use serde::Deserialize;

/// A document on its way to where it is kept.
#[derive(Debug, Clone, Copy)]
pub struct Keeping<'a> {
    /// Whose.
    pub stack: &'a StackId,
    /// The point that it speaks of.
    pub point: &'a PointId,
    /// What its files are called, without ending.
    pub name: &'a str,
    /// The document with its signature.
    pub sealed: &'a SealedEvidence,
    /// What it stands for; empty for a drill that failed.
    pub rungs: &'a [Rung],
}

/// Keeps a document and its signature, and then the rungs that it stands for.
///
/// Refusals: `rung-forbidden` ([`Rung::Taken`] is the repository's word, [`Rung::Shipped`] and
/// [`Rung::Checked`] are the backup machine's), `point-missing`, `rung-missing` (the point was
/// never read back). After the last two the document is kept, without its rungs.
pub async fn keep_evidence(
    transport: &dyn Transport,
    backup: &Contact,
    keeping: Keeping<'_>,
) -> Result<(), MachineError> {
    let mut input = Lines::new()
        .words(&["stack", keeping.stack.as_str()])
        .words(&["point", keeping.point.as_str()])
        .words(&["name", keeping.name])
        .text("document", &keeping.sealed.text)
        .text("signature", &keeping.sealed.signature);
    for rung in keeping.rungs {
        input = input.words(&["rung", rung.name()]);
    }
    let answer = transport.run(backup, EVIDENCE_KEEP, &input.done()).await?;
    only::<bool>(&backup.machine, EVIDENCE_KEEP, "kept", answer).map(|_| ())
}

/// A document as it lies beside the repository; nothing is believed of it yet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Kept {
    /// What its files are called, without ending.
    pub name: String,
    /// The document with its signature; that is empty where there is none.
    #[serde(flatten)]
    pub sealed: SealedEvidence,
}

/// All documents of a stack, by name and so by time. `Ok(empty)`: looked, none there.
pub async fn kept_evidence(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
) -> Result<Vec<Kept>, MachineError> {
    let input = Lines::new().words(&["stack", stack.as_str()]).done();
    let answer = transport.run(backup, EVIDENCE_LIST, &input).await?;
    only(&backup.machine, EVIDENCE_LIST, "documents", answer)
}
