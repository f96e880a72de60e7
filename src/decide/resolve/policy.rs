//! `[policy]` of `estate.toml`: what the estate demands beyond the built-in rules. A value that
//! would loosen one is an error that names the rule.

use crate::decide::document::{Found, Table, codes, words};
use crate::model::policy::Policy;

/// The rules in force, with what `[policy]` tightens.
pub(super) fn read(root: &Table<'_>) -> Policy {
    let usual = Policy::BUILT_IN;
    let Some(table) = root.table_if("policy") else {
        return usual;
    };
    let policy = Policy {
        distance_km: distance(&table).unwrap_or(usual.distance_km),
        fallback_required: required(&table, "fallback", "optional"),
        escrow: at_least(&table, "escrow", usual.escrow),
        rpo_at_most: words::duration_if(&table, "rpo_at_most", "24h").map(|found| found.value),
        rto_at_most: words::duration_if(&table, "rto_at_most", "6h").map(|found| found.value),
        measured_required: required(&table, "measured", "expected"),
        capacity_spare: at_least(&table, "capacity_spare", usual.capacity_spare),
    };
    table.finish();
    policy
}

/// `"100 km"`.
fn distance(table: &Table<'_>) -> Option<u32> {
    let found = table.text_if("distance", "100 km")?;
    let number = found.value.strip_suffix("km").map(str::trim_end);
    let Some(km) = number.and_then(|digits| digits.parse::<u32>().ok()) else {
        let message = format!("{:?} is not a distance", words::shorten(&found.value));
        let help = Some("write for example \"100 km\"");
        table.report(codes::UNIT, &found.span, &message, help);
        return None;
    };
    // Nothing on earth is further apart.
    if km > 20_000 {
        let help = Some("no two places on earth are more than 20000 km apart");
        table.report(codes::MALFORMED, &found.span, "too far", help);
        return None;
    }
    let usual = Policy::BUILT_IN.distance_km;
    if km < usual {
        looser(table, &found, "distance", &format!("\"{usual} km\""));
        return None;
    }
    Some(km)
}

/// A number that may only be raised.
fn at_least(table: &Table<'_>, key: &'static str, usual: u32) -> u32 {
    let example = (usual + 1).to_string();
    let Some(found) = table.number_if::<u32>(key, &example) else {
        return usual;
    };
    if found.value > 1000 {
        let help = Some("at most 1000");
        table.report(codes::MALFORMED, &found.span, "far too many", help);
    } else if found.value < usual {
        looser(table, &found, key, &usual.to_string());
    }
    found.value.max(usual)
}

/// `"required"`, or the word for what is built in.
fn required(table: &Table<'_>, key: &'static str, usual: &str) -> bool {
    let Some(found) = table.text_if(key, "required") else {
        return false;
    };
    if found.value != "required" && found.value != usual {
        let message = format!(
            "`{key}` cannot be {:?}: an estate may tighten a rule, never loosen it",
            words::shorten(&found.value)
        );
        let help = format!("write \"required\", or \"{usual}\" as without the line");
        table.report(codes::LOOSER, &found.span, &message, Some(&help));
    }
    found.value == "required"
}

fn looser<T>(table: &Table<'_>, found: &Found<T>, key: &str, usual: &str) {
    let message =
        format!("`{key}` would loosen the built-in {usual}: an estate may tighten, never loosen");
    let help = format!("write {key} = {usual} or more, or remove the line");
    table.report(codes::LOOSER, &found.span, &message, Some(&help));
}
