//! A stack that an operator paused: it is looked at and saved as ever; what else is wanted of it
//! is told, and held.

use super::draft::{Draft, Pen};
use super::view::View;
use super::{former, keep, keys, verify};
use crate::decide::pause::Pause;
use crate::model::plan::{Action, Cause, Step};

/// Plans what goes on. `aside` is what would be done without the pause.
pub(super) fn plan(view: &View<'_>, pause: &Pause, aside: Draft, draft: &mut Draft) {
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
    }
    verify::verify(view, &mut pen);
    let wanted = pen.draft.learn(aside);
    if wanted.is_empty() {
        pen.note(format!(
            "{}: {}; its backups go on, and nothing else is wanted now",
            stack.shown,
            pause.words()
        ));
        return;
    }
    pen.hold(in_short(&wanted), pause.hold(), pause.remedy(&stack.shown));
    pen.draft.withheld.extend(wanted);
}

fn in_short(steps: &[Step]) -> String {
    let words: Vec<String> = steps
        .iter()
        .map(|step| match &step.action {
            Action::Name { host, .. } => format!("name {host}"),
            other => format!("{} {}", other.verb(), other.machine()),
        })
        .collect();
    words.join(", ")
}
