//! Which machines without a receipt are certainly ours (S6, S7), and what a lost journal learns of
//! repositories from the backup machines that keep them.
//!
//! A machine that carries our label was made by us if the journal says that we
//! began to make it, or if the journal never made any (it was lost, and Git
//! and the hosters are all that is left). In any other case the label alone proves
//! nothing, and the machine is not touched.

use super::history::History;
use super::made::PastMachine;
use super::names::create_step;
use super::repositories::named;
use crate::model::desired::{Desired, DesiredStack};
use crate::model::gap::GapKind;
use crate::model::ids::{HosterId, MachineName, StackId};
use crate::model::journal::Event;
use crate::model::machine::Role;
use crate::model::observed::{Observed, Power, Unseen};
use crate::model::point::{RecoveryPoint, Rung};

/// Receipts to be written, with the stack each belongs to.
pub fn adoptable(seen: &Observed, past: &History) -> Vec<(Option<StackId>, Event)> {
    seen.hosters
        .values()
        .flatten()
        .flat_map(|inventory| &inventory.machines)
        .filter(|machine| !past.machines.contains_key(&machine.name))
        .filter(|machine| {
            let intent = create_step(machine.stack.as_ref(), &machine.name);
            may_be_lost(past)
                || past.unfinished.contains(&intent)
                || past.orders.took(&machine.name, &machine.provider_id)
        })
        .map(|machine| {
            let created = Event::Created {
                machine: machine.name.clone(),
                hoster: machine.hoster.clone(),
                provider_id: machine.provider_id.clone(),
                role: machine.role,
                epoch: machine.epoch,
                wanted: None,
                machine_type: (machine.hardware.as_ref()).map(|of| of.machine_type.clone()),
                asked: None,
            };
            (machine.stack.clone(), created)
        })
        .collect()
}

/// The journal never made a machine. Adopted machines are not made: what could not be seen at the
/// first look is adopted later.
fn may_be_lost(past: &History) -> bool {
    past.machines.is_empty() || !past.durations.contains_key("create")
}

/// An ordered machine that was not seen, and of which nobody can say that it is not the one that
/// is looked for: the journal may have been lost, and what is left of it names another machine
/// there nowhere (S1, S6).
pub(super) fn may_be_ours(hoster: &HosterId, unseen: &Unseen, past: &History) -> bool {
    let known =
        |made: &PastMachine| made.hoster == *hoster && made.provider_id == unseen.provider_id;
    unseen.gap.kind != GapKind::NotOurs && may_be_lost(past) && !past.machines.values().any(known)
}

/// Machines that would not start once and run now: what was remembered of them is over.
pub fn recovered(seen: &Observed, past: &History) -> Vec<(Option<StackId>, Event)> {
    seen.hosters
        .values()
        .flatten()
        .flat_map(|inventory| &inventory.machines)
        .filter(|machine| machine.power == Power::On)
        .filter(|machine| {
            past.machines
                .get(&machine.name)
                .is_some_and(|past| past.power_on_failed.is_some())
        })
        .map(|machine| {
            let seen_on = Event::SeenOn {
                machine: machine.name.clone(),
            };
            (machine.stack.clone(), seen_on)
        })
        .collect()
}

/// Machines that are of the type that the estate asks for, whoever saw to it, or of whose type nobody
/// remembers anything. From then on what differs from it is asked for, or was done by hand. What was
/// asked for is remembered with it: only a commit makes that smaller.
pub fn sized(want: &Desired, seen: &Observed, past: &History) -> Vec<(Option<StackId>, Event)> {
    let all = seen.hosters.values().flatten().flat_map(|i| &i.machines);
    all.filter_map(|machine| {
        let is = &machine.hardware.as_ref()?.machine_type;
        let stack = want.stacks.get(machine.stack.as_ref()?)?;
        let made = past.machines.get(&machine.name)?;
        let was = made.machine_type.as_ref();
        let as_asked = stack.production.machine_type.as_ref() == Some(is);
        let asked = stack.production.size.filter(|_| as_asked);
        // Within a window it would tell of another type.
        let another_wish =
            asked.is_some() && made.asked != asked && !past.windows.is_shut(&stack.id);
        let another_type = was != Some(is) && (as_asked || was.is_none());
        let news = machine.role == Role::Production && (another_type || another_wish);
        news.then(|| {
            let resized = Event::Resized {
                machine: machine.name.clone(),
                machine_type: is.clone(),
                asked,
            };
            (machine.stack.clone(), resized)
        })
    })
    .collect()
}

/// Repositories of stacks of which the journal knows none. While one that may have points does not
/// answer nothing is written down, so that all are asked again (S1).
pub fn found(want: &Desired, seen: &Observed, past: &History) -> Vec<(Option<StackId>, Event)> {
    let unknown = |stack: &&DesiredStack| !past.repositories.contains_key(&stack.id);
    want.stacks
        .values()
        .filter(unknown)
        .filter_map(|stack| {
            let here = seen.points.get(&stack.id)?.as_deref().ok()?;
            let elsewhere = seen.former.get(&stack.id).into_iter().flatten();
            let elsewhere =
                elsewhere.map(|(machine, points)| Some((machine, points.as_deref().ok()?)));
            let elsewhere: Vec<_> = elsewhere.collect::<Option<_>>()?;
            let former = elsewhere
                .into_iter()
                .map(|(machine, points)| (machine.clone(), false, points));
            let all = former.chain([(named(stack), true, here)]);
            let full = all.filter(|(.., points)| !points.is_empty());
            Some(full.map(move |(machine, named, points)| {
                let event = repository(machine, named, points, seen);
                (Some(stack.id.clone()), event)
            }))
        })
        .flatten()
        .collect()
}

fn repository(
    machine: MachineName,
    named: bool,
    points: &[RecoveryPoint],
    seen: &Observed,
) -> Event {
    let read_back = points.iter().filter(|point| point.rung >= Rung::Shipped);
    let arrived = |p: &RecoveryPoint| p.arrived_at.unwrap_or(p.taken_at).min(seen.at);
    Event::Found {
        machine,
        named,
        points: read_back.map(|p| (p.id.clone(), arrived(p))).collect(),
    }
}
