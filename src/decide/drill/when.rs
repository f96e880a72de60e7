//! When a drill is due, and what it means that none has passed.

use crate::decide::history::History;
use crate::decide::mandate::Freeze;
use crate::decide::past_drills::PastDrill;
use crate::decide::repositories;
use crate::decide::stop::holding;
use crate::model::desired::{Desired, DesiredStack};
use crate::model::ids::StackId;
use crate::model::observed::Observed;
use crate::model::plan::Plan;
use crate::model::point::{RecoveryPoint, Rung};
use crate::model::units::show_duration;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How often a stack is drilled whose file does not say it.
pub const EVERY: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How often one must pass with nothing but the escrow key.
pub const ESCROW_EVERY: SignedDuration = SignedDuration::from_hours(365 * 24);

/// What holds what a drill stands in the way of.
pub const RULE: &str = "drill";

/// After the first recovery point, and after a drill that did not pass, so long until the next.
const PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// How a stack stands with its drills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// How often one is wanted.
    pub every: SignedDuration,
    /// The newest that came to an end.
    pub last: Option<PastDrill>,
    /// When the newest ended that passed.
    pub passed_at: Option<Timestamp>,
    /// From when on the schedule does one; `None`: there is no recovery point yet.
    pub due_at: Option<Timestamp>,
    /// What is wrong.
    pub trouble: Option<Trouble>,
    /// When the newest ended that passed with nothing but the escrow key.
    pub escrow_passed_at: Option<Timestamp>,
    /// From when on that was too long ago.
    pub escrow_overdue: Option<Timestamp>,
}

/// Nobody knows whether the stack would come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The newest did not pass.
    Failed(PastDrill),
    /// The newest that passed is too old.
    Overdue {
        /// When that was; `None`: none ever passed.
        passed_at: Option<Timestamp>,
        /// From when on it was too old.
        since: Timestamp,
    },
}

impl Standing {
    /// The schedule does one now.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due_at.is_some_and(|due| due <= now)
    }
}

impl Trouble {
    /// In words.
    pub fn reason(&self) -> String {
        match self {
            Self::Failed(drill) => format!(
                "the drill of {} on {} failed, so nobody knows whether the stack would come back",
                minute(drill.at),
                drill.machine
            ),
            Self::Overdue { passed_at, since } => {
                let last = passed_at.map_or_else(
                    || "none has passed yet".to_owned(),
                    |at| format!("the last that passed was on {}", minute(at)),
                );
                format!("a drill is overdue since {}: {last}", minute(*since))
            }
        }
    }
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// How often the stack wants one.
pub fn every(stack: &DesiredStack) -> SignedDuration {
    stack.backup.drill.as_ref().map_or(EVERY, |d| d.every)
}

/// How the stack stands with its drills; `points` as far as they could be listed.
pub fn standing(
    stack: &DesiredStack,
    past: &History,
    points: Option<&[RecoveryPoint]>,
    now: Timestamp,
) -> Standing {
    let every = every(stack);
    let drills = past.drills.get(&stack.id).cloned().unwrap_or_default();
    let passed_at = drills.passed_at.max(documented(points.unwrap_or_default()));
    let failed = drills
        .last
        .as_ref()
        .filter(|drill| !drill.passed && passed_at < Some(drill.at));
    // Without the journal the repository still tells when it began.
    let shipped = points.unwrap_or_default().iter();
    let first = shipped
        .filter(|point| point.rung >= Rung::Shipped)
        .map(|point| point.taken_at)
        .chain(drills.possible_since)
        .min();
    let later = |at: Timestamp, by| at.checked_add(by).unwrap_or(Timestamp::MAX);
    let tried = drills
        .begun_at
        .into_iter()
        .chain(drills.last.as_ref().map(|drill| drill.at))
        .max();
    let pause = PAUSE.min(every / 10);
    let due_at = first.map(|first| {
        // A tenth of the time is left for one that does not pass at once.
        let due = passed_at.map_or_else(
            || later(first, PAUSE.min(every)),
            |passed| later(passed, every - every / 10),
        );
        match tried {
            Some(tried) if failed.is_some() => later(tried, pause),
            Some(tried) => due.max(later(tried, pause)),
            None => due,
        }
    });
    let overdue = passed_at
        .or(first)
        .map(|since| later(since, every))
        .filter(|since| *since < now);
    let escrow_overdue = drills
        .escrow_passed_at
        .or(first)
        .map(|since| later(since, ESCROW_EVERY))
        .filter(|since| *since < now);
    let trouble = match (failed, overdue) {
        (Some(drill), _) => Some(Trouble::Failed(drill.clone())),
        (None, Some(since)) => Some(Trouble::Overdue { passed_at, since }),
        (None, None) => None,
    };
    Standing {
        every,
        last: drills.last,
        passed_at,
        due_at,
        trouble,
        escrow_passed_at: drills.escrow_passed_at,
        escrow_overdue,
    }
}

/// When the newest passed of those whose documents this estate signed and a backup machine keeps:
/// they count as the journal does, which may be lost.
fn documented(points: &[RecoveryPoint]) -> Option<Timestamp> {
    points
        .iter()
        .flat_map(|point| &point.evidence)
        .filter(|proof| proof.rung >= Rung::Restored && proof.document.is_some())
        .map(|proof| proof.at)
        .max()
}

/// Stacks whose drill is due: not retired, and with nothing else to do for them.
pub fn due(want: &Desired, past: &History, seen: &Observed, plan: &Plan) -> Vec<StackId> {
    let busy: BTreeSet<&StackId> = plan.steps.iter().filter_map(|s| s.stack.as_ref()).collect();
    want.stacks
        .values()
        .filter(|stack| !busy.contains(&stack.id) && stack.ended(seen.at).is_none())
        .filter(|stack| holding(want, past, &stack.id, seen.at).is_none())
        .filter(|stack| {
            let points = repositories::known(seen, stack, past);
            standing(stack, past, points, seen.at).is_due(seen.at)
        })
        .map(|stack| stack.id.clone())
        .collect()
}

/// Stacks of which nothing may be destroyed because somebody asks for it, each with why: its
/// own drill, and no other customer's (S16).
pub fn gates(want: &Desired, past: &History, seen: &Observed) -> BTreeMap<StackId, Freeze> {
    let stacks = want.stacks.values();
    stacks
        .filter_map(|stack| {
            let points = repositories::known(seen, stack, past);
            let trouble = standing(stack, past, points, seen.at).trouble?;
            let gate = Freeze {
                rule: RULE,
                reason: trouble.reason(),
                remedy: remedy(stack),
            };
            Some((stack.id.clone(), gate))
        })
        .collect()
}

/// What ends the trouble.
pub(crate) fn remedy(stack: &DesiredStack) -> String {
    format!(
        "holdfast drill {}; repairs go on meanwhile, and one is wanted every {}",
        stack.shown,
        show_duration(every(stack))
    )
}
