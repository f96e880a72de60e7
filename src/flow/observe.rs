//! Looks at everything afresh: hosters, machines, recovery points, names. What cannot be seen is a gap (S1).

use super::session::Session;
use crate::decide::history::History;
use crate::decide::{basis, evidence};
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{HostName, HosterId, MachineName, StackId};
use crate::model::listed::{Beside, Listed};
use crate::model::machine::{Digest, MachineFacts, MachineManifest, Role};
use crate::model::observed::{Inventory, Observed, Power, SeenMachine};
use crate::model::point::RecoveryPoint;
use crate::model::secret::Secret;
use crate::model::vault::Vault;
use crate::world::backup;
use crate::world::machine::verbs;
use std::collections::BTreeMap;
use std::net::IpAddr;
use tokio::task::JoinSet;

/// The world as seen, and what each of our machines should be.
pub struct Look {
    /// What was seen.
    pub observed: Observed,
    /// What each machine in use should be.
    pub manifests: BTreeMap<MachineName, MachineManifest>,
    /// What lies beside recovery points and is none: for people, never for a plan.
    pub beside: BTreeMap<StackId, Beside>,
}

type Points = BTreeMap<StackId, Result<Vec<RecoveryPoint>, Gap>>;

/// One look at everything the estate speaks of.
pub async fn observe(session: &std::sync::Arc<Session>, past: &History) -> Look {
    let at = session.world.clock.now();
    let hosters = inventories(session).await;
    for (hoster, inventory) in &hosters {
        if let Ok(inventory) = inventory {
            session.learn(hoster, inventory);
        }
    }
    let seen: Vec<SeenMachine> = hosters
        .values()
        .flatten()
        .flat_map(|inventory| inventory.machines.iter().cloned())
        .collect();
    let manifests: BTreeMap<MachineName, MachineManifest> = seen
        .iter()
        .filter_map(|m| {
            let manifest = session
                .manifest(m.role, m.stack.as_ref(), &m.name, m.epoch, m.image.as_ref())
                .map_err(|error| tracing::warn!(machine = %m.name, %error, "no manifest"))
                .ok()?;
            Some((m.name.clone(), manifest))
        })
        .collect();
    let (machines, (points, vaults, beside), names) = tokio::join!(
        facts(session, &seen, &manifests),
        points(session, &hosters, &seen, past),
        names(session),
    );
    Look {
        observed: Observed {
            at,
            hosters,
            machines,
            points,
            vaults,
            names,
        },
        manifests,
        beside,
    }
}

async fn inventories(
    session: &std::sync::Arc<Session>,
) -> BTreeMap<HosterId, Result<Inventory, Gap>> {
    let mut tasks = JoinSet::new();
    for (id, hoster) in &session.world.hosters {
        let (id, hoster) = (id.clone(), hoster.clone());
        let estate = session.desired.estate.clone();
        tasks.spawn(async move { (id, hoster.observe(&estate).await) });
    }
    tasks.join_all().await.into_iter().collect()
}

async fn facts(
    session: &std::sync::Arc<Session>,
    seen: &[SeenMachine],
    manifests: &BTreeMap<MachineName, MachineManifest>,
) -> BTreeMap<MachineName, Result<MachineFacts, Gap>> {
    let mut tasks = JoinSet::new();
    for machine in seen.iter().filter(|m| m.power != Power::Off) {
        let Some(contact) = session.contact(&machine.name) else {
            continue;
        };
        let request = verbs::FactsRequest::of(manifests.get(&machine.name));
        let transport = session.world.transport.clone();
        tasks.spawn(async move {
            let facts = verbs::facts(transport.as_ref(), &contact, &request).await;
            (contact.machine, facts)
        });
    }
    tasks.join_all().await.into_iter().collect()
}

type Vaults = BTreeMap<MachineName, Result<Vault, Gap>>;

