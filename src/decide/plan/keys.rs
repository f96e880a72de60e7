//! Keys of a repository that are missing are added again; key files that nobody made are set aside.

use super::backups::BackupMachine;
use super::draft::{Draft, Pen, because};
use super::view::View;
use crate::model::plan::{Action, Cause, Effect};
use crate::model::repository::KeysSeen;

/// A repository that was seen, and whose keys are not in order.
///
/// Nothing is said of a repository that could not be looked at (S1): its points are a gap.
pub(super) fn mend(view: &View<'_>, draft: &mut Draft) {
    let stack = &view.at.stack.id;
    let Some(keys) = view.seen.keys.get(stack).filter(|keys| !keys.in_order()) else {
        return;
    };
    let BackupMachine::Ready { name, serves, .. } = view.backup else {
        return;
    };
    let mut pen = Pen {
        draft,
        stack: Some(stack),
        cause: Cause::Difference,
    };
    pen.step(
        Action::Repository {
            machine: name.clone(),
            like: None,
        },
        Effect::Safe,
        because(words(keys)),
        &[serves.as_ref()],
    );
}

fn words(keys: &KeysSeen) -> String {
    let mut found = Vec::new();
    if !keys.missing.is_empty() {
        let missing: Vec<&str> = keys.missing.iter().map(|role| role.word()).collect();
        let (key, is) = match missing.len() {
            1 => ("the key", "is"),
            _ => ("the keys", "are"),
        };
        found.push(format!(
            "{key} {} {is} gone or damaged, and any other adds it again",
            missing.join(", ")
        ));
    }
    if keys.strangers > 0 {
        found.push(format!(
            "key files that nobody here made are set aside: {}",
            keys.strangers
        ));
    }
    found.join("; ")
}
