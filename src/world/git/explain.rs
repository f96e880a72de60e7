//! Everything that can be said about one commit, for people: what verification
//! would refuse with the first rule, told as a whole.

use super::approval;
use super::error::TrustError;
use super::history::{self, History};
use super::id::ObjectId;
use super::judge::{self, Act, Court};
use super::known::Known;
use super::lists::Lists;
use super::signature::{Signature, Unsound};
use super::tree::Trees;
use super::verify::{Question, open};
use crate::model::authority::{Authority, Breach, When};
use crate::model::ids::CommitId;
use crate::model::trust::{FILE, Signed, Signer, fingerprint};
use jiff::Timestamp;
use ssh_key::public::KeyData;

/// One commit before the lists of its parents. Whether its ancestors are
/// accepted is not asked here; [`super::verify`] answers that.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Its id.
    pub commit: CommitId,
    /// The first line of its message, without what a terminal would act on.
    pub subject: String,
    /// The root is trusted because the configuration names it.
    pub is_root: bool,
    /// When this computer first saw it, if it accepted it before.
    pub first_seen: Option<Timestamp>,
    /// The committer's date, which anybody can write.
    pub dated: Timestamp,
    /// `SHA256:…` of the key that signed it.
    pub fingerprint: Option<String>,
    /// What is wrong with the signature itself.
    pub unsound: Option<Fault>,
    /// What each parent's list says; empty for the root.
    pub judged: Vec<Judged>,
    /// All approvals that are there, good and bad.
    pub approvals: Vec<Considered>,
    /// What is wrong with its own list, which judges its children.
    pub own_list: Option<Fault>,
}

/// One parent's list about a commit.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The parent.
    pub parent: CommitId,
    /// Who signed, as this list knows them.
    pub signed: Option<Signed>,
    /// What the signer's role may change, for people.
    pub may: Vec<String>,
    /// Files that the signer is answerable for.
    pub changed: Vec<String>,
    /// Files that the merge only brought from another parent.
    pub brought: Vec<String>,
    /// Rules that stand against it; empty means accepted by this list.
    pub faults: Vec<Fault>,
}

/// One approval and whether it counts.
#[derive(Debug, Clone)]
pub struct Considered {
    /// Where it is kept.
    pub reference: String,
    /// `SHA256:…`, if the key can be read.
    pub fingerprint: Option<String>,
    /// Whose it is.
    pub signed: Option<Signed>,
    /// Why it does not count.
    pub fault: Option<Fault>,
}

/// What is wrong, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Stable.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub remedy: &'static str,
    /// The broken rule with its data, where one was broken.
    pub breach: Option<Breach>,
}

impl Explained {
    /// Does nothing stand against it, its ancestors aside?
    pub fn is_sound(&self) -> bool {
        self.unsound.is_none()
            && self.own_list.is_none()
            && self.judged.iter().all(|judged| judged.faults.is_empty())
    }
}

impl From<Breach> for Fault {
    fn from(breach: Breach) -> Self {
        Self {
            code: breach.code(),
            message: breach.to_string(),
            remedy: breach.remedy(),
            breach: Some(breach),
        }
    }
}

impl From<Unsound> for Fault {
    fn from(unsound: Unsound) -> Self {
        Self {
            code: unsound.code(),
            message: crate::model::causes::chain(&unsound),
            remedy: unsound.remedy(),
            breach: None,
        }
    }
}

impl From<approval::Flaw> for Fault {
    fn from(flaw: approval::Flaw) -> Self {
        match flaw {
            approval::Flaw::Unsound(unsound) => unsound.into(),
            other => Self {
                code: other.code(),
                message: other.to_string(),
                remedy: "remove it, and let its maker approve again",
                breach: None,
            },
        }
    }
}

impl From<TrustError> for Fault {
    fn from(error: TrustError) -> Self {
        Self {
            code: error.code(),
            message: crate::model::causes::chain(&error),
            remedy: error.remedy(),
            breach: None,
        }
    }
}

