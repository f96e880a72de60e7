//! Where an estate stands: which head holds, how fresh it is, and who signed for what it asks.

use super::config::Config;
use crate::decide::history::History;
use crate::decide::mandate::{Assent, Backer, Freeze, Mandate, WHO_SIGNED, keep_drift};
use crate::decide::pass::just_begun;
use crate::model::desired::Desired;
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{CommitId, MachineName, StackId};
use crate::model::plan::{Held, Hold, Plan};
use crate::model::trust::{Trust, fingerprint};
use crate::model::units::show_duration;
use crate::world::git::fetch::{self, LastFetch};
use crate::world::git::lineage::{Lineage, Lineages, approved, lineages};
use crate::world::git::{AcceptedCommit, Known, Question, TrustError};
use crate::world::store::Place;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What stands in every plan of an estate.
#[derive(Debug, Default)]
pub struct Alarms {
    /// What may not happen.
    pub held: Vec<Held>,
    /// What is not known.
    pub gaps: Vec<Gap>,
}

impl Alarms {
    /// The plan with all of them, each once.
    pub fn tell(&self, mut plan: Plan) -> Plan {
        for held in &self.held {
            if !plan.held.contains(held) {
                plan.held.push(held.clone());
            }
        }
        for gap in &self.gaps {
            if !plan.gaps.contains(gap) {
                plan.gaps.push(gap.clone());
            }
        }
        plan
    }
}

/// One owner of steps that may need more than one signature.
struct Asking {
    /// A stack's own file.
    file: Option<String>,
    /// Under which heads their machines were last brought in line.
    machines: BTreeMap<MachineName, CommitId>,
}

impl Asking {
    fn of(owner: Option<&StackId>, want: &Desired) -> Self {
        Self {
            file: owner.map(|id| want.file_of(id)),
            machines: BTreeMap::new(),
        }
    }

    /// The machines that were brought in line under the inputs that hold now.
    fn in_line(&self, lineage: &Lineage) -> BTreeSet<MachineName> {
        let machines = self.machines.iter();
        machines
            .filter(|(_, head)| lineage.same.contains(head))
            .map(|(machine, _)| machine.clone())
            .collect()
    }
}

