//! `[brake]`, `[[freeze]]` and `[[approve]]`: what may happen without a person, what not until
//! when, and what a person signed for by name.

use super::{Surroundings, named_machines};
use crate::decide::document::{Found, Table, codes, suggest, words};
use crate::decide::moment::zoned;
use crate::model::brakes::{Approval, Caps, SignedFreeze};
use crate::model::ids::{MachineName, StackId};
use jiff::{SignedDuration, Timestamp};

/// More rebuilds in a day than this are no exception any more.
const PER_DAY: u32 = 100;

/// The caps in force (S8). Two at once is built in; an estate may only have fewer.
pub(super) fn caps(root: &Table<'_>) -> Caps {
    let usual = Caps::BUILT_IN;
    let Some(table) = root.table_if("brake") else {
        return usual;
    };
    let at_once = number(&table, "at_once", usual.at_once, usual.at_once);
    let per_day = number(&table, "per_day", usual.per_day, PER_DAY);
    let per_stack = number(&table, "per_stack", usual.per_stack.min(per_day), PER_DAY);
    let pause = words::duration_if(&table, "pause", "5m").and_then(|found| {
        let day = SignedDuration::from_hours(24);
        let right = found.value >= SignedDuration::from_mins(1) && found.value <= day;
        if !right {
            let message = "no such pause between two tries";
            let help = Some("from \"1m\" to \"24h\"; it doubles with each try that fails");
            table.report(codes::MALFORMED, &found.span, message, help);
        }
        right.then_some(found.value)
    });
    table.finish();
    Caps {
        at_once,
        per_day,
        per_stack,
        pause: pause.unwrap_or(usual.pause),
    }
}

fn number(table: &Table<'_>, key: &'static str, usual: u32, most: u32) -> u32 {
    let Some(found) = table.number_if::<u32>(key, &usual.to_string()) else {
        return usual;
    };
    if found.value == 0 {
        let message = "none at all is not a cap but another policy";
        let help = "leave \"rebuild\" out of [repair] automatic, or freeze the estate";
        table.report(codes::MALFORMED, &found.span, message, Some(help));
        return usual;
    }
    if found.value > most {
        let message = format!("`{key}` may not be more than {most}");
        let help = format!("write {most} or less, or remove the line");
        let code = if key == "at_once" {
            codes::LOOSER
        } else {
            codes::MALFORMED
        };
        table.report(code, &found.span, &message, Some(&help));
        return usual;
    }
    found.value
}

/// Freezes of a file: of every stack in `estate.toml`, of one in its own.
pub(super) fn freezes(root: &Table<'_>, of: Option<&StackId>) -> Vec<SignedFreeze> {
    let mut freezes = Vec::new();
    for table in root.tables("freeze") {
        let until = until(&table);
        let reason = words::LINE.check(&table, table.text("reason", "nobody is there"));
        let mut repairs = false;
        for found in table.texts("allow", "repair") {
            match found.value.as_str() {
                "repair" if repairs => {
                    table.report(codes::DUPLICATE, &found.span, "this stands twice", None);
                }
                "repair" => repairs = true,
                other => {
                    let message = format!("a freeze cannot allow {:?}", words::shorten(other));
                    let help = suggest(other, ["repair"]);
                    table.report(codes::UNKNOWN_NAME, &found.span, &message, help.as_deref());
                }
            }
        }
        table.finish();
        if let (Some(until), Some(reason)) = (until, reason) {
            freezes.push(SignedFreeze {
                of: of.cloned(),
                until,
                reason: reason.value,
                repairs,
                place: table.document().place(table.span()),
            });
        }
    }
    freezes
}

/// Rebuilds that people signed for by name.
pub(super) fn approvals(
    root: &Table<'_>,
    ids: &[&StackId],
    surroundings: &Surroundings<'_>,
) -> Vec<Approval> {
    let mut approvals: Vec<Approval> = Vec::new();
    for table in root.tables("approve") {
        let machine = words::MACHINE.check(&table, table.text("rebuild", "acme-e1"));
        let until = until(&table);
        let reason = words::LINE.check(&table, table.text("reason", "the hoster lost the disk"));
        table.finish();
        let (Some(found), Some(until), Some(reason)) = (machine, until, reason) else {
            continue;
        };
        let rebuild = MachineName::new(found.value.clone());
        if approvals.iter().any(|other| other.rebuild == rebuild) {
            table.report(codes::DUPLICATE, &found.span, "this stands twice", None);
            continue;
        }
        named_machines::warn(&table, &found, ids, surroundings);
        approvals.push(Approval {
            rebuild,
            until,
            reason: reason.value,
            place: table.document().place(table.span()),
        });
    }
    approvals
}

/// `until = "2027-01-04 08:00 Europe/Berlin"`.
fn until(table: &Table<'_>) -> Option<Timestamp> {
    let found = table.text("until", "2027-01-04 08:00 Europe/Berlin")?;
    let Found { value, span } = &found;
    match zoned(value) {
        Ok(until) => Some(until),
        Err(error) => {
            let message = error.to_string();
            let help = "what ends must end at one moment, wherever this is read: name the zone";
            table.report(codes::MALFORMED, span, &message, Some(help));
            None
        }
    }
}
