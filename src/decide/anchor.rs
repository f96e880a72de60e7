//! Anchors: signed by the reconciler, read back by it, and what follows when history is shorter
//! than they say, or another one (S9).

use super::derive::{EstateKey, anchor_key};
use super::mandate::Freeze;
use crate::model::anchor::{Anchor, Sealed, Seals};
use crate::model::plan::{Held, Hold};
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

/// What an anchor says against what we know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doubt {
    /// Why nothing destructive may happen: history was cut off, forked or set back.
    pub freeze: Option<Freeze>,
    /// The journal was begun anew. Git, the backups and one key bring everything back without
    /// it, so that this is told and stops nothing.
    pub told: Option<Held>,
}

/// Compares an anchor with what we know.
///
/// `seals` have that of the anchored entry, if there is one; `descends` says whether the head
/// that holds now is the anchored one or grew out of it.
pub fn doubt(anchor: &Anchor, seals: &Seals, descends: bool) -> Doubt {
    let anew = seals.first() != Some(&anchor.first);
    Doubt {
        freeze: reason(anchor, seals, descends, anew).map(freeze),
        told: anew.then(|| begun_anew(anchor)),
    }
}

/// Whether a backup machine was told of the journal as it is begun now, later than `anchor`: what
/// the others still remember of the one before is known since then.
pub fn told_since(anchor: &Anchor, all: &[Anchor], seals: &Seals) -> bool {
    all.iter()
        .any(|other| seals.first() == Some(&other.first) && other.at > anchor.at)
}

fn reason(anchor: &Anchor, seals: &Seals, descends: bool, anew: bool) -> Option<String> {
    let here = seals.0.get(&anchor.seq);
    let when = when(anchor);
    match here {
        None if !anew => Some(format!(
            "the journal ends at entry {}, and on {when} it had {}",
            seals.length(),
            anchor.seq
        )),
        Some(seal) if !anew && *seal != anchor.hash => Some(format!(
            "entry {} of the journal is not what it was on {when}",
            anchor.seq
        )),
        _ if !descends => Some(format!(
            "the head does not descend from {:.12}, which was accepted on {when}",
            anchor.head.as_str()
        )),
        _ => None,
    }
}

/// This very process has read more of the journal, or something else, than there is now.
pub fn set_back(had: i64, has: i64) -> Freeze {
    Freeze {
        rule: RULE,
        reason: format!(
            "entry {had} of the journal, which was read before, is not there any more as it was; {has} are there now"
        ),
        remedy: "put the journal back from the newest backup of this computer, or look at each machine and why it was replaced; then restart holdfast run".to_owned(),
    }
}

fn freeze(reason: String) -> Freeze {
    Freeze {
        rule: RULE,
        reason,
        remedy: "put the journal and the repository back from the newest backup of this computer; if they are lost for good, look at each machine first, then remove /srv/holdfast/anchor.json on the backup machines".to_owned(),
    }
}

fn begun_anew(anchor: &Anchor) -> Held {
    Held {
        stack: None,
        wanted: "the journal of what was done".to_owned(),
        hold: Hold::Forbidden {
            rule: RULE.to_owned(),
            reason: format!(
                "it was begun anew: on {} there was another one, with {} entries",
                when(anchor),
                anchor.seq
            ),
        },
        remedy: "if you have that journal still, put it back; if it is lost, nothing stops for that, and this ends with the next backup".to_owned(),
    }
}

fn when(anchor: &Anchor) -> String {
    anchor.at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
