//! Which machines without a receipt are certainly ours (S6, S7).
//!
//! A machine that carries our label was made by us if the journal says that we
//! began to make it, or if there is no journal at all (it was lost, and Git and
//! the hosters are all that is left). In any other case the label alone proves
//! nothing, and the machine is not touched.

use super::history::History;
use super::plan::create_step;
use crate::model::ids::StackId;
use crate::model::journal::Event;
use crate::model::observed::{Observed, Power};

/// Receipts to be written, with the stack each belongs to.
pub fn adoptable(seen: &Observed, past: &History) -> Vec<(Option<StackId>, Event)> {
    let lost_journal = past.machines.is_empty();
    seen.hosters
        .values()
        .flatten()
        .flat_map(|inventory| &inventory.machines)
        .filter(|machine| !past.machines.contains_key(&machine.name))
        .filter(|machine| {
            let intent = create_step(machine.stack.as_ref(), &machine.name);
            lost_journal || past.unfinished.contains(&intent)
        })
        .map(|machine| {
            let created = Event::Created {
                machine: machine.name.clone(),
                hoster: machine.hoster.clone(),
                provider_id: machine.provider_id.clone(),
                role: machine.role,
                epoch: machine.epoch,
                wanted: None,
                machine_type: None,
            };
            (machine.stack.clone(), created)
        })
        .collect()
}

/// Machines that would not start once and run now: what was remembered of them is over.
pub fn recovered(seen: &Observed, past: &History) -> Vec<(Option<StackId>, Event)> {
    seen.hosters
        .values()
        .flatten()
        .flat_map(|inventory| &inventory.machines)
        .filter(|machine| machine.power == Power::On)
        .filter(|machine| {
            past.machines
                .get(&machine.name)
                .is_some_and(|past| past.power_on_failed.is_some())
        })
        .map(|machine| {
            let seen_on = Event::SeenOn {
                machine: machine.name.clone(),
            };
            (machine.stack.clone(), seen_on)
        })
        .collect()
}
