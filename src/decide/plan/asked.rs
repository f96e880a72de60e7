//! What a person asks for outside the daily round.

use super::draft::{Draft, Pen, because};
use super::opening::repository;
use super::situation::{Situation, WriterState};
use crate::decide::history::History;
use crate::decide::repositories::listed;
use crate::model::ids::{MachineName, PointId};
use crate::model::observed::{Observed, Power};
use crate::model::plan::{Action, Cause, Effect};
use crate::model::point::Part;

/// The machine that runs and may write.
pub(super) fn at_work(at: &Situation<'_>) -> Result<MachineName, String> {
    let Some(writer) = &at.writer else {
        return Err("it has not been installed yet".into());
    };
    match &writer.state {
        WriterState::Answers(_) if writer.fenced.is_none() => Ok(writer.name.clone()),
        WriterState::Unseen(gap) => Err(gap.to_string()),
        _ => Err(format!("its machine {} does not run", writer.name)),
    }
}

/// A part of a point, beside the live data of the machine that is at work.
pub(super) fn retrieve_only(
    at: &Situation<'_>,
    point: &PointId,
    part: &Part,
    to: &str,
    draft: &mut Draft,
) -> Result<(), String> {
    let mut pen = Pen {
        draft,
        stack: Some(&at.stack.id),
        // A person at this computer: nothing in Git is asked.
        cause: Cause::Reality,
    };
    pen.step(
        Action::Retrieve {
            machine: at_work(at)?,
            point: point.clone(),
            part: part.clone(),
            to: to.to_owned(),
        },
        Effect::Safe,
        because("asked for by hand"),
        &[],
    );
    Ok(())
}

/// A backup that a person asks for, of a machine that runs and may write.
pub(super) fn backup_only(
    at: &Situation<'_>,
    seen: &Observed,
    past: &History,
    draft: &mut Draft,
) -> Result<(), String> {
    let writer = at_work(at)?;
    let to = backup_machine(at, seen)?;
    let mut pen = Pen {
        draft,
        stack: Some(&at.stack.id),
        // A person at this computer: nothing in Git is asked.
        cause: Cause::Reality,
    };
    if let Err(gap) = &at.points {
        return Err(gap.to_string());
    }
    let repository = repository(at, past, &to, None, &mut pen);
    pen.step(
        Action::Backup {
            machine: writer,
            to,
            ahead: false,
        },
        Effect::Safe,
        because("asked for by hand"),
        &[repository.as_ref()],
    );
    Ok(())
}

/// A reading of everything that a person asks for: after a repair, or in doubt.
pub(super) fn verify_only(
    at: &Situation<'_>,
    seen: &Observed,
    draft: &mut Draft,
) -> Result<(), String> {
    let machine = backup_machine(at, seen)?;
    let mut pen = Pen {
        draft,
        stack: Some(&at.stack.id),
        cause: Cause::Reality,
    };
    let (part, of) = (1, 1);
    pen.step(
        Action::Verify { machine, part, of },
        Effect::Safe,
        because("asked for by hand"),
        &[],
    );
    Ok(())
}

/// The backup machine, if it answers.
fn backup_machine(at: &Situation<'_>, seen: &Observed) -> Result<MachineName, String> {
    let machine = at.serving.clone();
    match seen.machines.get(&machine) {
        Some(Ok(_)) => Ok(machine),
        Some(Err(gap)) => Err(gap.to_string()),
        None if let Some(listed) = listed(seen, &machine) => Err(match listed.power {
            Power::Off => {
                format!("the backup machine {machine} is off; holdfast apply switches it on")
            }
            _ => format!("the backup machine {machine} is there and does not answer"),
        }),
        None => Err(format!("there is no backup machine {machine} yet")),
    }
}
