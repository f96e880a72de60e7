//! Detached approvals of a commit, below `refs/holdfast/approvals/`: an SSH
//! signature over the commit's id, one file for each key.

use super::error::TrustError;
use super::id::{Kind, Object, ObjectId};
use super::objects::Objects;
use super::signature::{Signature, Unsound};
use crate::model::trust::Trust;
use sha2::{Digest, Sha256};
use ssh_key::public::KeyData;
use std::collections::BTreeSet;

/// Where approvals are kept.
pub const APPROVALS: &str = "refs/holdfast/approvals/";
/// The namespace of their signatures.
pub const APPROVAL_NAMESPACE: &str = "holdfast-approval";
/// Largest approval.
const SIZE_LIMIT: usize = 16 << 10;
/// Most approvals of one commit that are looked at.
const COUNT_LIMIT: usize = 100;
/// Most references of one commit's approvals among which they are chosen.
const NAME_LIMIT: usize = 100_000;

/// What lies under one of the references.
pub(super) struct Found {
    /// The reference.
    pub reference: String,
    /// Whose it claims to be.
    pub key: Option<KeyData>,
    /// Is it a sound signature of this commit's id?
    pub sound: Result<(), Flaw>,
}

/// Why an approval is not counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Not a signature that counts.
    #[error(transparent)]
    Unsound(Unsound),
    /// Stored under another key's name.
    #[error("it is stored under another key's name")]
    Misplaced,
    /// No blob, or a large one.
    #[error("it is no approval")]
    Other,
}

impl Flaw {
    /// Stable; a script may rely on it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsound(unsound) => unsound.code(),
            Self::Misplaced => "HF0230",
            Self::Other => "HF0231",
        }
    }
}

/// The last part of the reference for approvals by this key: the first 16
/// hexadecimal digits of SHA-256 over the public key's bytes.
pub fn approval_name(key: &KeyData) -> Option<String> {
    let bytes = ssh_key::PublicKey::from(key.clone()).to_bytes().ok()?;
    let mut name = hex::encode(Sha256::digest(bytes));
    name.truncate(16);
    Some(name)
}

/// Approvals of a commit, sound or not. If there are many, those that these lists' keys gave
/// come first: whoever may push references cannot crowd them out.
pub(super) fn read(
    objects: &Objects,
    commit: ObjectId,
    lists: &[&Trust],
) -> Result<Vec<Found>, TrustError> {
    let keys = lists.iter().flat_map(|list| &list.signers);
    let listed: BTreeSet<String> = keys
        .filter_map(|signer| approval_name(signer.key.key_data()))
        .collect();
    let folder = format!("{APPROVALS}{commit}/");
    let mut approvals = Vec::new();
    let mut references = objects.references(&folder, NAME_LIMIT)?;
    references.sort_by_cached_key(|(reference, _)| {
        let name = reference.rsplit('/').next().unwrap_or_default();
        (!listed.contains(name), reference.clone())
    });
    for (reference, id) in references.into_iter().take(COUNT_LIMIT) {
        let what = || reference.clone();
        let Ok(Object::Content(text)) = objects.read(id, Kind::Blob, SIZE_LIMIT, &what) else {
            approvals.push(Found {
                reference,
                key: None,
                sound: Err(Flaw::Other),
            });
            continue;
        };
        let (key, sound) = match Signature::parse(&text) {
            Err(why) => (None, Err(Flaw::Unsound(why))),
            Ok(signature) => {
                let name = approval_name(signature.key());
                let sound = signature
                    .check(APPROVAL_NAMESPACE, commit.to_string().as_bytes())
                    .map_err(Flaw::Unsound)
                    .and_then(|()| match name {
                        Some(name) if reference.rsplit('/').next() == Some(&name) => Ok(()),
                        _ => Err(Flaw::Misplaced),
                    });
                (Some(signature.key().clone()), sound)
            }
        };
        approvals.push(Found {
            reference,
            key,
            sound,
        });
    }
    Ok(approvals)
}
