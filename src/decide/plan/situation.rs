//! Where a stack stands: who may write, who is on the way up, what could not be seen.

use super::fleet::{Fleet, Remembered};
use crate::decide::adoption::may_be_ours;
use crate::decide::given;
use crate::decide::history::History;
use crate::decide::made::PastMachine;
use crate::decide::names;
use crate::decide::repositories;
use crate::decide::silence::{Rescue, Silence};
use crate::model::desired::{Desired, DesiredStack, InterfaceFamily};
use crate::model::gap::{Gap, GapKind};
use crate::model::given::Given;
use crate::model::ids::{Epoch, HosterId, MachineName};
use crate::model::machine::{MachineFacts, Stage};
use crate::model::observed::{Former, Observed, Power, SeenMachine, Unseen};
use crate::model::point::{RecoveryPoint, Rung};
use std::collections::BTreeSet;

/// The machine that was last allowed to write.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub name: MachineName,
    pub epoch: Epoch,
    /// Where it stands or stood; `None` when only its recovery points tell of it.
    pub hoster: Option<HosterId>,
    pub seen: Option<&'a SeenMachine>,
    pub state: WriterState<'a>,
    /// Proof that it can no longer write, if there is one already.
    pub fenced: Option<&'a str>,
}

/// What can be said of the writer now.
#[derive(Debug)]
pub(super) enum WriterState<'a> {
    /// It answers.
    Answers(&'a MachineFacts),
    /// It should answer and does not, or its hoster could not be asked: unknown, so nothing is done (S1).
    Unseen(Gap),
    /// On by its hoster's word, and without an answer on SSH.
    Silent(&'a Gap),
    /// Off by the hoster's word; switching on has not been tried.
    Off,
    /// Off by the hoster's word, and switching on failed.
    OffForGood(&'a str),
    /// Gone by the hoster's own word.
    Gone,
    /// It does not answer, and a signed waiver says that it can no longer write.
    Waived,
}

/// Everything about one stack that the stages look at.
#[derive(Debug)]
pub(super) struct Situation<'a> {
    pub stack: &'a DesiredStack,
    /// Production machines with our label, oldest epoch first, quarantined ones included.
    pub machines: Vec<&'a SeenMachine>,
    /// What must be seen before a machine is created or declared lost, and was not.
    pub unseen: Vec<Gap>,
    pub writer: Option<Writer<'a>>,
    /// A newer machine on its way up, never opened.
    pub candidate: Option<&'a SeenMachine>,
    /// The backup machine that its points go to.
    pub serving: MachineName,
    /// The points there.
    pub points: Result<&'a [RecoveryPoint], Gap>,
    /// The points on backup machines that it named before.
    pub elsewhere: &'a Former,
    /// The epoch that a new machine would get.
    pub next_epoch: Epoch,
}

impl<'a> Situation<'a> {
    pub fn of(
        stack: &'a DesiredStack,
        want: &Desired,
        seen: &'a Observed,
        past: &'a History,
    ) -> Self {
        Self::among(&Fleet::of(seen, past), stack, want, seen, past)
    }

    /// The same for one of many.
    pub fn among(
        fleet: &Fleet<'a>,
        stack: &'a DesiredStack,
        want: &Desired,
        seen: &'a Observed,
        past: &'a History,
    ) -> Self {
        let mut machines = fleet.listed(&stack.id).to_vec();
        machines.sort_by_key(|m| m.epoch);
        let remembered = fleet.remembered(&stack.id);
        let serving = repositories::serving(stack, seen, past);
        let points = repositories::on(seen, stack, &serving).unwrap_or_else(|| {
            Err(Gap::new(
                GapKind::Unreachable,
                format!("recovery points of {}", stack.id),
                "they were not asked for",
            ))
        });
        let elsewhere = seen.former.get(&stack.id).unwrap_or(&NOWHERE);
        let point_epoch = points
            .iter()
            .copied()
            .chain(elsewhere.values().flatten().map(Vec::as_slice))
            .flatten()
            // What was never read back may claim anything (S10).
            .filter(|point| point.rung >= Rung::Shipped)
            .map(|point| point.epoch)
            .max();
        let given = given::highest(&stack.id, seen).map(|(_, given)| given);
        let top_epoch = machines
            .iter()
            .map(|m| m.epoch)
            .chain(remembered.iter().map(|(_, m)| m.epoch))
            .chain(past.writers.get(&stack.id).map(|(epoch, _)| *epoch))
            .chain(point_epoch)
            .chain(given.map(|given| given.epoch))
            .max()
            .unwrap_or_default();
        let any = given.is_some() || points.as_ref().is_ok_and(|points| !points.is_empty());
        let mut unseen = unseen(stack, want, seen, past, remembered, any);
        unseen.extend(machines.iter().filter_map(|m| without_receipt(m, past)));
        let told = told(stack, point_epoch, given);
        let writer = writer(stack, &machines, told, &unseen, want, seen, past);
        let candidate = machines
            .iter()
            .rfind(|m| !m.quarantined && writer.as_ref().is_none_or(|w| m.epoch > w.epoch))
            .copied();
        Self {
            stack,
            machines,
            unseen,
            writer,
            candidate,
            serving,
            points,
            elsewhere,
            next_epoch: top_epoch.next(),
        }
    }

    /// Other backup machines that answered, with points of this stack.
    pub fn answering_elsewhere(&self) -> impl Iterator<Item = &'a MachineName> + use<'a, '_> {
        let elsewhere: &'a Former = self.elsewhere;
        elsewhere
            .iter()
            .filter(|(name, points)| {
                **name != self.serving && points.as_ref().is_ok_and(|points| !points.is_empty())
            })
            .map(|(name, _)| name)
    }
}

