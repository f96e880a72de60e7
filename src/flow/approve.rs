//! Somebody puts their name to a commit that another person signed.

use super::estate::{explain, verify};
use crate::decide::authority::Rules;
use crate::decide::signers::has_say;
use crate::model::authority::{Authority as _, Breach, When};
use crate::model::ids::CommitId;
use crate::model::trust::{Signed, Trust, fingerprint};
use crate::world::git::fetch::{self, FetchError};
use crate::world::git::sign::{self, SignError};
use crate::world::git::{self, Explained, Known, Question, TrustError};
use jiff::Timestamp;
use ssh_key::public::KeyData;
use std::path::{Path, PathBuf};

/// What a commit is judged from.
#[derive(Debug, Clone)]
pub struct Grounds {
    /// The estate's repository.
    pub repository: PathBuf,
    /// The commit that is trusted.
    pub root: CommitId,
    /// What is followed: a name of Git. Its list says whose word still counts.
    pub head: String,
    /// What this computer accepted before.
    pub known: Known,
    /// The present.
    pub now: Timestamp,
}

impl Grounds {
    fn question<'q>(&'q self, head: &'q str, known: &'q Known) -> Question<'q> {
        Question {
            repository: &self.repository,
            root: &self.root,
            head,
            known,
            now: self.now,
        }
    }
}

/// A commit, and whether it is accepted as it stands now.
#[derive(Debug)]
pub struct Looked {
    /// What it is.
    pub commit: Explained,
    /// The lists that judge it: those of its parents; for the root its own.
    pub judges: Vec<(CommitId, Trust)>,
    /// The accepted head and its list: whom it no longer lists counts for no step.
    pub head: Option<(CommitId, Trust)>,
    /// Why it is not accepted.
    pub refused: Option<TrustError>,
}

impl Looked {
    /// Files that the commit changes, by the list of any parent.
    pub fn changed(&self) -> Vec<String> {
        let judged = self.commit.judged.iter();
        judged
            .flat_map(|judged| judged.changed.iter().cloned())
            .collect()
    }

    /// Does the accepted head still list this key, and not as revoked?
    pub fn stands(&self, signed: &Signed) -> bool {
        let Some((_, list)) = &self.head else {
            return true;
        };
        list.signers.iter().any(|signer| {
            signer.revoked.is_none() && fingerprint(signer.key.key_data()) == signed.fingerprint
        })
    }
}

