//! Looks at everything afresh: hosters, machines, recovery points, names. What cannot be seen is a gap (S1).

use super::session::Session;
use crate::decide::history::History;
use crate::decide::{basis, clocks, evidence, given};
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{HostName, HosterId, MachineName, StackId};
use crate::model::listed::{Beside, Listed};
use crate::model::machine::{Digest, MachineFacts, MachineManifest, Role};
use crate::model::observed::{Former, Inventory, Observed, Power, SeenMachine, SeenName};
use crate::model::point::RecoveryPoint;
use crate::model::repository::KeysSeen;
use crate::model::secret::Secret;
use crate::model::vault::Vault;
use crate::model::verification::Verification;
use crate::world::backup;
use crate::world::machine::verbs;
use jiff::Timestamp;
use std::collections::BTreeMap;
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
    let asked = whom_to_ask(session, &seen);
    let (machines, mut found, keys, verified, names) = tokio::join!(
        facts(session, &seen, &manifests),
        repositories(session, &hosters, &asked, past),
        keys(session, &asked),
        verified(session, &seen, &asked),
        names(session),
    );
    for (machine, verified) in verified {
        for (stack, verification) in verified {
            found.mark(session, &machine, stack, verification);
        }
    }
    Look {
        observed: Observed {
            at,
            hosters,
            machines,
            points: found.points,
            former: found.former,
            keys,
            verified: found.verified,
            vaults: found.vaults,
            names,
        },
        manifests,
        beside: found.beside,
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
        let clock = session.world.clock.clone();
        tasks.spawn(async move {
            let asked = clock.now();
            let mut facts = verbs::facts(transport.as_ref(), &contact, &request).await;
            if let Ok(facts) = &mut facts
                && let Some(said) = facts.clock_ms
                && let Ok(said) = Timestamp::from_millisecond(said)
            {
                let ahead = clocks::ahead(said, asked, clock.now()).as_millis();
                facts.ahead_ms = i64::try_from(ahead).unwrap_or(i64::MAX);
            }
            (contact.machine, facts)
        });
    }
    tasks.join_all().await.into_iter().collect()
}

type Vaults = BTreeMap<MachineName, Result<Vault, Gap>>;
/// Which stacks each backup machine is asked about.
type Asked = BTreeMap<MachineName, Vec<StackId>>;

/// Backup machines that are listed, each with the stacks that name it and those that may have
/// named it before.
fn whom_to_ask(session: &Session, seen: &[SeenMachine]) -> Asked {
    let repositories = session.repositories();
    let mut asked = Asked::new();
    for machine in seen.iter().filter(|m| m.role == Role::Backup) {
        for stack in session.desired.stacks.values() {
            let named = Session::backup_machine(stack) == machine.name;
            if named || repositories.may_hold(&stack.id, &machine.name) {
                let stacks = asked.entry(machine.name.clone()).or_default();
                stacks.push(stack.id.clone());
            }
        }
    }
    asked
}

/// What was seen of repositories.
#[derive(Default)]
struct Repositories {
    /// On the backup machines that stacks name.
    points: Points,
    /// On those that they named before.
    former: BTreeMap<StackId, Former>,
    /// Of those that points go to.
    verified: BTreeMap<StackId, Verification>,
    vaults: Vaults,
    /// Of those that points go to.
    beside: BTreeMap<StackId, Beside>,
}

impl Repositories {
    fn listed(
        &mut self,
        session: &Session,
        stack: &StackId,
        machine: &MachineName,
    ) -> Option<&mut Result<Vec<RecoveryPoint>, Gap>> {
        let desired = session.desired.stacks.get(stack)?;
        if Session::backup_machine(desired) == *machine {
            self.points.get_mut(stack)
        } else {
            self.former.get_mut(stack)?.get_mut(machine)
        }
    }

    /// Marks points that rest on damage. Where nobody can say which those are, no point is known
    /// (S1).
    fn mark(
        &mut self,
        session: &Session,
        machine: &MachineName,
        stack: StackId,
        verification: Result<Verification, Gap>,
    ) {
        let listed = self.listed(session, &stack, machine);
        match (verification, listed) {
            (Ok(verification), listed) => {
                for point in listed.into_iter().flatten().flatten() {
                    point.damaged = verification.against(&point.id);
                }
                if serves(session, &stack, machine) {
                    self.verified.insert(stack, verification);
                }
            }
            (Err(gap), Some(listed)) if listed.is_ok() => *listed = Err(gap),
            (Err(_), _) => {}
        }
    }
}

/// Whether the stack's points go to this machine.
fn serves(session: &Session, stack: &StackId, machine: &MachineName) -> bool {
    let stack = session.desired.stacks.get(stack);
    stack.is_some_and(|stack| session.serving_backup_machine(stack) == *machine)
}