/// What can be said about a commit, as seen from the question's head. It must
/// descend from the root.
pub fn explain(
    question: &Question<'_>,
    authority: &dyn Authority,
    commit: &str,
) -> Result<Explained, TrustError> {
    let objects = open(question.repository)?;
    let root = history::full_id(&objects, question.root)?;
    let head = history::resolve(&objects, question.head)?;
    let id = history::resolve(&objects, commit)?;
    let none = Known::none();
    let ledger = question.known.is_of(question.root);
    let known = if ledger { question.known } else { &none };
    let below = History::since(&objects, known, root, head)
        .ok()
        .filter(|history| history.holds(id));
    // A commit beside the head's history has one of its own.
    let (history, below) = match below {
        Some(history) => (history, true),
        None => (History::since(&objects, known, root, id)?, false),
    };
    let first_seen = known.get(id).map(|seen| seen.first);
    let first_seen = first_seen.and_then(|at| Timestamp::from_second(at).ok());
    let trees = Trees::new(&objects);
    let lists = Lists::new(&trees, authority);
    let raw = history::read(&objects, id)?;
    let court = Court {
        trees: &trees,
        lists: &lists,
        authority,
        history: &history,
        head: None,
    };
    let signature = judge::one_signature(id, &raw);
    let when = When {
        dated: Some(raw.dated),
        now: question.now,
        first_seen: first_seen.or((ledger || id == head || !below).then_some(question.now)),
    };
    let mut explained = Explained {
        commit: CommitId::new(id.to_string()),
        subject: subject(&raw.payload),
        is_root: id == root,
        first_seen,
        dated: raw.dated,
        fingerprint: signature.as_ref().ok().map(Signature::fingerprint),
        unsound: None,
        judged: Vec::new(),
        approvals: Vec::new(),
        own_list: lists.of(id, raw.tree).err().map(Fault::from),
    };
    let signature = match signature {
        Ok(signature) => signature,
        Err(error) => {
            explained.unsound = (id != root).then(|| error.into());
            return Ok(explained);
        }
    };
    explained.unsound = judge::check(&signature, &raw).err().map(Fault::from);
    let act = Act {
        id,
        tree: raw.tree,
        parents: &raw.parents,
        key: signature.key(),
        when,
    };
    if id == root {
        explained.approvals = considered(&court, &act, id, None)?;
        return Ok(explained);
    }
    // What was accepted before stays accepted.
    let since = match first_seen {
        Some(_) => None,
        None => revoked_since(&court, &act, head, below)?,
    };
    for &parent in &raw.parents {
        let mut judged = judged(&court, &act, parent)?;
        judged.faults.extend(since.clone().map(Fault::from));
        explained.judged.push(judged);
    }
    if let Some(&parent) = raw.parents.first() {
        let list = court.list(parent)?;
        let signer = list.trust.signer(signature.key());
        explained.approvals = considered(&court, &act, parent, signer)?;
    }
    Ok(explained)
}

/// Does the head's list revoke the key, and is the commit not older than that?
fn revoked_since(
    court: &Court<'_>,
    act: &Act<'_>,
    head: ObjectId,
    below: bool,
) -> Result<Option<Breach>, TrustError> {
    let tree = history::read(court.trees.objects, head)?.tree;
    let Ok(list) = court.lists.of(head, tree) else {
        return Ok(None);
    };
    let behind = below
        && court
            .history
            .is_behind(act.id, |node| court.revokes(node, act.key))?;
    Ok(court.authority.outlived(&list.trust, act.key, behind).err())
}

fn judged(court: &Court<'_>, act: &Act<'_>, parent: ObjectId) -> Result<Judged, TrustError> {
    let mut judged = Judged {
        parent: CommitId::new(parent.to_string()),
        signed: None,
        may: Vec::new(),
        changed: Vec::new(),
        brought: Vec::new(),
        faults: Vec::new(),
    };
    let list = match court.list(parent) {
        Ok(list) => list,
        Err(error @ TrustError::TrustList { .. }) => {
            judged.faults.push(error.into());
            return Ok(judged);
        }
        Err(error) => return Err(error),
    };
    let hearing = court.hear(act, parent, &list)?;
    judged.changed = hearing.changed;
    judged.brought = hearing.brought;
    let admitted = court.authority.admit(&list.trust, act.key, &act.when);
    judged.faults.extend(admitted.err().map(Fault::from));
    let Some(signer) = list.trust.signer(act.key) else {
        return Ok(judged);
    };
    judged.signed = Some(Signed::by(signer));
    let role = list.trust.roles.get(&signer.role);
    judged.may = role
        .into_iter()
        .flat_map(|role| &role.may)
        .map(ToString::to_string)
        .collect();
    let allowed = court.authority.allow(&list.trust, signer, &judged.changed);
    judged.faults.extend(allowed.err().map(Fault::from));
    if judged.changed.iter().any(|path| path == FILE) {
        let verdict = court.judge_trust(act, &list, signer)?;
        judged.faults.extend(verdict.err().map(Fault::from));
    }
    Ok(judged)
}

/// All approvals, each with its reason if it does not count.
fn considered(
    court: &Court<'_>,
    act: &Act<'_>,
    judge: ObjectId,
    signer: Option<&Signer>,
) -> Result<Vec<Considered>, TrustError> {
    let list = court.list(judge)?;
    let when = When {
        dated: None,
        ..act.when
    };
    let found = approval::read(court.trees.objects, act.id, &[&list.trust])?;
    let keys: Vec<KeyData> = found
        .iter()
        .filter(|found| found.sound.is_ok())
        .filter_map(|found| found.key.clone())
        .collect();
    let mut verdicts = court
        .authority
        .approvers(&list.trust, signer, &keys, &when)
        .into_iter();
    let mut all = Vec::new();
    for found in found {
        let named = found.key.as_ref().and_then(|key| list.trust.signer(key));
        let fault = match found.sound {
            Err(flaw) => Some(flaw.into()),
            Ok(()) => match verdicts.next() {
                Some(Ok(_)) => None,
                Some(Err(breach)) => Some(breach.into()),
                None => Some(Breach::UnknownKey.into()),
            },
        };
        all.push(Considered {
            reference: found.reference,
            fingerprint: found.key.as_ref().map(fingerprint),
            signed: named.map(Signed::by),
            fault,
        });
    }
    Ok(all)
}

fn subject(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    let message = text.split_once("\n\n").map_or("", |(_, message)| message);
    let line = message.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}
