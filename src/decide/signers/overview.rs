//! Who may do what by a list, and what will soon be missing.

use crate::model::trust::{FILE, PathRule, Signed, Signer, Threshold, Trust, fingerprint};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeSet;

/// So long before its end a key is named.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A list, looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// All keys, in the list's order.
    pub keys: Vec<Key>,
    /// All roles, by name.
    pub roles: Vec<RoleRow>,
    /// What needs how many.
    pub thresholds: Vec<ThresholdRow>,
    /// Owners of whom none may be lost, or trust.toml could never be changed again.
    pub irreplaceable: Vec<String>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Its name in the list.
    pub name: String,
    /// Whose it is.
    pub person: String,
    /// What it may do.
    pub role: String,
    /// `SHA256:…`
    pub fingerprint: String,
    /// Whether its word counts.
    pub state: State,
}

/// Whether a key's word counts now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum State {
    /// It does.
    Valid,
    /// It does, and will not for much longer.
    EndsSoon {
        /// Its last moment.
        until: Timestamp,
    },
    /// Not yet.
    NotYet {
        /// Its first moment.
        from: Timestamp,
    },
    /// No longer, because its time is over.
    Expired {
        /// Its last moment.
        until: Timestamp,
    },
    /// No longer at all.
    Revoked {
        /// As the list says.
        at: Timestamp,
        /// As the list says.
        reason: String,
    },
}

impl State {
    /// Does its word count now?
    pub fn counts(&self) -> bool {
        matches!(self, Self::Valid | Self::EndsSoon { .. })
    }
}

/// One role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleRow {
    /// Its name.
    pub name: String,
    /// What it may change.
    pub may: Vec<String>,
    /// Who has it now.
    pub people: Vec<String>,
}

/// One threshold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ThresholdRow {
    /// "safe", "disruptive", "destructive", "trust".
    pub effect: &'static str,
    /// So many people.
    pub signers: u8,
    /// In these roles; none means every role that may change it.
    pub roles: Vec<String>,
    /// Who counts for it now.
    pub people: Vec<String>,
    /// Are they enough now?
    pub reachable: bool,
}

/// Looks at a list as it counts now.
pub fn overview(list: &Trust, now: Timestamp) -> Overview {
    let valid: Vec<&Signer> = list
        .signers
        .iter()
        .filter(|signer| state(signer, now).counts())
        .collect();
    let people = |fits: &dyn Fn(&Signer) -> bool| -> Vec<String> {
        let names: BTreeSet<&str> = valid
            .iter()
            .filter(|signer| fits(signer))
            .map(|signer| signer.person.as_str())
            .collect();
        names.into_iter().map(str::to_owned).collect()
    };
    let t = &list.thresholds;
    let row = |effect: &'static str, threshold: &Threshold| {
        let people = people(&|signer| threshold.counts(signer));
        ThresholdRow {
            effect,
            signers: threshold.signers,
            roles: threshold.roles.clone(),
            reachable: people.len() >= usize::from(threshold.signers),
            people,
        }
    };
    Overview {
        keys: list
            .signers
            .iter()
            .map(|signer| Key {
                name: signer.name.clone(),
                person: signer.person.clone(),
                role: signer.role.clone(),
                fingerprint: fingerprint(signer.key.key_data()),
                state: state(signer, now),
            })
            .collect(),
        roles: list
            .roles
            .values()
            .map(|role| RoleRow {
                name: role.name.clone(),
                may: role.may.iter().map(ToString::to_string).collect(),
                people: people(&|signer| signer.role == role.name),
            })
            .collect(),
        thresholds: vec![
            row("safe", &t.safe),
            row("disruptive", &t.disruptive),
            row("destructive", &t.destructive),
            row("trust", &t.trust),
        ],
        irreplaceable: t.trust.irreplaceable(valid.iter().copied()),
    }
}

