//! Where an estate stands: which head holds, how fresh it is, and who signed for what it asks.

use super::config::Config;
use crate::decide::history::History;
use crate::decide::mandate::{Assent, Backer, Freeze, Mandate, keep_drift};
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{CommitId, StackId};
use crate::model::plan::{Held, Hold, Plan};
use crate::model::trust::{Trust, fingerprint};
use crate::model::units::show_duration;
use crate::world::git::fetch::{self, LastFetch};
use crate::world::git::lineage::{Lineage, approved, lineages};
use crate::world::git::{AcceptedCommit, Known, Question, TrustError};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The head that holds, and what is known of its neighbourhood.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The estate's repository.
    pub repository: PathBuf,
    /// The journal, where there is one.
    pub state: Option<PathBuf>,
    /// The configured root.
    pub root: CommitId,
    /// The accepted head.
    pub head: CommitId,
    /// Its list.
    pub trust: Trust,
    /// The commits up to it, which were accepted.
    pub known: Known,
    /// Newer heads that do not hold.
    pub refused: Vec<Held>,
    /// What could not be fetched.
    pub gaps: Vec<Gap>,
    /// Why nothing destructive happens now.
    pub freezes: Vec<Freeze>,
}

impl Standing {
    /// An accepted head, nothing said against it.
    pub fn new(config: &Config, head: &AcceptedCommit) -> Self {
        Self {
            state: Some(config.state.clone()),
            ..Self::alone(&config.estate, &config.root, head)
        }
    }

    /// The same where nothing but the repository is known.
    pub fn alone(repository: &Path, root: &CommitId, head: &AcceptedCommit) -> Self {
        Self {
            repository: repository.to_owned(),
            state: None,
            root: root.clone(),
            head: head.id().clone(),
            trust: head.trust().clone(),
            known: head.seen().clone(),
            refused: Vec::new(),
            gaps: Vec::new(),
            freezes: Vec::new(),
        }
    }

    /// With a newer head that does not hold, for this reason.
    #[must_use]
    pub fn instead_of(mut self, commit: CommitId, reason: String, remedy: &str) -> Self {
        self.refused.push(Held {
            stack: None,
            wanted: format!("what commit {:.12} asks for", commit.as_str()),
            hold: Hold::NotAccepted { commit, reason },
            remedy: remedy.to_owned(),
        });
        self
    }

    /// With what is known of the last fetch.
    #[must_use]
    pub fn fetched(mut self, config: &Config, gaps: Vec<Gap>, now: Timestamp) -> Self {
        self.gaps.extend(gaps);
        self.freezes.extend(staleness(config, now));
        self
    }

    /// The plan, with what is to be told beside its steps.
    pub fn tell(&self, mut plan: Plan) -> Plan {
        plan.gaps.extend(self.gaps.iter().cloned());
        plan.held.extend(self.refused.iter().cloned());
        plan.held.extend(self.freezes.iter().map(alarm));
        plan
    }

    /// Who signed for what this plan's steps ask. Looks only where a threshold needs it. What
    /// cannot be looked up counts as signed by nobody, and stops no repair.
    pub fn mandate(&self, plan: &Plan, past: &History, now: Timestamp) -> (Mandate, Option<Gap>) {
        let mut mandate = Mandate::new(self.trust.clone(), now);
        mandate.freezes.clone_from(&self.freezes);
        let owners: BTreeSet<Option<StackId>> = plan
            .steps
            .iter()
            .filter(|step| mandate.asks_for_more(step))
            .map(|step| step.stack.clone())
            .collect();
        if owners.is_empty() {
            return (mandate, None);
        }
        match self.assents(owners, past, now) {
            Ok(assents) => {
                mandate.assents = assents;
                (mandate, None)
            }
            Err(error) => {
                let subject = "who signed for what the stacks ask";
                let reason = crate::model::causes::chain(&error);
                let gap = Gap::new(GapKind::Unreadable, subject, reason);
                (mandate, Some(gap))
            }
        }
    }

    /// Leaves in the plan's drift only what differs although the intent did not change: the
    /// machines were brought in line under the very inputs that hold now. Where nobody knows
    /// that, a difference is a step like every other.
    pub fn tell_drift(&self, mut plan: Plan, past: &History) -> Plan {
        let owners: BTreeSet<&Option<StackId>> = plan.drift.iter().map(|d| &d.stack).collect();
        let known = owners
            .into_iter()
            .filter_map(|owner| Some((owner.clone(), past.in_line.get(owner)?)));
        let (same, other): (BTreeMap<_, _>, BTreeMap<_, _>) =
            known.partition(|(_, commit)| **commit == self.head);
        let mut unchanged: BTreeSet<Option<StackId>> = same.into_keys().collect();
        if !other.is_empty() {
            let owners = other.keys().cloned().collect();
            match lineages(&self.repository, &self.root, &self.head, owners) {
                Ok(found) => unchanged.extend(
                    found
                        .into_iter()
                        .filter(|(owner, lineage)| {
                            let brought = other.get(owner);
                            brought.is_some_and(|commit| lineage.same.contains(*commit))
                        })
                        .map(|(owner, _)| owner),
                ),
                Err(error) => plan.gaps.push(Gap::new(
                    GapKind::Unreadable,
                    "what was changed since machines were brought in line",
                    crate::model::causes::chain(&error),
                )),
            }
        }
        keep_drift(plan, &unchanged)
    }

