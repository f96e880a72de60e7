//! The gate: from a repository that anybody could have written to a commit
//! whose every step since the root was signed by somebody who may.

use super::approval;
use super::commit::RawCommit;
use super::error::TrustError;
use super::history::{self, History, Node};
use super::id::ObjectId;
use super::judge::{self, Act, Court};
use super::known::{Known, Seen};
use super::lists::{List, Lists};
use super::objects::Objects;
use super::signature::{Signature, Unsound};
use super::tree::{Files, Trees};
use crate::model::authority::{Authority, When};
use crate::model::ids::CommitId;
use crate::model::trust::{Signed, Trust, fingerprint};
use jiff::Timestamp;
use ssh_key::public::KeyData;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::Path;

/// Commits whose signatures are checked together, and held in memory meanwhile.
const BATCH: usize = 256;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q> {
    /// The estate's repository, with a work tree or bare.
    pub repository: &'q Path,
    /// The first commit that is trusted, by its full id.
    pub root: &'q CommitId,
    /// A reference, `HEAD`, an id, any of them followed by `^` or `~2`.
    pub head: &'q str,
    /// What this computer accepted before.
    pub known: &'q Known,
    /// The present.
    pub now: Timestamp,
}

/// A commit that may be acted on. Only [`verify`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedCommit {
    accepted: AcceptedCommit,
    files: BTreeMap<String, Vec<u8>>,
    refused_files: BTreeMap<String, &'static str>,
}

/// A commit whose signatures [`verify`] would accept, without its files: for comparing and
/// counting, where most of them are never read. A file that is too large is found by [`verify`]
/// alone. Only this gate makes one.
#[derive(Debug, Clone)]
pub struct AcceptedCommit {
    id: CommitId,
    signed: Option<Signed>,
    trust: Trust,
    approvals: Vec<Approval>,
    checked: usize,
    seen: Known,
}

/// Somebody's word for a commit that another person signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The commit.
    pub commit: CommitId,
    /// The signer's name.
    pub name: String,
    /// Whose key it is.
    pub person: String,
    /// The role.
    pub role: String,
    /// `SHA256:…`
    pub fingerprint: String,
}

impl VerifiedCommit {
    /// Its files, by path with `/`.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }
    /// Files of single stacks that were not read, and why not: links, too large.
    pub fn refused_files(&self) -> &BTreeMap<String, &'static str> {
        &self.refused_files
    }
}

impl Deref for VerifiedCommit {
    type Target = AcceptedCommit;

    fn deref(&self) -> &AcceptedCommit {
        &self.accepted
    }
}

impl AcceptedCommit {
    /// Its id.
    pub fn id(&self) -> &CommitId {
        &self.id
    }
    /// Who signed it; `None` for the root, which is trusted by configuration.
    pub fn signed(&self) -> Option<&Signed> {
        self.signed.as_ref()
    }
    /// Who may sign its children, and who can read its secrets.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }
    /// How many commits were checked that were not known.
    pub fn checked(&self) -> usize {
        self.checked
    }
    /// Sound approvals of this commit that count beside its signer, each by another person.
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }
    /// What was known and what was accepted now, to be kept by who acts on it.
    pub fn seen(&self) -> &Known {
        &self.seen
    }
}

/// Checks every commit between `root` and `head` that is not known and gives
/// the head with its files.
///
/// The root is trusted because the configuration names it. Each later commit
/// must carry one SSH signature, and the `trust.toml` of **each** of its
/// parents must let the signer do what it does; its own list never judges it.
pub fn verify(
    question: &Question<'_>,
    authority: &dyn Authority,
) -> Result<VerifiedCommit, TrustError> {
    let (accepted, files) = judged(question, authority, &|trees: &Trees<'_>, commit, tree| {
        trees.files(commit, tree)
    })?;
    Ok(VerifiedCommit {
        accepted,
        files: files.content,
        refused_files: files.refused,
    })
}

/// The same checks as [`verify`]; names and kinds of all files are looked at, not their contents.
pub fn accept(
    question: &Question<'_>,
    authority: &dyn Authority,
) -> Result<AcceptedCommit, TrustError> {
    let names = |trees: &Trees<'_>, commit, tree| {
        trees.listing(commit, tree)?;
        Ok(Files::default())
    };
    Ok(judged(question, authority, &names)?.0)
}

