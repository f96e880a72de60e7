//! What `holdfast run` decides between its passes: when to look again, whether it is well, and
//! what a loop that has just begun leaves alone.

use crate::decide::mandate::Freeze;
use crate::model::desired::Desired;
use crate::model::ids::StackId;
use crate::model::pass::{Ending, Pass, StackState};
use crate::model::plan::{Hold, Plan};
use crate::model::units::show_duration;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The first try after one that left something over.
const SOON: Duration = Duration::from_secs(5);

/// A loop whose last look is older than so many intervals is not well.
pub const INTERVALS: u32 = 3;

/// Nothing destructive until the loop has seen the world for a while (S8): what looks lost to
/// somebody who has just got up may be his own network. A person's `apply` is no loop.
///
/// Where several share the work, `up` is how long this one has led without a break: who has just
/// taken over knows no more than who has just begun.
pub fn just_begun(up: Duration, still: Duration, shared: bool) -> Option<Freeze> {
    if up >= still {
        return None;
    }
    let has = if shared { "led" } else { "run" };
    Some(Freeze {
        rule: "S8",
        reason: format!(
            "the loop has {has} for {}; nothing destructive happens in the first {}",
            shown(up),
            shown(still)
        ),
        remedy: "wait, or look yourself and run holdfast apply".to_owned(),
    })
}

/// How long until the next look. What was left over is tried again soon, then less often, but
/// never later than the interval: one stack that fails again and again delays no other (S16).
pub fn pause(tries: u32, interval: Duration) -> Duration {
    match tries {
        0 => interval,
        _ => SOON
            .saturating_mul(2_u32.saturating_pow(tries - 1))
            .min(interval),
    }
}

/// When another look may tell what this one could not, and how far away that is.
pub fn look_again(left: &Plan, now: Timestamp) -> Option<Duration> {
    let held = left.held.iter();
    let until = held.filter_map(|held| match &held.hold {
        Hold::NotYet { until, .. } => Some(*until),
        _ => None,
    });
    let away = until.min()?.duration_since(now);
    Some(Duration::try_from(away).unwrap_or_default())
}

/// Is the loop at work, and why that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The last look at the estate is young enough.
    pub well: bool,
    /// In words.
    pub why: String,
}

/// Who has the journal: a process of this computer by its number alone, others in full.
pub fn named(holder: &str) -> String {
    if holder.contains("process ") {
        return holder.to_owned();
    }
    format!("process {holder}")
}

/// Judges by the last pass that looked at the estate, by the last pass at all, and how long ago
/// each ended.
pub fn health(
    looked: Option<Duration>,
    last: Option<(&Pass, Duration)>,
    interval: Duration,
) -> Health {
    let limit = interval.saturating_mul(INTERVALS);
    let mut why = match looked {
        None => "no pass has looked at the estate yet".to_owned(),
        Some(ago) => format!("the last look ended {} ago", shown(ago)),
    };
    if let Some((pass, ago)) = last {
        match &pass.ending {
            Ending::Failed { why: reason, .. } => {
                why = format!("{why}; the last pass failed {} ago: {reason}", shown(ago));
            }
            Ending::Busy { holder } => {
                why = format!("{why}; {} has the journal", named(holder));
            }
            Ending::Standby { leader, since } => {
                return Health {
                    well: ago <= limit,
                    why: format!(
                        "stands by: {leader} leads since {}, asked {} ago",
                        since.strftime("%F %T UTC"),
                        shown(ago)
                    ),
                };
            }
            Ending::Settled
            | Ending::Held { .. }
            | Ending::UnderWay { .. }
            | Ending::Unfinished { .. } => {}
        }
    }
    let well = looked.is_some_and(|ago| ago <= limit);
    if !well && looked.is_some() {
        why = format!("{why}; the limit is {}", shown(limit));
    }
    Health { well, why }
}

fn shown(duration: Duration) -> String {
    show_duration(SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX))
}

/// How a pass ended that came to a plan: what of it was not begun, is left. `busy` are the stacks
/// whose steps are under way.
pub fn ending(left: &Plan, busy: &BTreeSet<StackId>) -> Ending {
    let stacks = busy.len();
    match (left.steps.len(), left.held.len() + left.gaps.len()) {
        _ if stacks > 0 => Ending::UnderWay { stacks },
        (0, 0) => Ending::Settled,
        (0, count) => Ending::Held { count },
        (left, _) => Ending::Unfinished { left },
    }
}

/// Where each stack stands, the worst that is true of it.
pub fn states(
    want: &Desired,
    left: &Plan,
    failed: &BTreeSet<StackId>,
    busy: &BTreeSet<StackId>,
) -> BTreeMap<StackId, StackState> {
    let mut states: BTreeMap<StackId, StackState> = want
        .stacks
        .keys()
        .map(|id| (id.clone(), StackState::Settled))
        .collect();
    let broken = want.broken.keys().map(|id| (id, StackState::Broken));
    // One whose steps failed, and nothing of them is left, has got over it.
    let wants = |id: &StackId| {
        let mut owners = left.steps.iter().map(|s| &s.stack);
        let mut holders = left.held.iter().map(|h| &h.stack);
        owners.any(|s| s.as_ref() == Some(id)) || holders.any(|s| s.as_ref() == Some(id))
    };
    let failed = failed.iter().filter(|id| wants(id) && !busy.contains(*id));
    let changing = left.steps.iter().filter_map(|step| step.stack.as_ref());
    let held = left.held.iter().filter_map(|held| held.stack.as_ref());
    let said = changing
        .map(|id| (id, StackState::Changing))
        .chain(held.map(|id| (id, StackState::Held)))
        .chain(busy.iter().map(|id| (id, StackState::UnderWay)))
        .chain(failed.map(|id| (id, StackState::Failing)))
        .chain(broken);
    for (id, state) in said {
        let worst = states.entry(id.clone()).or_insert(state);
        *worst = state.max(*worst);
    }
    states
}
