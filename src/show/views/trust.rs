//! Who may sign for what, and who signed a commit, as people and programs read it.

use crate::decide::signers::{Arrival, Key, Overview, State, Tally, tally};
use crate::flow::approve::Looked;
use crate::model::causes::chain;
use crate::model::codes::LAST_OWNERS;
use crate::model::trust::Signed;
use crate::world::git::Fault;
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
    if let Some(warning) = locked(list) {
        let _ = writeln!(out, "\n{warning}");
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

/// How near the list is to being locked for good.
fn locked(list: &Overview) -> Option<String> {
    let whom = match list.irreplaceable.as_slice() {
        [] => return None,
        [one] => one.clone(),
        more => format!("one of {}", people_of(more)),
    };
    let need = list.thresholds.iter().find(|row| row.effect == "trust")?;
    let lower = if need.signers > 1 {
        ", or lower the threshold"
    } else {
        ""
    };
    Some(format!(
        "warning: losing {whom} would lock trust.toml for good: add one more owner{lower} (holdfast explain {LAST_OWNERS})"
    ))
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

/// Whom a new key makes count: a person more, or nobody, must not go unseen.
pub fn arrival(seen: &Arrival) -> String {
    let people = match seen.people {
        1 => "1 person".to_owned(),
        more => format!("{more} people"),
    };
    if !seen.new {
        return format!("One more key of {}; still {people} can sign.", seen.person);
    }
    let mut text = format!("A new person: {}; now {people} can sign.", seen.person);
    if !seen.others.is_empty() {
        text.push_str(&format!(
            " If it is the key of somebody listed already ({}), undo it with git checkout trust.toml and name them with --person.",
            people_of(&seen.others)
        ));
    }
    text
}

/// So many people are named before the rest is counted.
const PEOPLE: usize = 10;

fn people_of(names: &[String]) -> String {
    let shown = names.iter().take(PEOPLE).cloned().collect::<Vec<_>>();
    match names.len().saturating_sub(PEOPLE) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What is still to be signed for, by the list that judges the commit.
pub fn missing(looked: &Looked, now: Timestamp) -> Vec<Tally> {
    let commit = &looked.commit;
    let Some((_, list)) = looked.judges.first() else {
        return Vec::new();
    };
    let judged = commit.judged.first().filter(|_| commit.unsound.is_none());
    let signer = judged.and_then(|judged| judged.signed.as_ref());
    let counted = commit.approvals.iter().filter(|one| one.fault.is_none());
    let approvers: Vec<&Signed> = counted.filter_map(|one| one.signed.as_ref()).collect();
    let changed = looked.changed();
    // A change of the list that was accepted stays so. For steps, and for what is not accepted
    // yet, nobody counts whom the accepted head no longer lists.
    let mut then = tally(list, signer, &approvers, &changed, now);
    then.retain(|tally| tally.effect == "trust" && looked.refused.is_none());
    let approvers: Vec<&Signed> = approvers
        .into_iter()
        .filter(|signed| looked.stands(signed))
        .collect();
    let signer = signer.filter(|signed| looked.stands(signed));
    let mut list = list.clone();
    list.signers
        .retain(|signer| looked.stands(&Signed::by(signer)));
    let mut tallies = tally(&list, signer, &approvers, &changed, now);
    for tally in &mut tallies {
        if let Some(accepted) = then.pop_if(|then| then.effect == tally.effect) {
            *tally = accepted;
        }
    }
    tallies
}

/// Said of whom only an older list knows.
const GONE: &str = "counts for no step any more: trust.toml of the accepted head revokes the key or does not list it";

/// One commit, for people.
pub fn commit(looked: &Looked, now: Timestamp) -> String {
    let commit = &looked.commit;
    let mut out = String::new();
    let _ = writeln!(out, "commit {}\n       {}", commit.commit, commit.subject);
    let answer = match (&looked.refused, commit.is_root) {
        (None, true) => "trusted: it is the configured root".to_owned(),
        (None, false) => "accepted".to_owned(),
        (Some(error), _) => format!("refused: {}", chain(error)),
    };
    let _ = writeln!(out, "{answer}");
    if let Some(print) = &commit.fingerprint {
        let _ = writeln!(out, "\nsigned with {print}");
    }
    if let Some(fault) = &commit.unsound {
        let _ = writeln!(out, "\nnot signed soundly: {}", fault.message);
    }
    for judged in &commit.judged {
        let _ = writeln!(
            out,
            "\nby the list of parent {:.12}",
            judged.parent.as_str()
        );
        if let Some(signed) = &judged.signed {
            let _ = writeln!(
                out,
                "  signed by {}; {} may change: {}",
                person(signed),
                signed.role,
                people(&judged.may)
            );
            if !looked.stands(signed) {
                let _ = writeln!(out, "  {GONE}");
            }
        }
        files(&mut out, "changes", &judged.changed);
        files(&mut out, "brings from another branch", &judged.brought);
        for fault in &judged.faults {
            let _ = writeln!(out, "  {}: {}", fault.code, fault.message);
        }
    }
    if let Some(fault) = &commit.own_list {
        let _ = writeln!(out, "\nits own list: {}", fault.message);
    }
    if !commit.approvals.is_empty() {
        let _ = writeln!(out, "\napprovals");
    }
    for one in &commit.approvals {
        let key = one.fingerprint.as_deref().unwrap_or("unreadable");
        let whose = match &one.signed {
            Some(signed) => format!("{} with {key}", person(signed)),
            None => key.to_owned(),
        };
        let _ = match &one.fault {
            None if one.signed.as_ref().is_some_and(|s| !looked.stands(s)) => {
                writeln!(out, "  {whose}; {GONE}")
            }
            None => writeln!(out, "  {whose}"),
            Some(fault) => writeln!(out, "  does not count: {whose}: {}", fault.message),
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
    let fault = |fault: &Fault| json!({ "code": fault.code, "message": fault.message });
    let judged: Vec<Value> = commit
        .judged
        .iter()
        .map(|judged| {
            json!({
                "parent": judged.parent,
                "signed": judged.signed.as_ref().map(signed_json),
                "may": judged.may,
                "changed": judged.changed,
                "brought": judged.brought,
                "faults": judged.faults.iter().map(fault).collect::<Vec<_>>(),
            })
        })
        .collect();
    let approvals: Vec<Value> = commit
        .approvals
        .iter()
        .map(|one| {
            json!({
                "reference": one.reference,
                "fingerprint": one.fingerprint,
                "signed": one.signed.as_ref().map(signed_json),
                "counts": one.fault.is_none() && one.signed.as_ref().is_none_or(|s| looked.stands(s)),
                "fault": one.fault.as_ref().map(fault),
            })
        })
        .collect();
    json!({
        "commit": commit.commit,
        "subject": commit.subject,
        "root": commit.is_root,
        "accepted": looked.refused.is_none(),
        "refused": looked.refused.as_ref().map(|error| chain(error)),
        "fingerprint": commit.fingerprint,
        "unsound": commit.unsound.as_ref().map(fault),
        "judged": judged,
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
