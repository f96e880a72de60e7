//! Evidence: signed by the reconciler's own key, so that `ssh-keygen -Y verify` can check it.

use super::derive::{EstateKey, evidence_key};
use crate::model::evidence::{Evidence, SealedEvidence, Verdict};
use crate::model::machine::Digest;
use crate::model::point::Rung;
use sha2::{Digest as _, Sha256};
use ssh_key::{HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};

/// Of the signatures.
pub const NAMESPACE: &str = "holdfast-evidence";

/// Signs a document; `None` when it has no text form.
pub fn seal(key: &EstateKey, evidence: &Evidence) -> Option<SealedEvidence> {
    let text = serde_json::to_string_pretty(evidence).ok()? + "\n";
    let private = PrivateKey::from_openssh(evidence_key(key).private_openssh.expose()).ok()?;
    let signature = private
        .sign(NAMESPACE, HashAlg::Sha512, text.as_bytes())
        .and_then(|signature| signature.to_pem(LineEnding::LF))
        .ok()?;
    Some(SealedEvidence { text, signature })
}

/// The document, if the key whose public half this is signed it.
pub fn open(public: &PublicKey, sealed: &SealedEvidence) -> Option<Evidence> {
    let signature = SshSig::from_pem(&sealed.signature).ok()?;
    public
        .verify(NAMESPACE, sealed.text.as_bytes(), &signature)
        .ok()?;
    serde_json::from_str(&sealed.text).ok()
}

/// SHA-256 of the signed bytes: how a journal and a rung name the document.
pub fn digest(sealed: &SealedEvidence) -> Digest {
    Digest(hex::encode(Sha256::digest(sealed.text.as_bytes())))
}

/// The rungs that a document stands for. A failed one stands for none; one without a
/// functional check does not say that the application runs.
pub fn proves(evidence: &Evidence) -> Vec<Rung> {
    match evidence.verdict {
        Verdict::Failed { .. } => Vec::new(),
        Verdict::Passed if evidence.checks.iter().any(|check| !check.passed) => Vec::new(),
        Verdict::Passed if evidence.checks.is_empty() => vec![Rung::Restored],
        Verdict::Passed => vec![Rung::Restored, Rung::AppVerified],
    }
}

/// How a document is called wherever it is kept: when it ended, which point, which bytes.
pub fn file_name(evidence: &Evidence, sealed: &SealedEvidence) -> String {
    let short = |text: &str| text.get(..8).unwrap_or(text).to_owned();
    format!(
        "{}-{}-{}",
        evidence.ended_at.strftime("%Y%m%dT%H%M%SZ"),
        short(evidence.point.id.as_str()),
        short(&digest(sealed).0)
    )
}