static NOWHERE: Former = Former::new();

/// What must be known before a machine of this stack may be created or declared lost (S1).
///
/// Only hosters where the stack has, had or may have a machine: another hoster's
/// trouble is not this customer's (S16).
fn unseen(
    stack: &DesiredStack,
    want: &Desired,
    seen: &Observed,
    past: &History,
    remembered: &[Remembered<'_>],
    has_points: bool,
) -> Vec<Gap> {
    let mut relevant: BTreeSet<HosterId> = [&stack.production]
        .into_iter()
        .chain(&stack.fallback)
        .map(|p| p.hoster.clone())
        .chain(remembered.iter().map(|(_, m)| m.hoster.clone()))
        .collect();
    let forgotten = has_points && remembered.is_empty();
    if forgotten {
        // The journal was lost, the customer was not: its machine may stand anywhere.
        relevant.extend(want.hosters.keys().cloned());
    }
    let mut gaps = Vec::new();
    for hoster in &relevant {
        match seen.hosters.get(hoster) {
            Some(Ok(inventory)) => {
                let ours = |unseen: &&Unseen| {
                    forgotten
                        || may_be_ours(hoster, unseen, past)
                        || remembered.iter().any(|(name, m)| {
                            !waived(stack, name)
                                && m.hoster == *hoster
                                && m.provider_id == unseen.provider_id
                        })
                };
                let unseen = inventory.unseen.iter().filter(ours);
                gaps.extend(unseen.map(|unseen| unseen.gap.clone()));
            }
            Some(Err(_)) if abandoned(stack, hoster, remembered) => {}
            Some(Err(gap)) => gaps.push(gap.clone()),
            None => gaps.push(Gap::new(
                GapKind::Unreachable,
                format!("hoster {hoster}"),
                "it was not asked",
            )),
        }
    }
    gaps
}

/// A machine that does not answer, and of which nobody can say that users were never let in:
/// the journal does not remember its making, or an opening of it did not end (S1, S2).
pub(crate) fn may_write_unseen(machine: &SeenMachine, seen: &Observed, past: &History) -> bool {
    let unseen = !matches!(seen.machines.get(&machine.name), Some(Ok(_)));
    let unremembered = past
        .machines
        .get(&machine.name)
        .is_none_or(|made| made.wanted.is_none());
    let opening = past
        .unfinished
        .iter()
        .any(|step| step.as_str().ends_with(&format!(".open.{}", machine.name)));
    machine.power != Power::Off && !machine.quarantined && unseen && (unremembered || opening)
}

/// Every machine that the stack has at this hoster is named by a signed waiver, or was fenced and
/// set aside before: whatever stands there and cannot be seen, nobody waits for it.
fn abandoned(stack: &DesiredStack, hoster: &HosterId, remembered: &[Remembered<'_>]) -> bool {
    let mut there = remembered
        .iter()
        .filter(|(_, m)| m.hoster == *hoster)
        .peekable();
    there.peek().is_some()
        && there.all(|(name, m)| waived(stack, name) || (m.fenced.is_some() && m.set_aside))
}

fn waived(stack: &DesiredStack, machine: &MachineName) -> bool {
    stack
        .waivers
        .iter()
        .any(|waiver| waiver.machine == *machine)
}

/// A machine that its hoster does not list. An interface's word is enough; an inventory is a
/// list that we keep ourselves, so there only the machine itself can say that it was wiped (S2).
fn gone<'a>(
    name: &MachineName,
    remembered: Option<&PastMachine>,
    want: &Desired,
    seen: &Observed,
) -> WriterState<'a> {
    let Some(past) = remembered else {
        return WriterState::Gone; // Every hoster was asked, see `unseen`.
    };
    let pool = want
        .hosters
        .get(&past.hoster)
        .is_none_or(|account| account.descriptor.interface == InterfaceFamily::Pool);
    let blank = seen
        .hosters
        .get(&past.hoster)
        .and_then(|inventory| inventory.as_ref().ok())
        .is_some_and(|i| i.free.iter().any(|m| m.name.as_str() == past.provider_id));
    if !pool || blank {
        return WriterState::Gone;
    }
    WriterState::Unseen(Gap::new(
        GapKind::Unreachable,
        format!("machine {} at hoster {}", past.provider_id, past.hoster),
        format!("hosters.toml no longer lists it, so nobody can say whether {name} still writes"),
    ))
}

