//! For how long others may remember where a stack's names lead: shortly, before a move changes
//! it, and as usual again once that has come to its end.

use super::draft::{Pen, because, because_of};
use super::situation::Writer;
use super::view::View;
use crate::model::desired::Placement;
use crate::model::ids::HostName;
use crate::model::plan::{Action, Effect, Hold};
use crate::model::point::Rung;
use crate::model::units::show_duration;
use jiff::SignedDuration;

/// What a TTL is lowered to, in seconds. Shorter ones are rounded up by many who ask.
const BRIEF: u32 = 60;

/// Lowers the TTL of its names, and holds the move until nobody goes by the old one. Whether the
/// move may begin: a name that could not be seen holds it too, for it would end there.
pub(super) fn is_low(
    view: &View<'_>,
    writer: &Writer<'_>,
    placement: &Placement,
    wanted: &str,
    pen: &mut Pen<'_>,
) -> bool {
    let (Some(usual), Some(old)) = (usual(view), writer.seen) else {
        return true;
    };
    let now = view.seen.at;
    let mut until = None;
    for service in &view.at.stack.services {
        let host = &service.host;
        let name = match view.seen.names.get(host) {
            Some(Ok(name)) => name,
            Some(Err(gap)) => {
                let remedy = "a move ends with its names; look at the name server";
                pen.hold_unseen(wanted, gap, remedy);
                return false;
            }
            None => continue,
        };
        if !name.leads_to(old.address) {
            continue; // Who remembers it goes elsewhere today.
        }
        let faded_at = view.past.ttls.faded_at(host);
        let before = name.ttl.unwrap_or(usual).max(usual);
        let high = faded_at.is_none() && name.ttl.is_some_and(|ttl| ttl > BRIEF);
        if high || is_unfinished(view, host) {
            pen.step(
                Action::Ttl {
                    host: host.clone(),
                    machine: writer.name.clone(),
                    seconds: BRIEF,
                    ahead: true,
                },
                Effect::Safe,
                because_of(
                    &placement.place,
                    "who looks the name up before the move is to ask again soon after it",
                ),
                &[],
            );
            until = until.max(Some(now + seconds(before)));
        } else {
            until = until.max(faded_at.filter(|at| now < *at));
        }
    }
    let Some(until) = until else { return true };
    let hold = Hold::NotYet {
        until,
        reason: format!(
            "until then others may remember the old address for longer than {}",
            show_duration(seconds(BRIEF))
        ),
    };
    let remedy = format!(
        "users go on; it begins by itself with holdfast run, or run holdfast apply again in {}",
        show_duration(SignedDuration::from_secs(
            until.duration_since(now).as_secs()
        ))
    );
    pen.hold(wanted, hold, remedy);
    false
}

/// The usual TTL again, once the machine that names lead to has a recovery point of its own.
pub(super) fn as_usual(view: &View<'_>, writer: &Writer<'_>, pen: &mut Pen<'_>) {
    let (Some(usual), Some(machine)) = (usual(view), writer.seen) else {
        return;
    };
    let points = view.at.points.as_ref().ok();
    let mut points = points.into_iter().copied().flatten();
    if !points.any(|point| point.epoch == writer.epoch && point.rung >= Rung::Shipped) {
        return;
    }
    for service in &view.at.stack.services {
        let Some(Ok(name)) = view.seen.names.get(&service.host) else {
            continue;
        };
        let lowered = view.past.ttls.faded_at(&service.host).is_some();
        // By a journal that was lost since.
        let forgotten = name.ttl.is_some_and(|ttl| ttl <= BRIEF) && usual > BRIEF;
        if name.leads_to(machine.address) && (lowered || forgotten) {
            pen.step(
                Action::Ttl {
                    host: service.host.clone(),
                    machine: writer.name.clone(),
                    seconds: usual,
                    ahead: false,
                },
                Effect::Safe,
                because("what the name leads to is not about to change"),
                &[],
            );
        }
    }
}

/// What a name is given with its new address: while the move that lowered its TTL is not known
/// to have gone well, the same.
pub(super) fn at_first(view: &View<'_>, host: &HostName) -> Option<u32> {
    view.past.ttls.faded_at(host).map(|_| BRIEF)
}

/// What `estate.toml` says; `None`: there is no name server.
fn usual(view: &View<'_>) -> Option<u32> {
    let ttl = view.want.dns.as_ref()?.ttl.as_secs().max(0);
    Some(u32::try_from(ttl).unwrap_or(u32::MAX))
}

/// It may have been lowered, and nobody has written down when.
fn is_unfinished(view: &View<'_>, host: &HostName) -> bool {
    let step = format!("{}.lower-ttl.{host}", view.at.stack.id);
    let mut unfinished = view.past.unfinished.iter();
    unfinished.any(|id| id.as_str() == step)
}

fn seconds(count: u32) -> SignedDuration {
    SignedDuration::from_secs(count.into())
}
