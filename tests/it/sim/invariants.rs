//! What must hold after every effect, whatever went wrong. The first that does not is kept with
//! the step after which it did not; a scenario ends there.

use super::state::{Gate, Server, State};
use super::vault::Repository;
use holdfast::decide::history::History;
use holdfast::model::ids::{Epoch, HosterId, MachineName, PointId, StackId};
use holdfast::model::journal::Event;
use holdfast::model::machine::{Role, Stage};
use holdfast::model::operation::OwnerLabel;
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// What nobody but production says: an epoch that no machine was ever made for.
pub const BOASTED: Epoch = Epoch(99);

/// A point that is older is not recent.
const RECENT: SignedDuration = SignedDuration::from_hours(50);

/// No pass lasts longer.
const PASS: SignedDuration = SignedDuration::from_mins(30);

impl State {
    fn stacks(&self) -> BTreeSet<StackId> {
        let owners = self.servers.iter().filter_map(Server::owner);
        owners.filter_map(|(_, owner)| owner.stack).collect()
    }

    fn is_given_up(&self, server: &Server) -> bool {
        self.given_up.is_some() && server.name() == self.given_up
    }

    pub fn production<'a>(&'a self, stack: &'a StackId) -> impl Iterator<Item = &'a Server> {
        let all = self.servers.iter();
        all.filter(move |server| server.is(Role::Production, Some(stack)))
    }

    /// Only one that is ill, and that users get in to, is rebooted. What was begun long ago may come
    /// when all is well.
    pub fn check_reboot(&mut self, at: usize) {
        let server = &self.servers[at];
        let wrong = !server.ails || server.disk.gate != Gate::Open;
        let name = server.called();
        if wrong && !self.is_late {
            self.violate(format!("S5: {name} is rebooted, and nothing ails it"));
        }
    }

    /// After every effect.
    pub fn look(&mut self, after: &str) {
        self.look_at_strangers(after);
        let now = self.now;
        let found = |server: &Server| server.answers(now) && server.disk.gate != Gate::Open;
        let given_up = self.given_up.clone();
        let mut all = self.servers.iter().filter(|s| s.name() == given_up);
        if all.any(|server| !server.on || found(server)) {
            self.given_up = None;
        }
        for stack in self.stacks() {
            let open: Vec<String> = self
                .production(&stack)
                .filter(|server| server.serves(now) && !self.is_given_up(server))
                .map(Server::called)
                .collect();
            if open.len() > 1 {
                self.violate(format!(
                    "S2 after {after}: {} serve {stack}",
                    open.join(" and ")
                ));
            }
            let empty = |server: &&Server| server.serves(now) && server.disk.data.is_none();
            let empty = self.production(&stack).find(empty).map(Server::called);
            if let Some(name) = empty {
                self.violate(format!(
                    "S15 after {after}: {name} serves {stack} with nothing"
                ));
            }
        }
        let mut names = BTreeSet::new();
        let mut all = self.servers.iter().filter_map(Server::name);
        let twice = all.find(|name| !names.insert(name.clone()));
        if let Some(name) = twice {
            self.violate(format!("S6 after {after}: there are two {name}"));
        }
        let drill = |server: &&Server| {
            let of_a_drill = server
                .owner()
                .is_some_and(|(_, owner)| owner.role == Role::Drill);
            of_a_drill
                && (server.serves(now) || (server.disk.data.is_some() && !server.disk.isolated))
        };
        let drill = self.servers.iter().find(drill).map(Server::called);
        if let Some(name) = drill {
            self.violate(format!(
                "S2 after {after}: {name} is of a drill and talks to others"
            ));
        }
    }

    /// A second production machine only where the first is lost for certain, or a move was asked for.
    pub fn check_creation(&mut self, name: &MachineName, owner: &OwnerLabel, hoster: &HosterId) {
        let (Some(stack), Role::Production) = (&owner.stack, owner.role) else {
            return;
        };
        self.check_caps(name, stack);
        let now = self.now;
        if owner.epoch >= BOASTED {
            self.violate(format!("S10: {name} believes what production only claims"));
        }
        self.check_half_made(name, owner, hoster);
        // One that came back during this pass was lost when it was looked at.
        let for_long = |server: &Server| {
            let back_at = server.back_at;
            !self.is_given_up(server) && back_at.is_none_or(|at| now.duration_since(at) >= PASS)
        };
        // Of one that nobody reaches, nobody can say more than that; S2 stands before its users.
        let serving = |server: &&Server| {
            server.serves(now) && for_long(server) && !server.was_given_its_chance(now)
        };
        let serving = self.production(stack).find(serving).map(Server::called);
        if let Some(serving) = serving.filter(|_| !self.may_move.contains(stack)) {
            self.violate(format!("S1: {name} is made while {serving} serves {stack}"));
        }
        // Nothing that users ever reached may be without a way to close it.
        let suspects = self.lost_stacks();
        if suspects.len() > 1 && suspects.contains(stack) && !self.may_move.contains(stack) {
            self.violate(format!(
                "S8: {name} is made although {} stacks lost their machines at once",
                suspects.len()
            ));
        }
    }

