//! A last chance for what is on the disk of a machine that is given up: its hoster's rescue system
//! reads it, and it lies beside the points that count. It delays nothing but the fencing, and that
//! no longer than the estate allows.

use super::backups::BackupMachine;
use super::draft::{Pen, because};
use super::situation::{Writer, WriterState, has_interface};
use super::view::View;
use crate::decide::silence::{Rescue, Silence};
use crate::model::ids::{MachineName, StepId};
use crate::model::journal::Remedy;
use crate::model::plan::{Action, Effect};

/// The step, after the successor answers and before the old one is fenced; or a note of why there
/// is none.
pub(super) fn last_chance(
    view: &View<'_>,
    writer: &Writer<'_>,
    successor: Option<&StepId>,
    pen: &mut Pen<'_>,
) -> Option<StepId> {
    let name = &writer.name;
    let silence = view.past.silences.of(name);
    // What was begun is ended first, whatever else is wanted by now.
    let begun = silence.is_some_and(Silence::in_rescue) && successor.is_some();
    let to = if begun {
        Some(&view.at.serving)
    } else {
        match saved_to(view, writer, successor.is_some()) {
            Ok(to) => Some(to),
            Err(Some(why)) => {
                pen.note(format!(
                    "{}: what {name} wrote since its last point is not saved from its disk: {why}",
                    view.at.stack.shown
                ));
                None
            }
            Err(None) => None,
        }
    }?;
    Some(pen.step(
        Action::LastChance {
            machine: name.clone(),
            to: to.clone(),
        },
        Effect::Disruptive,
        because("it is given up; its disk may hold what was written since the last point"),
        &[successor],
    ))
}

/// On which backup machine; or why not, where that is worth a word.
fn saved_to<'a>(
    view: &View<'a>,
    writer: &Writer<'_>,
    silent: bool,
) -> Result<&'a MachineName, Option<String>> {
    let stack = view.at.stack;
    let no = |why: &str| Err(Some(why.to_owned()));
    if stack.waits.last_chance.is_zero() {
        return Err(None); // As people signed.
    }
    let silence = view.past.silences.of(&writer.name);
    match silence.map(|silence| &silence.rescue) {
        Some(Rescue::Over(Ok(_))) => return Err(None), // It is.
        Some(Rescue::Over(Err(why))) => return no(why),
        Some(Rescue::Begun) => return no("it was begun before, and cut short"),
        Some(Rescue::Untried) | None => {}
    }
    match &writer.state {
        WriterState::Gone => return Err(None),
        WriterState::OffForGood(_) => return no("it cannot be switched on"),
        _ => {}
    }
    let hoster = writer.hoster.as_ref();
    if let Some(hoster) = hoster.filter(|hoster| !has_interface(view.want, hoster)) {
        return Err(Some(format!(
            "{hoster} has no interface with a rescue system"
        )));
    }
    if !silent {
        return Err(None);
    }
    let Some(silence) = silence else {
        return Err(None);
    };
    let tried = |remedy| silence.tried.contains_key(&remedy);
    if !tried(Remedy::Reset) || !tried(Remedy::PowerCycle) {
        return no("its hoster did not confirm both a reset and a power-cycle");
    }
    match (view.backup, &view.at.points) {
        (
            BackupMachine::Ready {
                name,
                created: None,
                ..
            },
            Ok(_),
        ) if *name == view.at.serving => Ok(name),
        _ => no("the backup machine that it knows is not in use"),
    }
}
