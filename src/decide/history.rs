//! What the journal says has happened, derived from its entries each time.

use super::asides::Asides;
use super::made::{PastMachine, PastRepository};
use super::names;
use super::orders::Orders;
use super::past_drills::{PastDrill, PastDrills};
use super::pause::{Pause, Pauses};
use super::rebuilds::Rebuilds;
use super::sickness::Sicknesses;
use super::silence::Silences;
use super::ttls::Ttls;
use super::windows::{Window, Windows};
use crate::model::ids::{
    CommitId, Epoch, HostName, HosterId, MachineName, PointId, SiteId, StackId, StepId,
};
use crate::model::journal::{Entry, Event, StepResult};
use crate::model::machine::Role;
use crate::model::operation::FaultClass;
use crate::model::point::Rung;
use crate::model::verification::Reading;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The past, as far as decisions need it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The last accepted head (S9).
    pub accepted: Option<CommitId>,
    /// All heads that were accepted, oldest first; one that was accepted again stands there again.
    pub heads: Vec<CommitId>,
    /// Heads that were refused because they do not descend from the accepted one (S9).
    pub set_back: BTreeSet<CommitId>,
    /// Under which accepted head the machine of a stack was last brought in line, as people asked.
    pub in_line: BTreeMap<StackId, CommitId>,
    /// The same for each machine that stacks share: one of them says nothing of the others.
    pub shared_in_line: BTreeMap<MachineName, CommitId>,
    /// Ordered machines that we began to take and know no end of.
    pub orders: Orders,
    /// What became of the data of machines that were closed or fenced.
    pub asides: Asides,
    /// Machines we made: creation receipts (S7) and what became of them.
    pub machines: BTreeMap<MachineName, PastMachine>,
    /// Who was last opened, per stack.
    pub writers: BTreeMap<StackId, (Epoch, MachineName)>,
    /// Which stack each name was last pointed at a machine of.
    pub names: BTreeMap<HostName, StackId>,
    /// The backup machines on which each stack was given a repository.
    pub repositories: BTreeMap<StackId, BTreeMap<MachineName, PastRepository>>,
    /// Places that had no room, and when they said so.
    pub no_capacity: BTreeMap<(HosterId, SiteId), Timestamp>,
    /// When points of a stack were read back, those that were forgotten or lost since included.
    pub read_back: BTreeMap<StackId, BTreeSet<Timestamp>>,
    /// What the readings of repositories have come to, per stack and backup machine. While
    /// something there is damaged, nothing may be taken out of it (S12).
    pub read: BTreeMap<StackId, BTreeMap<MachineName, Reading>>,
    /// Steps that were last refused in a way that only people can change.
    pub refused_for_good: BTreeSet<StepId>,
    /// Started without an end: look, then plan again (S6).
    pub unfinished: BTreeSet<StepId>,
    /// Steps that were begun last as a repair.
    pub repairs: BTreeSet<StepId>,
    /// From which head each of the unfinished was planned.
    pub planned_from: BTreeMap<StepId, CommitId>,
    /// How long steps took that ended well, in milliseconds, by verb.
    pub durations: BTreeMap<String, Vec<u64>>,
    /// What was proven of each stack, and when it was tried.
    pub drills: BTreeMap<StackId, PastDrills>,
    /// Backup machines from which a repository was deleted because people signed for it, and when.
    pub discarded: BTreeMap<MachineName, Timestamp>,
    /// What operators paused.
    pub pauses: Pauses,
    /// Rebuilds that nobody signed for by name (S8).
    pub rebuilds: Rebuilds,
    /// How long users were shut out in moves, and what was tried meanwhile.
    pub windows: Windows,
    /// Machines in use that say nothing.
    pub silences: Silences,
    /// What was mended on machines that answer, again and again.
    pub sicknesses: Sicknesses,
    /// Names that others may remember for a short time only, for now.
    pub ttls: Ttls,
    /// When those steps were begun of which the journal has no end at all.
    pub begun: BTreeMap<StepId, Timestamp>,
}

impl History {
    /// Reads the journal from its beginning.
    pub fn from_entries(entries: &[Entry]) -> Self {
        let mut past = Self::default();
        for entry in entries {
            past.take_in(entry);
        }
        past
    }