/// What answers with another key there is the rescue system that we began.
fn is_rescue(gap: &Gap, machine: &MachineName, past: &History) -> bool {
    let silence = past.silences.of(machine);
    gap.kind == GapKind::ForeignHostKey && silence.is_some_and(Silence::in_rescue)
}

/// Why a machine that we switched off ourselves is not switched on again.
const CHANCE_IS_OVER: &str = "it was given up, and its disk had its last chance";

/// It was given up, and its disk was tried from its hoster's rescue system.
fn had_its_chance(machine: &MachineName, past: &History) -> bool {
    let silence = past.silences.of(machine);
    silence.is_some_and(|silence| silence.rescue != Rescue::Untried)
}

/// Whether the hoster has an interface that knows of power.
pub(super) fn has_interface(want: &Desired, hoster: &HosterId) -> bool {
    let account = want.hosters.get(hoster);
    account.is_some_and(|account| account.descriptor.interface != InterfaceFamily::Pool)
}

/// A machine with our label that the journal does not know: the label alone proves nothing (S7).
pub(super) fn without_receipt(machine: &SeenMachine, past: &History) -> Option<Gap> {
    (!past.machines.contains_key(&machine.name)).then(|| {
        Gap::new(
            GapKind::Unreadable,
            format!("machine {} at hoster {}", machine.name, machine.hoster),
            "it carries our label, and the journal knows of no such machine; it is not touched until a person has removed the label or the machine",
        )
    })
}

/// Of whom points and names tell, where nothing else does: whoever owns production may add a point
/// that claims any epoch (S10).
fn told(
    stack: &DesiredStack,
    by_points: Option<Epoch>,
    given: Option<&Given>,
) -> Option<(Epoch, MachineName)> {
    let by_points = by_points.map(|epoch| (epoch, names::production_machine(&stack.id, epoch)));
    let by_names = given.map(|given| (given.epoch, given.machine.clone()));
    by_points.max(by_names)
}

fn writer<'a>(
    stack: &DesiredStack,
    machines: &[&'a SeenMachine],
    told: Option<(Epoch, MachineName)>,
    unseen: &[Gap],
    want: &Desired,
    seen: &'a Observed,
    past: &'a History,
) -> Option<Writer<'a>> {
    // A machine that says it was opened counts even if the journal does not know (a crash in between).
    let opened = machines
        .iter()
        .filter(|m| {
            matches!(seen.machines.get(&m.name), Some(Ok(facts)) if facts.stage >= Stage::Opened)
        })
        .map(|m| (m.epoch, m.name.clone()))
        .max();
    let dark = machines
        .iter()
        .filter(|m| may_write_unseen(m, seen, past))
        .map(|m| (m.epoch, m.name.clone()))
        .max();
    let known = opened
        .into_iter()
        .chain(past.writers.get(&stack.id).cloned())
        .chain(dark)
        .max_by_key(|(epoch, _)| *epoch);
    let (epoch, name) = known.or(told)?;
    let machine = machines.iter().find(|m| m.name == name).copied();
    let remembered = past.machines.get(&name);
    let hoster = machine
        .map(|m| m.hoster.clone())
        .or_else(|| remembered.map(|m| m.hoster.clone()));
    let state = match machine {
        None if waived(stack, &name) => WriterState::Waived,
        None => match unseen.first() {
            Some(gap) => WriterState::Unseen(gap.clone()),
            None => gone(&name, remembered, want, seen),
        },
        Some(m) if let Some(gap) = without_receipt(m, past) => WriterState::Unseen(gap),
        Some(m) => match (m.power, seen.machines.get(&name)) {
            (Power::Off, _) => match remembered.and_then(|r| r.power_on_failed.as_deref()) {
                Some(reason) => WriterState::OffForGood(reason),
                // Its successor is being filled: started anew, it would write beside it.
                None if had_its_chance(&name, past) => WriterState::OffForGood(CHANCE_IS_OVER),
                None => WriterState::Off,
            },
            (_, Some(Ok(facts))) => WriterState::Answers(facts),
            (_, Some(Err(gap)))
                if waived(stack, &name)
                    && (gap.kind != GapKind::ForeignHostKey || is_rescue(gap, &name, past)) =>
            {
                WriterState::Waived
            }
            (Power::On, Some(Err(gap)))
                if (gap.kind == GapKind::Unreachable || is_rescue(gap, &name, past))
                    && has_interface(want, &m.hoster) =>
            {
                WriterState::Silent(gap)
            }
            (_, Some(Err(gap))) => WriterState::Unseen(gap.clone()),
            (_, None) => WriterState::Unseen(Gap::new(
                GapKind::Unreachable,
                format!("machine {name}"),
                "it was not asked",
            )),
        },
    };
    Some(Writer {
        fenced: remembered.and_then(|r| r.fenced.as_deref()),
        name,
        epoch,
        hoster,
        seen: machine,
        state,
    })
}
