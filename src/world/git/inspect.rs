//! One commit as people ask about it: what it changes, who signed and approved it, and what the
//! lists that judge it say. Nothing here accepts anything.

use super::approval;
use super::error::TrustError;
use super::history::{self, History};
use super::id::ObjectId;
use super::judge::{self, Act, Court};
use super::lists::Lists;
use super::signature::Signature;
use super::tree::Trees;
use super::verify::Question;
use crate::model::authority::{Authority, Breach, When};
use crate::model::causes::chain;
use crate::model::ids::CommitId;
use crate::model::trust::{FILE, Signed, Signer, Trust, fingerprint};
use ssh_key::public::KeyData;

/// A commit, looked at.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// Its full id.
    pub id: CommitId,
    /// The first line of its message, without what a terminal would act on.
    pub subject: String,
    /// `SHA256:…` of the key that signed it, or why nobody did.
    pub key: Result<String, String>,
    /// What each list that judges it says: those of its parents; for the root its own.
    pub hearings: Vec<Heard>,
    /// Everything under the references of its approvals.
    pub approvals: Vec<Opinion>,
}

/// What one list says.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Whose list.
    pub judge: CommitId,
    /// The list.
    pub list: Trust,
    /// Who signed, if their word counts.
    pub signed: Result<Signed, Breach>,
    /// What their role may change, for people.
    pub may: Vec<String>,
    /// Files that the signer is answerable for.
    pub changed: Vec<String>,
    /// Files that a merge brought from another parent.
    pub brought: Vec<String>,
    /// Files that the role may not change.
    pub forbidden: Option<Breach>,
    /// Where `trust.toml` is changed: whether enough people say so.
    pub trust: Option<Result<(), Breach>>,
}

/// One approval, and whether it counts.
#[derive(Debug, Clone)]
pub struct Opinion {
    /// Where it is kept.
    pub reference: String,
    /// `SHA256:…`, if it can be read.
    pub fingerprint: Option<String>,
    /// Whose it is, as the first list knows them; or why it does not count for some list.
    pub verdict: Result<Signed, String>,
}

/// Looks at one commit. Its parents must be in `question.known`, which is to say accepted.
pub fn inspect(
    question: &Question<'_>,
    authority: &dyn Authority,
) -> Result<Inspected, TrustError> {
    let objects = super::verify::open(question.repository)?;
    let root = history::full_id(&objects, question.root)?;
    let id = history::resolve(&objects, question.head)?;
    let raw = history::read(&objects, id)?;
    let trees = Trees::new(&objects);
    let history = History::since(&objects, question.known, root, id)?;
    let court = Court {
        trees: &trees,
        lists: &Lists::new(&trees, authority),
        authority,
        history: &history,
        head: None,
    };
    let signature = judge::one_signature(id, &raw);
    let key = match &signature {
        Ok(signature) => match judge::check(signature, &raw) {
            Ok(()) => Ok(signature.fingerprint()),
            Err(why) => Err(chain(&why)),
        },
        Err(error) => Err(chain(error)),
    };
    let signature = signature.ok().filter(|_| key.is_ok());
    let name = CommitId::new(id.to_string());
    let inspection = Inspection {
        court: &court,
        id,
        tree: raw.tree,
        parents: if id == root { &[] } else { &raw.parents },
        signature: signature.as_ref(),
        when: When {
            dated: Some(raw.dated),
            now: question.now,
            first_seen: question.known.first_seen(&name).or(Some(question.now)),
        },
        approvals: approval::read(&objects, id)?,
    };
    let (hearings, approvals) = inspection.hear()?;
    Ok(Inspected {
        id: name,
        subject: subject(&raw.payload),
        key,
        hearings,
        approvals,
    })
}

struct Inspection<'i> {
    court: &'i Court<'i>,
    id: ObjectId,
    tree: ObjectId,
    /// None for the root, which its own list judges.
    parents: &'i [ObjectId],
    signature: Option<&'i Signature>,
    when: When,
    approvals: Vec<approval::Found>,
}