type Reading<'r> = &'r dyn Fn(&Trees<'_>, ObjectId, ObjectId) -> Result<Files, TrustError>;

fn judged(
    question: &Question<'_>,
    authority: &dyn Authority,
    read: Reading<'_>,
) -> Result<(AcceptedCommit, Files), TrustError> {
    let objects = open(question.repository)?;
    let root = history::full_id(&objects, question.root)?;
    let head = history::resolve(&objects, question.head)?;
    // Another root's knowledge says nothing about this history.
    let none = Known::none();
    let ledger = question.known.is_of(question.root);
    let known = if ledger { question.known } else { &none };
    let trees = Trees::new(&objects);
    let history = History::since(&objects, known, root, head)?;
    let lists = Lists::new(&trees, authority);
    let head_tree = history.tree(head)?;
    // Only to know early which keys it revokes. Whether it counts is judged below.
    let early = lists.of(head, head_tree).ok();
    let court = Court {
        trees: &trees,
        lists: &lists,
        authority,
        history: &history,
        head: early.as_ref().map(|list| list.trust.as_ref()),
    };
    let mut doubtful: Vec<(usize, KeyData)> = Vec::new();
    let mut signed = None;
    for (number, nodes) in history.nodes.chunks(BATCH).enumerate() {
        for (place, (node, checked)) in nodes.iter().zip(check(&objects, nodes)?).enumerate() {
            let (commit, signature) = checked?;
            let act = Act {
                id: node.id,
                tree: node.tree,
                parents: &node.parents,
                key: signature.key(),
                when: When {
                    dated: Some(commit.dated),
                    now: question.now,
                    // Without a ledger the head is seen now; whoever signed it built on the rest.
                    first_seen: (ledger || node.id == head).then_some(question.now),
                },
            };
            let judgement = court.judge(&act)?;
            signed = Some(judgement.signed);
            let at = number * BATCH + place;
            doubtful.extend(judgement.relied.into_iter().map(|key| (at, key)));
        }
    }
    // The last in the order is the head; if nothing was new, it is asked for its name.
    if history.nodes.is_empty() {
        signed = name_of(&court, &objects, root, head)?;
    }
    let list = court.lists.of(head, head_tree)?;
    outlive(&court, &list, head, &doubtful)?;
    let files = read(&trees, head, head_tree)?;
    let first = question.now.as_second();
    let seen = history.nodes.iter().map(|node| Seen {
        id: node.id,
        first,
        generation: node.generation,
    });
    let accepted = AcceptedCommit {
        id: CommitId::new(head.to_string()),
        approvals: approvals(&court, root, head, signed.as_ref(), question.now)?,
        signed,
        trust: (*list.trust).clone(),
        checked: history.nodes.len(),
        seen: known.with(question.root, seen),
    };
    Ok((accepted, files))
}

/// Is `new` the same commit as `old`, or one of its descendants? The accepted
/// head may only move this way (S9).
pub fn is_descendant(
    repository: &Path,
    old: &CommitId,
    new: &CommitId,
) -> Result<bool, TrustError> {
    let objects = open(repository)?;
    let (old, new) = (
        history::full_id(&objects, old)?,
        history::full_id(&objects, new)?,
    );
    history::reaches(&objects, old, new)
}

/// The full id of the commit that a name stands for. Says nothing about whether it is accepted.
pub fn resolve(repository: &Path, name: &str) -> Result<CommitId, TrustError> {
    let objects = Objects::open(repository)?;
    let id = history::resolve(&objects, name)?;
    Ok(CommitId::new(id.to_string()))
}

pub(super) fn open(path: &Path) -> Result<Objects, TrustError> {
    let objects = Objects::open(path)?;
    if objects.is_shallow() {
        return Err(TrustError::Shallow {
            path: objects.path().to_owned(),
        });
    }
    Ok(objects)
}

type Checked = Result<(RawCommit, Signature), TrustError>;

/// Reads commits and checks their signatures, two at a time.
fn check(objects: &Objects, nodes: &[Node]) -> Result<Vec<Checked>, TrustError> {
    let mut read = Vec::with_capacity(nodes.len());
    for node in nodes {
        let commit = history::read(objects, node.id)?;
        let signature = judge::one_signature(node.id, &commit);
        read.push(signature.map(|signature| (commit, signature)));
    }
    let verdicts = |commits: &[Checked]| -> Vec<Result<(), Unsound>> {
        let one = |checked: &Checked| match checked {
            Ok((commit, signature)) => judge::check(signature, commit),
            Err(_) => Ok(()),
        };
        commits.iter().map(one).collect()
    };
    let (left, right) = read.split_at(read.len() / 2);
    let all: Vec<Result<(), Unsound>> = std::thread::scope(|scope| {
        let other = scope.spawn(|| verdicts(left));
        let mine = verdicts(right);
        // A thread that broke off has checked nothing: it is done again here.
        let mut all = other.join().unwrap_or_else(|_| verdicts(left));
        all.extend(mine);
        all
    });
    let joined = read.into_iter().zip(all).zip(nodes);
    Ok(joined
        .map(|((checked, verdict), node)| {
            let (commit, signature) = checked?;
            verdict.map_err(|why| TrustError::Signature {
                commit: node.id.to_string(),
                fingerprint: signature.fingerprint(),
                why,
            })?;
            Ok((commit, signature))
        })
        .collect())
}

/// Who signed a commit that was accepted before.
fn name_of(
    court: &Court<'_>,
    objects: &Objects,
    root: ObjectId,
    head: ObjectId,
) -> Result<Option<Signed>, TrustError> {
    if head == root {
        return Ok(None);
    }
    let commit = history::read(objects, head)?;
    let signature = judge::one_signature(head, &commit)?;
    let Some(&parent) = commit.parents.first() else {
        return Ok(None);
    };
    let list = court.list(parent)?;
    Ok(list.trust.signer(signature.key()).map(Signed::by))
}

/// What a revoked key signed counts only if it lies behind its revocation.
fn outlive(
    court: &Court<'_>,
    list: &List,
    head: ObjectId,
    doubtful: &[(usize, KeyData)],
) -> Result<(), TrustError> {
    let mut keys: Vec<&KeyData> = doubtful.iter().map(|(_, key)| key).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let behind = court.history.behind(|node| court.revokes(node, key))?;
        for (at, _) in doubtful.iter().filter(|(_, other)| other == key) {
            let stood = behind.get(*at).copied().unwrap_or(false);
            let Some(node) = court.history.nodes.get(*at) else {
                continue;
            };
            let verdict = court.authority.outlived(&list.trust, key, stood);
            verdict.map_err(|why| judge::refusal(node.id, head, list, key, why))?;
        }
    }
    Ok(())
}

