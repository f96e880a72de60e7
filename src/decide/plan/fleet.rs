//! Production machines by their stacks: found once for all stacks.

use crate::decide::history::History;
use crate::decide::made::PastMachine;
use crate::model::ids::{MachineName, StackId};
use crate::model::machine::Role;
use crate::model::observed::{Observed, SeenMachine};
use std::collections::BTreeMap;

/// A machine that the journal tells of.
pub(super) type Remembered<'a> = (&'a MachineName, &'a PastMachine);

/// Whose each production machine is, by its hoster's word and by the journal's.
#[derive(Debug, Default)]
pub(super) struct Fleet<'a> {
    listed: BTreeMap<&'a StackId, Vec<&'a SeenMachine>>,
    remembered: BTreeMap<&'a StackId, Vec<Remembered<'a>>>,
}

impl<'a> Fleet<'a> {
    pub fn of(seen: &'a Observed, past: &'a History) -> Self {
        let mut fleet = Self::default();
        for machine in seen.hosters.values().flatten().flat_map(|i| &i.machines) {
            if let (Role::Production, Some(stack)) = (machine.role, &machine.stack) {
                fleet.listed.entry(stack).or_default().push(machine);
            }
        }
        for (name, machine) in &past.machines {
            if let (Role::Production, Some(stack)) = (machine.role, &machine.stack) {
                let of_stack = fleet.remembered.entry(stack).or_default();
                of_stack.push((name, machine));
            }
        }
        fleet
    }

    /// Machines with the stack's label, quarantined ones included.
    pub fn listed(&self, stack: &StackId) -> &[&'a SeenMachine] {
        self.listed.get(stack).map_or(&[], Vec::as_slice)
    }

    /// Machines that were made for the stack.
    pub fn remembered(&self, stack: &StackId) -> &[Remembered<'a>] {
        self.remembered.get(stack).map_or(&[], Vec::as_slice)
    }
}
