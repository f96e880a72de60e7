//! How our machines are called: the name is also the key under which a crash is looked up (S6).

use crate::model::ids::{Epoch, HosterId, MachineName, SiteId, StackId};

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
