//! Ordered machines that are reached by SSH only: no interface, no power control.
//!
//! A machine belongs to whom its `/etc/holdfast/identity` names. One that does
//! not answer, or presents another host key than the pinned one, is a gap:
//! neither free nor absent (S1). So is one that names nobody and holds something:
//! it may be in use by people who never heard of us, or be ours and have lost its
//! name (S7). The hoster's word on power is missing here, so fencing needs a
//! person (S2).

use super::{Hoster, not_a_drill, refused};
use crate::model::desired::PoolMachine;
use crate::model::gap::{Gap, GapKind};
use crate::model::identity::Identity;
use crate::model::ids::{EstateName, HosterId, MachineName, StepId};
use crate::model::machine::Role;
use crate::model::observed::{FreeMachine, Inventory, Power, SeenMachine, Unseen};
use crate::model::operation::{CreateMachine, Fault, FaultClass, Operation, Outcome, Receipt};
use crate::model::secret::Secret;
use crate::world::machine::{Contact, MachineError, Script, Transport};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use std::sync::Arc;
use tokio::task::JoinSet;

const FACTS: Script = Script {
    name: "pool-facts",
    text: concat!(
        "set -eu\n",
        include_str!("scripts/pool-holds.sh"),
        include_str!("scripts/pool-facts.sh")
    ),
};
const CLAIM: Script = Script {
    name: "pool-claim",
    text: concat!(
        include_str!("scripts/prelude.sh"),
        include_str!("scripts/pool-holds.sh"),
        include_str!("scripts/pool-claim.sh")
    ),
};
const WIPE: Script = Script {
    name: "pool-wipe",
    text: concat!(
        include_str!("scripts/prelude.sh"),
        include_str!("scripts/pool-wipe.sh")
    ),
};
const QUARANTINE: Script = Script {
    name: "pool-quarantine",
    text: concat!(
        include_str!("scripts/prelude.sh"),
        include_str!("scripts/pool-quarantine.sh")
    ),
};

/// For how many seconds of its own time a machine takes a claim: one that was cut off on its way
/// and comes later is refused, because another may have been taken in its place (S6).
pub const CLAIM_HOLDS: i64 = 60;

/// An inventory of ordered machines.
pub struct Pool {
    id: HosterId,
    estate: EstateName,
    machines: Vec<PoolMachine>,
    transport: Arc<dyn Transport>,
    /// `/etc/machine-id` of the machine that runs Holdfast.
    own: Option<String>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("id", &self.id)
            .field("machines", &self.machines)
            .finish_non_exhaustive()
    }
}

/// What `pool-facts` answers.
#[derive(Debug, Deserialize)]
struct Facts {
    /// base64 of the identity file.
    identity: Option<String>,
    quarantined: bool,
    /// `/etc/machine-id`, empty where there is none.
    machine_id: String,
    /// Of a machine without an identity: a path that looks like somebody's data, or empty.
    holds: String,
    /// Which boot, and for how many seconds.
    boot_id: String,
    uptime: i64,
}

/// What an ordered machine turned out to be.
enum Found {
    Owned {
        identity: Identity,
        quarantined: bool,
    },
    Free,
}

impl Pool {
    /// The machines of `hosters.toml`; touches only what `estate` owns, or nobody.
    pub fn new(
        id: HosterId,
        estate: EstateName,
        machines: Vec<PoolMachine>,
        transport: Arc<dyn Transport>,
    ) -> Self {
        Self {
            id,
            estate,
            machines,
            transport,
            own: None,
        }
    }

    /// Names the machine that runs Holdfast by its `/etc/machine-id`: it is never
    /// free and never touched, even if the inventory lists it (S7).
    #[must_use]
    pub fn sparing(mut self, own: Option<String>) -> Self {
        self.own = own.filter(|id| !id.is_empty());
        self
    }

    fn subject(&self, machine: &PoolMachine) -> String {
        format!("machine {} at hoster {}", machine.name, self.id)
    }

    /// All machines at once; each its finding or its gap, in the order of the inventory.
    async fn look(&self) -> Vec<(PoolMachine, Result<Found, Gap>)> {
        let mut running = JoinSet::new();
        for (index, machine) in self.machines.iter().cloned().enumerate() {
            let transport = Arc::clone(&self.transport);
            let subject = self.subject(&machine);
            let own = self.own.clone();
            running.spawn(async move {
                let found = find(transport.as_ref(), &machine, subject, own.as_deref()).await;
                (index, machine, found)
            });
        }
        let mut all: Vec<_> = Vec::new();
        while let Some(joined) = running.join_next().await {
            match joined {
                Ok(one) => all.push(one),
                // A look that panicked: its machine must not vanish from the list.
                Err(error) => tracing::error!(%error, "a look at a pool machine failed"),
            }
        }
        for (index, machine) in self.machines.iter().enumerate() {
            if !all.iter().any(|(seen, ..)| *seen == index) {
                let gap = Gap::new(GapKind::Unreadable, self.subject(machine), "not looked at");
                all.push((index, machine.clone(), Err(gap)));
            }
        }
        all.sort_by_key(|(index, ..)| *index);
        all.into_iter()
            .map(|(_, machine, found)| (machine, found))
            .collect()
    }