    /// One that an earlier process began is gone on with.
    fn check_half_made(&mut self, name: &MachineName, owner: &OwnerLabel, hoster: &HosterId) {
        let Some(stack) = &owner.stack else { return };
        let past = History::from_entries(&self.journal);
        let now = self.now;
        let begun = |server: &&Server| {
            let made = server.name().filter(|made| made != name);
            made.is_some_and(|made| past.machines.contains_key(&made))
                && server.hoster == *hoster
                && !(server.label_aside || server.disk.aside)
                && server.disk.stage() < Stage::Loaded
                && server.answers(now)
        };
        let begun = self.production(stack).find(begun).map(Server::called);
        if let Some(begun) = begun {
            self.violate(format!(
                "S6: {name} is made beside {begun}, which was begun"
            ));
        }
    }

    /// Stacks that the journal says are in use, and of which nothing serves.
    fn lost_stacks(&self) -> BTreeSet<StackId> {
        let past = History::from_entries(&self.journal);
        let lost = |(stack, (_, name)): &(&StackId, &(_, MachineName))| {
            let fenced = past
                .machines
                .get(name)
                .is_some_and(|made| made.fenced.is_some());
            let well = |server: &Server| server.on && server.hung.is_none();
            !fenced && !self.production(stack).any(well)
        };
        let writers = past.writers.iter().filter(lost);
        writers.map(|(stack, _)| stack.clone()).collect()
    }

    /// State begins empty once in the life of a stack.
    pub fn check_beginning(&mut self, at: usize, stack: Option<&StackId>) {
        let name = self.servers[at].called();
        let Some(stack) = stack else { return };
        let shelves = self.servers.iter().map(|server| &server.disk.shelf);
        let mut kept = shelves.filter_map(|shelf| shelf.repositories.get(stack));
        let points = kept.any(|of| !of.snapshots.is_empty());
        let other =
            |server: &&Server| server.disk.stage() >= Stage::Opened && server.called() != name;
        let other = self.production(stack).find(other).map(Server::called);
        if points || other.is_some() {
            self.violate(format!(
                "S15: {name} begins empty although {stack} has data"
            ));
        }
    }

    /// Users are let in on the newest point that is proven far enough.
    pub fn check_opened(&mut self, at: usize) {
        let server = &self.servers[at];
        let (name, epoch) = (server.called(), server.epoch());
        let Some(stack) = server.owner().and_then(|(_, owner)| owner.stack) else {
            return;
        };
        let checked = server.disk.checked;
        let restored = server.disk.restored_from.clone().map(PointId::new);
        let now = self.now;
        if !self.is_late {
            if checked != Some(true) {
                self.violate(format!(
                    "S15: {name} is opened, and its checks did not pass"
                ));
            }
            self.check_fenced(&name, epoch, &stack);
            self.check_independent(at, &stack);
        }
        let Some(point) = restored else {
            return;
        };
        let server = &self.servers[at];
        let data = server.disk.data.clone();
        let mut shelves = self.servers.iter().map(|s| &s.disk.shelf);
        let proven = |of: &Repository| of.read_back(&point);
        if !shelves.any(|shelf| shelf.repositories.get(&stack).is_some_and(proven)) {
            let point = point.as_str();
            self.violate(format!(
                "S11: {name} is opened from {point:.8}, never read back"
            ));
            return;
        }
        let reachable = self.servers.iter().filter(|s| s.answers(now));
        let kept = reachable.filter_map(|s| s.disk.shelf.repositories.get(&stack));
        // What was proven since was not to be known.
        let began = self.began;
        let known = |of: &Repository, id| of.read_back_at(id).is_some_and(|at| at < began);
        let newer = kept
            .flat_map(|of| of.snapshots.iter().filter(|(id, _)| known(of, id)))
            .filter(|(_, other)| Some(other.manifest.epoch) != epoch && !other.manifest.aside)
            .filter(|(id, _)| **id != point)
            .find(|(_, other)| Some(&other.data.written) > data.as_ref().map(|d| &d.written));
        if let Some((newer, _)) = newer {
            let newer = newer.clone();
            self.violate(format!(
                "S11: {name} is opened from {point:.8}, and {newer:.8} is newer and proven",
                point = point.as_str(),
                newer = newer.as_str()
            ));
        }
    }