    /// Takes in what would have been written, where nothing may be written.
    pub fn suppose(&mut self, stack: Option<&StackId>, event: &Event, at: Timestamp) {
        self.take_in(&Entry {
            seq: 0,
            at,
            stack: stack.cloned(),
            event: event.clone(),
        });
    }

    /// Takes in the next entry. Gives how long users of its stack were shut out, where it is the one
    /// that lets them in at another machine, or at another size.
    pub fn shut_until(&mut self, entry: &Entry) -> Option<SignedDuration> {
        self.take_in(entry);
        let stack = entry.stack.as_ref()?;
        let opens = |window: &&Window| {
            matches!(entry.event, Event::Opened { .. }) && window.opened_by == entry.seq
        };
        let mut all = (self.windows.last(stack).into_iter()).chain(self.windows.last_size(stack));
        all.find(opens).map(Window::length)
    }

    /// Takes in the next entry.
    pub fn take_in(&mut self, entry: &Entry) {
        self.orders.take_in(entry);
        self.asides.take_in(entry);
        let writer = entry.stack.as_ref().and_then(|of| self.writers.get(of));
        let writer = writer.map(|(_, machine)| machine);
        self.windows.take_in(entry, writer, self.accepted.as_ref());
        self.rebuilds.take_in(entry, writer);
        self.silences.take_in(entry);
        self.sicknesses.take_in(entry);
        self.ttls.take_in(entry);
        match &entry.event {
            Event::Accepted { commit } => {
                self.accepted = Some(commit.clone());
                self.heads.push(commit.clone());
            }
            Event::SetBack { head } => {
                self.set_back.insert(head.clone());
            }
            Event::Started {
                step, repair, head, ..
            } => {
                self.unfinished.insert(step.clone());
                self.begun.insert(step.clone(), entry.at);
                if let Some(head) = head {
                    self.planned_from.insert(step.clone(), head.clone());
                }
                self.begin_drill(entry, step);
                if *repair {
                    self.repairs.insert(step.clone());
                } else {
                    self.repairs.remove(step);
                }
            }
            Event::Ended {
                step,
                result,
                millis,
            } => {
                self.begun.remove(step);
                if *result == StepResult::Done {
                    if let Some(verb) = self.windows.kind_of(step) {
                        let durations = self.durations.entry(verb.to_owned()).or_default();
                        durations.push(*millis);
                    }
                    self.brought_in_line(entry.stack.as_ref(), step);
                }
                self.planned_from.remove(step);
                let for_good = FaultClass::NeedsHuman;
                if matches!(result, StepResult::Refused { class, .. } if *class == for_good) {
                    self.refused_for_good.insert(step.clone());
                } else {
                    self.refused_for_good.remove(step);
                }
                if !matches!(result, StepResult::Unknown { .. }) {
                    self.unfinished.remove(step);
                }
                if let (Some(stack), StepResult::Done) = (&entry.stack, result) {
                    self.remember_repository(stack, step, entry.at);
                }
            }
            Event::Created {
                machine,
                hoster,
                provider_id,
                role,
                epoch,
                wanted,
                machine_type,
                asked,
            } => {
                self.machines.insert(
                    machine.clone(),
                    PastMachine {
                        hoster: hoster.clone(),
                        provider_id: provider_id.clone(),
                        role: *role,
                        stack: entry.stack.clone(),
                        epoch: *epoch,
                        wanted: wanted.clone(),
                        machine_type: machine_type.clone(),
                        asked: *asked,
                        resized: false,
                        fenced: None,
                        set_aside: false,
                        power_on_failed: None,
                    },
                );
            }
            Event::Fenced { machine, proof } => {
                if let Some(past) = self.machines.get_mut(machine) {
                    past.fenced = Some(proof.clone());
                }
            }
            Event::Opened { machine, epoch, .. } => {
                if let Some(stack) = &entry.stack {
                    self.writers
                        .insert(stack.clone(), (*epoch, machine.clone()));
                }
                if let Some(past) = self.machines.get_mut(machine) {
                    past.fenced = None;
                    past.set_aside = false;
                    past.power_on_failed = None;
                }
            }
            Event::Resized {
                machine,
                machine_type,
                asked,
            } => {
                if let Some(past) = self.machines.get_mut(machine) {
                    let was = past.machine_type.replace(machine_type.clone());
                    past.resized |= was.is_some_and(|was| was != *machine_type);
                    past.asked = *asked;
                }
            }
            Event::PowerOnFailed { machine, reason } => {
                if let Some(past) = self.machines.get_mut(machine) {
                    past.power_on_failed = Some(reason.clone());
                }
            }
            Event::SeenOn { machine } => {
                if let Some(past) = self.machines.get_mut(machine) {
                    past.power_on_failed = None;
                }
            }
            Event::NoCapacity { hoster, site } => {
                self.no_capacity
                    .insert((hoster.clone(), site.clone()), entry.at);
            }
            Event::Proven { point, rung } => {
                if let Some(stack) = &entry.stack {
                    let drills = self.drills.entry(stack.clone()).or_default();
                    drills.possible_since.get_or_insert(entry.at);
                    if *rung == Rung::Shipped {
                        let read_back = self.read_back.entry(stack.clone()).or_default();
                        read_back.insert(entry.at);
                        self.remember_point(stack, point, entry.at);
                    }
                }
            }
            Event::Copied { from, to, points } => {
                if let Some(copied) = self.repository_mut(entry.stack.as_ref(), from) {
                    copied.copied.insert(to.clone(), (entry.at, *points));
                }
            }
            Event::Found {
                machine,
                named,
                points,
            } => self.find_repository(entry, machine, *named, points),
            Event::Discarded { machine, .. } => self.discard(entry, machine),
            Event::Forgotten { machine, points } => {
                if let Some(kept) = self.repository_mut(entry.stack.as_ref(), machine) {
                    kept.points.retain(|point, _| !points.contains(point));
                }
            }
            Event::Drilled {
                point,
                machine,
                passed,
                escrow,
                ..
            } => {
                if let Some(stack) = &entry.stack {
                    let drills = self.drills.entry(stack.clone()).or_default();
                    drills.last = Some(PastDrill {
                        at: entry.at,
                        point: point.clone(),
                        machine: machine.clone(),
                        passed: *passed,
                    });
                    if *passed {
                        drills.passed_at = Some(entry.at);
                        if *escrow {
                            drills.escrow_passed_at = Some(entry.at);
                        }
                    }
                }
            }
            Event::Destroyed { machine } => {
                self.machines.remove(machine);
            }
            Event::Quarantined { machine } => {
                if let Some(past) = self.machines.get_mut(machine) {
                    past.set_aside = true;
                }
            }
            Event::Named { host, .. } => {
                if let Some(stack) = &entry.stack {
                    self.names.insert(host.clone(), stack.clone());
                }
            }
            Event::Verified {
                machine,
                part,
                of,
                findings,
            } => {
                let Some(stack) = &entry.stack else { return };
                let known = self.read.entry(stack.clone()).or_default();
                known
                    .entry(machine.clone())
                    .and_modify(|reading| reading.take_in(*part, *of, findings, entry.at))
                    .or_insert_with(|| Reading::first(*part, *of, findings, entry.at));
            }
            Event::Paused { until, reason } => self.pauses.begin(
                entry.stack.as_ref(),
                Pause {
                    since: entry.at,
                    until: *until,
                    reason: reason.clone(),
                    of_all: entry.stack.is_none(),
                },
            ),
            Event::Resumed {} => self.pauses.end(entry.stack.as_ref()),
            Event::Closed { .. }
            | Event::Ordered { .. }
            | Event::SavedAside { .. }
            | Event::TtlSet { .. }
            | Event::FellSilent { .. }
            | Event::StillSilent { .. }
            | Event::Answered { .. }
            | Event::Tried { .. }
            | Event::Rebooted { .. }
            | Event::LastChance { .. }
            | Event::Healed { .. } => {}
        }
    }

