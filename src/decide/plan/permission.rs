//! Whether a rebuild may begin: the repair policy, the storm brake and the caps (S8), and the word
//! of a person who signed for this one. One that has fenced the old machine always goes on.

use super::caps;
use super::draft::Pen;
use super::situation::{Writer, WriterState};
use super::view::View;
use crate::model::brakes::Approval;
use crate::model::desired::Repair;
use crate::model::plan::{Cause, Hold};

/// Who sets off the rebuild that may begin: people, where only their word lets it. Without leave
/// it is held.
pub(super) fn leave(
    view: &View<'_>,
    writer: &Writer<'_>,
    wanted: &str,
    pen: &mut Pen<'_>,
) -> Option<Cause> {
    let stack = view.at.stack;
    let approved = approval(view, writer).is_some();
    let allowed = stack.repair.contains(&Repair::Rebuild);
    let sign = format!(
        "sign [[approve]] with rebuild = \"{}\" in {}",
        writer.name,
        stack.file()
    );
    if !allowed && !approved {
        let hold = Hold::Forbidden {
            rule: "repair policy".into(),
            reason: "[repair] automatic does not name rebuild".into(),
        };
        let remedy = format!(
            "add \"rebuild\" to [repair] automatic and commit; or, for this one alone, {sign}"
        );
        pen.hold(wanted, hold, remedy);
        return None;
    }
    if let Some(reason) = view.brake.filter(|_| !approved) {
        let reason = reason.to_owned();
        let remedy =
            format!("find the common cause first; if this one is lost all the same, {sign}");
        pen.hold(wanted, Hold::Brake { reason }, remedy);
        return None;
    }
    // Whoever names the machine in a signed line has counted.
    let named = approved || matches!(writer.state, WriterState::Waived);
    let lately = caps::lately(view, pen.draft);
    if let Some(reason) = lately.clone().filter(|_| !named) {
        let remedy = format!("it begins by itself then; or at once: {sign}");
        pen.hold(wanted, Hold::Brake { reason }, remedy);
        return None;
    }
    if let Some(reason) = caps::at_once(view, pen.draft) {
        let remedy = "it begins by itself once one of them has ended";
        pen.hold(wanted, Hold::Brake { reason }, remedy);
        return None;
    }
    let by_word = approved && (!allowed || view.brake.is_some() || lately.is_some());
    Some(if by_word {
        Cause::Intent
    } else {
        Cause::Reality
    })
}

/// The signed word for this machine, while it holds.
pub(super) fn approval<'v>(view: &View<'v>, writer: &Writer<'_>) -> Option<&'v Approval> {
    let mut approvals = view.at.stack.approvals.iter();
    approvals.find(|word| word.rebuild == writer.name && view.seen.at < word.until)
}
