//! Machines that people name in `[[waiver]]` and `[[discard]]`. Whether there is one is not known
//! here; whether there can be one is, by how machines are called.

use super::Surroundings;
use crate::decide::document::{Found, Table, codes, suggest};
use crate::decide::names;
use crate::model::ids::{MachineName, StackId};

/// Warns of a name that no machine of this stack has, nor any backup machine. What it names may
/// have been at a hoster that is no longer listed, so that the block counts all the same.
pub(super) fn warn(
    table: &Table<'_>,
    found: &Found<String>,
    ids: &[&StackId],
    surroundings: &Surroundings<'_>,
) {
    let machine = MachineName::new(found.value.clone());
    let Some(hosters) = surroundings.hosters else {
        return; // Told already, and nothing can be said of it.
    };
    if ids.iter().any(|id| is_production(id, &machine)) {
        return;
    }
    let backups = hosters.iter().flat_map(|(hoster, account)| {
        let sites = account.descriptor.sites.keys();
        sites.map(move |site| names::backup_machine(hoster, site))
    });
    let backups: Vec<MachineName> = backups.collect();
    if backups.contains(&machine) {
        return;
    }
    let (message, help) = if names::is_backup_machine(&machine) {
        (
            format!("no hoster of hosters.toml has a site that makes the name {machine}"),
            suggest(machine.as_str(), backups.iter().map(MachineName::as_str)),
        )
    } else {
        let forms: Vec<String> = ids.iter().map(|id| format!("{id}-e1")).collect();
        (
            format!("no machine of this stack is called {machine}"),
            Some(format!(
                "its machines are called {}, with the number that holdfast plan says; backup machines backup-<hoster>-<site>",
                forms.join(" or ")
            )),
        )
    };
    let document = table.document();
    document.warn(codes::UNKNOWN_NAME, &found.span, &message, help.as_deref());
}

fn is_production(id: &StackId, machine: &MachineName) -> bool {
    let number = machine.as_str().strip_prefix(id.as_str());
    let number = number.and_then(|rest| rest.strip_prefix("-e"));
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}
