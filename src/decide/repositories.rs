//! Which backup machine a stack's points go to, and which still keep older ones of it.

use super::history::History;
use super::made::PastRepository;
use super::names;
use super::point::{self, Choice};
use crate::model::desired::DesiredStack;
use crate::model::gap::Gap;
use crate::model::ids::{MachineName, StackId};
use crate::model::machine::Role;
use crate::model::observed::{Former, Observed, SeenMachine};
use crate::model::point::{RecoveryPoint, Rung};
use std::collections::{BTreeMap, BTreeSet};

/// The repositories of all stacks, as the journal tells of them.
#[derive(Debug, Clone, Default)]
pub struct Repositories {
    made: BTreeSet<MachineName>,
    of: BTreeMap<StackId, BTreeMap<MachineName, PastRepository>>,
}

/// What may be done to a stack's repository over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Its production adds points.
    Production,
    /// Nobody but the reconciler, who reads what another repository does not have yet: what
    /// production was given does not open it any more.
    History,
    /// None: everything in it is elsewhere as well.
    Closed,
}

impl From<&History> for Repositories {
    fn from(past: &History) -> Self {
        Self {
            made: past.machines.keys().cloned().collect(),
            of: past.repositories.clone(),
        }
    }
}

impl Repositories {
    /// The backup machine that a stack's points go to: the one its file names, or the one in
    /// use for as long as the other was never made.
    pub fn serving(
        &self,
        stack: &DesiredStack,
        there: impl Fn(&MachineName) -> bool,
    ) -> MachineName {
        let made = |machine: &MachineName| self.made.contains(machine);
        in_use(stack, made, self.of.get(&stack.id), there)
    }

    /// Who may reach the repository of a stack on a backup machine that its file does not name.
    ///
    /// Production keeps its way in until its first point has been read back at the other one.
    pub fn way(&self, stack: &DesiredStack, machine: &MachineName) -> Way {
        let named = named(stack);
        if *machine == named {
            return Way::Production;
        }
        let of = self.of.get(&stack.id);
        if of.is_some_and(|of| {
            of.get(machine)
                .is_some_and(|m| m.copied.contains_key(&named))
        }) {
            return Way::Closed;
        }
        let there = of.and_then(|of| of.get(&named));
        let latest = of.is_some_and(|of| {
            let given = |m: &PastRepository| m.given;
            there.map(given) >= of.values().map(given).max()
        });
        if latest && there.is_some_and(|there| !there.points.is_empty()) {
            Way::History
        } else {
            Way::Production
        }
    }

    /// Stacks that were given a repository on this machine.
    pub fn on<'a>(&'a self, machine: &'a MachineName) -> impl Iterator<Item = &'a StackId> {
        self.of
            .iter()
            .filter(move |(_, of)| of.contains_key(machine))
            .map(|(stack, _)| stack)
    }

    /// Whether a backup machine is asked for points of a stack: where the journal knows of a
    /// repository; everywhere when it knows of none at all, because then it was lost.
    pub fn may_hold(&self, stack: &StackId, machine: &MachineName) -> bool {
        self.of.get(stack).is_none_or(|of| of.contains_key(machine))
    }
}

/// The backup machine that a stack's points go to, by the journal and by what was seen.
pub fn serving(stack: &DesiredStack, seen: &Observed, past: &History) -> MachineName {
    let made = |machine: &MachineName| past.machines.contains_key(machine);
    let of = past.repositories.get(&stack.id);
    in_use(stack, made, of, |name| listed(seen, name).is_some())
}

fn in_use(
    stack: &DesiredStack,
    made: impl Fn(&MachineName) -> bool,
    of: Option<&BTreeMap<MachineName, PastRepository>>,
    there: impl Fn(&MachineName) -> bool,
) -> MachineName {
    let named = named(stack);
    if made(&named) || there(&named) {
        return named;
    }
    let others = of.into_iter().flatten();
    others
        .filter(|(machine, _)| there(machine))
        .max_by_key(|(_, kept)| kept.given)
        .map_or(named, |(machine, _)| machine.clone())
}

/// The backup machine that a stack's file names.
pub fn named(stack: &DesiredStack) -> MachineName {
    let placement = &stack.backup.placement;
    names::backup_machine(&placement.hoster, &placement.site)
}

/// The points of a stack on one backup machine; none where nobody says that it has any.
pub fn on<'a>(
    seen: &'a Observed,
    stack: &DesiredStack,
    machine: &MachineName,
) -> Option<Result<&'a [RecoveryPoint], Gap>> {
    let points = if *machine == named(stack) {
        seen.points.get(&stack.id)
    } else {
        seen.former.get(&stack.id).and_then(|of| of.get(machine))
    };
    Some(match points? {
        Ok(points) => Ok(points.as_slice()),
        Err(gap) => Err(gap.clone()),
    })
}

/// The points of a stack where its points go to, as far as they were seen.
pub fn known<'a>(
    seen: &'a Observed,
    stack: &DesiredStack,
    past: &History,
) -> Option<&'a [RecoveryPoint]> {
    on(seen, stack, &serving(stack, seen, past))?.ok()
}

/// A backup machine, as its hoster lists it.
pub fn listed<'a>(seen: &'a Observed, name: &MachineName) -> Option<&'a SeenMachine> {
    let mut all = seen.hosters.values().flatten().flat_map(|i| &i.machines);
    all.find(|machine| machine.role == Role::Backup && machine.name == *name)
}

/// The points of a stack on all backup machines that answer, each with the one that keeps it; of a
/// point and its copy, the one on `serving`.
pub fn everywhere<'a>(
    serving: (&'a MachineName, &'a [RecoveryPoint]),
    others: &'a Former,
    least: Rung,
) -> Vec<(&'a MachineName, &'a RecoveryPoint)> {
    let (name, points) = serving;
    let moment = |point: &RecoveryPoint| (point.epoch, point.taken_at);
    let proven = points.iter().filter(|p| point::intact(p, least));
    let copied: BTreeSet<_> = proven.map(moment).collect();
    let elsewhere = others.iter().filter(|(other, _)| *other != name);
    let older = elsewhere
        .filter_map(|(other, points)| Some((other, points.as_ref().ok()?)))
        .flat_map(|(other, points)| points.iter().map(move |point| (other, point)))
        .filter(|(_, point)| !copied.contains(&moment(point)));
    let here = points.iter().map(|point| (name, point));
    here.chain(older).collect()
}

/// What a rebuild takes, of all backup machines that answer, and where that point is kept (S11).
pub fn choose(
    serving: (&MachineName, &[RecoveryPoint]),
    others: &Former,
    least: Rung,
) -> (Choice, Option<MachineName>) {
    let all = everywhere(serving, others, least);
    let points: Vec<RecoveryPoint> = all.iter().map(|(_, point)| (*point).clone()).collect();
    let choice = point::choose(&points, least);
    let on = choice.chosen.as_ref().and_then(|chosen| {
        let kept = all.iter().find(|(_, point)| *point == chosen)?;
        Some(kept.0.clone())
    });
    (choice, on)
}
