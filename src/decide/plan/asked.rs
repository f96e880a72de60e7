//! What a person asks for outside the daily round.

use super::draft::{Draft, Pen, because};
use super::opening::repository;
use super::situation::{Situation, WriterState};
use crate::decide::history::History;
use crate::model::observed::Observed;
use crate::model::plan::{Action, Cause, Effect};

/// A backup that a person asks for, of a machine that runs and may write.
pub(super) fn backup_only(
    at: &Situation<'_>,
    seen: &Observed,
    past: &History,
    draft: &mut Draft,
) -> Result<(), String> {
    let Some(writer) = &at.writer else {
        return Err("it has not been installed yet".into());
    };
    match &writer.state {
        WriterState::Answers(_) if writer.fenced.is_none() => {}
        WriterState::Unseen(gap) => return Err(gap.to_string()),
        _ => return Err(format!("its machine {} does not run", writer.name)),
    }
    let to = at.serving.clone();
    match seen.machines.get(&to) {
        Some(Ok(_)) => {}
        Some(Err(gap)) => return Err(gap.to_string()),
        None => return Err(format!("there is no backup machine {to} yet")),
    }
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
            machine: writer.name.clone(),
            to,
        },
        Effect::Safe,
        because("asked for by hand"),
        &[repository.as_ref()],
    );
    Ok(())
}
