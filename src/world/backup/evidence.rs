//! Evidence beside the repositories: outside them, so that production cannot touch it (S10).

use super::EVIDENCE_KEEP;
use super::answer::only;
use super::input::Lines;
use crate::model::evidence::SealedEvidence;
use crate::model::ids::{PointId, StackId};
use crate::model::point::Rung;
use crate::world::machine::{Contact, MachineError, Transport};

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