    /// The machine of a drill is begun: `acme.create.acme-drill-3`. Its number is used up,
    /// whatever becomes of it.
    fn begin_drill(&mut self, entry: &Entry, step: &StepId) {
        let Some(stack) = &entry.stack else { return };
        let mut parts = step.as_str().splitn(3, '.');
        let (_, Some("create"), Some(object)) = (parts.next(), parts.next(), parts.next()) else {
            return;
        };
        if let Some(number) = names::drill_number(stack, &MachineName::new(object)) {
            let drills = self.drills.entry(stack.clone()).or_default();
            drills.numbered = drills.numbered.max(number);
            drills.begun_at = Some(entry.at);
        }
    }

    /// A step's id says what was done: `acme.repository.backup-netcup-vie`.
    fn remember_repository(&mut self, stack: &StackId, step: &StepId, at: Timestamp) {
        let machine = step
            .as_str()
            .strip_prefix(stack.as_str())
            .and_then(|rest| rest.strip_prefix(".repository."));
        if let Some(machine) = machine {
            let known = self.repositories.entry(stack.clone()).or_default();
            let kept = known.entry(MachineName::new(machine)).or_default();
            // In use again: what was copied from it before is not all that it holds.
            kept.copied.clear();
            kept.given = at;
        }
    }

