//! From one commit to the next: what became of the stacks. A file that just disappears is no
//! wish to destroy anything, and one that comes back under another name is no new customer.

use super::document::{about_file, codes};
use super::resolve::{Claimant, Contested, Holders};
use crate::model::desired::{Desired, DesiredStack, Retirement};
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::ids::{BlueprintId, HostName, StackId};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What was wanted before, at the commit that a change is judged against.
#[derive(Debug, Clone)]
pub struct Base {
    /// What it asked for. Stacks whose files are the same as now need not be in it.
    pub desired: Desired,
    /// Paths in which the later commit differs; `None` when nobody compared them.
    pub changed: Option<BTreeSet<String>>,
}

impl Base {
    /// May this file differ from what it was?
    fn differs(&self, file: &str) -> bool {
        self.changed
            .as_ref()
            .is_none_or(|changed| changed.contains(file))
    }

    /// Was the name this stack's already?
    fn had(&self, host: &HostName, claimant: &Claimant) -> bool {
        let before = self.desired.stacks.get(&claimant.id);
        !self.differs(&claimant.file)
            || before.is_some_and(|stack| stack.services.iter().any(|s| s.host == *host))
    }

    /// Names that exactly one of those who ask for them had. Gives back also those that several
    /// had, which only an older commit can tell.
    pub fn holders(&self, contested: &Contested) -> (Holders, Contested) {
        let (mut holders, mut open) = (Holders::new(), Contested::new());
        for (host, claimants) in contested {
            let had = claimants.iter().filter(|one| self.had(host, one));
            match had.collect::<Vec<_>>().as_slice() {
                [] => {}
                [one] => {
                    holders.insert(host.clone(), one.id.clone());
                }
                _ => {
                    open.insert(host.clone(), claimants.clone());
                }
            }
        }
        (holders, open)
    }
}

/// What in `head` would end or replace a stack of `base`, the commit that was accepted before.
/// Without a base there is nothing to compare with, and nothing is found.
pub fn check(base: Option<&Base>, head: &Desired, now: Timestamp) -> Vec<Diagnostic> {
    let Some(before) = base else {
        return Vec::new();
    };
    let base = &before.desired;
    let newcomers = Newcomers::of(before, head);
    let mut findings: Vec<Diagnostic> = base
        .stacks
        .values()
        .filter(|stack| !stands(head, &stack.id))
        .filter_map(|stack| gone(stack, &newcomers, now))
        .collect();
    // A broken definition names no hosts, but there was a customer all the same.
    let unread = base
        .broken
        .keys()
        .filter(|id| !stands(head, id) && !base.stacks.contains_key(id));
    findings.extend(unread.map(destroyed));
    let new = head
        .stacks
        .values()
        .filter(|stack| before.differs(&stack.place.file));
    findings.extend(new.filter_map(|stack| usurper(stack, base)));
    findings.sort_by(|a, b| (&a.place, a.code).cmp(&(&b.place, b.code)));
    findings
}

fn stands(desired: &Desired, id: &StackId) -> bool {
    desired.stacks.contains_key(id) || desired.broken.contains_key(id)
}

/// A stack whose file is gone.
fn gone(stack: &DesiredStack, newcomers: &Newcomers<'_>, now: Timestamp) -> Option<Diagnostic> {
    match (&stack.retired, newcomers.like(stack)) {
        (Some(retired), _) => too_early(stack, retired, now),
        (None, Some(new)) => Some(renamed(stack, new)),
        (None, None) => Some(destroyed(&stack.shown)),
    }
}

/// The last recovery point is kept for as long as the stack said.
fn too_early(stack: &DesiredStack, retired: &Retirement, now: Timestamp) -> Option<Diagnostic> {
    let kept_until = kept_until(retired, stack.backup.retention.within);
    if now >= kept_until {
        return None;
    }
    let path = stack.shown.file();
    Some(about_file(
        codes::GONE,
        &path,
        format!(
            "would destroy {}: it was retired on {}, and its last recovery point is kept until {}",
            stack.shown,
            retired.on,
            day(kept_until)
        ),
        &format!("bring {path} back and delete it after that day"),
    ))
}