impl Inspection<'_> {
    fn hear(&self) -> Result<(Vec<Heard>, Vec<Opinion>), TrustError> {
        let judges = if self.parents.is_empty() {
            vec![self.id]
        } else {
            self.parents.to_vec()
        };
        let mut hearings = Vec::new();
        let mut opinions: Vec<Opinion> = self.approvals.iter().map(unheard).collect();
        for judge in judges {
            let list = self.court.list(judge)?;
            let signer = self.signer(&list.trust);
            self.weigh(&list.trust, signer.as_ref().ok().copied(), &mut opinions);
            hearings.push(self.before(judge, list.clone(), signer)?);
        }
        Ok((hearings, opinions))
    }

    fn signer<'t>(&self, list: &'t Trust) -> Result<&'t Signer, Breach> {
        let key = self.signature.map(Signature::key);
        let key = key.ok_or(Breach::UnknownKey)?;
        self.court.authority.admit(list, key, &self.when)
    }

    fn before(
        &self,
        judge: ObjectId,
        list: super::lists::List,
        signer: Result<&Signer, Breach>,
    ) -> Result<Heard, TrustError> {
        let trust = &list.trust;
        let role = signer.as_ref().ok().and_then(|s| trust.roles.get(&s.role));
        let may = role.iter().flat_map(|role| &role.may);
        let may = may.map(ToString::to_string).collect();
        let (mut changed, mut brought) = (Vec::new(), Vec::new());
        if let (Some(signature), false) = (self.signature, self.parents.is_empty()) {
            let act = Act {
                id: self.id,
                tree: self.tree,
                parents: self.parents,
                key: signature.key(),
                when: self.when,
            };
            let hearing = self.court.hear(&act, judge, list.clone())?;
            (changed, brought) = (hearing.changed, hearing.brought);
        } else if !self.parents.is_empty() {
            let before = self.court.tree(judge)?;
            let all = self.court.trees.differences(self.id, before, self.tree)?;
            changed = all.into_iter().collect();
        }
        let authority = self.court.authority;
        let forbidden = signer
            .as_ref()
            .ok()
            .and_then(|signer| authority.allow(trust, signer, &changed).err());
        let suffices = changed.iter().any(|path| path == FILE).then(|| {
            let signer = signer.as_ref().ok().copied();
            let keys = self.keys();
            let approvers = authority.approvers(trust, signer, &keys, &self.when_approved());
            let approvers: Vec<&Signer> = approvers.into_iter().flatten().collect();
            authority.suffice(trust, &trust.thresholds.trust, signer, &approvers)
        });
        Ok(Heard {
            judge: CommitId::new(judge.to_string()),
            list: (**trust).clone(),
            signed: signer.map(Signed::by),
            may,
            changed,
            brought,
            forbidden,
            trust: suffices,
        })
    }

    /// What one list says of the approvals; what did not count before does not count now.
    fn weigh(&self, list: &Trust, signer: Option<&Signer>, opinions: &mut [Opinion]) {
        let keys = self.keys();
        let authority = self.court.authority;
        let verdicts = authority.approvers(list, signer, &keys, &self.when_approved());
        let mut verdicts = verdicts.into_iter();
        for (opinion, found) in opinions.iter_mut().zip(&self.approvals) {
            if found.sound.is_err() || found.key.is_none() {
                continue;
            }
            let verdict = verdicts.next().unwrap_or(Err(Breach::UnknownKey));
            let first = matches!(&opinion.verdict, Err(why) if why.is_empty());
            match verdict {
                Err(breach) => opinion.verdict = Err(breach.to_string()),
                Ok(signer) if first => opinion.verdict = Ok(Signed::by(signer)),
                Ok(_) => {}
            }
        }
    }

    /// Those of sound approvals, in order.
    fn keys(&self) -> Vec<KeyData> {
        let sound = self.approvals.iter().filter(|found| found.sound.is_ok());
        sound.filter_map(|found| found.key.clone()).collect()
    }

    fn when_approved(&self) -> When {
        When {
            dated: None,
            ..self.when
        }
    }
}

/// Before any list was asked: an empty reason stands for "nobody said anything yet".
fn unheard(found: &approval::Found) -> Opinion {
    Opinion {
        reference: found.reference.clone(),
        fingerprint: found.key.as_ref().map(fingerprint),
        verdict: match &found.sound {
            Ok(()) => Err(String::new()),
            Err(flaw) => Err(chain(flaw)),
        },
    }
}

fn subject(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    let message = text.split_once("\n\n").map_or("", |(_, message)| message);
    let line = message.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}
