//! Ordered machines that we began to take, as long as nobody knows what came of it (S6).
//!
//! A script that was cut off may come to its machine when another was taken in that one's place:
//! then there would be two of one name. So it says until when it may do anything, and until then
//! no other is taken.

use super::plan::create_step;
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{HosterId, MachineName, StackId};
use crate::model::journal::{Entry, Event, StepResult};
use crate::model::observed::Observed;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is open, by the name that the machine is to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders(BTreeMap<MachineName, Order>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Order {
    stack: Option<StackId>,
    hoster: HosterId,
    take: MachineName,
    until: Timestamp,
}

impl Orders {
    /// Takes in the next entry of the journal.
    pub(super) fn take_in(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Ordered {
                machine,
                hoster,
                take,
                until,
            } => {
                let order = Order {
                    stack: entry.stack.clone(),
                    hoster: hoster.clone(),
                    take: take.clone(),
                    until: *until,
                };
                self.0.insert(machine.clone(), order);
            }
            Event::Created { machine, .. } => {
                self.0.remove(machine);
            }
            // Certainly not taken; an earlier try was too late by then.
            Event::Ended {
                step,
                result: StepResult::Refused { .. },
                ..
            } => self
                .0
                .retain(|name, order| create_step(order.stack.as_ref(), name) != *step),
            _ => {}
        }
    }

    /// Whether this machine is one that we began to take under this name.
    pub(super) fn took(&self, name: &MachineName, provider_id: &str) -> bool {
        let order = self.0.get(name);
        order.is_some_and(|order| order.take.as_str() == provider_id)
    }

    /// Why no machine of this name may be taken now: one may be on its way to it.
    pub(super) fn open(&self, name: &MachineName, seen: &Observed) -> Option<Gap> {
        let order = self.0.get(name)?;
        let subject = format!("machine {} at hoster {}", order.take, order.hoster);
        let unseen = match seen.hosters.get(&order.hoster) {
            Some(Ok(inventory)) => inventory.unseen(order.take.as_str()).cloned(),
            Some(Err(gap)) => Some(gap.clone()),
            None => Some(Gap::unasked(subject.clone())),
        };
        unseen.or_else(|| {
            (seen.at < order.until).then(|| {
                let reason = format!(
                    "taking it as {name} was begun and may still come to it, until {}",
                    order.until
                );
                Gap::new(GapKind::Unreachable, subject, reason)
            })
        })
    }
}
