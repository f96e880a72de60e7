//! Evidence: a list of documents, and one of them in words.

use super::forecast::plural;
use crate::decide::evidence::equal;
use crate::decide::statistics::{Spread, Statistics, statistics};
use crate::flow::documents::{Document, Found};
use crate::model::evidence::{Evidence, Verdict, What};
use crate::model::ids::StackId;
use crate::model::units::show_duration;
use crate::model::visible::visible;
use comfy_table::{Table, presets};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What was done, in a word.
pub fn what(what: What) -> &'static str {
    match what {
        What::Drill => "drill",
        What::Rebuild => "rebuild",
        What::Move => "move",
    }
}

fn verdict(evidence: &Evidence) -> &'static str {
    match evidence.verdict {
        Verdict::Passed => "passed",
        Verdict::Failed { .. } => "failed",
    }
}

fn kept(document: &Document) -> &'static str {
    match (document.there, document.here) {
        (true, true) => "there and here",
        (true, false) => "there",
        _ => "here only",
    }
}

/// Documents of one stack, oldest first.
pub fn human(stack: &StackId, found: &Found) -> String {
    if found.documents.is_empty() {
        return format!("There is no evidence for {stack} yet: no drill, rebuild or move.\n");
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "document",
        "what",
        "ended (UTC)",
        "took",
        "point",
        "verdict",
        "kept",
    ]);
    for document in &found.documents {
        let name = document.name.clone();
        let Some(evidence) = &document.evidence else {
            let unsigned = "not signed by this estate: it proves nothing".to_owned();
            table.add_row([name, unsigned]);
            continue;
        };
        table.add_row([
            name,
            what(evidence.what).to_owned(),
            evidence.ended_at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            show_duration(evidence.ended_at.duration_since(evidence.began_at)),
            evidence.point.id.short().to_owned(),
            verdict(evidence).to_owned(),
            kept(document).to_owned(),
        ]);
    }
    let mut out = format!("{table}\n");
    let signed = || found.documents.iter().filter_map(|d| d.evidence.as_ref());
    out.push_str(&measured(&statistics(signed())));
    let _ = writeln!(
        out,
        "there: on {}, /srv/holdfast/evidence. Next: holdfast evidence show {stack} --to DIR",
        found.machine
    );
    visible(&out).into_owned()
}

/// Median and worst of what passed, in all and per phase.
fn measured(told: &Statistics) -> String {
    let mut out = String::new();
    let both = |spread: &Spread| {
        format!(
            "median {}, worst {}",
            show_duration(spread.median),
            show_duration(spread.worst)
        )
    };
    if let Some(shut) = &told.shut {
        let moves = plural(shut.count, "move");
        let _ = writeln!(out, "Nobody got in: {} ({moves})", both(shut));
    }
    let Some(time) = &told.time else {
        out.push_str("No drill or rebuild has passed yet: rpo and rto are not measured.\n");
        return out;
    };
    let counts: Vec<String> = told
        .passed
        .iter()
        .map(|(of, count)| {
            format!(
                "{count} {}{}",
                what(*of),
                if *count == 1 { "" } else { "s" }
            )
        })
        .collect();
    let _ = writeln!(
        out,
        "RTO measured: {} ({} passed, {} failed)",
        both(time),
        counts.join(", "),
        told.failed
    );
    for (phase, spread) in &told.phases {
        let _ = writeln!(out, "  {phase:<8} {}", both(spread));
    }
    let _ = match &told.data_age {
        Some(age) => writeln!(
            out,
            "RPO measured: {} ({})",
            both(age),
            plural(age.count, "rebuild")
        ),
        None => writeln!(out, "RPO: no rebuild has measured it"),
    };
    out
}

fn spread(spread: &Spread) -> Value {
    json!({
        "median_seconds": spread.median.as_secs_f64(),
        "worst_seconds": spread.worst.as_secs_f64(),
        "count": spread.count,
    })
}

/// The same for programs.
pub fn json(found: &Found) -> Value {
    let document = |document: &Document| {
        json!({
            "name": document.name,
            "signed": document.evidence.is_some(),
            "there": document.there,
            "here": document.here,
            "evidence": document.evidence,
        })
    };
    let told = statistics(found.documents.iter().filter_map(|d| d.evidence.as_ref()));
    let phases: Value = told
        .phases
        .iter()
        .map(|(name, of)| (name.clone(), spread(of)))
        .collect();
    json!({
        "measured": {
            "failed": told.failed,
            "rto": told.time.as_ref().map(spread),
            "rto_phases": phases,
            "shut": told.shut.as_ref().map(spread),
            "rpo": told.data_age.as_ref().map(spread),
        },
        "machine": found.machine,
        "unreachable": found.unreachable,
        "documents": found.documents.iter().map(document).collect::<Vec<_>>(),
    })
}

/// One document in words.
pub fn told(evidence: &Evidence, signed_by: &str) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "signed by {signed_by}, and unchanged since");
    if signed_by != evidence.estate.as_str() {
        let _ = writeln!(
            out,
            "  for the estate {}, as the document alone says",
            evidence.estate
        );
    }
    let _ = writeln!(
        out,
        "  {} of {}: {}",
        what(evidence.what),
        evidence.stack,
        verdict(evidence)
    );
    if let Verdict::Failed { reasons } = &evidence.verdict {
        for reason in reasons {
            let _ = writeln!(out, "    {reason}");
        }
    }
    let _ = writeln!(
        out,
        "  point     {} of {} ({}), on {}",
        evidence.point.id.short(),
        evidence.point.taken_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        evidence.point.bytes,
        evidence.point.from
    );
    let _ = writeln!(
        out,
        "  where     {} at {} {}{}",
        evidence.place.machine,
        evidence.place.hoster,
        evidence.place.site,
        if evidence.place.third {
            ", a third hoster"
        } else {
            ""
        }
    );
    let _ = writeln!(
        out,
        "  when      {}, {}",
        evidence.began_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        show_duration(evidence.ended_at.duration_since(evidence.began_at))
    );
    if let Some(shut) = evidence.shut_millis() {
        let shut = SignedDuration::from_millis(i64::try_from(shut).unwrap_or(i64::MAX));
        let _ = writeln!(out, "  nobody got in for {}", show_duration(shut));
    }
    let equal = equal(evidence);
    let databases: usize = evidence.found.values().map(|s| s.databases.len()).sum();
    let files: u64 = evidence
        .found
        .values()
        .flat_map(|s| s.files.values())
        .map(|f| f.count)
        .sum();
    let _ = writeln!(
        out,
        "  found     {files} files, {databases} databases; {}",
        if equal {
            "equal to what the point's manifest says"
        } else {
            "not equal to what the point's manifest says"
        }
    );
    let passed = evidence.checks.iter().filter(|check| check.passed).count();
    let _ = writeln!(
        out,
        "  checks    {passed} of {} passed",
        evidence.checks.len()
    );
    let _ = writeln!(out, "  opened    with the key of {}", evidence.opened_with);
    for path in &evidence.undeclared {
        let _ = writeln!(out, "  undeclared, and lost in a rebuild: {path}");
    }
    for what in &evidence.not_looked_at {
        let _ = writeln!(out, "  not looked at: {what}");
    }
    visible(&out).into_owned()
}