async fn points(
    session: &std::sync::Arc<Session>,
    hosters: &BTreeMap<HosterId, Result<Inventory, Gap>>,
    seen: &[SeenMachine],
    past: &History,
) -> (Points, Vaults, BTreeMap<StackId, Beside>) {
    let mut by_machine: BTreeMap<MachineName, Vec<(StackId, Secret)>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for stack in session.desired.stacks.values() {
        let machine = Session::backup_machine(stack);
        let listed = seen
            .iter()
            .find(|m| m.name == machine && m.role == Role::Backup);
        match (listed, hosters.get(&stack.backup.placement.hoster)) {
            (Some(_), _) => by_machine
                .entry(machine)
                .or_default()
                .push((stack.id.clone(), session.repository_password(stack))),
            (None, Some(Ok(_))) if !past.machines.contains_key(&machine) => {
                // The hoster says that there is no backup machine, and we never made one.
                found.insert(stack.id.clone(), Ok(Vec::new()));
            }
            (None, Some(Err(gap))) => {
                found.insert(stack.id.clone(), Err(gap.clone()));
            }
            (None, _) => {
                let gap = Gap::new(
                    GapKind::Unreachable,
                    format!("recovery points of {}", stack.id),
                    format!("backup machine {machine} is not to be seen"),
                );
                found.insert(stack.id.clone(), Err(gap));
            }
        }
    }
    let mut tasks = JoinSet::new();
    for (machine, stacks) in by_machine {
        let contact = session.contact(&machine);
        let transport = session.world.transport.clone();
        tasks.spawn(async move {
            let Some(contact) = contact else {
                let gap = Gap::unasked(format!("backup machine {machine}"));
                let unseen = stacks.into_iter().map(|(stack, _)| {
                    let gap = Gap::unasked(format!("recovery points of {stack}"));
                    (stack, Err(gap))
                });
                return (unseen.collect(), machine, Err(gap));
            };
            let points = backup::points_all(transport.as_ref(), &contact, &stacks).await;
            // Afterwards: looking at the points sets aside what is nobody's.
            let names = stacks.iter().map(|(stack, _)| stack);
            let vault = backup::vault(transport.as_ref(), &contact, names).await;
            (points, machine, vault)
        });
    }
    let mut beside = BTreeMap::new();
    let mut vaults = BTreeMap::new();
    let answers = tasks.join_all().await.into_iter();
    let answers = answers.flat_map(|(answers, machine, vault)| {
        vaults.insert(machine, vault);
        answers
    });
    for (stack, listed) in answers {
        let judged = listed.and_then(|listed| judged(session, &stack, listed));
        found.insert(
            stack.clone(),
            judged.map(|(points, rest)| {
                beside.insert(stack, rest);
                points
            }),
        );
    }
    (found, vaults, beside)
}

/// A rung counts when this estate's key signed for it, whoever wrote the files there.
fn judged(
    session: &Session,
    stack: &StackId,
    listed: Listed,
) -> Result<(Vec<RecoveryPoint>, Beside), Gap> {
    let public = evidence::public_key(&session.key)
        .ok_or_else(|| Gap::unasked(format!("recovery points of {stack}")))?;
    Ok(evidence::believe(&public, stack, listed))
}

async fn names(session: &std::sync::Arc<Session>) -> BTreeMap<HostName, Result<Vec<IpAddr>, Gap>> {
    let Some(names) = &session.world.names else {
        return BTreeMap::new();
    };
    let mut tasks = JoinSet::new();
    for service in session.desired.stacks.values().flat_map(|s| &s.services) {
        let (names, host) = (names.clone(), service.host.clone());
        tasks.spawn(async move {
            let addresses = names.lookup(&host).await;
            (host, addresses)
        });
    }
    tasks.join_all().await.into_iter().collect()
}

/// Digest of what was seen, without times and measurements that change by themselves.
pub fn digest(observed: &Observed) -> Digest {
    basis::whole(&basis::parts(observed))
}
