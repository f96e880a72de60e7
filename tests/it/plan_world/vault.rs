//! Backup machines of the world in memory: what each holds, what lies beside it, what is
//! forgotten, and who gets in.

use super::machine::manifest;
use super::{BACKUP, World, gap, machine, stack};
use holdfast::decide::repositories::{self, Repositories, Way};
use holdfast::model::gap::Gap;
use holdfast::model::ids::{Epoch, MachineName, PointId, StackId};
use holdfast::model::journal::Event;
use holdfast::model::machine::{MachineManifest, Role, Stage};
use holdfast::model::observed::{Former, Power, SeenMachine};
use holdfast::model::plan::{Leaving, Source, Step};
use holdfast::model::point::{RecoveryPoint, Rung, SCHEMA};
use holdfast::model::units::Bytes;
use holdfast::model::vault::{Holdings, Vault};
use std::collections::{BTreeMap, BTreeSet};

const WAY: &str = "/etc/holdfast/backup.env";
const WAYS_IN: &str = "/etc/holdfast/htpasswd";

type Points = BTreeMap<StackId, Result<Vec<RecoveryPoint>, Gap>>;

impl World {
    /// The backup machine that a stack's file names.
    pub fn named(&self, owner: &StackId) -> MachineName {
        self.want
            .stacks
            .get(owner)
            .map_or_else(|| machine(BACKUP), repositories::named)
    }

    fn serving(&self, owner: &StackId) -> MachineName {
        let listed = |name: &MachineName| self.machine(name.as_str()).is_some();
        Repositories::from(&self.past()).serving(&self.want.stacks[owner], listed)
    }

    pub fn points_on(&self, vault: &MachineName, owner: &StackId) -> Vec<RecoveryPoint> {
        let of = if vault.as_str() == BACKUP {
            self.points.get(owner)
        } else {
            self.elsewhere.get(vault).and_then(|of| of.get(owner))
        };
        of.cloned().unwrap_or_default()
    }

    pub(super) fn points_mut(
        &mut self,
        vault: &MachineName,
        owner: &StackId,
    ) -> &mut Vec<RecoveryPoint> {
        if vault.as_str() == BACKUP {
            return self.points.entry(owner.clone()).or_default();
        }
        let of = self.elsewhere.entry(vault.clone()).or_default();
        of.entry(owner.clone()).or_default()
    }

    pub(super) fn forget_disk(&mut self, vault: &MachineName) {
        if vault.as_str() == BACKUP {
            self.points.values_mut().for_each(Vec::clear);
        }
        self.elsewhere.remove(vault);
        self.repositories.retain(|(on, _)| on != vault);
    }

    fn asked(&self, vault: &MachineName, owner: &StackId) -> Result<Vec<RecoveryPoint>, Gap> {
        let listed = self.machine(vault.as_str());
        let gone = listed.is_none() && self.past().machines.contains_key(vault);
        let off = listed.is_some_and(|m| m.power == Power::Off);
        if gone || off || self.silent.contains_key(vault) {
            return Err(gap("recovery points"));
        }
        Ok(self.points_on(vault, owner))
    }

    /// On the machines that stacks name, and on others that the journal knows of.
    pub(super) fn seen_points(&self) -> (Points, BTreeMap<StackId, Former>) {
        let (mut points, mut former) = (Points::new(), BTreeMap::new());
        let past = self.past();
        let owners = self.points.keys().chain(self.want.stacks.keys());
        for owner in owners {
            let named = self.named(owner);
            let here = match &self.points_gap {
                Some(gap) => Err(gap.clone()),
                None => self.asked(&named, owner),
            };
            points.insert(owner.clone(), here);
            let of = past.repositories.get(owner);
            let listed = self.inventories.values().flat_map(|i| &i.machines);
            let listed = listed.filter(|m| m.role == Role::Backup).map(|m| &m.name);
            // All of them when the journal knows of none: then it was lost.
            let others: BTreeSet<&MachineName> = match of {
                Some(of) => of.keys().collect(),
                None => listed.collect(),
            };
            let others = others.into_iter().filter(|name| **name != named);
            let asked = others.map(|name| (name.clone(), self.asked(name, owner)));
            let others: Former = asked
                .filter(|(_, points)| of.is_some() || points != &Ok(Vec::new()))
                .collect();
            if !others.is_empty() {
                former.insert(owner.clone(), others);
            }
        }
        (points, former)
    }

