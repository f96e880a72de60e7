//! How many rebuilds begin (S8): two at once, some in a day, and none right after one that failed.
//! Moves and installations are people's wish, drills touch nobody: none of them counts.

use super::draft::Draft;
use super::situation::{Situation, Writer, WriterState};
use super::view::View;
use crate::decide::history::History;
use crate::decide::rebuilds::{DAY, IN_VAIN, PastRebuilds};
use crate::model::brakes::Caps;
use crate::model::ids::StackId;
use jiff::{SignedDuration, Timestamp};

/// Whose turn it is: who was begun goes on before another begins, and what waits for more
/// signatures keeps its place from nobody.
pub(super) fn turn(at: &Situation<'_>, past: &History) -> u8 {
    let Some(writer) = &at.writer else { return 2 };
    let begun = || past.rebuilds.get(&at.stack.id).is_some_and(|r| r.under_way);
    let named = || {
        let mut approvals = at.stack.approvals.iter();
        matches!(writer.state, WriterState::Waived)
            || approvals.any(|word| word.rebuild == writer.name)
    };
    match writer {
        Writer {
            fenced: Some(_), ..
        } => 0,
        _ if named() => 3,
        _ if begun() => 1,
        _ => 2,
    }
}

/// Why none of this stack may begin yet by what was begun and failed lately, if so.
pub(super) fn lately(view: &View<'_>, draft: &Draft) -> Option<String> {
    let (now, caps) = (view.seen.at, &view.want.caps);
    let own = view.past.rebuilds.get(&view.at.stack.id);
    if let Some((failed, until)) = own.and_then(|own| rests_until(own, caps))
        && now < until
    {
        let tries = match failed {
            1 => "the last try failed".to_owned(),
            many => format!("{many} tries in a row failed"),
        };
        return Some(format!("{tries}; the next is at {}", minute(until)));
    }
    if own.is_some_and(|own| own.under_way && own.today(now).next().is_some()) {
        return None; // It counts already.
    }
    let of_it: Vec<Timestamp> = own.into_iter().flat_map(|own| own.today(now)).collect();
    if let Some(until) = free_at(of_it, caps.per_stack) {
        return Some(format!(
            "{} of this stack were begun in 24 hours, and more are not without a person; the next may be at {}",
            rebuilds(caps.per_stack),
            minute(until)
        ));
    }
    let all = view.past.rebuilds.values().flat_map(|of| of.today(now));
    let here = draft.rebuilt.iter().filter(|(stack, begins)| {
        let counted = view.past.rebuilds.get(stack);
        **begins && !counted.is_some_and(|of| of.under_way && of.today(now).next().is_some())
    });
    let all: Vec<Timestamp> = all.chain(here.map(|_| now)).collect();
    free_at(all, caps.per_day).map(|until| {
        format!(
            "{} were begun in 24 hours, and more are not without a person; the next may be at {}",
            rebuilds(caps.per_day),
            minute(until)
        )
    })
}

/// Why none may begin beside those that are under way, if so.
pub(super) fn at_once(view: &View<'_>, draft: &Draft) -> Option<String> {
    let under_way: Vec<&str> = draft
        .rebuilt
        .keys()
        .filter(|stack| takes_a_place(stack, view.past))
        .map(StackId::as_str)
        .collect();
    let most = view.want.caps.at_once;
    (under_way.len() >= most as usize).then(|| {
        format!(
            "{} under way ({}), and no more than {most} at once",
            rebuilds_are(under_way.len()),
            under_way.join(", ")
        )
    })
}

/// One that was tried in vain again and again keeps nobody waiting (S16).
fn takes_a_place(stack: &StackId, past: &History) -> bool {
    past.rebuilds
        .get(stack)
        .is_none_or(|of| of.failed < IN_VAIN)
}

/// How often it failed in a row, and until when it rests.
fn rests_until(own: &PastRebuilds, caps: &Caps) -> Option<(u32, Timestamp)> {
    let doubled = 2_i32.saturating_pow(own.failed.checked_sub(1)?.min(16));
    let longest = Caps::LONGEST_PAUSE.max(caps.pause);
    let pause = caps.pause.saturating_mul(doubled).min(longest);
    Some((own.failed, later(own.failed_at?, pause)))
}

/// When the oldest of so many is a day old; `None`: there are fewer.
fn free_at(mut begun: Vec<Timestamp>, most: u32) -> Option<Timestamp> {
    begun.sort();
    let last = begun.len().checked_sub(most as usize)?;
    begun.get(last).map(|at| later(*at, DAY))
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn rebuilds(many: u32) -> String {
    match many {
        1 => "1 rebuild".to_owned(),
        many => format!("{many} rebuilds"),
    }
}

fn rebuilds_are(many: usize) -> String {
    match many {
        1 => "1 rebuild is".to_owned(),
        many => format!("{many} rebuilds are"),
    }
}
