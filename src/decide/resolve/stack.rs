//! `stacks/<id>.toml`: one customer.

use super::{
    Surroundings, backup, brakes, claims, discard, estate, independence, named_machines,
    objectives, placement, service,
};
use crate::decide::document::{Document, Table, codes, suggest, words};
use crate::model::desired::{DesiredStack, Repair, Retirement, Waits, Waiver};
use crate::model::diagnostic::{Diagnostic, Place};
use crate::model::ids::{MachineName, StackId};

/// A stack's file, read.
pub(super) struct Read {
    /// `None` when it has errors.
    pub stack: Option<DesiredStack>,
    pub findings: Vec<Diagnostic>,
    /// The id under which it began, as far as the file could be read.
    pub origin: StackId,
}

pub(super) fn read(
    path: &str,
    bytes: &[u8],
    file_id: &str,
    surroundings: &Surroundings<'_>,
) -> Read {
    let mut origin = StackId::new(file_id);
    let (stack, findings) = Document::read(path, bytes, |root| {
        root.schema();
        let head = root.table("stack");
        let head = head
            .as_ref()
            .map(|table| head_of(table, file_id, surroundings));
        if let Some(first) = head.as_ref().and_then(|head| head.moved_from.clone()) {
            origin = first;
        }
        let promises = objectives::read(root);
        let table = root.table("production");
        let production = table
            .as_ref()
            .and_then(|t| placement::production(t, surroundings));
        if let Some(table) = &table {
            fallback(table, surroundings);
        }
        let table = root.table("backup");
        let wish = production.as_ref();
        let backup = table
            .as_ref()
            .and_then(|t| backup::read(t, wish, surroundings));
        if let (Some(table), Some(production), Some(backup)) = (&table, &production, &backup) {
            independence::check(table, production, backup, surroundings);
        }
        let schedule = backup.as_ref().map(|backup| &backup.intent.schedule);
        promises.check(root, schedule, surroundings.policy);
        let image = production.as_ref().map(|p| &p.placement.image);
        let services = service::read(root, image, surroundings);
        let (repair, waits) = repair(root);
        let ids = [&StackId::new(file_id), &origin];
        let ids = if ids[0] == ids[1] { &ids[..1] } else { &ids };
        let waivers = waivers(root, ids, surroundings);
        let freezes = brakes::freezes(root, Some(&origin));
        let approvals = brakes::approvals(root, ids, surroundings);
        let discards = discard::read(root, backup.as_ref(), surroundings);
        let (head, production) = (head?, production?);
        Some(DesiredStack {
            id: origin.clone(),
            shown: StackId::new(file_id),
            place: head.place,
            retired: head.retired,
            name: head.name?,
            language: head.language,
            contacts: head.contacts,
            objectives: promises.values(),
            production: production.placement,
            fallback: production.fallback.into_iter().map(|(p, _)| p).collect(),
            backup: backup?.intent,
            services,
            repair,
            waits,
            waivers,
            freezes,
            approvals,
            discards,
        })
    });
    Read {
        stack,
        findings,
        origin,
    }
}

/// `[stack]`.
struct Head {
    place: Place,
    name: Option<String>,
    language: String,
    contacts: Vec<String>,
    retired: Option<Retirement>,
    moved_from: Option<StackId>,
}

