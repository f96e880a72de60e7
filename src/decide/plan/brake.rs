//! The storm brake (S8): many suspects at once mean a common cause, not many dead machines.

use super::lost::site_of;
use super::situation::{Situation, Writer, WriterState};
use crate::decide::history::History;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Why no rebuild may begin, if so: two suspects in one failure domain, or
/// more than max(1, 20 %) of the fleet.
pub(super) fn storm(
    situations: &[Situation<'_>],
    past: &History,
    now: Timestamp,
) -> Option<String> {
    let suspects = in_use(situations, past, now).filter(|(_, writer)| seems_lost(writer));
    too_many(
        suspects.map(|(_, writer)| writer),
        situations,
        past,
        "suspect",
    )
}

/// Why no machine that answers may be rebooted, if so: as many of them are sick at once, or seem
/// lost. What came to all of them, a commit or a mirror, no reboot mends.
pub(super) fn fever(
    situations: &[Situation<'_>],
    past: &History,
    now: Timestamp,
) -> Option<String> {
    let suspects = in_use(situations, past, now).filter(|(at, writer)| {
        let sickness = past.sicknesses.of(&writer.name);
        let sick = || sickness.is_some_and(|of| of.is_sick(&at.stack.waits, now));
        seems_lost(writer) || sick()
    });
    too_many(
        suspects.map(|(_, writer)| writer),
        situations,
        past,
        "sick or suspect",
    )
}

/// Machines that can write, of stacks that go on.
fn in_use<'s, 'a>(
    situations: &'s [Situation<'a>],
    past: &'s History,
    now: Timestamp,
) -> impl Iterator<Item = (&'s Situation<'a>, &'s Writer<'a>)> {
    // Off because it was wished to be, for good or for another size, is no suspicion.
    let goes_on = situations
        .iter()
        .filter(move |at| at.stack.ended(now).is_none());
    goes_on
        .filter_map(|at| Some((at, at.writer.as_ref()?)))
        .filter(|(at, writer)| {
            let switched_off = past.windows.switched_off(&at.stack.id) == Some(&writer.name);
            let as_wished = switched_off && matches!(writer.state, WriterState::Off);
            writer.fenced.is_none() && !as_wished
        })
}

/// What a person has signed for by name is no suspicion.
fn seems_lost(writer: &Writer<'_>) -> bool {
    matches!(
        writer.state,
        WriterState::Gone | WriterState::OffForGood(_) | WriterState::Off | WriterState::Silent(_)
    )
}

fn too_many<'s, 'a: 's>(
    suspects: impl Iterator<Item = &'s Writer<'a>>,
    situations: &[Situation<'_>],
    past: &History,
    what: &str,
) -> Option<String> {
    let mut count = 0_usize;
    let mut domains: BTreeMap<String, usize> = BTreeMap::new();
    for writer in suspects {
        count += 1;
        if let Some(hoster) = &writer.hoster {
            let site = site_of(writer, past).map_or_else(String::new, |site| format!(" {site}"));
            *domains.entry(format!("{hoster}{site}")).or_default() += 1;
        }
    }
    let limit = (situations.len() / 5).max(1);
    let stops = match what {
        "suspect" => "all rebuilds",
        _ => "all reboots",
    };
    if count > limit {
        return Some(format!(
            "{count} of {} machines are {what} at once; more than {limit} stops {stops}",
            situations.len()
        ));
    }
    domains
        .into_iter()
        .find(|(_, count)| *count >= 2)
        .map(|(domain, count)| format!("{count} machines are {what} at {domain} at once"))
}
