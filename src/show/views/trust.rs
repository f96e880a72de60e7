//! Who may sign for what, and who signed a commit, as people and programs read it.

use crate::decide::signers::{Key, Overview, State, Tally, tally};
use crate::flow::approve::Looked;
use crate::model::causes::chain;
use crate::model::trust::{FILE, Signed};
use comfy_table::{Table, presets};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// So many files are named before the rest is counted.
const FILES: usize = 20;

/// A list, for people.
pub fn overview(list: &Overview) -> String {
    let mut out = String::new();
    let mut keys = table(&["key", "person", "role", "fingerprint", "counts"]);
    for key in &list.keys {
        keys.add_row([
            key.name.clone(),
            key.person.clone(),
            key.role.clone(),
            key.fingerprint.clone(),
            state(&key.state),
        ]);
    }
    let mut roles = table(&["role", "may change", "people"]);
    for role in &list.roles {
        roles.add_row([role.name.clone(), role.may.join(", "), people(&role.people)]);
    }
    let mut thresholds = table(&["for", "people needed", "in these roles", "who counts now"]);
    for row in &list.thresholds {
        let roles = match row.roles.as_slice() {
            [] => "any that may change it".to_owned(),
            roles => roles.join(", "),
        };
        let enough = if row.reachable { "" } else { " (too few)" };
        thresholds.add_row([
            row.effect.to_owned(),
            row.signers.to_string(),
            roles,
            format!("{}{enough}", people(&row.people)),
        ]);
    }
    let _ = write!(out, "{keys}\n\n{roles}\n\n{thresholds}\n");
    for key in &list.keys {
        if let Some(warning) = warning(key) {
            let _ = writeln!(out, "\n{warning}");
        }
    }
    out
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(head.to_vec());
    table
}

