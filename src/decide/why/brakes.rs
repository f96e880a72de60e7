//! What brakes a stack: the caps, freezes and words of people that concern it, and what the journal
//! counted of its rebuilds.

use super::Wanted;
use crate::decide::history::History;
use crate::decide::stop::freezes_of;
use crate::model::brakes::Caps;
use crate::model::desired::{Desired, DesiredStack, Repair};
use crate::model::ids::StackId;
use crate::model::units::show_duration;
use jiff::Timestamp;

/// The lines of the estate that hold or allow something, those included that are over.
pub(super) fn wanted(stack: &DesiredStack, want: &Desired, now: Timestamp) -> Vec<Wanted> {
    let ends = |until: Timestamp| {
        let at = minute(until);
        if until <= now {
            format!("until {at}, which is over")
        } else {
            format!("until {at}")
        }
    };
    let mut all = Vec::new();
    if stack.repair.contains(&Repair::Rebuild) {
        let Caps {
            at_once,
            per_day,
            per_stack,
            pause,
        } = want.caps;
        all.push(Wanted {
            text: format!(
                "rebuilds without a person: at most {at_once} at once, {per_day} in 24 hours, {per_stack} of them of this stack, and {} after a try that failed",
                show_duration(pause)
            ),
            place: None,
        });
    }
    all.extend(freezes_of(want, &stack.id).map(|freeze| {
        let what = if freeze.repairs {
            "nothing to begin but repairs"
        } else {
            "nothing to begin"
        };
        Wanted {
            text: format!("{what} {}: {}", ends(freeze.until), freeze.reason),
            place: Some(freeze.place.clone()),
        }
    }));
    all.extend(stack.approvals.iter().map(|word| Wanted {
        text: format!(
            "a rebuild in the place of {} allowed {}: {}",
            word.rebuild,
            ends(word.until),
            word.reason
        ),
        place: Some(word.place.clone()),
    }));
    all
}

/// Rebuilds of the day, by the journal.
pub(super) fn known(id: &StackId, past: &History, now: Timestamp) -> Vec<String> {
    let Some(own) = past.rebuilds.get(id) else {
        return Vec::new();
    };
    let mut said = Vec::new();
    let begun: Vec<String> = own.today(now).map(minute).collect();
    if !begun.is_empty() {
        said.push(format!(
            "rebuilds of it begun in the last 24 hours: {}",
            begun.join(", ")
        ));
    }
    if let Some(at) = own.failed_at {
        said.push(format!(
            "its rebuild failed {} in a row, the last time at {}",
            match own.failed {
                1 => "once".to_owned(),
                many => format!("{many} times"),
            },
            minute(at)
        ));
    }
    said
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
