//! One commit before its parents' lists: what it changes, who signed and
//! approved it, and what the rules say.

use super::approval;
use super::commit::{NAMESPACE, RawCommit};
use super::error::{Refusal, TrustError};
use super::history::{History, Node};
use super::id::ObjectId;
use super::lists::{List, Lists};
use super::signature::{Signature, Unsound};
use super::tree::Trees;
use crate::model::authority::{Authority, Breach, Sides, When};
use crate::model::trust::{FILE, Signed, Signer, Trust, fingerprint};
use ssh_key::public::KeyData;
use std::collections::BTreeSet;

/// What every judgement needs.
pub(super) struct Court<'c> {
    pub trees: &'c Trees<'c>,
    pub lists: &'c Lists<'c>,
    pub authority: &'c dyn Authority,
    pub history: &'c History<'c>,
    /// What the head's list says, if it can be read. It only ever takes word away.
    pub head: Option<&'c Trust>,
}

/// A commit whose signature is sound.
pub(super) struct Act<'a> {
    pub id: ObjectId,
    pub tree: ObjectId,
    pub parents: &'a [ObjectId],
    pub key: &'a KeyData,
    pub when: When,
}

/// A commit that its parents' lists accept.
pub(super) struct Judgement {
    /// Who signed it, as the first parent's list knows them.
    pub signed: Signed,
    /// Keys whose word was needed and that the head's list revokes.
    pub relied: Vec<KeyData>,
}

/// How one parent's list sees a commit.
pub(super) struct Hearing {
    /// Files that the signer is answerable for.
    pub changed: Vec<String>,
    /// Files that a merge brought from another parent.
    pub brought: Vec<String>,
}

/// The only signature of a commit, whoever made it.
pub(super) fn one_signature(id: ObjectId, commit: &RawCommit) -> Result<Signature, TrustError> {
    let commit_id = || id.to_string();
    let signature = match commit.signatures.as_slice() {
        [] if commit.foreign_signature.is_none() => {
            return Err(TrustError::Unsigned {
                commit: commit_id(),
            });
        }
        [one] if commit.foreign_signature.is_none() => one,
        _ => {
            return Err(TrustError::SeveralSignatures {
                commit: commit_id(),
            });
        }
    };
    Signature::parse(signature).map_err(|why| TrustError::Signature {
        commit: commit_id(),
        fingerprint: "unknown".to_owned(),
        why,
    })
}

/// Is it a sound signature of this commit?
pub(super) fn check(signature: &Signature, commit: &RawCommit) -> Result<(), Unsound> {
    signature.check(NAMESPACE, &commit.payload)
}

