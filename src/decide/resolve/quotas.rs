//! How many machines the estate wants at an account, against what its hoster allows. An account
//! without `quota` is not judged: not knowing is not the same as enough.

use crate::decide::document::codes;
use crate::decide::names;
use crate::model::desired::{DesiredStack, HosterAccount, Quota};
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::ids::{HosterId, MachineName, StackId};
use crate::model::policy::Policy;
use std::collections::{BTreeMap, BTreeSet};

/// So many stacks are named in a message.
const NAMED: usize = 5;

/// What is wanted at one account.
#[derive(Default)]
struct Wanted<'a> {
    production: Vec<&'a StackId>,
    backup: BTreeSet<MachineName>,
    /// Stacks whose rebuild may come here.
    rebuilds: usize,
}

/// Counts once over all stacks. Nothing is held for it: what fits goes on, and the finding says
/// that the rest will not.
pub(super) fn check<'a>(
    stacks: impl Iterator<Item = &'a DesiredStack>,
    hosters: &BTreeMap<HosterId, HosterAccount>,
    policy: &Policy,
) -> Vec<Diagnostic> {
    let mut wanted: BTreeMap<&HosterId, Wanted<'_>> = BTreeMap::new();
    if hosters.values().all(|account| account.quota.is_none()) {
        return Vec::new();
    }
    for stack in stacks {
        let at = wanted.entry(&stack.production.hoster).or_default();
        at.production.push(&stack.shown);
        let mut places: BTreeSet<&HosterId> = stack.fallback.iter().map(|p| &p.hoster).collect();
        places.insert(&stack.production.hoster);
        for place in places {
            wanted.entry(place).or_default().rebuilds += 1;
        }
        let copy = &stack.backup.placement;
        let at = wanted.entry(&copy.hoster).or_default();
        at.backup
            .insert(names::backup_machine(&copy.hoster, &copy.site));
    }
    hosters
        .values()
        .filter_map(|account| {
            let quota = account.quota.as_ref()?;
            judge(account, quota, wanted.get(&account.id)?, policy)
        })
        .collect()
}

fn judge(
    account: &HosterAccount,
    quota: &Quota,
    wanted: &Wanted<'_>,
    policy: &Policy,
) -> Option<Diagnostic> {
    let (production, backup) = (wanted.production.len(), wanted.backup.len());
    let spare = (policy.capacity_spare as usize).min(wanted.rebuilds);
    let all = production + backup + spare;
    if all <= quota.machines as usize {
        return None;
    }
    let mut parts = Vec::new();
    if production > 0 {
        parts.push(format!(
            "{production} for production ({})",
            some(&wanted.production)
        ));
    }
    if backup > 0 {
        let names: Vec<&MachineName> = wanted.backup.iter().collect();
        parts.push(format!("{backup} for backups ({})", some(&names)));
    }
    if spare > 0 {
        parts.push(format!("{spare} kept free for a rebuild"));
    }
    Some(Diagnostic {
        code: codes::QUOTA,
        severity: Severity::Error,
        place: quota.place.clone(),
        span: (0, 0),
        message: format!(
            "{} allows {} machines and {all} are wanted: {}",
            account.id,
            quota.machines,
            parts.join(", ")
        ),
        help: Some(format!(
            "have {} raise the limit and write the new one here, or place stacks elsewhere",
            account.descriptor.name
        )),
    })
}

fn some<T: std::fmt::Display>(names: &[&T]) -> String {
    let mut shown: Vec<String> = names.iter().take(NAMED).map(ToString::to_string).collect();
    if names.len() > NAMED {
        shown.push(format!("and {} more", names.len() - NAMED));
    }
    shown.join(", ")
}
