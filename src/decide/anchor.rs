//! Anchors: signed by the reconciler, read back by it, and what follows when history is shorter
//! than they say (S9).

use super::derive::{EstateKey, anchor_key};
use super::mandate::Freeze;
use crate::model::anchor::{Anchor, Sealed};
use ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig};

/// Of the signatures.
pub const NAMESPACE: &str = "holdfast-anchor";

/// The rule that holds what destroys while an anchor says more than we know.
pub const RULE: &str = "anchor";

/// Signs an anchor with the key that derives from the estate's; `None` when it has no text form.
pub fn seal(key: &EstateKey, anchor: &Anchor) -> Option<Sealed> {
    let text = serde_json::to_string(anchor).ok()?;
    let private = PrivateKey::from_openssh(anchor_key(key).private_openssh.expose()).ok()?;
    let signature = private
        .sign(NAMESPACE, HashAlg::Sha512, text.as_bytes())
        .and_then(|signature| signature.to_pem(LineEnding::LF))
        .ok()?;
    Some(Sealed { text, signature })
}

/// What was sealed, if we sealed it.
pub fn open(key: &EstateKey, sealed: &Sealed) -> Option<Anchor> {
    let public: ssh_key::PublicKey = anchor_key(key).public.parse().ok()?;
    let signature = SshSig::from_pem(&sealed.signature).ok()?;
    public
        .verify(NAMESPACE, sealed.text.as_bytes(), &signature)
        .ok()?;
    serde_json::from_str(&sealed.text).ok()
}

/// Why nothing destructive may happen, if the anchor knows more than we do.
///
/// `seals` are those of the journal's entries from the first; `descends` says whether the head
/// that holds now is the anchored one or grew out of it.
pub fn doubt(anchor: &Anchor, seals: &[String], descends: bool) -> Option<Freeze> {
    let at = usize::try_from(anchor.seq).ok()?.checked_sub(1);
    let here = at.and_then(|at| seals.get(at));
    let when = anchor.at.strftime("%Y-%m-%d %H:%M UTC");
    let reason = match here {
        None => format!(
            "the journal ends at entry {}, and on {when} it had {}",
            seals.len(),
            anchor.seq
        ),
        Some(seal) if *seal != anchor.hash => format!(
            "entry {} of the journal is not what it was on {when}",
            anchor.seq
        ),
        Some(_) if !descends => format!(
            "the head does not descend from {:.12}, which was accepted on {when}",
            anchor.head.as_str()
        ),
        Some(_) => return None,
    };
    Some(Freeze {
        rule: RULE.to_owned(),
        reason,
        remedy: "put the journal and the repository back from the newest backup of this computer; if they are lost for good, look at each machine first, then remove /srv/holdfast/anchor.json on the backup machines".to_owned(),
    })
}
