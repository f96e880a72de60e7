//! What a person asks for outside the daily round.

use super::draft::{Draft, Pen, because};
use super::opening::repository;
use super::situation::{Situation, WriterState};
use crate::decide::names;
use crate::model::observed::Observed;
use crate::model::plan::{Action, Cause, Effect};

/// A backup that a person asks for, of a machine that runs and may write.
pub(super) fn backup_only(
    at: &Situation<'_>,
    seen: &Observed,
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
    let placement = &at.stack.backup.placement;
    let to = names::backup_machine(&placement.hoster, &placement.site);
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
    let repository = match &at.points {
        Ok([]) => Some(repository(&to, None, &mut pen)),
        Ok(_) => None,
        Err(gap) => return Err(gap.to_string()),
    };
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