    /// With where its points go, or who may get in.
    pub(super) fn manifest(&self, seen: &SeenMachine) -> MachineManifest {
        let file = match (&seen.stack, seen.role) {
            (Some(owner), Role::Production) if self.want.stacks.contains_key(owner) => {
                (WAY, format!("to {}", self.serving(owner)))
            }
            (_, Role::Backup) => (WAYS_IN, self.ways_in(&seen.name)),
            _ => return manifest(seen, self.engine, &[]),
        };
        manifest(seen, self.engine, &[file])
    }

    fn ways_in(&self, vault: &MachineName) -> String {
        let past = Repositories::from(&self.past());
        let way = |owner: &StackId| {
            let wanted = self.want.stacks.get(owner);
            wanted.map_or(Way::Production, |stack| past.way(stack, vault))
        };
        let naming = self.want.stacks.keys();
        let naming = naming.filter(|owner| self.named(owner) == *vault);
        let mut ways: Vec<String> = past
            .on(vault)
            .chain(naming)
            .map(|owner| format!("{owner}:{:?} ", way(owner)))
            .collect();
        ways.sort();
        ways.dedup();
        ways.concat()
    }

    /// Who a backup machine lets in, as it stands there now.
    pub fn lets_in(&self, vault: &str, owner: &str, way: Way) -> bool {
        let facts = self.facts.get(&machine(vault));
        let list = facts.and_then(|facts| facts.files.get(WAYS_IN));
        list.is_some_and(|list| list.digest.0.contains(&format!("{owner}:{way:?} ")))
    }

    /// Where production sends its points, as it stands there now.
    pub fn writes_to(&self, production: &str) -> Option<String> {
        let file = self.facts.get(&machine(production))?.files.get(WAY)?;
        Some(file.digest.0.strip_prefix("to ")?.to_owned())
    }

    pub(super) fn back_up(
        &mut self,
        owner: &StackId,
        from: &MachineName,
        to: &MachineName,
    ) -> Result<PointId, String> {
        self.answers(to)?;
        let facts = self.answers(from)?;
        if facts.stage != Stage::Opened {
            return Err("it holds nothing of its own yet".to_owned());
        }
        let epoch = facts.epoch.unwrap_or_default();
        let sent = self.writes_to(from.as_str());
        let sent = machine(&sent.unwrap_or_else(|| to.to_string()));
        if !self.repositories.contains(&(sent.clone(), owner.clone())) {
            return Err("there is no repository".to_owned());
        }
        if !self.lets_in(sent.as_str(), owner.as_str(), Way::Production) {
            return Err(format!("{sent} does not let it in"));
        }
        if sent != *to {
            self.add_point_on(&sent, owner.as_str(), epoch, Rung::Taken);
            return Err(format!("{to} has no such point: it went to {sent}"));
        }
        Ok(self.add_point_on(to, owner.as_str(), epoch, Rung::Shipped))
    }

    pub(super) fn prove(&mut self, owner: &StackId, point: PointId, rung: Rung) {
        self.record(Some(owner), Event::Proven { point, rung });
    }

    /// Like restic: content, time and epoch stay, ids do not. What was not read back at the old
    /// place is not at the new one.
    pub(super) fn copy(
        &mut self,
        owner: &StackId,
        from: &MachineName,
        to: &MachineName,
    ) -> Result<(), String> {
        self.answers(from)?;
        self.answers(to)?;
        if !self.lets_in(from.as_str(), owner.as_str(), Way::History) {
            return Err(format!("{from} does not let the reconciler in"));
        }
        let old = self.points_on(from, owner);
        for point in &old {
            let here = self.points_mut(to, owner);
            let moment = (point.epoch, point.taken_at);
            let known = here.iter().find(|p| (p.epoch, p.taken_at) == moment);
            let known = known.map(|known| known.id.clone());
            let id = known.unwrap_or_else(|| {
                let id = PointId::new(format!("c{}", &point.id.as_str()[1..]));
                here.push(RecoveryPoint {
                    id: id.clone(),
                    rung: point.rung.min(Rung::Checked),
                    ..point.clone()
                });
                id
            });
            if point.rung >= Rung::Shipped {
                self.prove(owner, id, Rung::Shipped);
            }
        }
        let copied = Event::Copied {
            from: from.clone(),
            to: to.clone(),
            points: old.len(),
        };
        self.record(Some(owner), copied);
        Ok(())
    }

