//! What an error that ended a pass means for what happens next.

use crate::flow::entry::EntryError;
use crate::flow::estate::EstateError;
use crate::flow::reconcile::PlanError;
use crate::model::causes::chain;
use crate::model::lease::Lease;
use crate::model::operation::FaultClass;
use crate::model::pass::Ending;
use crate::world::store::StoreError;

/// The estate could not be opened.
pub fn of_entry(error: &EntryError) -> Ending {
    let class = match error {
        EntryError::Journal(
            StoreError::InUse { holder, .. }
            | StoreError::Leased {
                lease: Lease { holder, .. },
                ..
            },
        ) => {
            return Ending::Busy {
                holder: holder.clone(),
            };
        }
        EntryError::Broken { diagnostics, .. } => {
            let first = diagnostics.iter().find(|found| found.is_error());
            let first = first.map(|found| format!(": {}", found.message));
            return Ending::Failed {
                class: FaultClass::NeedsHuman,
                why: format!(
                    "{}{}; holdfast check shows them all",
                    chain(error),
                    first.unwrap_or_default()
                ),
            };
        }
        EntryError::Journal(error) => of_store(error),
        EntryError::Estate(EstateError::Trust(error)) if !error.is_refusal() => FaultClass::Retry,
        EntryError::History(_) | EntryError::Overtaken | EntryError::Transport(_) => {
            FaultClass::Retry
        }
        EntryError::Config(_)
        | EntryError::Estate(_)
        | EntryError::EstateKey(_)
        | EntryError::NotEscrow { .. }
        | EntryError::Unusable { .. } => FaultClass::NeedsHuman,
    };
    failed(class, error)
}

/// Who leads cannot be told, or another does.
pub fn of_lead(error: &StoreError) -> Ending {
    match error {
        StoreError::Leased { lease, .. } => Ending::Standby {
            leader: lease.holder.clone(),
            since: lease.since,
        },
        other => failed(of_store(other), other),
    }
}

/// There is no plan, or it was thrown away.
pub fn of_plan(error: &PlanError) -> Ending {
    let class = match error {
        PlanError::Journal(error) => of_store(error),
        PlanError::Stale(_) => FaultClass::Retry,
        PlanError::Violations(_) => FaultClass::Bug,
    };
    failed(class, error)
}

fn of_store(error: &StoreError) -> FaultClass {
    match error {
        StoreError::Broken(_)
        | StoreError::Migrate { .. }
        | StoreError::Forked { .. }
        | StoreError::Connection(_)
        | StoreError::Address { .. } => FaultClass::NeedsHuman,
        StoreError::ReadOnly | StoreError::Encode { .. } => FaultClass::Bug,
        StoreError::InUse { .. }
        | StoreError::Leased { .. }
        | StoreError::LeaseLost { .. }
        | StoreError::Claim { .. }
        | StoreError::Lock { .. }
        | StoreError::Open { .. }
        | StoreError::Read { .. }
        | StoreError::Append { .. } => FaultClass::Retry,
    }
}

fn failed(class: FaultClass, error: &dyn std::error::Error) -> Ending {
    Ending::Failed {
        class,
        why: chain(error),
    }
}
