//! How our machines are called: the name is also the key under which a crash is looked up (S6).

use crate::model::ids::{Epoch, HosterId, MachineName, SiteId, StackId, StepId};

/// The production machine of a stack at an epoch: `acme-e2`.
pub fn production_machine(stack: &StackId, epoch: Epoch) -> MachineName {
    MachineName::new(format!("{stack}-{epoch}"))
}

/// The backup machine at a hoster's site: `backup-netcup-nbg`.
pub fn backup_machine(hoster: &HosterId, site: &SiteId) -> MachineName {
    let site: String = site
        .as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    MachineName::new(format!("backup-{hoster}-{site}"))
}

/// Whether a machine of this name keeps repositories.
pub fn is_backup_machine(machine: &MachineName) -> bool {
    machine.as_str().starts_with("backup-")
}

/// The machine of a stack's drill: `acme-drill-3`.
pub fn drill_machine(stack: &StackId, number: u32) -> MachineName {
    MachineName::new(format!("{stack}-drill-{number}"))
}

/// Which drill of the stack a machine of this name is for; `None`: for none.
pub fn drill_number(stack: &StackId, machine: &MachineName) -> Option<u32> {
    let rest = machine.as_str().strip_prefix(stack.as_str())?;
    rest.strip_prefix("-drill-")?.parse().ok()
}

/// The id that the creation of a machine has in every plan.
pub fn create_step(stack: Option<&StackId>, machine: &MachineName) -> StepId {
    let owner = stack.map_or("estate", StackId::as_str);
    StepId::new(format!("{owner}.create.{machine}"))
}