/// The head that holds, and what is known of its neighbourhood.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The estate's repository.
    pub repository: PathBuf,
    /// The journal's file, where there is one: what this computer keeps lies beside it.
    pub state: Option<PathBuf>,
    /// Where the journal is.
    pub journal: Option<Place>,
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
            journal: Some(config.journal.clone()),
            ..Self::alone(&config.estate, &config.root, head)
        }
    }

    /// The same where nothing but the repository is known.
    pub fn alone(repository: &Path, root: &CommitId, head: &AcceptedCommit) -> Self {
        Self {
            repository: repository.to_owned(),
            state: None,
            journal: None,
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

    /// With what is known of the last fetch, and of a loop that has just begun.
    #[must_use]
    pub fn fetched(mut self, config: &Config, gaps: Vec<Gap>, now: Timestamp) -> Self {
        self.gaps.extend(gaps);
        self.freezes.extend(staleness(config, now));
        let begun = config.up;
        let shared = matches!(config.journal, Place::Shared(_));
        let begun = begun.and_then(|up| just_begun(up, config.run.still, shared));
        self.freezes.extend(begun);
        self
    }

    /// What is to be told beside the steps of every plan.
    pub fn alarms(&self) -> Alarms {
        let frozen = self.freezes.iter().map(alarm);
        Alarms {
            held: self.refused.iter().cloned().chain(frozen).collect(),
            gaps: self.gaps.clone(),
        }
    }

    /// Who signed for what this plan's steps ask. Looks only where a threshold needs it. What
    /// cannot be looked up counts as signed by nobody, for this owner alone (S16), and stops no
    /// repair.
    pub fn mandate(
        &self,
        plan: &Plan,
        want: &Desired,
        past: &History,
        now: Timestamp,
    ) -> (Mandate, Vec<Gap>) {
        let mut mandate = Mandate::new(self.trust.clone(), now).heeding(want);
        mandate.freezes.clone_from(&self.freezes);
        let stacks = want.stacks.iter();
        mandate.files = stacks.map(|(id, s)| (id.clone(), s.file())).collect();
        let asking = plan.steps.iter().filter(|step| mandate.asks_for_more(step));
        let mut owners: BTreeMap<Option<StackId>, Asking> = BTreeMap::new();
        for step in asking {
            let owner = step.stack.as_ref();
            let asking = owners.entry(step.stack.clone());
            let asking = asking.or_insert_with(|| Asking::of(owner, want));
            let machine = step.action.machine();
            let in_line = past.in_line_under(owner, machine);
            let in_line = in_line.map(|head| (machine.clone(), head.clone()));
            asking.machines.extend(in_line);
        }
        if owners.is_empty() {
            return (mandate, Vec::new());
        }
        let mut gaps = Vec::new();
        mandate.assents = self.assents(&owners, now, &mut gaps);
        (mandate, gaps)
    }

    /// Leaves in the plan's drift only what differs although the intent did not change: the
    /// machines were brought in line under the very inputs that hold now. Where nobody knows
    /// that, a difference is a step like every other.
    pub fn tell_drift(&self, mut plan: Plan, want: &Desired, past: &History) -> Plan {
        let mut unchanged: BTreeSet<MachineName> = BTreeSet::new();
        let mut other: BTreeMap<Option<StackId>, Asking> = BTreeMap::new();
        for drift in &plan.drift {
            match past.in_line_under(drift.stack.as_ref(), &drift.machine) {
                Some(head) if *head == self.head => {
                    unchanged.insert(drift.machine.clone());
                }
                Some(head) => {
                    let asking = Asking::of(drift.stack.as_ref(), want);
                    let asking = other.entry(drift.stack.clone()).or_insert(asking);
                    asking.machines.insert(drift.machine.clone(), head.clone());
                }
                None => {}
            }
        }
        if !other.is_empty() {
            let subject = "what was changed since machines were brought in line";
            let mut unknown = |error: &TrustError| {
                let reason = crate::model::causes::chain(error);
                let gap = Gap::new(GapKind::Unreadable, subject, reason);
                plan.gaps.push(gap);
            };
            match self.lineages(&other) {
                Ok(found) => {
                    for (owner, lineage) in found {
                        match (other.get(&owner), lineage) {
                            (Some(asking), Ok(lineage)) => {
                                unchanged.extend(asking.in_line(&lineage));
                            }
                            (_, Err(error)) => unknown(&error),
                            (None, _) => {}
                        }
                    }
                }
                Err(error) => unknown(&error),
            }
        }
        keep_drift(plan, &unchanged)
    }

    fn lineages(&self, owners: &BTreeMap<Option<StackId>, Asking>) -> Result<Lineages, TrustError> {
        let files = owners
            .iter()
            .map(|(owner, asking)| (owner.clone(), asking.file.clone()))
            .collect();
        lineages(&self.repository, &self.root, &self.head, &self.known, files)
    }

    fn assents(
        &self,
        owners: &BTreeMap<Option<StackId>, Asking>,
        now: Timestamp,
        gaps: &mut Vec<Gap>,
    ) -> BTreeMap<Option<StackId>, Assent> {
        let mut unknown = |owner: &str, error: &TrustError| {
            let subject = format!("{WHO_SIGNED} {owner}");
            let reason = crate::model::causes::chain(error);
            gaps.push(Gap::new(GapKind::Unreadable, subject, reason));
        };
        let approved = approved(&self.repository).unwrap_or_else(|error| {
            unknown("the stacks ask", &error);
            BTreeSet::new()
        });
        let found = match self.lineages(owners) {
            Ok(found) => found,
            Err(error) => {
                unknown("the stacks ask", &error);
                BTreeMap::new()
            }
        };
        let mut known = BTreeMap::new();
        let mut assents = BTreeMap::new();
        for (owner, lineage) in found {
            let words = owner.as_ref().map_or_else(
                || "the stacks share".to_owned(),
                |stack| format!("{stack} asks"),
            );
            let mut unknown = |error: &TrustError| unknown(&words, error);
            let lineage = match lineage {
                Ok(lineage) => lineage,
                Err(error) => {
                    unknown(&error);
                    continue;
                }
            };
            let in_line = owners.get(&owner).map(|asking| asking.in_line(&lineage));
            let backers = self.backers(&lineage, &approved, now, &mut known, &mut unknown);
            let assent = lineage.origins.first().map(|origin| Assent {
                commit: origin.clone(),
                rooted: lineage.origins.iter().all(|origin| *origin == self.root),
                in_line: in_line.unwrap_or_default(),
                backers,
            });
            assents.extend(assent.map(|assent| (owner, assent)));
        }
        assents
    }

    /// A commit that cannot be judged backs nothing; the others are looked at all the same.
    fn backers(
        &self,
        lineage: &Lineage,
        approved: &BTreeSet<CommitId>,
        now: Timestamp,
        known: &mut BTreeMap<CommitId, AcceptedCommit>,
        unknown: &mut dyn FnMut(&TrustError),
    ) -> Vec<Backer> {
        let mut backers = Vec::new();
        for origin in &lineage.origins {
            let signed = match self.accepted(origin, now, known) {
                Ok(commit) => commit.signed(),
                Err(error) => {
                    unknown(&error);
                    continue;
                }
            };
            backers.extend(signed.and_then(|signed| {
                let stands = self.stands(&signed.fingerprint, now)?;
                // Whether a commit may change what it changes was judged when it was accepted.
                // Whoever has another role since is asked again what that one may.
                Some(Backer {
                    by_commit: stands.role == signed.role,
                    ..stands
                })
            }));
        }
        // Only where it is asked for: who approves a later commit has looked at that one.
        let origins = lineage.origins.iter();
        for commit in origins.filter(|origin| approved.contains(*origin)) {
            match self.accepted(commit, now, known) {
                Ok(commit) => {
                    let sound = commit.approvals().iter();
                    backers.extend(sound.filter_map(|a| self.stands(&a.fingerprint, now)));
                }
                Err(error) => unknown(&error),
            }
        }
        backers
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

    /// Whose key it is in the head's list, if its word still counts there: whoever was taken off
    /// the list, or has another role since, approves nothing by what an older list says.
    fn stands(&self, print: &str, now: Timestamp) -> Option<Backer> {
        let mut signers = self.trust.signers.iter();
        let signer = signers.find(|s| fingerprint(s.key.key_data()) == print)?;
        signer.counts_at(now).then(|| Backer {
            person: signer.person.clone(),
            role: signer.role.clone(),
            by_commit: false,
        })
    }
}

/// A freeze that stands in the plan whether a step is held by it or not.
pub fn alarm(freeze: &Freeze) -> Held {
    Held {
        stack: None,
        wanted: "anything destructive".to_owned(),
        hold: Hold::Forbidden {
            rule: freeze.rule.to_owned(),
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
        rule: "freshness",
        reason: format!("{since}; the limit is {}", show_duration(limit)),
        remedy: format!(
            "find out why `git fetch {}` fails; somebody may keep newer commits from being seen",
            from.remote
        ),
    })
}
