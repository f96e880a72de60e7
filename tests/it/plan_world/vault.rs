//! The backup machine of the world: its points, what lies beside them, what is forgotten.

use super::{BACKUP, World, machine, stack};
use holdfast::model::gap::Gap;
use holdfast::model::ids::{Epoch, MachineName, PointId};
use holdfast::model::journal::Event;
use holdfast::model::plan::{Leaving, Step};
use holdfast::model::point::{RecoveryPoint, Rung};
use holdfast::model::units::Bytes;
use holdfast::model::vault::Vault;
use std::collections::BTreeMap;

impl World {
    pub(super) fn vaults(&self) -> BTreeMap<MachineName, Result<Vault, Gap>> {
        let vault = Vault {
            stacks: self.holdings.clone(),
            ..Vault::default()
        };
        let there = self.machine(BACKUP).is_some();
        there
            .then(|| (machine(BACKUP), Ok(vault)))
            .into_iter()
            .collect()
    }

    pub(super) fn forget(&mut self, step: &Step, points: &[Leaving]) -> Result<(), String> {
        let machine = step.action.machine().clone();
        self.answers(&machine)?;
        let owner = step.stack.as_ref().ok_or("no stack")?;
        let points: Vec<PointId> = points.iter().map(|p| p.point.clone()).collect();
        let all = self.points.get_mut(owner).ok_or("no points")?;
        all.retain(|point| !points.contains(&point.id));
        self.record(Some(owner), Event::Forgotten { machine, points });
        Ok(())
    }

    /// Another recovery point of this stack, taken now.
    pub fn add_point(&mut self, owner: &str, epoch: Epoch, rung: Rung) -> PointId {
        let points = self.points.get_mut(&stack(owner)).unwrap();
        let numbered = |number: usize| PointId::new(format!("{number:08x}{}", "0".repeat(56)));
        let free = |id: &PointId| points.iter().all(|point| point.id != *id);
        // One may have been forgotten in between.
        let id = (points.len() + 1..).map(numbered).find(free).unwrap();
        points.push(RecoveryPoint {
            id: id.clone(),
            stack: stack(owner),
            epoch,
            taken_at: self.now,
            bytes: Bytes(1 << 20),
            rung,
            arrived_at: Some(self.now),
            evidence: Vec::new(),
            damaged: None,
        });
        id
    }
}
