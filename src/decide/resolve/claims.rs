//! What only one stack can have: a host name, and the id that it began with.

use super::Holders;
use crate::decide::document::codes;
use crate::decide::origins::Why;
use crate::model::desired::DesiredStack;
use crate::model::diagnostic::{Diagnostic, Place, Severity};
use crate::model::ids::{HostName, StackId};
use std::collections::BTreeMap;

/// Host names that several sound stacks ask for, with those stacks.
pub type Contested = BTreeMap<HostName, Vec<Claimant>>;

/// A stack that asks for a name that another one asks for as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// The stack.
    pub id: StackId,
    /// Its file.
    pub file: String,
}

/// A name and the line that asks for it.
type Claim<'a> = (&'a StackId, &'a Place);

/// One name for two customers. Who had it keeps it, and only the newcomer is held (S16). Where
/// nobody knows who had it, all of them stay as they are.
pub(super) fn hosts(
    stacks: &BTreeMap<StackId, DesiredStack>,
    holders: &Holders,
) -> (Contested, BTreeMap<StackId, Vec<Diagnostic>>) {
    let mut owners: BTreeMap<&HostName, Vec<Claim<'_>>> = BTreeMap::new();
    for (id, stack) in stacks {
        for service in &stack.services {
            let claims = owners.entry(&service.host).or_default();
            claims.push((id, &service.place));
        }
    }
    let mut contested = Contested::new();
    let mut findings: BTreeMap<StackId, Vec<Diagnostic>> = BTreeMap::new();
    for (host, claims) in owners.into_iter().filter(|(_, claims)| claims.len() > 1) {
        let claimant = |(id, place): &Claim<'_>| Claimant {
            id: (*id).clone(),
            file: place.file.clone(),
        };
        contested.insert(host.clone(), claims.iter().map(claimant).collect());
        let holder = holders.get(host);
        let holder = claims.iter().find(|(id, _)| Some(*id) == holder);
        // Ten thousand claims of one name are told by the first few.
        let places: Vec<String> = claims
            .iter()
            .take(4)
            .map(|(_, place)| line(place))
            .collect();
        for (id, place) in &claims {
            let (code, message, help) = match holder {
                Some((owner, _)) if owner == id => continue,
                Some((_, theirs)) => (
                    codes::NAME_TAKEN,
                    format!("{host} belongs to {}, which had it before", line(theirs)),
                    "choose another name; if it really changes hands, remove it there in an earlier commit",
                ),
                None => (
                    codes::DUPLICATE,
                    format!("{host} is claimed here and in {}", others(&places, place)),
                    "one name belongs to one stack; all of them are held until it does",
                ),
            };
            let found = finding(code, place, message, help);
            findings.entry((*id).clone()).or_default().push(found);
        }
    }
    (contested, findings)
}

/// Two files that go on with the same stack: nobody can say which of them does.
pub(super) fn same_origin(one: &DesiredStack, other: &DesiredStack) -> Diagnostic {
    finding(
        codes::MOVED_FROM,
        &one.place,
        format!(
            "{} and {} both say moved_from = \"{}\"",
            one.shown, other.shown, one.id
        ),
        "one stack goes on in one file; both are held until one of the lines is gone",
    )
}

/// Under which name a file is held; where its name is what another stack began with, under
/// that of the file, which is no id.
pub(super) fn held_as(shown: &StackId, goes_on_elsewhere: bool) -> StackId {
    if goes_on_elsewhere {
        StackId::new(format!("{shown}.toml"))
    } else {
        shown.clone()
    }
}

/// A file that does not go on with what it names, and what to do.
pub(super) fn not_by_right(shown: &str, origin: &str, why: &Why) -> (String, String) {
    let remove = || "remove moved_from".to_owned();
    match why {
        Why::OwnStack => (
            format!("{shown} was a stack of its own before, so it cannot go on with {origin}"),
            remove(),
        ),
        Why::NotThere => (
            format!("there was no stack {origin} to go on with"),
            format!(
                "remove moved_from: what a removed stack left behind is nobody else's; to rename, bring {0} back, then delete it in the same commit that adds {1}",
                StackId::new(origin).file(),
                StackId::new(shown).file(),
            ),
        ),
        Why::MovedFrom(first) => (
            format!("{origin} was itself moved from {first}"),
            format!("write moved_from = \"{first}\": the id it began with"),
        ),
        Why::Taken(other) if shown == origin => (
            format!("what began as {origin} goes on in {}", other.file()),
            "choose another id".to_owned(),
        ),
        Why::Taken(other) => (
            format!(
                "{origin} goes on in {}, so {shown} cannot be {origin}",
                other.file()
            ),
            remove(),
        ),
        Why::Untold(why) => (
            format!("it cannot be told whether {shown} may go on with {origin}: {why}"),
            "fetch the whole history; if that cannot be had, remove moved_from".to_owned(),
        ),
    }
}

fn finding(code: &'static str, place: &Place, message: String, help: &str) -> Diagnostic {
    Diagnostic {
        code,
        severity: Severity::Error,
        place: place.clone(),
        span: (0, 0),
        message,
        help: Some(help.to_owned()),
    }
}

fn line(place: &Place) -> String {
    format!("{}:{}", place.file, place.line)
}

fn others(places: &[String], own: &Place) -> String {
    let own = line(own);
    let others: Vec<&str> = places
        .iter()
        .filter(|place| **place != own)
        .map(String::as_str)
        .collect();
    others.join(", ")
}