    async fn claim(&self, want: &CreateMachine) -> Outcome {
        let Some(take) = &want.take else {
            return refused(
                "no_machine_named",
                "no ordered machine named",
                FaultClass::Bug,
            );
        };
        let Some(machine) = self.machines.iter().find(|m| m.name == *take) else {
            return refused(
                "not_found",
                format!("{} has no ordered machine {take}", self.id),
                FaultClass::NeedsHuman,
            );
        };
        let identity = Identity {
            owner: want.owner.clone(),
            machine: want.name.clone(),
        };
        let now = match facts(self.transport.as_ref(), machine).await {
            Ok(Ok(facts)) => facts,
            // Nothing was asked for yet.
            Ok(Err(reason)) => return refused("unreadable", reason, FaultClass::Retry),
            Err(error) => return refused("unreachable", error.to_string(), FaultClass::Retry),
        };
        let until = format!("until\t{}\t{}\n", now.boot_id, now.uptime + CLAIM_HOLDS);
        match self.tell(machine, CLAIM, &identity, &until).await {
            Ok(()) => done(machine),
            Err(MachineError::Refused { code, message, .. }) if code == "late" => {
                refused("late", message, FaultClass::Retry)
            }
            Err(MachineError::Refused { code, message, .. }) if code == "claimed" => {
                refused("name_taken", message, FaultClass::Retry)
            }
            Err(error) => outcome(&error),
        }
    }

    async fn quarantine(&self, name: &MachineName) -> Outcome {
        let mut gaps = Vec::new();
        for (machine, found) in self.look().await {
            match found {
                Ok(Found::Owned { identity, .. })
                    if identity.machine == *name && identity.owner.estate == self.estate =>
                {
                    return match self.tell(&machine, QUARANTINE, &identity, "").await {
                        Ok(()) => done(&machine),
                        Err(error) => outcome(&error),
                    };
                }
                Ok(_) => {}
                Err(gap) => gaps.push(gap.to_string()),
            }
        }
        // Nothing was asked for, so nothing changed; with a gap it may be the one.
        let message = if gaps.is_empty() {
            format!("{} has no machine of ours named {name}", self.id)
        } else {
            format!("{name} was not found; not seen: {}", gaps.join("; "))
        };
        refused("not_found", message, FaultClass::Retry)
    }

    /// Gives a machine back as it was before it was taken for a drill; nothing but such a one.
    async fn wipe(&self, name: &MachineName) -> Outcome {
        let mut gaps = Vec::new();
        for (machine, found) in self.look().await {
            match found {
                Ok(Found::Owned { identity, .. })
                    if identity.machine == *name && identity.owner.estate == self.estate =>
                {
                    if identity.owner.role != Role::Drill {
                        return not_a_drill(name);
                    }
                    return match self.tell(&machine, WIPE, &identity, "").await {
                        Ok(()) => self.is_free(&machine).await,
                        Err(error) => outcome(&error),
                    };
                }
                Ok(_) => {}
                Err(gap) => gaps.push(gap.to_string()),
            }
        }
        if gaps.is_empty() {
            // All of them answered, and none is it: it was wiped before.
            return Outcome::Done(Receipt {
                provider_id: name.to_string(),
                address: None,
                port: None,
            });
        }
        let message = format!("{name} was not found; not seen: {}", gaps.join("; "));
        refused("not_found", message, FaultClass::Retry)
    }

    /// The machine's own word that nobody has it any more.
    async fn is_free(&self, machine: &PoolMachine) -> Outcome {
        let (subject, own) = (self.subject(machine), self.own.as_deref());
        match find(self.transport.as_ref(), machine, subject, own).await {
            Ok(Found::Free) => done(machine),
            Ok(Found::Owned { .. }) => unclear("it was wiped, and somebody has it again".into()),
            Err(gap) => unclear(gap.to_string()),
        }
    }

    async fn tell(
        &self,
        machine: &PoolMachine,
        script: Script,
        identity: &Identity,
        further: &str,
    ) -> Result<(), MachineError> {
        let identity = BASE64.encode(identity.to_text());
        let input = format!("identity\t{identity}\n{further}");
        self.transport
            .run(&contact(machine), script, &Secret::new(input))
            .await
            .map(|_| ())
    }
}

/// A pool machine keeps the host key that its inventory pins.
fn contact(machine: &PoolMachine) -> Contact {
    Contact {
        machine: machine.name.clone(),
        address: machine.address,
        port: machine.port,
        host_key: machine.host_key.clone(),
    }
}

