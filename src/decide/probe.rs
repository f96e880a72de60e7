//! Whether something that answered answers no longer: so much that the loop looks again. What is
//! lost, and what is done about it, is decided by looking, never here.

use crate::model::desired::Desired;
use crate::model::ids::StackId;
use crate::model::machine::Role;
use crate::model::observed::{Observed, Power};
use std::net::SocketAddr;
use std::time::Duration;

/// After a first failure.
const SOON: Duration = Duration::from_secs(5);

/// One failure may be the network's.
const ENOUGH: u32 = 2;

/// HTTPS.
const WEB: u16 = 443;

/// A place that takes connections while its stack serves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// Whose.
    pub stack: StackId,
    /// In words: the machine, or the name that people use.
    pub what: String,
    /// Where.
    pub address: SocketAddr,
}

/// What serves now: each open machine, and each name where it was seen to point.
pub fn targets(want: &Desired, seen: &Observed) -> Vec<Target> {
    let machines = seen.hosters.values().flatten().flat_map(|i| &i.machines);
    let open = machines.filter(|machine| {
        let facts = seen.machines.get(&machine.name);
        machine.role == Role::Production
            && machine.power == Power::On
            && matches!(facts, Some(Ok(facts)) if facts.open)
    });
    let mut targets = Vec::new();
    for machine in open {
        let Some(stack) = machine.stack.as_ref().and_then(|id| want.stacks.get(id)) else {
            continue;
        };
        targets.push(Target {
            stack: stack.id.clone(),
            what: machine.name.to_string(),
            address: SocketAddr::new(machine.address, machine.port),
        });
        for service in &stack.services {
            let name = seen.names.get(&service.host);
            let first = name.and_then(|name| name.as_ref().ok()?.addresses.first().copied());
            targets.extend(first.map(|address| Target {
                stack: stack.id.clone(),
                what: service.host.to_string(),
                address: SocketAddr::new(address, WEB),
            }));
        }
    }
    targets.sort();
    targets.dedup();
    targets
}

/// What is known of one target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers {
    /// It did once. What never answered us is perhaps not for us to reach.
    ever: bool,
    /// Since then it did not so often.
    failed: u32,
}

impl Answers {
    /// Takes in a try; true: it is time to look.
    pub fn take_in(&mut self, answered: bool) -> bool {
        if answered {
            *self = Self {
                ever: true,
                failed: 0,
            };
            return false;
        }
        self.failed = self.failed.saturating_add(1);
        self.ever && self.failed == ENOUGH
    }

    /// How long until it is tried again.
    pub fn next(self, every: Duration) -> Duration {
        match self.failed {
            1 if self.ever => SOON.min(every),
            _ => every,
        }
    }
}