    pub(super) fn vaults(&self) -> BTreeMap<MachineName, Result<Vault, Gap>> {
        let all = self.inventories.values().flat_map(|i| &i.machines);
        all.filter(|m| m.role == Role::Backup)
            .map(|m| {
                let here = self.repositories.iter().filter(|(on, _)| *on == m.name);
                let mut stacks: BTreeMap<StackId, Holdings> = here
                    .map(|(_, of)| (of.clone(), Holdings::default()))
                    .collect();
                if m.name.as_str() == BACKUP {
                    stacks.extend(self.holdings.clone());
                }
                let vault = Vault {
                    stacks,
                    ..Vault::default()
                };
                (m.name.clone(), Ok(vault))
            })
            .collect()
    }

    pub(super) fn forget(&mut self, step: &Step, points: &[Leaving]) -> Result<(), String> {
        let machine = step.action.machine().clone();
        self.answers(&machine)?;
        let owner = step.stack.as_ref().ok_or("no stack")?;
        let points: Vec<PointId> = points.iter().map(|p| p.point.clone()).collect();
        let all = self.points_mut(&machine, owner);
        all.retain(|point| !points.contains(&point.id));
        self.record(Some(owner), Event::Forgotten { machine, points });
        Ok(())
    }

    /// With anything else in it than what was judged, the repository stays.
    pub(super) fn discard(&mut self, step: &Step, judged: &[PointId]) -> Result<(), String> {
        let machine = step.action.machine().clone();
        self.answers(&machine)?;
        let owner = step.stack.as_ref().ok_or("no stack")?;
        let held = self.points_on(&machine, owner);
        let held: BTreeSet<PointId> = held.into_iter().map(|point| point.id).collect();
        if !held.is_empty() && held != judged.iter().cloned().collect() {
            return Err("it holds something else".to_owned());
        }
        self.points_mut(&machine, owner).clear();
        self.repositories.remove(&(machine.clone(), owner.clone()));
        let discarded = Event::Discarded {
            machine,
            points: judged.len(),
            freed: Bytes(judged.len() as u64),
        };
        self.record(Some(owner), discarded);
        Ok(())
    }

    /// The point lies on a machine that answers, and that lets in who asks.
    pub(super) fn can_be_fetched(&mut self, step: &Step, source: &Source) -> Result<(), String> {
        let Source::Point { point, on, .. } = source else {
            return Ok(());
        };
        let owner = step.stack.clone().ok_or("no stack")?;
        self.answers(on)?;
        let held = self.points_on(on, &owner);
        if !held.iter().any(|p| p.id == *point) {
            return Err(format!("{on} has no point {point}"));
        }
        let way = if self.serving(&owner) == *on {
            Way::Production
        } else {
            Repositories::from(&self.past()).way(&self.want.stacks[&owner], on)
        };
        if !self.lets_in(on.as_str(), owner.as_str(), way) {
            return Err(format!("{on} does not let it in"));
        }
        Ok(())
    }

    /// Another recovery point of this stack, taken now.
    pub fn add_point(&mut self, owner: &str, epoch: Epoch, rung: Rung) -> PointId {
        self.add_point_on(&machine(BACKUP), owner, epoch, rung)
    }

    pub fn add_point_on(
        &mut self,
        vault: &MachineName,
        owner: &str,
        epoch: Epoch,
        rung: Rung,
    ) -> PointId {
        let now = self.now;
        let points = self.points_mut(vault, &stack(owner));
        let vault = u8::from(vault.as_str() != BACKUP);
        let numbered = |number: usize| {
            let number = format!("{vault:x}{number:07x}");
            PointId::new(format!("{number}{}", "0".repeat(56)))
        };
        let free = |id: &PointId| points.iter().all(|point| point.id != *id);
        // One may have been forgotten in between.
        let first = points.len() + 1;
        let mut numbers = (first..=2 * first).map(numbered);
        let id = numbers.find(free).unwrap();
        points.push(RecoveryPoint {
            id: id.clone(),
            stack: stack(owner),
            epoch,
            taken_at: now,
            bytes: Bytes(1 << 20),
            rung,
            arrived_at: Some(now),
            evidence: Vec::new(),
            damaged: None,
            aside: false,
            cold: false,
            schema: SCHEMA,
        });
        id
    }
}