/// The machine's own word; the inner error says that it could not be read.
async fn facts(
    transport: &dyn Transport,
    machine: &PoolMachine,
) -> Result<Result<Facts, String>, MachineError> {
    let nothing = Secret::new(Vec::new());
    let lines = transport.run(&contact(machine), FACTS, &nothing).await?;
    let Some(last) = lines.into_iter().next_back() else {
        return Ok(Err("no answer line".to_owned()));
    };
    Ok(serde_json::from_value(last).map_err(|error| error.to_string()))
}

async fn find(
    transport: &dyn Transport,
    machine: &PoolMachine,
    subject: String,
    own: Option<&str>,
) -> Result<Found, Gap> {
    let unreadable = |reason: String| Gap::new(GapKind::Unreadable, subject.clone(), reason);
    let facts = facts(transport, machine)
        .await
        .map_err(|error| Gap::new(error.gap().kind, subject.clone(), error.to_string()))?
        .map_err(unreadable)?;
    if own == Some(facts.machine_id.as_str()) {
        let reason = "this is the machine that runs holdfast; it is never touched (S7)";
        return Err(Gap::new(GapKind::NotOurs, subject, reason));
    }
    let Some(encoded) = facts.identity else {
        if facts.holds.is_empty() {
            return Ok(Found::Free);
        }
        let reason = format!(
            "nobody's by name, but it holds {}, so it is never taken (S7); install its operating system anew, or take it out of hosters.toml",
            facts.holds
        );
        return Err(Gap::new(GapKind::NotOurs, subject, reason));
    };
    // Something is there: whatever it says, the machine is not free.
    let bytes = BASE64
        .decode(encoded)
        .map_err(|e| unreadable(e.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|e| unreadable(e.to_string()))?;
    let identity = Identity::parse(&text).map_err(|e| unreadable(format!("identity: {e}")))?;
    Ok(Found::Owned {
        identity,
        quarantined: facts.quarantined,
    })
}

fn outcome(error: &MachineError) -> Outcome {
    match error {
        MachineError::Unreachable { .. } | MachineError::Withheld { .. } => {
            refused("unreachable", error.to_string(), FaultClass::Retry)
        }
        MachineError::Denied { .. } => refused("denied", error.to_string(), FaultClass::NeedsHuman),
        MachineError::ForeignHostKey { .. } => refused(
            "foreign_host_key",
            error.to_string(),
            FaultClass::NeedsHuman,
        ),
        MachineError::Refused { code, message, .. } => {
            refused(code, message, FaultClass::NeedsHuman)
        }
        // The script may have run: the same claim again finds it done.
        MachineError::Lost { .. } | MachineError::Unreadable { .. } => unclear(error.to_string()),
    }
}

fn unclear(message: String) -> Outcome {
    Outcome::Unknown(Fault {
        message,
        class: FaultClass::Retry,
    })
}

fn done(machine: &PoolMachine) -> Outcome {
    Outcome::Done(Receipt {
        provider_id: machine.name.to_string(),
        address: Some(machine.address),
        port: Some(machine.port),
    })
}

#[async_trait]
impl Hoster for Pool {
    fn id(&self) -> &HosterId {
        &self.id
    }

    async fn observe(&self, owned: &EstateName) -> Result<Inventory, Gap> {
        let mut inventory = Inventory::default();
        for (machine, found) in self.look().await {
            match found {
                Err(gap) => inventory.unseen.push(Unseen {
                    provider_id: machine.name.to_string(),
                    gap,
                }),
                Ok(Found::Free) => inventory.free.push(FreeMachine {
                    name: machine.name,
                    site: machine.site,
                    image: machine.image,
                    address: machine.address,
                    port: machine.port,
                }),
                Ok(Found::Owned {
                    identity,
                    quarantined,
                }) if identity.owner.estate == *owned => {
                    inventory.machines.push(SeenMachine {
                        name: identity.machine,
                        provider_id: machine.name.to_string(),
                        hoster: self.id.clone(),
                        site: Some(machine.site),
                        role: identity.owner.role,
                        stack: identity.owner.stack,
                        epoch: identity.owner.epoch,
                        image: Some(machine.image),
                        hardware: None,
                        quarantined,
                        power: Power::On, // it just answered
                        address: machine.address,
                        port: machine.port,
                    });
                }
                Ok(Found::Owned { .. }) => {} // another estate's: not ours, not free
            }
        }
        Ok(inventory)
    }

    async fn perform(&self, op: &Operation, _key: &StepId) -> Outcome {
        match op {
            Operation::Create(want) => self.claim(want).await,
            Operation::PowerOn { .. }
            | Operation::PowerOff { .. }
            | Operation::ShutDown { .. }
            | Operation::Resize { .. }
            | Operation::Reset { .. }
            | Operation::Rescue { .. }
            | Operation::EndRescue { .. } => refused(
                "no_power_control",
                "this hoster has no power control",
                FaultClass::NeedsHuman,
            ),
            Operation::Quarantine { machine } => self.quarantine(machine).await,
            Operation::Destroy { machine } => self.wipe(machine).await,
        }
    }
}