    /// Nobody knows when it was given; before the one that the stack's file names, certainly.
    fn find_repository(
        &mut self,
        entry: &Entry,
        machine: &MachineName,
        named: bool,
        points: &BTreeMap<PointId, Timestamp>,
    ) {
        let Some(stack) = &entry.stack else { return };
        let known = self.repositories.entry(stack.clone()).or_default();
        known.entry(machine.clone()).or_insert(PastRepository {
            given: if named { entry.at } else { Timestamp::MIN },
            points: points.clone(),
            copied: BTreeMap::new(),
        });
    }

    /// Nothing of the stack is there any more: the machine is not asked for it again.
    fn discard(&mut self, entry: &Entry, machine: &MachineName) {
        let Some(stack) = &entry.stack else { return };
        if let Some(known) = self.repositories.get_mut(stack) {
            known.remove(machine);
        }
        if let Some(known) = self.read.get_mut(stack) {
            known.remove(machine);
        }
        self.discarded.insert(machine.clone(), entry.at);
    }

    /// Points go where the stack was given a repository last.
    fn remember_point(&mut self, stack: &StackId, point: &PointId, at: Timestamp) {
        let all = self.repositories.get_mut(stack);
        let latest = all.and_then(|all| all.values_mut().max_by_key(|kept| kept.given));
        if let Some(kept) = latest {
            kept.points.entry(point.clone()).or_insert(at);
        }
    }

    fn repository_mut(
        &mut self,
        stack: Option<&StackId>,
        machine: &MachineName,
    ) -> Option<&mut PastRepository> {
        self.repositories.get_mut(stack?)?.get_mut(machine)
    }

    /// The backup machine on which a stack was given a repository last.
    pub fn repository_in_use(&self, stack: &StackId) -> Option<&MachineName> {
        let all = self.repositories.get(stack)?;
        let latest = all.iter().max_by_key(|(_, kept)| kept.given)?;
        Some(latest.0)
    }

    /// What is known of a stack's repository on a backup machine.
    pub fn repository(&self, stack: &StackId, machine: &MachineName) -> Option<&PastRepository> {
        self.repositories.get(stack)?.get(machine)
    }

    /// Steps that make a machine what is asked for; ids are `owner.verb.object`. A repair makes
    /// it what the head says as well, but waits for nobody: that it was done does not say that
    /// people signed for it.
    fn brought_in_line(&mut self, stack: Option<&StackId>, step: &StepId) {
        let mut parts = step.as_str().splitn(3, '.');
        let (_, verb, object) = (parts.next(), parts.next(), parts.next());
        let head = self.planned_from.get(step).or(self.accepted.as_ref());
        let (Some("install" | "converge"), Some(object), Some(head)) = (
            verb,
            object,
            head.filter(|_| !self.repairs.contains(step)).cloned(),
        ) else {
            return;
        };
        match stack {
            Some(stack) => self.in_line.insert(stack.clone(), head),
            None => self.shared_in_line.insert(MachineName::new(object), head),
        };
    }

    /// Under which head this machine of a stack, or of those that stacks share, was last brought
    /// in line.
    pub fn in_line_under(
        &self,
        stack: Option<&StackId>,
        machine: &MachineName,
    ) -> Option<&CommitId> {
        match stack {
            Some(stack) => self.in_line.get(stack),
            None => self.shared_in_line.get(machine),
        }
    }

    /// Machines made for this stack's production.
    pub fn of_stack<'a>(
        &'a self,
        stack: &'a StackId,
    ) -> impl Iterator<Item = (&'a MachineName, &'a PastMachine)> {
        self.machines.iter().filter(move |(_, past)| {
            past.role == Role::Production && past.stack.as_ref() == Some(stack)
        })
    }
}