    /// Not all that could bring it back stands where it stands itself.
    fn check_independent(&mut self, at: usize, stack: &StackId) {
        // An emergency does not wait for history that comes over to the other place.
        if self.may_move.contains(stack) && self.is_opened_as_repair(at, stack) {
            return;
        }
        // A place that people chose may not be where history is alone.
        if self.may_move.contains(stack) {
            self.check_history_elsewhere(at, stack);
        }
        let keeps = |server: &&Server| {
            let of = server.disk.shelf.repositories.get(stack);
            of.is_some_and(|of| of.snapshots.keys().any(|id| of.read_back(id)))
        };
        let opened = &self.servers[at];
        let mut keepers = self.servers.iter().filter(keeps).peekable();
        if keepers.peek().is_some() && keepers.all(|server| server.hoster == opened.hoster) {
            let name = opened.called();
            self.violate(format!(
                "S14: {name} is opened where all points of {stack} are"
            ));
        }
    }

    fn is_opened_as_repair(&self, at: usize, stack: &StackId) -> bool {
        let open = format!("{stack}.open.{}", self.servers[at].called());
        let mut newest = self.journal.iter().rev();
        newest.any(|entry| {
            matches!(&entry.event, Event::Started { step, repair: true, .. } if step.as_str() == open)
        })
    }

    /// What lies where it is opened lies elsewhere as well.
    fn check_history_elsewhere(&mut self, at: usize, stack: &StackId) {
        let opened = &self.servers[at];
        let of = |server: &Server| server.disk.shelf.repositories.get(stack).cloned();
        let (here, elsewhere): (Vec<_>, Vec<_>) = self
            .servers
            .iter()
            .filter_map(|server| Some((server, of(server)?)))
            .partition(|(server, _)| server.hoster == opened.hoster);
        let copied: BTreeSet<&PointId> = elsewhere
            .iter()
            .flat_map(|(_, of)| of.copies.values())
            .collect();
        let alone = here.iter().any(|(_, of)| {
            let mut proven = of.snapshots.keys().filter(|id| of.read_back(id));
            proven.any(|id| !copied.contains(id))
        });
        if alone {
            let name = opened.called();
            self.violate(format!(
                "S14: {name} is opened where points of {stack} are that lie nowhere else"
            ));
        }
    }

    /// Whatever was open before and can be switched off is off, before users get in elsewhere.
    fn check_fenced(&mut self, name: &str, epoch: Option<Epoch>, stack: &StackId) {
        let rival = |server: &&Server| {
            server.called() != name
                && server.epoch() < epoch
                && server.disk.stage() >= Stage::Opened
                && server.label.is_some()
                && server.on
                && !self.is_given_up(server)
        };
        let rival = self.production(stack).find(rival).map(Server::called);
        if let Some(rival) = rival {
            self.violate(format!("S2: {name} is opened, and nobody fenced {rival}"));
        }
    }

    /// A restore is never sent to a machine that users were let in on. Where that came about in
    /// the same pass, by a script that nobody waited for any more, the script itself refuses.
    pub fn check_restore(&mut self, at: usize, script: &str) {
        let opened = self.servers[at].disk.opened_at.unwrap_or(self.now);
        if self.is_late || self.now.duration_since(opened) < PASS {
            return;
        }
        let name = self.servers[at].called();
        self.violate(format!("S4: {script} on {name}, which is in use"));
    }

