//! `stacks/<id>.toml`: one customer.

use super::{Surroundings, backup, estate, independence, placement, service};
use crate::decide::document::{Document, Table, codes, suggest, words};
use crate::model::desired::{DesiredStack, Objectives, Repair, Waiver};
use crate::model::diagnostic::Diagnostic;
use crate::model::ids::{MachineName, StackId};

pub(super) fn read(
    path: &str,
    bytes: &[u8],
    file_id: &str,
    surroundings: &Surroundings<'_>,
) -> (Option<DesiredStack>, Vec<Diagnostic>) {
    Document::read(path, bytes, |root| {
        root.schema();
        let head = root.table("stack");
        let head = head.as_ref().map(|table| head_of(table, file_id));
        let objectives = objectives(root);
        let table = root.table("production");
        let production = table
            .as_ref()
            .and_then(|t| placement::production(t, surroundings));
        let table = root.table("backup");
        let wish = production.as_ref();
        let backup = table
            .as_ref()
            .and_then(|t| backup::read(t, wish, surroundings));
        if let (Some(table), Some(production), Some(backup)) = (&table, &production, &backup) {
            independence::check(table, production, backup, surroundings);
        }
        let image = production.as_ref().map(|p| &p.placement.image);
        let services = service::read(root, image, surroundings);
        let repair = repair(root);
        let waivers = waivers(root);
        let ((name, language), production) = (head??, production?);
        Some(DesiredStack {
            id: StackId::new(file_id),
            name,
            language,
            objectives,
            production: production.placement,
            fallback: production.fallback.into_iter().map(|(p, _)| p).collect(),
            backup: backup?.intent,
            services,
            repair,
            waivers,
        })
    })
}

/// Name and language; the id must be the file's name.
fn head_of(table: &Table<'_>, file_id: &str) -> Option<(String, String)> {
    let id = words::ID.check(table, table.text("id", file_id));
    if let Some(id) = &id
        && id.value != file_id
    {
        let message = format!("the id {:?} is not the file's name", id.value);
        let help = format!("write id = \"{file_id}\"; an id never changes, the name may");
        table.report(codes::FILE_NAME, &id.span, &message, Some(&help));
    }
    let name = words::LINE.check(table, table.text("name", "ACME GmbH"));
    let language = estate::language(table, "language");
    for contact in table.texts("contacts", "mailto:it@acme.example") {
        let known = ["mailto:", "tel:"];
        let form = known.iter().any(|start| contact.value.starts_with(start));
        if !form || !words::LINE.fits(&contact.value) {
            let help = Some("write \"mailto:it@acme.example\" or \"tel:+49-30-5550100\"");
            table.report(
                codes::MALFORMED,
                &contact.span,
                "no way to reach anybody",
                help,
            );
        }
    }
    table.finish();
    Some((name?.value, language))
}

fn objectives(root: &Table<'_>) -> Objectives {
    let Some(table) = root.table_if("objectives") else {
        return Objectives {
            rpo: None,
            rto: None,
        };
    };
    let rpo = words::duration_if(&table, "rpo", "24h").map(|found| found.value);
    let rto = words::duration_if(&table, "rto", "6h").map(|found| found.value);
    table.finish();
    Objectives { rpo, rto }
}

/// Absent means that nothing happens without a person.
fn repair(root: &Table<'_>) -> Vec<Repair> {
    let Some(table) = root.table_if("repair") else {
        return Vec::new();
    };
    let mut rungs = Vec::new();
    for found in table.texts("automatic", "restart") {
        let rung = match found.value.as_str() {
            "restart" => Repair::Restart,
            "reinstall" => Repair::Reinstall,
            "rebuild" => Repair::Rebuild,
            other => {
                let message = format!("no repair is called {:?}", words::shorten(other));
                let help = suggest(other, ["restart", "reinstall", "rebuild"]);
                table.report(codes::UNKNOWN_NAME, &found.span, &message, help.as_deref());
                continue;
            }
        };
        if rungs.contains(&rung) {
            table.report(codes::DUPLICATE, &found.span, "this stands twice", None);
        } else {
            rungs.push(rung);
        }
    }
    table.finish();
    rungs.sort();
    rungs
}

fn waivers(root: &Table<'_>) -> Vec<Waiver> {
    let mut waivers = Vec::new();
    for table in root.tables("waiver") {
        let machine = words::MACHINE.check(&table, table.text("machine", "acme-e1"));
        let reason =
            words::LINE.check(&table, table.text("reason", "seen powered off in the rack"));
        table.finish();
        if let (Some(machine), Some(reason)) = (machine, reason) {
            waivers.push(Waiver {
                machine: MachineName::new(machine.value),
                reason: reason.value,
                place: table.document().place(table.span()),
            });
        }
    }
    waivers
}