/// The id must be the file's name.
fn head_of(table: &Table<'_>, file_id: &str, surroundings: &Surroundings<'_>) -> Head {
    let id = words::ID.check(table, table.text("id", file_id));
    if let Some(id) = &id
        && id.value != file_id
    {
        let message = format!("the id {:?} is not the file's name", id.value);
        let help = format!(
            "write id = \"{file_id}\"; if this is {} under a new name, add moved_from = \"{}\" and rename the file",
            id.value, id.value
        );
        table.report(codes::FILE_NAME, &id.span, &message, Some(&help));
    }
    let name = words::LINE.check(table, table.text("name", "ACME GmbH"));
    let language = estate::language(table, "language");
    let contacts = table.texts("contacts", "mailto:it@acme.example");
    for contact in &contacts {
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
    let span = id.map_or_else(|| table.span().clone(), |id| id.span);
    if let Some(why) = surroundings.unlawful.get(&StackId::new(file_id))
        && !table.has("moved_from")
    {
        let (message, help) = claims::not_by_right(file_id, file_id, why);
        table.report(codes::MOVED_FROM, &span, &message, Some(&help));
    }
    let head = Head {
        place: table.document().place(&span),
        name: name.map(|found| found.value),
        language,
        contacts: contacts.into_iter().map(|found| found.value).collect(),
        retired: retired(table),
        moved_from: moved_from(table, file_id, surroundings),
    };
    table.finish();
    head
}

/// `retired = "2026-12-31"`.
fn retired(table: &Table<'_>) -> Option<Retirement> {
    let found = table.text_if("retired", "2026-12-31")?;
    // The whole text: jiff would also read a time after the day and leave it out.
    let whole = found.value.len() == "2026-12-31".len();
    let Some(on) = found.value.parse().ok().filter(|_| whole) else {
        let message = format!("{:?} is not a day", words::shorten(&found.value));
        let help = Some("write year, month and day, for example \"2026-12-31\"");
        table.report(codes::MALFORMED, &found.span, &message, help);
        return None;
    };
    Some(Retirement {
        on,
        place: table.document().place(&found.span),
    })
}

/// `moved_from = "acme"`: this file goes on with the stack that began as `acme`.
fn moved_from(
    table: &Table<'_>,
    file_id: &str,
    surroundings: &Surroundings<'_>,
) -> Option<StackId> {
    let found = words::ID.check(table, table.text_if("moved_from", "acme"))?;
    let old = &found.value;
    if old == file_id {
        let help = Some("name the id that the stack had at the very beginning, or remove the line");
        let message = "a stack cannot come from itself";
        table.report(codes::MOVED_FROM, &found.span, message, help);
        return None;
    }
    if let Some(why) = surroundings.unlawful.get(&StackId::new(file_id)) {
        let (message, help) = claims::not_by_right(file_id, old, why);
        table.report(codes::MOVED_FROM, &found.span, &message, Some(&help));
        return None;
    }
    if surroundings.begins(old) {
        let file = StackId::new(old).file();
        let message = format!("{file} still exists, so {file_id} cannot be {old}");
        let help =
            "rename the file instead of copying it, or remove moved_from to begin a new stack";
        table.report(codes::MOVED_FROM, &found.span, &message, Some(help));
        return None;
    }
    Some(StackId::new(found.value))
}

/// Where the estate demands a second place for production.
fn fallback(table: &Table<'_>, surroundings: &Surroundings<'_>) {
    if surroundings.policy.fallback_required && table.tables("fallback").is_empty() {
        let message = "no fallback, and [policy] of estate.toml demands one";
        let help = "add fallback = [{ hoster = \"ionos\", site = \"de/fra\" }] with a hoster that is independent of the backup";
        table.report(codes::NO_FALLBACK, table.span(), message, Some(help));
    }
}

/// Absent means that nothing happens without a person.
fn repair(root: &Table<'_>) -> (Vec<Repair>, Waits) {
    let mut waits = Waits::default();
    let Some(table) = root.table_if("repair") else {
        return (Vec::new(), waits);
    };
    let mut rungs = Vec::new();
    for found in table.texts("automatic", "restart") {
        let rung = match found.value.as_str() {
            "restart" => Repair::Restart,
            "reinstall" => Repair::Reinstall,
            "reboot" => Repair::Reboot,
            "rebuild" => Repair::Rebuild,
            other => {
                let message = format!("no repair is called {:?}", words::shorten(other));
                let help = suggest(other, ["restart", "reinstall", "reboot", "rebuild"]);
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
    if let Some(found) = words::duration_if(&table, "lost_after", "90s") {
        waits.lost_after = found.value;
    }
    if let Some(found) = words::duration_if(&table, "answers_within", "2m") {
        waits.answers_within = found.value;
    }
    if let Some(found) = words::duration_or_off_if(&table, "last_chance", "10m") {
        waits.last_chance = found.value;
    }
    table.finish();
    rungs.sort();
    (rungs, waits)
}

fn waivers(root: &Table<'_>, ids: &[&StackId], surroundings: &Surroundings<'_>) -> Vec<Waiver> {
    let mut waivers = Vec::new();
    for table in root.tables("waiver") {
        let machine = words::MACHINE.check(&table, table.text("machine", "acme-e1"));
        let reason =
            words::LINE.check(&table, table.text("reason", "seen powered off in the rack"));
        table.finish();
        if let (Some(machine), Some(reason)) = (machine, reason) {
            named_machines::warn(&table, &machine, ids, surroundings);
            waivers.push(Waiver {
                machine: MachineName::new(machine.value),
                reason: reason.value,
                place: table.document().place(table.span()),
            });
        }
    }
    waivers
}