/// Approvals of the head that count in the list of each of its parents.
fn approvals(
    court: &Court<'_>,
    root: ObjectId,
    head: ObjectId,
    signed: Option<&Signed>,
    now: Timestamp,
) -> Result<Vec<Approval>, TrustError> {
    let when = When {
        dated: None,
        now,
        first_seen: Some(now),
    };
    let judges = if head == root {
        vec![head]
    } else {
        history::read(court.trees.objects, head)?.parents
    };
    let judges = judges.into_iter().map(|judge| court.list(judge));
    let judges = judges.collect::<Result<Vec<List>, TrustError>>()?;
    let lists: Vec<&Trust> = judges.iter().map(|list| list.trust.as_ref()).collect();
    let keys = judge::sound(approval::read(court.trees.objects, head, &lists)?);
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut counted: Option<Vec<Approval>> = None;
    for list in &judges {
        let signer = signed.and_then(|signed| {
            let mut signers = list.trust.signers.iter();
            signers.find(|signer| fingerprint(signer.key.key_data()) == signed.fingerprint)
        });
        let approvers = court.authority.approvers(&list.trust, signer, &keys, &when);
        let here: Vec<Approval> = approvers
            .into_iter()
            .flatten()
            .map(|signer| {
                let signed = Signed::by(signer);
                Approval {
                    commit: CommitId::new(head.to_string()),
                    name: signed.name,
                    person: signed.person,
                    role: signed.role,
                    fingerprint: signed.fingerprint,
                }
            })
            .collect();
        counted = Some(match counted {
            None => here,
            Some(before) => before
                .into_iter()
                .filter(|one| {
                    here.iter()
                        .any(|other| other.fingerprint == one.fingerprint)
                })
                .collect(),
        });
    }
    Ok(counted.unwrap_or_default())
}