fn people(names: &[String]) -> String {
    if names.is_empty() {
        "nobody".to_owned()
    } else {
        names.join(", ")
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn state(state: &State) -> String {
    match state {
        State::Valid => "yes".to_owned(),
        State::EndsSoon { until } => format!("until {}", day(*until)),
        State::NotYet { from } => format!("from {}", day(*from)),
        State::Expired { until } => format!("no, ended {}", day(*until)),
        State::Revoked { at, reason } => format!("no, revoked {}: {reason}", day(*at)),
    }
}

fn warning(key: &Key) -> Option<String> {
    let text = match &key.state {
        State::EndsSoon { until } => format!("{} ends on {}", key.name, day(*until)),
        State::Expired { until } => format!("{} ended on {}", key.name, day(*until)),
        _ => return None,
    };
    Some(format!(
        "{text}; an owner can move `until`, or add a new key: holdfast trust add-key"
    ))
}

/// Who stands behind a commit: who signed it, and approvals that count.
fn behind(looked: &Looked) -> Vec<&Signed> {
    let signer = looked.commit.hearings.first();
    let signer = signer.and_then(|heard| heard.signed.as_ref().ok());
    let approvals = looked.commit.approvals.iter();
    let approvals = approvals.filter_map(|opinion| opinion.verdict.as_ref().ok());
    signer.into_iter().chain(approvals).collect()
}

/// What is still to be signed for, by the list that judges the commit.
pub fn missing(looked: &Looked, now: Timestamp) -> Vec<Tally> {
    let Some(heard) = looked.commit.hearings.first() else {
        return Vec::new();
    };
    let list_changes = heard.changed.iter().any(|path| path == FILE);
    tally(&heard.list, behind(looked).into_iter(), list_changes, now)
}

/// One commit, for people.
pub fn commit(looked: &Looked, now: Timestamp) -> String {
    let commit = &looked.commit;
    let mut out = String::new();
    let _ = writeln!(out, "commit {}\n       {}", commit.id, commit.subject);
    let answer = match (&looked.refused, looked.is_root) {
        (None, true) => "trusted: it is the configured root".to_owned(),
        (None, false) => "accepted".to_owned(),
        (Some(error), _) => format!("refused: {}", chain(error)),
    };
    let _ = writeln!(out, "{answer}");
    match &commit.key {
        Ok(print) => {
            let _ = writeln!(out, "\nsigned with {print}");
        }
        Err(why) if !looked.is_root => {
            let _ = writeln!(out, "\nnot signed soundly: {why}");
        }
        Err(_) => {}
    }
    for heard in commit.hearings.iter().filter(|_| !looked.is_root) {
        let _ = writeln!(out, "\nby the list of parent {:.12}", heard.judge.as_str());
        match &heard.signed {
            Ok(signed) => {
                let _ = writeln!(
                    out,
                    "  signed by {}; {} may change: {}",
                    person(signed),
                    signed.role,
                    heard.may.join(", ")
                );
            }
            Err(breach) => {
                let _ = writeln!(out, "  the signature does not count: {breach}");
            }
        }
        files(&mut out, "changes", &heard.changed);
        files(&mut out, "brings from another branch", &heard.brought);
        if let Some(breach) = &heard.forbidden {
            let _ = writeln!(out, "  not allowed: {breach}");
        }
    }
    if !commit.approvals.is_empty() {
        let _ = writeln!(out, "\napprovals");
    }
    for opinion in &commit.approvals {
        let key = opinion.fingerprint.as_deref().unwrap_or("unreadable");
        let _ = match &opinion.verdict {
            Ok(signed) => writeln!(out, "  {} with {key}", person(signed)),
            Err(why) => writeln!(out, "  does not count: {key}: {why}"),
        };
    }
    let missing = missing(looked, now);
    if !missing.is_empty() {
        let _ = writeln!(out, "\nsigned for");
    }
    for tally in &missing {
        let _ = writeln!(out, "  {}", tally_line(tally));
    }
    out
}

/// How far a commit has come, in one line.
pub fn tally_line(tally: &Tally) -> String {
    let what = match tally.effect {
        "trust" => "the change of trust.toml".to_owned(),
        effect => format!("{effect} steps"),
    };
    let state = format!("{what}: {} of {} people", tally.have, tally.need);
    if tally.have >= usize::from(tally.need) {
        format!("{state}, enough")
    } else {
        format!("{state}; could still sign: {}", people(&tally.could))
    }
}

fn person(signed: &Signed) -> String {
    if signed.person == signed.name {
        format!("{} ({})", signed.name, signed.role)
    } else {
        format!("{} ({}, key {})", signed.person, signed.role, signed.name)
    }
}

fn files(out: &mut String, verb: &str, files: &[String]) {
    if files.is_empty() {
        return;
    }
    let shown: Vec<&str> = files.iter().take(FILES).map(String::as_str).collect();
    let more = match files.len() - shown.len() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let _ = writeln!(out, "  {verb} {}{more}", shown.join(", "));
}

/// One commit, for programs.
pub fn commit_json(looked: &Looked, now: Timestamp) -> Value {
    let commit = &looked.commit;
    let hearings: Vec<Value> = commit
        .hearings
        .iter()
        .map(|heard| {
            json!({
                "judge": heard.judge,
                "signed": heard.signed.as_ref().ok().map(signed_json),
                "refused": heard.signed.as_ref().err().map(ToString::to_string)
                    .or_else(|| heard.forbidden.as_ref().map(ToString::to_string)),
                "may": heard.may,
                "changed": heard.changed,
                "brought": heard.brought,
            })
        })
        .collect();
    let approvals: Vec<Value> = commit
        .approvals
        .iter()
        .map(|opinion| {
            json!({
                "reference": opinion.reference,
                "fingerprint": opinion.fingerprint,
                "by": opinion.verdict.as_ref().ok().map(signed_json),
                "refused": opinion.verdict.as_ref().err(),
            })
        })
        .collect();
    json!({
        "commit": commit.id,
        "subject": commit.subject,
        "root": looked.is_root,
        "accepted": looked.refused.is_none(),
        "refused": looked.refused.as_ref().map(|error| chain(error)),
        "key": commit.key.as_ref().ok(),
        "hearings": hearings,
        "approvals": approvals,
        "tally": missing(looked, now),
    })
}

/// A person, for programs.
pub fn signed_json(signed: &Signed) -> Value {
    json!({
        "name": signed.name,
        "person": signed.person,
        "role": signed.role,
        "fingerprint": signed.fingerprint,
    })
}
