//! A stack that an operator paused, or that is frozen: it is looked at and saved as ever; what else is wanted of it
//! is told, and held.

use super::draft::{Draft, Pen};
use super::fencing::zombies;
use super::view::View;
use super::{former, keep, keys, verify};
use crate::decide::stop::{Stop, freezes_of, in_force, words};
use crate::model::plan::{Cause, Step};

/// Plans what goes on. `aside` is what would be done otherwise.
pub(super) fn plan(view: &View<'_>, stop: &Stop, aside: Draft, draft: &mut Draft) {
    let stack = view.at.stack;
    keys::mend(view, draft);
    let mut pen = Pen {
        draft,
        stack: Some(&stack.id),
        cause: Cause::Reality,
    };
    if let Some(writer) = &view.at.writer {
        keep::protect(view, writer, &mut pen);
        if stack.ended(view.seen.at).is_none() {
            former::hand_over(view, &mut pen);
        }
        // Whoever pauses wants hands off; a freeze may last, and nobody looks meanwhile (S2).
        if matches!(stop, Stop::Frozen(_)) {
            zombies(view, &writer.name, writer.epoch, &mut pen);
        }
    }
    verify::verify(view, &mut pen);
    let wanted = pen.draft.learn(aside);
    if wanted.is_empty() {
        pen.note(format!(
            "{}: {}; its backups go on, and nothing else is wanted now",
            stack.shown,
            stop.words()
        ));
        return;
    }
    pen.hold(in_short(&wanted), stop.hold(), stop.remedy(&stack.shown));
    pen.draft.withheld.extend(wanted);
}

/// A freeze that lets repairs go on holds what people ask for, if they ask for something.
pub(super) fn tell(view: &View<'_>, draft: &mut Draft) {
    let stack = view.at.stack;
    let frozen = in_force(freezes_of(view.want, &stack.id), view.seen.at);
    let frozen = frozen.filter(|freeze| freeze.repairs);
    if let Some(freeze) = frozen.max_by_key(|freeze| freeze.until) {
        let mut pen = Pen {
            draft,
            stack: Some(&stack.id),
            cause: Cause::Intent,
        };
        pen.note(format!("{}: {}", stack.shown, words(freeze)));
    }
}

fn in_short(steps: &[Step]) -> String {
    let words: Vec<String> = steps
        .iter()
        .map(|step| format!("{} {}", step.action.verb(), step.action.object()))
        .collect();
    words.join(", ")
}