    fn assents(
        &self,
        owners: BTreeSet<Option<StackId>>,
        past: &History,
        now: Timestamp,
    ) -> Result<BTreeMap<Option<StackId>, Assent>, TrustError> {
        let approved = approved(&self.repository)?;
        let mut known = BTreeMap::new();
        let mut assents = BTreeMap::new();
        for (owner, lineage) in lineages(&self.repository, &self.root, &self.head, owners)? {
            let in_line = past.in_line.get(&owner);
            let assent = self.assent(&lineage, &approved, in_line, now, &mut known)?;
            assents.extend(assent.map(|assent| (owner, assent)));
        }
        Ok(assents)
    }

    fn assent(
        &self,
        lineage: &Lineage,
        approved: &BTreeSet<CommitId>,
        in_line: Option<&CommitId>,
        now: Timestamp,
        known: &mut BTreeMap<CommitId, AcceptedCommit>,
    ) -> Result<Option<Assent>, TrustError> {
        let mut backers = Vec::new();
        for origin in &lineage.origins {
            let commit = self.accepted(origin, now, known)?;
            let signed = commit.signed().filter(|s| !self.is_revoked(&s.fingerprint));
            backers.extend(signed.map(|signed| Backer {
                person: signed.person.clone(),
                role: signed.role.clone(),
                by_commit: true,
            }));
        }
        for commit in lineage.same.intersection(approved) {
            let commit = self.accepted(commit, now, known)?;
            let sound = commit.approvals().iter();
            let sound = sound.filter(|a| !self.is_revoked(&a.fingerprint));
            backers.extend(sound.map(|approval| Backer {
                person: approval.person.clone(),
                role: approval.role.clone(),
                by_commit: false,
            }));
        }
        Ok(lineage.origins.first().map(|origin| Assent {
            commit: origin.clone(),
            rooted: lineage.origins.contains(&self.root),
            in_line: in_line.is_some_and(|head| lineage.same.contains(head)),
            backers,
        }))
    }

    fn accepted<'k>(
        &self,
        commit: &CommitId,
        now: Timestamp,
        known: &'k mut BTreeMap<CommitId, AcceptedCommit>,
    ) -> Result<&'k AcceptedCommit, TrustError> {
        match known.entry(commit.clone()) {
            std::collections::btree_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let verified = super::estate::accept(&Question {
                    repository: &self.repository,
                    root: &self.root,
                    head: commit.as_str(),
                    known: &self.known,
                    now,
                })?;
                Ok(entry.insert(verified))
            }
        }
    }

    /// Does the head's list say that the key no longer counts?
    fn is_revoked(&self, print: &str) -> bool {
        self.trust
            .signers
            .iter()
            .any(|s| s.revoked.is_some() && fingerprint(s.key.key_data()) == print)
    }
}

/// A freeze that stands in the plan whether a step is held by it or not.
pub fn alarm(freeze: &Freeze) -> Held {
    Held {
        stack: None,
        wanted: "anything destructive".to_owned(),
        hold: Hold::Forbidden {
            rule: freeze.rule.clone(),
            reason: freeze.reason.clone(),
        },
        remedy: freeze.remedy.clone(),
    }
}

/// Fetches, where the configuration says from where. What could not be fetched is a gap: the
/// accepted head stands (S1).
pub async fn fetch(config: &Config, now: Timestamp) -> Vec<Gap> {
    let Some(from) = &config.fetch else {
        return Vec::new();
    };
    let within = config.patience.fetch;
    let gap = |what: &str, error: &dyn std::error::Error| {
        let kind = GapKind::Unreachable;
        Gap::new(kind, what, crate::model::causes::chain(error))
    };
    let mut gaps = Vec::new();
    match fetch::branch(&config.estate, &from.remote, &from.branch, within).await {
        Ok(()) => {
            if let Err(error) = LastFetch::beside(&config.state).write(now) {
                gaps.push(gap("the time of the last fetch", &error));
            }
        }
        Err(error) => {
            let what = format!("new commits on {} of {}", from.branch, from.remote);
            gaps.push(gap(&what, &error));
            return gaps;
        }
    }
    if let Err(error) = fetch::approvals(&config.estate, &from.remote, within).await {
        gaps.push(gap(&format!("approvals at {}", from.remote), &error));
    }
    gaps
}

/// The alarm when nothing could be fetched for too long. A clock that went back is no proof of
/// freshness.
fn staleness(config: &Config, now: Timestamp) -> Option<Freeze> {
    let from = config.fetch.as_ref()?;
    let limit = SignedDuration::try_from(from.fresh_within).unwrap_or(SignedDuration::MAX);
    let last = LastFetch::beside(&config.state).read();
    let since = match last {
        Some(at) if at <= now && now.duration_since(at) <= limit => return None,
        Some(at) if at <= now => format!(
            "nothing could be fetched from {} for {}",
            from.remote,
            show_duration(now.duration_since(at))
        ),
        Some(at) => format!(
            "the last fetch from {} is dated {at}, which is to come",
            from.remote
        ),
        None => format!("nothing was ever fetched from {}", from.remote),
    };
    Some(Freeze {
        rule: "freshness".to_owned(),
        reason: format!("{since}; the limit is {}", show_duration(limit)),
        remedy: format!(
            "find out why `git fetch {}` fails; somebody may keep newer commits from being seen",
            from.remote
        ),
    })
}
