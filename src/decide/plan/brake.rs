//! The storm brake (S8): many suspects at once mean a common cause, not many dead machines.

use super::lost::site_of;
use super::situation::{Situation, WriterState};
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
    let mut suspects = 0_usize;
    let mut domains: BTreeMap<String, usize> = BTreeMap::new();
    for at in situations {
        let Some(writer) = &at.writer else { continue };
        if at.stack.ended(now).is_some() {
            continue; // Off because it was wished to be.
        }
        let lost = matches!(
            writer.state,
            // What a person has signed for by name is no suspicion.
            WriterState::Gone
                | WriterState::OffForGood(_)
                | WriterState::Off
                | WriterState::Silent(_)
        );
        // Off because another size for it has begun.
        let switched_off = past.windows.switched_off(&at.stack.id) == Some(&writer.name);
        if !lost || writer.fenced.is_some() || switched_off {
            continue;
        }
        suspects += 1;
        if let Some(hoster) = &writer.hoster {
            let site = site_of(writer, past).map_or_else(String::new, |site| format!(" {site}"));
            *domains.entry(format!("{hoster}{site}")).or_default() += 1;
        }
    }
    let limit = (situations.len() / 5).max(1);
    if suspects > limit {
        return Some(format!(
            "{suspects} of {} machines are suspect at once; more than {limit} stops all rebuilds",
            situations.len()
        ));
    }
    domains
        .into_iter()
        .find(|(_, count)| *count >= 2)
        .map(|(domain, count)| format!("{count} machines are suspect at {domain} at once"))
}