/// Why there is no approval. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ApproveError {
    /// The commit, or one before it.
    #[error("the commit cannot be looked at")]
    Look(#[from] TrustError),
    /// It carries no sound signature of its own.
    #[error("commit {commit} is not to be approved: {why}")]
    NotSigned {
        /// Which.
        commit: CommitId,
        /// Why.
        why: String,
    },
    /// The key's word would not count.
    #[error("an approval by {key} would not count by trust.toml of {judge:.12}: {why}", judge = .judge.as_str())]
    WouldNotCount {
        /// The key, and whose it is where the list says so.
        key: String,
        /// Whose list.
        judge: CommitId,
        /// Which rule.
        why: Breach,
    },
    /// The accepted head no longer lists the key.
    #[error("an approval by {key} would not count: trust.toml of the accepted head {head:.12} does not list the key any more", head = .head.as_str())]
    Removed {
        /// The key, and whose it was.
        key: String,
        /// The head.
        head: CommitId,
    },
    /// The key counts, but for nothing that this commit is about.
    #[error(
        "an approval by {key} would count for nothing: the role {role} has no say about {about}"
    )]
    NoSay {
        /// The key, and whose it is.
        key: String,
        /// Its role.
        role: String,
        /// What the commit changes.
        about: String,
    },
    /// The signature.
    #[error("there is no approval")]
    Sign(#[from] SignError),
    /// It was kept here, but not sent.
    #[error("the approval is kept here, but was not sent")]
    Push(#[from] FetchError),
}

/// Looks at a commit of the estate; all commits before it must be accepted.
pub fn look(grounds: &Grounds, name: &str) -> Result<Looked, TrustError> {
    let id = git::resolve(&grounds.repository, name)?;
    let mut known = grounds.known.clone();
    let mut judges = Vec::new();
    for number in 1.. {
        let judge = if id == grounds.root {
            id.to_string()
        } else {
            format!("{id}^{number}")
        };
        match verify(&grounds.question(&judge, &known)) {
            Ok(accepted) => {
                judges.push((accepted.id().clone(), accepted.trust().clone()));
                known = accepted.seen().clone();
            }
            Err(TrustError::NoHead { .. }) if number > 1 => break,
            Err(error) => return Err(error),
        }
        if id == grounds.root {
            break;
        }
    }
    Ok(Looked {
        commit: explain(&grounds.question(id.as_str(), &known), id.as_str())?,
        judges,
        head: accepted_head(grounds, &known),
        refused: verify(&grounds.question(id.as_str(), &grounds.known)).err(),
    })
}

/// Most commits that are walked back from a head that is not accepted.
const BACK: usize = 100;

/// The head that is followed, or the nearest before it that is accepted.
fn accepted_head(grounds: &Grounds, known: &Known) -> Option<(CommitId, Trust)> {
    for number in 0..BACK {
        let name = format!("{}~{number}", grounds.head);
        match verify(&grounds.question(&name, known)) {
            Ok(accepted) => return Some((accepted.id().clone(), accepted.trust().clone())),
            Err(error) if error.is_refusal() => {}
            Err(_) => return None,
        }
    }
    None
}

/// An approval that was made.
#[derive(Debug)]
pub struct Approved {
    /// Whose it is.
    pub by: Signed,
    /// Where it is kept.
    pub reference: String,
    /// The commit as it stands with it.
    pub now: Looked,
}

/// Signs, and keeps the approval beside the commit. `shown` is called with what will be approved
/// before anything is signed.
pub fn approve(
    grounds: &Grounds,
    name: &str,
    shown: impl FnOnce(&Looked),
) -> Result<Approved, ApproveError> {
    let looked = look(grounds, name)?;
    let commit = looked.commit.commit.clone();
    if let Some(fault) = &looked.commit.unsound {
        return Err(ApproveError::NotSigned {
            commit,
            why: fault.message.clone(),
        });
    }
    shown(&looked);
    let approval = sign::approve(&grounds.repository, &commit)?;
    let mut by = None;
    for (judge, list) in &looked.judges {
        let said = looked.commit.judged.iter().find(|j| j.parent == *judge);
        let signer = said.and_then(|judged| judged.signed.as_ref());
        let counted = counts(list, signer, &approval.key, grounds.now);
        let counted = counted.map_err(|why| ApproveError::WouldNotCount {
            key: called(list, &approval.key),
            judge: judge.clone(),
            why,
        })?;
        by.get_or_insert(counted);
    }
    let Some(by) = by else {
        return Err(ApproveError::NotSigned {
            commit,
            why: "no list judges it".to_owned(),
        });
    };
    still_counts(&looked, &approval.key, grounds.now)?;
    let reference = sign::keep(&grounds.repository, &commit, &approval)?;
    let now = look(grounds, commit.as_str())?;
    Ok(Approved { by, reference, now })
}

/// Sends all approvals to a remote.
pub async fn push(repository: &Path, remote: &str) -> Result<(), ApproveError> {
    Ok(fetch::push_approvals(repository, remote).await?)
}

fn counts(
    list: &Trust,
    signer: Option<&Signed>,
    key: &KeyData,
    now: Timestamp,
) -> Result<Signed, Breach> {
    let when = When {
        dated: None,
        now,
        first_seen: Some(now),
    };
    let approver = Rules.admit(list, key, &when)?;
    if signer.is_some_and(|signer| signer.person == approver.person) {
        return Err(Breach::OwnApproval);
    }
    Ok(Signed::by(approver))
}

/// By the list of the accepted head: is the key still good, and has its role any say?
fn still_counts(looked: &Looked, key: &KeyData, now: Timestamp) -> Result<(), ApproveError> {
    let lists = looked.judges.iter().chain(&looked.head);
    if let Some((head, list)) = &looked.head {
        match counts(list, None, key, now) {
            Err(Breach::UnknownKey) => {
                let known = looked.judges.first();
                return Err(ApproveError::Removed {
                    key: known.map_or_else(String::new, |(_, list)| called(list, key)),
                    head: head.clone(),
                });
            }
            Err(why) => {
                return Err(ApproveError::WouldNotCount {
                    key: called(list, key),
                    judge: head.clone(),
                    why,
                });
            }
            Ok(_) => {}
        }
    }
    let changed = looked.changed();
    for (_, list) in lists {
        let Some(signer) = list.signer(key) else {
            continue;
        };
        if !has_say(list, signer, &changed) {
            let stacks: Vec<&str> = changed
                .iter()
                .map(String::as_str)
                .filter(|path| path.starts_with("stacks/"))
                .take(NAMED)
                .collect();
            return Err(ApproveError::NoSay {
                key: called(list, key),
                role: signer.role.clone(),
                about: if stacks.is_empty() {
                    "what it changes".to_owned()
                } else {
                    stacks.join(", ")
                },
            });
        }
    }
    Ok(())
}

/// So many files a refusal names.
const NAMED: usize = 5;

fn called(list: &Trust, key: &KeyData) -> String {
    match list.signer(key) {
        Some(signer) => format!("{} ({})", signer.name, signer.role),
        None => format!("the key {}", fingerprint(key)),
    }
}