async fn repositories(
    session: &std::sync::Arc<Session>,
    hosters: &BTreeMap<HosterId, Result<Inventory, Gap>>,
    asked: &Asked,
    past: &History,
) -> Repositories {
    let mut found = Repositories::default();
    for stack in session.desired.stacks.values() {
        let machine = Session::backup_machine(stack);
        if !asked.contains_key(&machine) {
            let hoster = hosters.get(&stack.backup.placement.hoster);
            let unlisted = unlisted(&stack.id, &machine, hoster, past);
            found.points.insert(stack.id.clone(), unlisted);
        }
        let before = past.repositories.get(&stack.id).into_iter().flatten();
        for (other, _) in before.filter(|(m, _)| **m != machine && !asked.contains_key(m)) {
            let made = past.machines.get(other);
            let hoster = made.and_then(|made| hosters.get(&made.hoster));
            let unlisted = unlisted(&stack.id, other, hoster, past);
            let of = found.former.entry(stack.id.clone()).or_default();
            of.insert(other.clone(), unlisted);
        }
    }
    for (machine, answers, vault) in ask_all(session, asked).await {
        found.vaults.insert(machine.clone(), vault);
        for (id, listed) in answers {
            let judged = listed.and_then(|listed| judged(session, &id, listed));
            let points = judged.map(|(points, rest)| {
                if serves(session, &id, &machine) {
                    found.beside.insert(id.clone(), rest);
                }
                points
            });
            let stack = session.desired.stacks.get(&id);
            if stack.is_some_and(|stack| Session::backup_machine(stack) == machine) {
                found.points.insert(id, points);
                continue;
            }
            // A machine that never had a repository of the stack has none to speak of.
            let empty = points.as_ref().is_ok_and(Vec::is_empty);
            if !empty || past.repository(&id, &machine).is_some() {
                let of = found.former.entry(id).or_default();
                of.insert(machine.clone(), points);
            }
        }
    }
    found
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

type Answers = BTreeMap<StackId, Result<Listed, Gap>>;

async fn ask_all(
    session: &std::sync::Arc<Session>,
    asked: &Asked,
) -> Vec<(MachineName, Answers, Result<Vault, Gap>)> {
    let mut tasks = JoinSet::new();
    for (machine, stacks) in asked {
        let machine = machine.clone();
        let stacks: Vec<(StackId, Secret)> = stacks
            .iter()
            .map(|stack| {
                let password = session.repository_password_on(stack, &machine);
                (stack.clone(), password)
            })
            .collect();
        let contact = session.contact(&machine);
        let transport = session.world.transport.clone();
        tasks.spawn(async move {
            let Some(contact) = contact else {
                let unseen = stacks.into_iter().map(|(stack, _)| {
                    let gap = Gap::unasked(format!("recovery points of {stack}"));
                    (stack, Err(gap))
                });
                let gap = Gap::unasked(format!("backup machine {machine}"));
                return (machine, unseen.collect(), Err(gap));
            };
            let points = backup::points_all(transport.as_ref(), &contact, &stacks).await;
            // Afterwards: looking at the points sets aside what is nobody's.
            let names = stacks.iter().map(|(stack, _)| stack);
            let vault = backup::vault(transport.as_ref(), &contact, names).await;
            (machine, points, vault)
        });
    }
    tasks.join_all().await
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

/// Which key files each repository in use lacks. What cannot be looked at has no entry: the
/// points of the same machine are a gap then.
async fn keys(session: &std::sync::Arc<Session>, asked: &Asked) -> BTreeMap<StackId, KeysSeen> {
    let mut tasks = JoinSet::new();
    for (machine, stacks) in asked {
        let mut stacks = stacks.clone();
        stacks.retain(|stack| serves(session, stack, machine));
        if let Some(contact) = session.contact(machine).filter(|_| !stacks.is_empty()) {
            let transport = session.world.transport.clone();
            tasks.spawn(async move {
                backup::keys_all(transport.as_ref(), &contact, &stacks)
                    .await
                    .map_err(|error| tracing::debug!(machine = %contact.machine, %error, "no key files seen"))
                    .unwrap_or_default()
            });
        }
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

/// What backup machines keep of the readings of their repositories.
async fn verified(
    session: &std::sync::Arc<Session>,
    seen: &[SeenMachine],
    asked: &Asked,
) -> Vec<(MachineName, BTreeMap<StackId, Result<Verification, Gap>>)> {
    let mut tasks = JoinSet::new();
    for machine in seen.iter().filter(|m| m.power != Power::Off) {
        let (Some(stacks), Some(contact)) =
            (asked.get(&machine.name), session.contact(&machine.name))
        else {
            continue;
        };
        let (machine, stacks) = (machine.name.clone(), stacks.clone());
        let transport = session.world.transport.clone();
        tasks.spawn(async move {
            let verified = backup::verified(transport.as_ref(), &contact, &stacks).await;
            (machine, verified)
        });
    }
    tasks.join_all().await
}

async fn names(session: &std::sync::Arc<Session>) -> BTreeMap<HostName, Result<SeenName, Gap>> {
    let Some(names) = &session.world.names else {
        return BTreeMap::new();
    };
    let mut tasks = JoinSet::new();
    for service in session.desired.stacks.values().flat_map(|s| &s.services) {
        let (names, host) = (names.clone(), service.host.clone());
        let session = session.clone();
        tasks.spawn(async move {
            let found = names.lookup(&host).await;
            let found =
                found.map(|name| given::believe(&session.key, &session.desired.estate, name));
            (host, found)
        });
    }
    tasks.join_all().await.into_iter().collect()
}

/// Digest of what was seen, without times and measurements that change by themselves.
pub fn digest(observed: &Observed) -> Digest {
    basis::whole(&basis::parts(observed))
}
