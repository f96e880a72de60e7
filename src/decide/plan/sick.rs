//! The repair ladder for a machine that answers, and on which the same stays wrong whatever is
//! mended: one reboot, and then a person. It is never given up: a machine that answers is not lost.

use super::draft::{Pen, because};
use super::situation::Writer;
use super::view::View;
use crate::decide::changes::changes;
use crate::decide::sickness::{Sickness, TRIES, moment};
use crate::model::desired::Repair;
use crate::model::gap::{Gap, GapKind};
use crate::model::machine::{Change, MachineFacts};
use crate::model::plan::{Action, Drift, Effect, Hold};
use crate::model::units::show_duration;
use jiff::{SignedDuration, Timestamp};

/// A step that was begun so lately, and of whose end nobody has heard, may still be at work.
const IN_FLIGHT: SignedDuration = SignedDuration::from_mins(10);

/// Whether that is what is done next; then it is all that is done to it. Otherwise it is mended as
/// ever, and what stands in the way of a reboot, or did not come of it, is told.
pub(super) fn is_rebooted(
    view: &View<'_>,
    writer: &Writer<'_>,
    facts: &MachineFacts,
    pen: &mut Pen<'_>,
) -> bool {
    let name = &writer.name;
    let (Some(manifest), Some(sickness)) =
        (view.manifests.get(name), view.past.sicknesses.of(name))
    else {
        return false;
    };
    let differing = changes(manifest, facts);
    let wrong: Vec<String> = differing.iter().map(Change::subject).collect();
    let stack = view.at.stack;
    let (waits, now) = (&stack.waits, view.seen.at);
    calls_a_person(view, writer, sickness, &wrong, pen);
    let stays: Vec<String> = sickness
        .stays_wrong(&wrong, waits, now)
        .into_iter()
        .cloned()
        .collect();
    // Whoever is shut out of it has begun something else with it.
    if stays.is_empty() || !facts.open || !is_the_one(view, writer) {
        return false;
    }
    let wanted = format!("reboot {name}");
    if !sickness.may_be_rebooted() {
        return false; // Told above.
    }
    if !stack.repair.contains(&Repair::Reboot) {
        let gap = still_wrong(
            name.as_str(),
            &stays,
            &format!(
                "mended {TRIES} times in an hour, and wrong again; [repair] automatic does not name reboot"
            ),
        );
        pen.hold_unseen(
            wanted,
            &gap,
            format!("a person must look at {name}; or add \"reboot\" to [repair] automatic"),
        );
        return false;
    }
    if let Some(reason) = view.brake.or(view.fever) {
        let hold = Hold::Brake {
            reason: reason.to_owned(),
        };
        pen.hold(wanted, hold, "find the common cause first");
        return false;
    }
    if let Some(until) = in_flight(view, now) {
        let hold = Hold::NotYet {
            until,
            reason: format!("a step of {} was begun, and may still be at work", stack.id),
        };
        pen.hold(wanted, hold, "it is looked at again then");
        return false;
    }
    let drift = differing.into_iter().map(|change| Drift {
        stack: Some(stack.id.clone()),
        machine: name.clone(),
        change,
    });
    pen.draft.drift.extend(drift);
    let reason = format!(
        "the same was mended {TRIES} times within {} and did not stay well",
        show_duration(crate::decide::sickness::WITHIN)
    );
    pen.step(
        Action::Reboot {
            machine: name.clone(),
            wrong: stays,
        },
        Effect::Disruptive,
        because(&reason),
        &[],
    );
    true
}

/// It was rebooted, or that was begun in vain, and the same is wrong.
fn calls_a_person(
    view: &View<'_>,
    writer: &Writer<'_>,
    sickness: &Sickness,
    wrong: &[String],
    pen: &mut Pen<'_>,
) {
    let (name, waits) = (&writer.name, &view.at.stack.waits);
    let still: Vec<String> = sickness
        .not_helped(wrong, waits, view.seen.at)
        .into_iter()
        .cloned()
        .collect();
    if still.is_empty() {
        return;
    }
    let done = match sickness.rebooted {
        Some(at) => format!("rebooted at {}, which did not help", moment(at)),
        None => "a reboot was begun, and nobody knows that it came about".to_owned(),
    };
    let gap = still_wrong(name.as_str(), &still, &done);
    pen.hold_unseen(
        format!("{name} well again"),
        &gap,
        format!(
            "a person must look at {name}: it answers, so it is not given up, and it is mended on; it is not rebooted again before it was well for an hour"
        ),
    );
}

/// Nobody knows what ails it: that is a gap.
fn still_wrong(machine: &str, items: &[String], why: &str) -> Gap {
    Gap::new(
        GapKind::Unreadable,
        format!("why {machine} does not stay well"),
        format!("{}: {why}", items.join(", ")),
    )
}

/// The one that was opened last by the journal's word, with nobody on the way up in its place.
fn is_the_one(view: &View<'_>, writer: &Writer<'_>) -> bool {
    let opened = view.past.writers.get(&view.at.stack.id);
    opened.is_some_and(|(_, name)| *name == writer.name)
        && view.at.candidate.is_none()
        && writer.seen.is_some_and(|machine| !machine.quarantined)
}

fn in_flight(view: &View<'_>, now: Timestamp) -> Option<Timestamp> {
    let ours = format!("{}.", view.at.stack.id);
    let begun = view.past.begun.iter();
    let of_it = begun.filter(|(step, _)| step.as_str().starts_with(&ours));
    let until = of_it.map(|(_, begun)| *begun + IN_FLIGHT);
    until.filter(|until| now < *until).max()
}