/// Could this signer's approval of a commit that changes these files count for anything?
///
/// For the change of the list, or for steps of a stack that the role may change; a commit that
/// changes no stack is approved for all that stood before it.
pub fn has_say(list: &Trust, signer: &Signer, changed: &[String]) -> bool {
    let t = &list.thresholds;
    if changed.iter().any(|path| path == FILE) && t.trust.counts(signer) {
        return true;
    }
    let Some(role) = list.roles.get(&signer.role) else {
        return false;
    };
    let stacks: Vec<&String> = changed
        .iter()
        .filter(|path| path.starts_with("stacks/"))
        .collect();
    let about = if stacks.is_empty() {
        role.may.iter().any(|rule| match rule {
            PathRule::Everything | PathRule::EverythingBut(_) => true,
            PathRule::Below(path) | PathRule::File(path) => {
                path.starts_with("stacks/") || path == "hosters.toml"
            }
        })
    } else {
        stacks.iter().any(|path| role.may_change(path))
    };
    let effects = [&t.safe, &t.disruptive, &t.destructive];
    let plain = |threshold: &Threshold| threshold.signers <= 1 && threshold.roles.is_empty();
    let asked: Vec<&Threshold> = effects.into_iter().filter(|t| !plain(t)).collect();
    about && (asked.is_empty() || asked.iter().any(|threshold| threshold.counts(signer)))
}

/// What one more key means for those who are counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Arrival {
    /// Whose key it is.
    pub person: String,
    /// Nobody of that name was listed before.
    pub new: bool,
    /// People who have a key that is not revoked, this one included.
    pub people: usize,
    /// The others of them.
    pub others: Vec<String>,
}

/// Whom the key of this name makes count, by the list that has it.
pub fn arrival(list: &Trust, name: &str) -> Option<Arrival> {
    let signer = list.signers.iter().find(|signer| signer.name == name)?;
    let kept = |other: &&Signer| other.name != name && other.revoked.is_none();
    let others = list.signers.iter().filter(kept);
    let mut people: BTreeSet<&str> = others.map(|other| other.person.as_str()).collect();
    people.remove(signer.person.as_str());
    let new = !list
        .signers
        .iter()
        .any(|other| other.name != name && other.person == signer.person);
    Some(Arrival {
        person: signer.person.clone(),
        new,
        people: people.len() + 1,
        others: people.into_iter().map(str::to_owned).collect(),
    })
}

fn state(signer: &Signer, now: Timestamp) -> State {
    match (&signer.revoked, signer.from, signer.until) {
        (Some(revoked), _, _) => State::Revoked {
            at: revoked.at,
            reason: revoked.reason.clone(),
        },
        (None, Some(from), _) if now < from => State::NotYet { from },
        (None, _, Some(until)) if until < now => State::Expired { until },
        (None, _, Some(until)) if until.duration_since(now) <= SOON => State::EndsSoon { until },
        _ => State::Valid,
    }
}

/// How far a commit has come towards a threshold that needs more than its signer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// "safe", "disruptive", "destructive", "trust".
    pub effect: &'static str,
    /// People who signed and count.
    pub have: usize,
    /// People who must have.
    pub need: u8,
    /// People who could still sign.
    pub could: Vec<String>,
}

/// Counts, by a list, those who stand behind a commit that changes these files.
///
/// Who signed it was judged by what it changes; an approver counts who may change the stacks
/// in it as well, or what stacks share where it changes none.
pub fn tally(
    list: &Trust,
    signer: Option<&Signed>,
    approvers: &[&Signed],
    changed: &[String],
    now: Timestamp,
) -> Vec<Tally> {
    let stacks: Vec<&String> = changed
        .iter()
        .filter(|path| path.starts_with("stacks/"))
        .collect();
    let may_ask = |role: &str| {
        list.roles.get(role).is_some_and(|role| {
            if stacks.is_empty() {
                role.may_change("hosters.toml")
            } else {
                stacks.iter().all(|path| role.may_change(path))
            }
        })
    };
    let rows = overview(list, now).thresholds.into_iter();
    rows.filter(|row| match row.effect {
        "trust" => changed.iter().any(|path| path == FILE),
        _ => row.signers > 1 || !row.roles.is_empty(),
    })
    .map(|row| {
        let fits = |role: &String| row.roles.is_empty() || row.roles.contains(role);
        let mut counted: BTreeSet<&str> = approvers
            .iter()
            .filter(|signed| fits(&signed.role) && may_ask(&signed.role))
            .map(|signed| signed.person.as_str())
            .collect();
        counted.extend(
            signer
                .filter(|signed| fits(&signed.role))
                .map(|signed| signed.person.as_str()),
        );
        let could: BTreeSet<&str> = list
            .signers
            .iter()
            .filter(|other| state(other, now).counts())
            .filter(|other| fits(&other.role) && may_ask(&other.role))
            .map(|other| other.person.as_str())
            .filter(|person| !counted.contains(person))
            .collect();
        Tally {
            effect: row.effect,
            have: counted.len(),
            need: row.signers,
            could: could.into_iter().map(str::to_owned).collect(),
        }
    })
    .collect()
}