/// When the file of a retired stack may go.
fn kept_until(retired: &Retirement, keep_within: SignedDuration) -> Timestamp {
    let begins = retired.begins();
    begins.checked_add(keep_within).unwrap_or(Timestamp::MAX)
}

/// The day of a moment, in UTC.
pub fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn destroyed(id: &StackId) -> Diagnostic {
    let path = id.file();
    about_file(
        codes::GONE,
        &path,
        format!("would destroy {id}: its file is gone, and it was never retired"),
        &format!(
            "bring {path} back; to end the stack, sign retired = \"YYYY-MM-DD\" in [stack] first and delete the file after the retention"
        ),
    )
}

fn renamed(old: &DesiredStack, new: &DesiredStack) -> Diagnostic {
    Diagnostic {
        code: codes::RENAMED,
        severity: Severity::Error,
        place: new.place.clone(),
        span: (0, 0),
        message: format!(
            "would destroy {} and create {}: it has the same {}",
            old.shown,
            new.shown,
            if shares_a_host(old, new) {
                "host names"
            } else {
                "name and services"
            },
        ),
        help: Some(format!(
            "if it is the same stack, add moved_from = \"{}\" to [stack], for good, in the commit that renames the file; if not, bring {} back",
            old.id,
            old.shown.file()
        )),
    }
}

/// A stack that goes on with another's machines and backups, which was not there to go on with,
/// or has machines of its own.
fn usurper(stack: &DesiredStack, base: &Desired) -> Option<Diagnostic> {
    if stack.id == stack.shown
        || base
            .stacks
            .get(&stack.id)
            .is_some_and(|b| b.shown == stack.shown)
    {
        return None;
    }
    let refuse = |message: String, help: String| Diagnostic {
        code: codes::MOVED_FROM,
        severity: Severity::Error,
        place: stack.place.clone(),
        span: (0, 0),
        message,
        help: Some(help),
    };
    if stands(base, &stack.shown) {
        let message = format!(
            "{} was a stack of its own before, so it cannot go on with {}",
            stack.shown, stack.id
        );
        return Some(refuse(message, "remove moved_from".to_owned()));
    }
    if stands(base, &stack.id) {
        return None;
    }
    let later = base.stacks.values().find(|b| b.shown == stack.id);
    Some(match later {
        Some(later) => refuse(
            format!("{} was itself moved from {}", stack.id, later.id),
            format!("write moved_from = \"{}\": the id it began with", later.id),
        ),
        None => refuse(
            format!("there was no stack {} to go on with", stack.id),
            "remove moved_from; what a removed stack left behind is nobody else's".to_owned(),
        ),
    })
}

/// Stacks that the base does not have, found by what they look like.
struct Newcomers<'a> {
    by_host: BTreeMap<&'a HostName, &'a DesiredStack>,
    by_face: BTreeMap<Face<'a>, &'a DesiredStack>,
}

/// The customer's name, and what is installed for them.
type Face<'a> = (&'a str, Vec<&'a BlueprintId>);

impl<'a> Newcomers<'a> {
    fn of(base: &Base, head: &'a Desired) -> Self {
        let mut newcomers = Self {
            by_host: BTreeMap::new(),
            by_face: BTreeMap::new(),
        };
        let new = |stack: &&DesiredStack| {
            base.differs(&stack.place.file) && !stands(&base.desired, &stack.id)
        };
        for stack in head.stacks.values().filter(new) {
            newcomers.by_face.insert(face(stack), stack);
            for service in &stack.services {
                newcomers.by_host.insert(&service.host, stack);
            }
        }
        newcomers
    }

    fn like(&self, old: &DesiredStack) -> Option<&'a DesiredStack> {
        let mut hosts = old.services.iter().map(|service| &service.host);
        let by_host = hosts.find_map(|host| self.by_host.get(host));
        by_host.or_else(|| self.by_face.get(&face(old))).copied()
    }
}

fn face(stack: &DesiredStack) -> Face<'_> {
    let services = stack.services.iter().map(|service| &service.blueprint);
    (&stack.name, services.collect())
}

fn shares_a_host(one: &DesiredStack, other: &DesiredStack) -> bool {
    one.services
        .iter()
        .any(|a| other.services.iter().any(|b| a.host == b.host))
}
