//! What is signed for a while: freezes and approvals that are over and still stand, and those that
//! end when nobody remembers them.

use super::document::codes;
use super::stop::freezes;
use crate::model::desired::Desired;
use crate::model::diagnostic::{Diagnostic, Place, Severity};
use crate::model::units::show_duration;
use jiff::{SignedDuration, Timestamp};

/// Beyond this nobody remembers why.
const LONG: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Warnings only: what is over says nothing any more, and what is far away counts.
pub fn check(desired: &Desired, now: Timestamp) -> Vec<Diagnostic> {
    let frozen = freezes(desired).map(|freeze| ("freeze", freeze.until, &freeze.place));
    let stacks = desired.stacks.values();
    let approved = stacks
        .flat_map(|stack| &stack.approvals)
        .map(|word| ("approval", word.until, &word.place));
    let signed = frozen.chain(approved);
    signed
        .filter_map(|(what, until, place)| judged(what, until, place, now))
        .collect()
}

fn judged(what: &str, until: Timestamp, place: &Place, now: Timestamp) -> Option<Diagnostic> {
    let warning = |code, message: String, help: String| {
        Some(Diagnostic {
            code,
            severity: Severity::Warning,
            place: place.clone(),
            span: (0, 0),
            message,
            help: Some(help),
        })
    };
    let ended = until.strftime("%Y-%m-%d %H:%M UTC");
    if until <= now {
        let ago = show_duration(now.duration_since(until));
        return warning(
            codes::OVER,
            format!(
                "this {what} has been over since {ended} ({ago} ago), and says nothing any more"
            ),
            "remove the block, so that nobody counts on it".to_owned(),
        );
    }
    let left = until.duration_since(now);
    if left <= LONG {
        return None;
    }
    warning(
        codes::FAR_AWAY,
        format!("this {what} ends on {ended}, in {}", show_duration(left)),
        "let it end within 30 days, and sign it again if it is still meant".to_owned(),
    )
}
