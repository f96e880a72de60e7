//! Looks at everything afresh: hosters, machines, recovery points, names. What cannot be seen is a gap (S1).

use super::session::Session;
use crate::decide::basis;
use crate::decide::history::History;
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{HostName, HosterId, MachineName, StackId};
use crate::model::machine::{Digest, MachineFacts, MachineManifest, Role};
use crate::model::observed::{Former, Inventory, Observed, Power, SeenMachine};
use crate::model::point::RecoveryPoint;
use crate::model::secret::Secret;
use crate::world::backup;
use crate::world::machine::verbs;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use tokio::task::JoinSet;

/// The world as seen, and what each of our machines should be.
pub struct Look {
    /// What was seen.
    pub observed: Observed,
    /// What each machine in use should be.
    pub manifests: BTreeMap<MachineName, MachineManifest>,
}

/// One look at everything the estate speaks of.
pub async fn observe(session: &std::sync::Arc<Session>, past: &History) -> Look {
    let at = session.world.clock.now();
    session.recall(past);
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
    let (machines, (points, former), names) = tokio::join!(
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
            former,
            names,
        },
        manifests,
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

type Points = BTreeMap<StackId, Result<Vec<RecoveryPoint>, Gap>>;

/// Points on the backup machines that stacks name, and on those that they named before.
async fn points(
    session: &std::sync::Arc<Session>,
    hosters: &BTreeMap<HosterId, Result<Inventory, Gap>>,
    seen: &[SeenMachine],
    past: &History,
) -> (Points, BTreeMap<StackId, Former>) {
    let mut named: Points = BTreeMap::new();
    let mut former: BTreeMap<StackId, Former> = BTreeMap::new();
    let mut asked: BTreeMap<MachineName, Vec<(StackId, Secret)>> = BTreeMap::new();
    let repositories = session.repositories();
    let listed = |m: &&SeenMachine| m.role == Role::Backup;
    let listed: BTreeSet<&MachineName> = seen.iter().filter(listed).map(|m| &m.name).collect();
    for stack in session.desired.stacks.values() {
        let machine = Session::backup_machine(stack);
        let mut ask = |machine: &MachineName| {
            let password = session.repository_password_on(&stack.id, machine);
            let stacks = asked.entry(machine.clone()).or_default();
            stacks.push((stack.id.clone(), password));
        };
        for other in listed.iter().filter(|other| ***other != machine) {
            if repositories.may_hold(&stack.id, other) {
                ask(other);
            }
        }
        if listed.contains(&machine) {
            ask(&machine);
        } else {
            let hoster = hosters.get(&stack.backup.placement.hoster);
            named.insert(
                stack.id.clone(),
                unlisted(&stack.id, &machine, hoster, past),
            );
        }
        let before = past.repositories.get(&stack.id).into_iter().flatten();
        for (other, _) in before.filter(|(m, _)| **m != machine && !listed.contains(m)) {
            let hoster = past
                .machines
                .get(other)
                .and_then(|m| hosters.get(&m.hoster));
            let of = former.entry(stack.id.clone()).or_default();
            of.insert(other.clone(), unlisted(&stack.id, other, hoster, past));
        }
    }
    for (machine, answers) in ask_all(session, asked).await {
        for (id, points) in answers {
            let stack = session.desired.stacks.get(&id);
            if stack.is_some_and(|stack| Session::backup_machine(stack) == machine) {
                named.insert(id, points);
                continue;
            }
            // A machine that never had a repository of the stack has none to speak of.
            let empty = points.as_ref().is_ok_and(Vec::is_empty);
            if !empty || past.repository(&id, &machine).is_some() {
                former
                    .entry(id)
                    .or_default()
                    .insert(machine.clone(), points);
            }
        }
    }
    (named, former)
}

/// What can be said of the points on a machine that no hoster lists.
fn unlisted(
    stack: &StackId,
    machine: &MachineName,
    hoster: Option<&Result<Inventory, Gap>>,
    past: &History,
) -> Result<Vec<RecoveryPoint>, Gap> {
    match hoster {
        // The hoster says that there is no such machine, and we never made one.
        Some(Ok(_)) if !past.machines.contains_key(machine) => Ok(Vec::new()),
        Some(Err(gap)) => Err(gap.clone()),
        _ => Err(Gap::new(
            GapKind::Unreachable,
            format!("recovery points of {stack}"),
            format!("backup machine {machine} is not to be seen"),
        )),
    }
}

async fn ask_all(
    session: &std::sync::Arc<Session>,
    asked: BTreeMap<MachineName, Vec<(StackId, Secret)>>,
) -> Vec<(MachineName, Points)> {
    let mut tasks = JoinSet::new();
    for (machine, stacks) in asked {
        let contact = session.contact(&machine);
        let transport = session.world.transport.clone();
        tasks.spawn(async move {
            let answers = match contact {
                Some(contact) => backup::points_all(transport.as_ref(), &contact, &stacks).await,
                None => stacks
                    .into_iter()
                    .map(|(stack, _)| {
                        let gap = Gap::unasked(format!("recovery points of {stack}"));
                        (stack, Err(gap))
                    })
                    .collect(),
            };
            (machine, answers)
        });
    }
    tasks.join_all().await
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
