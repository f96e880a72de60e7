//! What holds a whole stack for a while: an operator's pause, which is of this computer, or a
//! freeze, which people signed.

use super::history::History;
use super::pause::Pause;
use crate::model::brakes::SignedFreeze;
use crate::model::desired::Desired;
use crate::model::ids::{MachineName, StackId};
use crate::model::machine::Stage;
use crate::model::observed::Observed;
use crate::model::plan::{Action, Hold};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What holds what a freeze stands in the way of.
pub const FREEZE: &str = "freeze";

/// One of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Hands off at once, whatever is under way.
    Paused(Pause),
    /// Nothing begins; what has shut users out comes to its end.
    Frozen(SignedFreeze),
}

/// What holds this stack now. Of both it is the pause, which holds more.
pub fn holding(want: &Desired, past: &History, stack: &StackId, now: Timestamp) -> Option<Stop> {
    if let Some(pause) = past.pauses.holding(stack, now) {
        return Some(Stop::Paused(pause.clone()));
    }
    let frozen = in_force(freezes_of(want, stack), now).filter(|freeze| !freeze.repairs);
    let frozen = frozen.max_by_key(|freeze| freeze.until);
    frozen.cloned().map(Stop::Frozen)
}

/// All freezes that stand in the estate, those of single stacks last, over or not.
pub fn freezes(want: &Desired) -> impl Iterator<Item = &SignedFreeze> {
    let own = want.stacks.values().flat_map(|stack| &stack.freezes);
    want.freezes.iter().chain(own)
}

/// Those that concern this stack, over or not.
pub fn freezes_of<'w>(
    want: &'w Desired,
    stack: &StackId,
) -> impl Iterator<Item = &'w SignedFreeze> {
    let own = want.stacks.get(stack).into_iter();
    want.freezes
        .iter()
        .chain(own.flat_map(|stack| &stack.freezes))
}

/// Those that are not over.
pub fn in_force<'f>(
    freezes: impl Iterator<Item = &'f SignedFreeze>,
    now: Timestamp,
) -> impl Iterator<Item = &'f SignedFreeze> {
    freezes.filter(move |freeze| now < freeze.until)
}

impl Stop {
    /// `an operator paused it until …: WHY`, or `it is frozen until …: WHY (estate.toml:12)`.
    pub fn words(&self) -> String {
        match self {
            Self::Paused(pause) => pause.words(),
            Self::Frozen(freeze) => words(freeze),
        }
    }

    /// The same for what is wanted meanwhile.
    pub fn hold(&self) -> Hold {
        match self {
            Self::Paused(pause) => pause.hold(),
            Self::Frozen(freeze) => Hold::Forbidden {
                rule: FREEZE.to_owned(),
                reason: words(freeze),
            },
        }
    }

    /// What ends it before its time.
    pub fn remedy(&self, shown: &StackId) -> String {
        match self {
            Self::Paused(pause) => pause.remedy(shown),
            Self::Frozen(freeze) => remedy(freeze, Some(shown)),
        }
    }

    /// When it ends by itself.
    pub fn until(&self) -> Timestamp {
        match self {
            Self::Paused(pause) => pause.until,
            Self::Frozen(freeze) => freeze.until,
        }
    }
}

/// A freeze in words, with the line that says so.
pub fn words(freeze: &SignedFreeze) -> String {
    let what = match freeze.of {
        Some(_) => "it",
        None => "every stack",
    };
    let but = if freeze.repairs {
        " but for repairs"
    } else {
        ""
    };
    format!(
        "{what} is frozen{but} until {}: {} ({}:{})",
        freeze.until.strftime("%Y-%m-%d %H:%M UTC"),
        freeze.reason,
        freeze.place.file,
        freeze.place.line
    )
}

/// What ends a freeze before its time.
pub fn remedy(freeze: &SignedFreeze, shown: Option<&StackId>) -> String {
    let whose = match (&freeze.of, shown) {
        (Some(of), shown) => shown.unwrap_or(of).as_str(),
        (None, _) => "--all",
    };
    format!("it ends by itself; or sign its end: holdfast unfreeze {whose}")
}

/// What a freeze never holds: what saves and reads, and what keeps an older machine closed (S2).
pub fn is_never_frozen(action: &Action, writer: Option<&MachineName>) -> bool {
    let older = writer.is_some_and(|writer| writer != action.machine());
    super::pause::goes_on(action)
        || (older
            && matches!(
                action,
                Action::Close { .. }
                    | Action::SaveAside { .. }
                    | Action::Fence { .. }
                    | Action::Quarantine { .. }
            ))
}

/// Are its users shut out because something has begun: a rebuild, a move or another size, or its last step? A
/// freeze that lasts must not leave it so.
pub fn is_under_way(stack: &StackId, past: &History, seen: &Observed) -> bool {
    let Some((_, writer)) = past.writers.get(stack) else {
        return false;
    };
    let fenced = past
        .machines
        .get(writer)
        .is_some_and(|made| made.fenced.is_some());
    let closed = matches!(
        seen.machines.get(writer),
        Some(Ok(facts)) if facts.stage >= Stage::Opened && !facts.open
    );
    let switched_off = past.windows.switched_off(stack) == Some(writer);
    fenced || closed || switched_off
}

/// All stacks of which that is so.
pub fn under_way(want: &Desired, past: &History, seen: &Observed) -> BTreeSet<StackId> {
    let stacks = want.stacks.keys();
    let under_way = stacks.filter(|stack| is_under_way(stack, past, seen));
    under_way.cloned().collect()
}
