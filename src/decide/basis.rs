//! What a plan was made from, as digests per subject: so that a plan that no longer holds can
//! say what has changed (S5).

use super::names;
use crate::model::desired::{Desired, DesiredStack};
use crate::model::ids::{HosterId, MachineName, StackId};
use crate::model::machine::{Digest, MachineFacts, Role};
use crate::model::observed::{Inventory, Observed};
use crate::model::plan::{Basis, Plan};
use crate::model::units::Bytes;
use sha2::Digest as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// Digests of everything that was seen, without times and measurements that change by
/// themselves. The keys are the subjects' names: `machine acme-e1`, `recovery points of acme`.
pub fn parts(seen: &Observed) -> BTreeMap<String, Digest> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut add = |subject: String, what: &dyn Debug| {
        let text = texts.entry(subject).or_default();
        text.push_str(&format!("{what:?}\n"));
    };
    for (hoster, inventory) in &seen.hosters {
        // Its machines are subjects of their own.
        let rest = inventory.as_ref().map(|inventory| &inventory.unseen);
        add(of_hoster(hoster), &rest);
        for machine in inventory.iter().flat_map(|inventory| &inventory.machines) {
            add(of_machine(&machine.name), machine);
        }
        if let Ok(Inventory { free, .. }) = inventory
            && !free.is_empty()
        {
            add(of_free(hoster), free);
        }
    }
    for (machine, facts) in &seen.machines {
        let facts = facts.as_ref().map(|facts| MachineFacts {
            took_ms: 0,
            clock_ms: None,
            ahead_ms: 0,
            disk_free: Bytes(0),
            ..facts.clone()
        });
        add(of_machine(machine), &facts);
    }
    for (stack, points) in &seen.points {
        add(of_points(stack), points);
    }
    for (stack, former) in &seen.former {
        add(of_points(stack), former);
    }
    for (stack, keys) in &seen.keys {
        add(of_points(stack), keys);
    }
    let vaults = seen.vaults.values().flatten();
    for (stack, holdings) in vaults.flat_map(|vault| &vault.stacks) {
        add(of_points(stack), holdings);
    }
    for (host, addresses) in &seen.names {
        add(format!("name {host}"), addresses);
    }
    texts
        .into_iter()
        .map(|(subject, text)| (subject, sha256(&text)))
        .collect()
}

/// One digest over all of them.
pub fn whole(parts: &BTreeMap<String, Digest>) -> Digest {
    let lines: Vec<String> = parts
        .iter()
        .map(|(subject, digest)| format!("{digest} {subject}\n"))
        .collect();
    sha256(&lines.concat())
}

/// The parts that a plan with this basis rests on: all, or those of its stacks.
pub fn parts_for(basis: &Basis, want: &Desired, seen: &Observed) -> BTreeMap<String, Digest> {
    let all = parts(seen);
    match &basis.stacks {
        None => all,
        Some(stacks) => {
            let subjects = subjects(stacks, want, seen);
            all.into_iter()
                .filter(|(subject, _)| subjects.contains(subject))
                .collect()
        }
    }
}

/// What the plan of these stacks rests on. Other customers' machines and points are not in it.
fn subjects(stacks: &[StackId], want: &Desired, seen: &Observed) -> BTreeSet<String> {
    let mut subjects = BTreeSet::new();
    let wanted = stacks.iter().filter_map(|id| want.stacks.get(id));
    let mut backup_machines = BTreeSet::new();
    for stack in wanted {
        let backup = &stack.backup.placement;
        let machine = names::backup_machine(&backup.hoster, &backup.site);
        subjects.insert(of_machine(&machine));
        subjects.insert(of_points(&stack.id));
        subjects.extend(hosters(stack).flat_map(|id| [of_hoster(id), of_free(id)]));
        subjects.extend(stack.services.iter().map(|s| format!("name {}", s.host)));
        backup_machines.insert(machine);
        let former = seen.former.get(&stack.id).into_iter();
        backup_machines.extend(former.flat_map(BTreeMap::keys).cloned());
    }
    let machines = seen.hosters.values().flatten().flat_map(|i| &i.machines);
    for machine in machines {
        let ours = match machine.role {
            Role::Production | Role::Drill => {
                machine.stack.as_ref().is_some_and(|s| stacks.contains(s))
            }
            Role::Backup => backup_machines.contains(&machine.name),
        };
        if ours {
            subjects.insert(of_machine(&machine.name));
            subjects.insert(of_hoster(&machine.hoster));
        }
    }
    subjects
}

fn hosters(stack: &DesiredStack) -> impl Iterator<Item = &HosterId> {
    [&stack.production, &stack.backup.placement]
        .into_iter()
        .chain(&stack.fallback)
        .map(|place| &place.hoster)
}

/// What differs between the plan's basis and now, in words; empty when nothing does.
pub fn differences(planned: &Basis, now: &BTreeMap<String, Digest>) -> Vec<String> {
    let before = &planned.parts;
    let subjects: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    subjects
        .into_iter()
        .filter_map(|subject| match (before.get(subject), now.get(subject)) {
            (Some(then), Some(now)) if then == now => None,
            (Some(_), Some(_)) => Some(format!("{subject}: not as it was when the plan was made")),
            (Some(_), None) => Some(format!("{subject}: was there when the plan was made")),
            (None, _) => Some(format!("{subject}: new since the plan was made")),
        })
        .collect()
}

/// What another plan does differently, in words; empty when both have the same steps.
///
/// Reasons and forecasts may differ: what is done must not.
pub fn other_steps(planned: &Plan, now: &Plan) -> Vec<String> {
    let ids = |plan: &Plan| -> BTreeSet<_> { plan.steps.iter().map(|s| s.id.clone()).collect() };
    let (then, today) = (ids(planned), ids(now));
    let mut words: Vec<String> = then
        .difference(&today)
        .map(|id| format!("step {id}: would no longer be planned"))
        .collect();
    words.extend(
        today
            .difference(&then)
            .map(|id| format!("step {id}: would be planned too")),
    );
    let by_id: BTreeMap<_, _> = now.steps.iter().map(|step| (&step.id, step)).collect();
    for step in &planned.steps {
        let Some(other) = by_id.get(&step.id) else {
            continue;
        };
        let same = step.action == other.action
            && step.stack == other.stack
            && step.effect == other.effect
            && step.after == other.after;
        if !same {
            words.push(format!("step {}: would be planned otherwise", step.id));
        }
    }
    if words.is_empty()
        && !planned
            .steps
            .iter()
            .map(|s| &s.id)
            .eq(now.steps.iter().map(|s| &s.id))
    {
        words.push("the steps stand in another order, or one stands twice".to_owned());
    }
    words
}

fn of_hoster(hoster: &HosterId) -> String {
    format!("hoster {hoster}")
}

fn of_free(hoster: &HosterId) -> String {
    format!("free machines at hoster {hoster}")
}

fn of_machine(machine: &MachineName) -> String {
    format!("machine {machine}")
}

fn of_points(stack: &StackId) -> String {
    format!("recovery points of {stack}")
}

fn sha256(text: &str) -> Digest {
    Digest(hex::encode(sha2::Sha256::digest(text.as_bytes())))
}