    /// Nothing goes while something is wrong with the points that stay.
    pub fn check_doubts(&mut self, at: usize, stack: &StackId) {
        let shelf = &self.servers[at].disk.shelf;
        let Some(of) = shelf.repositories.get(stack).filter(|_| !self.is_late) else {
            return;
        };
        let read_back = || of.snapshots.iter().filter(|(id, _)| of.read_back(id));
        let newest = read_back().map(|(_, point)| point.arrived).max();
        let old = newest.is_none_or(|newest| self.now.duration_since(newest) > RECENT);
        let found = of
            .reading
            .as_ref()
            .is_some_and(|of| of.damaged_since.is_some());
        let encrypted = read_back().any(|(_, point)| point.encrypted);
        for (so, why) in [
            (old, "no point is recent"),
            (found, "damage was found"),
            (encrypted, "the newest looks encrypted"),
        ] {
            if so {
                self.violate(format!("S12: points of {stack} go while {why}"));
            }
        }
    }

    pub fn check_deletion(&mut self, stack: &StackId, script: &str) {
        self.violate(format!(
            "S3: {script} would take the newest point of {stack}"
        ));
    }

    /// What is deleted lies elsewhere, or was copied there and has gone by its age since.
    pub fn check_discarded(&mut self, stack: &StackId, gone: &Repository) {
        let shelves = self.servers.iter().map(|server| &server.disk.shelf);
        let kept = shelves.filter_map(|shelf| shelf.repositories.get(stack));
        let copied: BTreeSet<&PointId> = kept.flat_map(|of| of.copies.values()).collect();
        let mut read_back = gone.snapshots.keys().filter(|id| gone.read_back(id));
        if read_back.any(|id| !copied.contains(id)) {
            self.violate(format!(
                "S3: points of {stack} are deleted that lie nowhere else"
            ));
        }
    }

    /// Nobody is on a machine that is shut down.
    pub fn check_shut(&mut self, hoster: &HosterId, machine: &MachineName) {
        let now = self.now;
        let mut there = self.servers.iter().filter(|s| s.hoster == *hoster);
        let serving = there.any(|s| s.name().as_ref() == Some(machine) && s.serves(now));
        if serving && !self.is_late {
            self.violate(format!("S2: {machine} is shut down under its users"));
        }
    }

    /// Whatever its hoster does to the disk of a machine that gets another type: what users wrote
    /// until they were shut out lies elsewhere.
    pub fn check_saved(&mut self, hoster: &HosterId, machine: &MachineName) {
        let mut there = self.servers.iter().filter(|s| s.hoster == *hoster);
        let Some(server) = there.find(|s| s.name().as_ref() == Some(machine)) else {
            return;
        };
        let (epoch, closed) = (server.epoch(), server.disk.closed_at);
        let Some(stack) = server.owner().and_then(|(_, owner)| owner.stack) else {
            return;
        };
        let shelves = self.servers.iter().map(|s| &s.disk.shelf.repositories);
        let mut kept = shelves.filter_map(|all| all.get(&stack));
        let saved = kept.any(|of| {
            let mut points = of.snapshots.iter();
            points.any(|(id, point)| {
                let since = Some(point.arrived) >= closed && closed.is_some();
                since && of.read_back(id) && Some(point.manifest.epoch) == epoch
            })
        });
        if !saved && !self.is_late {
            self.violate(format!("S3: {machine} is resized before all is saved"));
        }
    }

    /// When nothing is left to do: every machine is accounted for.
    pub fn look_at_rest(&mut self) {
        let past = History::from_entries(&self.journal);
        for server in self.servers.clone() {
            let Some((name, owner)) = server.owner().filter(|_| !self.is_stranger(&server)) else {
                continue;
            };
            if !past.machines.contains_key(&name) {
                self.violate(format!("S6 at rest: nobody knows {name}"));
            }
            if owner.role == Role::Drill {
                self.violate(format!("S6 at rest: {name} is left of a drill"));
            }
            let writer = owner
                .stack
                .as_ref()
                .and_then(|stack| past.writers.get(stack));
            // A move that was given up leaves it for somebody to look at.
            let begun = owner.stack.as_ref().is_some_and(|stack| {
                let older = past.writers.get(stack);
                let older = older.is_some_and(|(epoch, _)| *epoch < owner.epoch);
                older && past.windows.is_given_up(stack)
            });
            let in_use = begun || writer.is_some_and(|(_, writer)| *writer == name);
            let aside = server.label_aside || server.disk.aside;
            if owner.role == Role::Production && !in_use && !aside {
                self.violate(format!("S6 at rest: {name} is in nobody's use"));
            }
        }
        if !past.unfinished.is_empty() {
            let now = self.now;
            self.say(&format!(
                "{now}: begun and not ended: {:?}",
                past.unfinished
            ));
        }
    }
}
