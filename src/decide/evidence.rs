//! Evidence: signed by the reconciler's own key, so that `ssh-keygen -Y verify` can check it.

use super::derive::{EstateKey, evidence_key};
use crate::model::evidence::{Evidence, SealedEvidence};
use crate::model::machine::Digest;
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
