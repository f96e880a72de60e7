//! The repair ladder for a machine that is on and silent: reset, off and on, a new one beside it.
//! Each rung once, after its wait, and only as the repair policy allows.

use super::draft::{Pen, because};
use super::lost::{self, Next};
use super::rebuild;
use super::situation::Writer;
use super::view::View;
use crate::model::gap::Gap;
use crate::model::journal::Remedy;
use crate::model::plan::{Action, Effect, Hold};

/// The next rung, or what is waited for.
pub(super) fn climb(view: &View<'_>, writer: &Writer<'_>, gap: &Gap, pen: &mut Pen<'_>) {
    pen.gap(gap);
    let Some(case) = lost::case(&view.at, view.want, view.seen, view.past) else {
        return; // It is silent, so there is one.
    };
    let Next::Try { remedy } = case.next else {
        if lost::hold(
            view,
            &case,
            &format!("production of {}", view.at.stack.shown),
            pen,
        ) {
            rebuild::rebuild(view, writer, pen);
        }
        return;
    };
    let machine = writer.name.clone();
    if let Some(reason) = view.brake {
        pen.hold(
            format!("{} {machine}", remedy.verb()),
            Hold::Brake {
                reason: reason.to_owned(),
            },
            "find the common cause first",
        );
        return;
    }
    let (action, why) = match remedy {
        Remedy::Reset => (
            Action::Reset { machine },
            "its hoster says that it is on, it has been silent for long enough, and others answer",
        ),
        Remedy::PowerCycle => (
            Action::PowerCycle { machine },
            "a reset did not help, or was not confirmed",
        ),
    };
    pen.step(action, Effect::Disruptive, because(why), &[]);
}
