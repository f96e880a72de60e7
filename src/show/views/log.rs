//! What has happened, a line each.

use crate::decide::timeline::{Outcome, Told};
use crate::model::ids::StackId;
use crate::model::units::show_duration;
use crate::model::visible::{visible, visible_line};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Oldest first, so that the newest stands above the prompt.
pub fn human(told: &[Told], stack: Option<&StackId>) -> String {
    let mut out = String::new();
    if told.is_empty() {
        out.push_str("The journal tells of nothing.\n");
    }
    for told in told {
        let _ = writeln!(out, "{}", line(told, stack.is_none()));
    }
    visible(&out).into_owned()
}

/// One of them; `named`: with whose it is.
pub(super) fn line(told: &Told, named: bool) -> String {
    let at = told.at.strftime("%Y-%m-%d %H:%M:%S UTC");
    let owner = match (&told.stack, named) {
        (_, false) => String::new(),
        (Some(stack), true) => format!("{stack}: "),
        (None, true) => "shared: ".to_owned(),
    };
    let came = told.outcome.as_ref().map(|outcome| {
        let took = took(told.millis);
        match outcome {
            Outcome::Done => format!(": done{took}"),
            Outcome::Refused(reason) => format!(": REFUSED{took}, nothing changed: {reason}"),
            Outcome::Unknown(reason) => format!(": UNKNOWN{took}, looked at again: {reason}"),
            Outcome::Unfinished => {
                ": begun, and no end of it is known: it is being done, or was cut short".to_owned()
            }
        }
    });
    let commit = told.commit.as_ref().filter(|_| told.outcome.is_some());
    let under = commit.map(|commit| format!(" (under commit {:.12})", commit.as_str()));
    let entries = match told.ended_by {
        Some(end) if end != told.entry => format!("#{}-{end}", told.entry),
        _ => format!("#{}", told.entry),
    };
    let text = format!(
        "{at}  {owner}{}{}{}  {entries}",
        told.text,
        came.unwrap_or_default(),
        under.unwrap_or_default()
    );
    visible_line(&text).into_owned()
}

/// ` in 41.2 s`, as it was measured.
fn took(millis: Option<u64>) -> String {
    let Some(millis) = millis else {
        return String::new();
    };
    if millis < 1000 {
        return format!(" in {millis} ms");
    }
    if millis < 60_000 {
        return format!(" in {}.{} s", millis / 1000, millis % 1000 / 100);
    }
    let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
    format!(" in {}", show_duration(SignedDuration::from_secs(seconds)))
}

/// The same for programs.
pub fn json(told: &[Told]) -> Value {
    json!({ "log_schema": 1, "entries": told })
}