impl Court<'_> {
    /// Hears the commit before each of its parents' lists.
    pub fn judge(&self, act: &Act<'_>) -> Result<Judgement, TrustError> {
        let mut signed = None;
        let mut relied = Vec::new();
        if self.is_revoked_since(act.key) {
            relied.push(act.key.clone());
        }
        for &parent in act.parents {
            let list = self.list(parent)?;
            let refuse = |why| refusal(act.id, parent, &list, act.key, why);
            // Who is nobody here costs no comparison of trees.
            let signer = self
                .authority
                .admit(&list.trust, act.key, &act.when)
                .map_err(refuse)?;
            let hearing = self.hear(act, parent, &list)?;
            self.authority
                .allow(&list.trust, signer, &hearing.changed)
                .map_err(refuse)?;
            if hearing.changed.iter().any(|path| path == FILE) {
                let verdict = self.judge_trust(act, &list, signer)?;
                relied.extend(verdict.map_err(refuse)?);
            }
            signed.get_or_insert_with(|| Signed::by(signer));
        }
        // Its own list judges its children: a broken one would lock everybody out.
        self.lists.of(act.id, act.tree)?;
        let signed = signed.ok_or_else(|| TrustError::NotACommit {
            id: act.id.to_string(),
        })?;
        Ok(Judgement { signed, relied })
    }

    /// Does the head's list revoke this key?
    fn is_revoked_since(&self, key: &KeyData) -> bool {
        let signer = self.head.and_then(|list| list.signer(key));
        signer.is_some_and(|signer| signer.revoked.is_some())
    }

    /// What differs from one parent, and what of it a merge only brought.
    pub fn hear(
        &self,
        act: &Act<'_>,
        parent: ObjectId,
        list: &List,
    ) -> Result<Hearing, TrustError> {
        let tree = self.tree(parent)?;
        let all = self.trees.differences(act.id, tree, act.tree)?;
        let mut sides = Vec::new();
        for &other in act.parents.iter().filter(|other| **other != parent) {
            if all.is_empty() {
                break;
            }
            // The other branch was judged by the list that judges here, or by what
            // grew out of it, if both parted with this very list.
            let Some(base) = self.history.merge_base(parent, other)? else {
                continue;
            };
            let base_tree = self.tree(base)?;
            if self.lists.of(base, base_tree)?.blob != list.blob {
                continue;
            }
            let ours = self.trees.differences(act.id, base_tree, tree)?;
            let theirs = self
                .trees
                .differences(act.id, self.tree(other)?, act.tree)?;
            sides.push((ours, theirs));
        }
        let borrowed: Vec<Sides<'_>> = sides
            .iter()
            .map(|(ours, theirs)| Sides { ours, theirs })
            .collect();
        let changed = self.authority.own_changes(&all, &borrowed);
        let own: BTreeSet<&String> = changed.iter().collect();
        let brought = all.iter().filter(|path| !own.contains(path)).cloned();
        Ok(Hearing {
            brought: brought.collect(),
            changed,
        })
    }

    /// A change of the list itself needs as many people as the parent's list
    /// says. Gives the revoked keys among those that it takes.
    pub fn judge_trust(
        &self,
        act: &Act<'_>,
        list: &List,
        signer: &Signer,
    ) -> Result<Result<Vec<KeyData>, Breach>, TrustError> {
        let threshold = &list.trust.thresholds.trust;
        let keys = if threshold.signers > 1 {
            sound(approval::read(self.trees.objects, act.id, &[&list.trust])?)
        } else {
            Vec::new()
        };
        let when = When {
            dated: None,
            ..act.when
        };
        let suffices = |keys: &[KeyData]| {
            let judged = self
                .authority
                .approvers(&list.trust, Some(signer), keys, &when);
            let approvers: Vec<&Signer> = judged.into_iter().flatten().collect();
            self.authority
                .suffice(&list.trust, threshold, Some(signer), &approvers)
        };
        // An approval by a key that was revoked later may be late: it is
        // relied on only where the others are too few.
        let (late, fair): (Vec<KeyData>, Vec<KeyData>) =
            keys.into_iter().partition(|key| self.is_revoked_since(key));
        if suffices(&fair).is_ok() {
            return Ok(Ok(Vec::new()));
        }
        let all: Vec<KeyData> = fair.into_iter().chain(late.iter().cloned()).collect();
        Ok(suffices(&all).map(|()| late))
    }

    /// Is this the commit by which the key was revoked? A merge that takes the
    /// revocation from one parent says nothing about what the other brings.
    pub fn revokes(&self, node: &Node, key: &KeyData) -> Result<bool, TrustError> {
        let revoked = |list: &List| {
            let signer = list.trust.signer(key);
            signer.is_some_and(|signer| signer.revoked.is_some())
        };
        if !revoked(&self.lists.of(node.id, node.tree)?) {
            return Ok(false);
        }
        for &parent in &node.parents {
            if revoked(&self.list(parent)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub fn list(&self, commit: ObjectId) -> Result<List, TrustError> {
        self.lists.of(commit, self.tree(commit)?)
    }

    pub fn tree(&self, commit: ObjectId) -> Result<ObjectId, TrustError> {
        self.history.tree(commit)
    }
}

/// Who was refused, by whose list and why.
pub(super) fn refusal(
    commit: ObjectId,
    judge: ObjectId,
    list: &List,
    key: &KeyData,
    why: Breach,
) -> TrustError {
    let print = fingerprint(key);
    let who = match list.trust.signer(key) {
        Some(signer) => format!("{} ({}, key {print})", signer.name, signer.role),
        None => format!("an unknown key ({print})"),
    };
    TrustError::Refused(Box::new(Refusal {
        commit: commit.to_string(),
        judge: judge.to_string(),
        who,
        fingerprint: print,
        why,
    }))
}

/// The keys of approvals that are sound signatures.
pub(super) fn sound(approvals: Vec<approval::Found>) -> Vec<KeyData> {
    approvals
        .into_iter()
        .filter(|found| found.sound.is_ok())
        .filter_map(|found| found.key)
        .collect()
}
