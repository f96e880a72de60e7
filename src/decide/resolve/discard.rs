//! `[[discard]]`: a repository that people sign away by name (S3).

use super::backup::Backup;
use super::{Surroundings, named_machines};
use crate::decide::document::{Table, codes, words};
use crate::decide::names;
use crate::model::desired::Discard;
use crate::model::ids::MachineName;

/// Each names one backup machine, and never the one that the stack uses.
pub(super) fn read(
    root: &Table<'_>,
    backup: Option<&Backup>,
    surroundings: &Surroundings<'_>,
) -> Vec<Discard> {
    let used = backup.map(|backup| {
        let placement = &backup.intent.placement;
        names::backup_machine(&placement.hoster, &placement.site)
    });
    let mut discards: Vec<Discard> = Vec::new();
    for table in root.tables("discard") {
        let machine = words::MACHINE.check(&table, table.text("machine", "backup-netcup-nbg"));
        let reason = words::LINE.check(
            &table,
            table.text("reason", "copied to ionos, kept a month"),
        );
        table.finish();
        let Some(found) = machine else { continue };
        let machine = MachineName::new(found.value.clone());
        let report = |code, message: &str, help| table.report(code, &found.span, message, help);
        if used.as_ref() == Some(&machine) {
            let message = format!("the recovery points of this stack go to {machine}");
            let help = "name the machine that they went to before, or remove the block";
            report(codes::DISCARD_IN_USE, &message, Some(help));
        } else if !names::is_backup_machine(&machine) {
            let message = format!("{machine} is no backup machine");
            let help = "holdfast plan says which old repositories there are; their machines are called backup-<hoster>-<site>";
            report(codes::MALFORMED, &message, Some(help));
        } else if discards.iter().any(|other| other.machine == machine) {
            report(codes::DUPLICATE, "this stands twice", None);
        } else if let Some(reason) = reason {
            named_machines::warn(&table, &found, &[], surroundings);
            discards.push(Discard {
                machine,
                reason: reason.value,
                place: table.document().place(table.span()),
            });
        }
    }
    discards
}
