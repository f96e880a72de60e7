//! What happens to an estate in a life: installed, lost, moved, drilled, retired.

use super::dice::Dice;
use super::life::Life;
use super::state::{Faults, Hung, Late, Server, State};
use super::strangers;
use super::{plights, sizes};
use crate::plan_backup_move::{NEW, at_ionos};
use crate::plan_world::{HETZNER, IONOS, REPAIR, WITH_FALLBACK, desired, stack_file};
use holdfast::decide::history::History;
use holdfast::model::desired::Desired;
use holdfast::model::ids::{Epoch, HosterId, MachineName, StackId};
use holdfast::model::journal::{Entry, Event};
use jiff::{SignedDuration, Timestamp};
use std::sync::OnceLock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Story {
    Install,
    /// The machine is gone by its hoster's word.
    RebuildOfOneGone,
    /// The machine is off and will not start again.
    RebuildOfOneDead,
    Move,
    Drill,
    BackupMove,
    Retirement,
    /// Two customers' machines at the same place, at once.
    Storm,
    JournalLost,
    PlacesSwapped,
    Neighbour,
    PointsAge,
    SignedAway,
    /// The machine is on and says nothing, until it is started anew.
    Hang,
    /// It says nothing whatever is done.
    HangForGood,
    /// A service of the machine fails again and again, until the machine is rebooted.
    Sick,
    /// Nobody reaches the only machine at its place. It serves all the same.
    Unreached,
    /// Nobody reaches either customer's machine. They serve all the same.
    Partition,
    /// The hoster is gone with interface and machine, and people signed for it; later it is back.
    GivenUp,
    /// The same, and nobody signed.
    HosterAway,
    /// A larger machine at the same place: in place, or by a move where that cannot be.
    Resize,
}

impl Story {
    pub const ALL: [Self; 18] = [
        Self::Install,
        Self::RebuildOfOneGone,
        Self::RebuildOfOneDead,
        Self::Move,
        Self::Drill,
        Self::BackupMove,
        Self::Retirement,
        Self::Storm,
        Self::JournalLost,
        Self::PlacesSwapped,
        Self::Neighbour,
        Self::PointsAge,
        Self::SignedAway,
        Self::Hang,
        Self::HangForGood,
        Self::Unreached,
        Self::Partition,
        Self::Sick,
    ];

    /// The world before it, with what is to happen already wished for or come about.
    pub fn begin(self, seed: u64) -> Life {
        if self == Self::Install {
            return Life::begin(seed, acme());
        }
        let variant = seed / Self::ALL.len() as u64;
        match self {
            Self::JournalLost => return plights::journal_lost(seed, variant % 2 == 1),
            Self::PlacesSwapped => return plights::places_swapped(seed),
            Self::Neighbour => return plights::neighbour(seed, variant % 2),
            Self::PointsAge => return plights::points_age(seed),
            Self::SignedAway => return plights::signed_away(seed, variant % 2 == 1),
            _ => {}
        }
        let (state, want) = match self {
            Self::Storm | Self::Partition => (BOTH.installed(both()), both()),
            Self::Drill => (LATER.a_drill_is_due(), acme()),
            Self::GivenUp | Self::HosterAway => {
                (SPARED.installed(with_fallback("")), with_fallback(""))
            }
            _ => (ACME.installed(acme()), acme()),
        };
        let mut life = Life::of(state, want);
        life.sim.state().seed = seed;
        life.sim.state().dice = Dice::new(seed);
        match self {
            Self::RebuildOfOneGone => lose(&life, true),
            Self::RebuildOfOneDead => lose(&life, false),
            Self::Move => {
                life.sim.state().may_move.insert(StackId::new("acme"));
                let file = stack_file("acme", IONOS, REPAIR);
                life.now_wants(remembered(desired(&[("acme", file)])));
            }
            Self::Resize => sizes::asked(&mut life, variant),
            Self::BackupMove => life.now_wants(at_ionos("")),
            Self::Retirement => life.now_wants(retired(&life)),
            Self::GivenUp => {
                goes_away(&life);
                life.sim.state().given_up = Some(MachineName::new("acme-e1"));
                let waiver = "[[waiver]]\nmachine = \"acme-e1\"\nreason = \"gone\"\n";
                life.now_wants(with_fallback(waiver));
            }
            Self::HosterAway => goes_away(&life),
            Self::Storm => {
                lose(&life, false);
                lose(&life, false);
            }
            Self::Hang => hang(&life, Hung::Once),
            Self::HangForGood => hang(&life, Hung::ForGood),
            Self::Unreached | Self::Partition => cut(&life),
            Self::Sick => falls_ill(&life),
            _ => {}
        }
        life
    }

    /// How it must have ended; gives what later ends of it are compared by.
    pub fn ends_well(self, life: &Life) -> String {
        match self {
            Self::Retirement => return is_retired(life),
            // Nobody was rebuilt; with one of them back, it was no storm.
            Self::Storm => {
                life.sim.state().comes_back();
                life.comes_to_rest();
                life.is_well("bolt");
            }
            Self::Partition => {
                let bolt = life.is_well("bolt");
                life.holds(bolt == "bolt-e1", "bolt was left alone");
            }
            _ => {}
        }
        let serves = life.is_well("acme");
        match self {
            Self::Install => life.holds(serves == "acme-e1", &serves),
            Self::RebuildOfOneGone | Self::HangForGood => {
                life.holds(serves != "acme-e1", "it was rebuilt");
            }
            Self::Hang => life.holds(serves == "acme-e1", "it was started anew"),
            Self::Sick => {
                let state = life.sim.state();
                let entries = state.journal.iter();
                let reboots = entries.filter(|e| matches!(e.event, Event::Rebooted { .. }));
                let (reboots, ails) = (reboots.count(), state.servers.iter().any(|s| s.ails));
                drop(state);
                life.holds(reboots <= 1, "it was rebooted once");
                life.holds(!ails, "what ailed it is over");
            }
            Self::Partition | Self::HosterAway => {
                life.holds(serves == "acme-e1", "acme was left alone");
            }
            Self::Move => {
                let now = life.sim.state();
                let there = now.servers.iter().find(|s| s.called() == serves);
                let at_ionos = there.is_some_and(|s| s.hoster.as_str() == "ionos");
                drop(now);
                life.holds(at_ionos, "it stands at ionos");
            }
            Self::Resize => sizes::ends_well(life, &serves),
            Self::GivenUp => {
                let state = life.sim.state();
                let shelves = state.servers.iter().map(|s| &s.disk.shelf.repositories);
                let kept = shelves.filter_map(|all| all.get(&StackId::new("acme")));
                let mut points = kept.flat_map(|of| of.snapshots.values());
                let saved = points.any(|p| p.manifest.aside && p.data.written == LATER_WRITTEN);
                let past = History::from_entries(&state.journal);
                let opened = |entry: &&Entry| matches!(&entry.event, Event::Opened { epoch, .. } if *epoch > Epoch(1));
                let before = state.journal.iter().take_while(|entry| !opened(entry));
                let journal: Vec<Entry> = before.cloned().collect();
                drop(state);
                // It may have been back before anything was begun.
                let gone = past.machines[&MachineName::new("acme-e1")].fenced.is_some();
                // Back in the middle of the rebuild it is switched off as it is, and its disk kept.
                let off = journal.iter().any(|entry| {
                    matches!(&entry.event, Event::Fenced { proof, .. } if !proof.starts_with("signed waiver"))
                });
                life.holds(gone == (serves != "acme-e1"), "it went on elsewhere");
                life.holds(
                    saved || !gone || off,
                    "what users wrote on the old one lies aside",
                );
            }
            Self::Drill => {
                let passed = |event: &Event| matches!(event, Event::Drilled { passed: true, .. });
                let passed = || {
                    let state = life.sim.state();
                    let entries = state.journal.iter();
                    entries.filter(|entry| passed(&entry.event)).count() > 1
                };
                // One that failed is not done again on the same day.
                if !passed() {
                    life.later(SignedDuration::from_hours(26));
                    life.comes_to_rest();
                }
                life.holds(passed(), "a drill has passed");
            }
            Self::BackupMove => {
                let state = life.sim.state();
                let new = state.servers.iter().find(|s| s.called() == NEW);
                let of = new.and_then(|s| s.disk.shelf.repositories.get(&StackId::new("acme")));
                let points = of.map_or(0, |of| of.snapshots.len());
                drop(state);
                life.holds(points >= 2, "history has moved");
            }
            Self::PlacesSwapped => {
                let (_, kept) = plights::after_signing(life);
                life.holds(kept >= 2, "history is at the new place");
            }
            Self::Neighbour => {
                let state = life.sim.state();
                let now = state.now;
                let bolt = StackId::new("bolt");
                let serving = state.production(&bolt).filter(|s| s.serves(now)).count();
                drop(state);
                life.holds(serving == 1, "the neighbour is as it was");
            }
            Self::SignedAway => {
                let (old, kept) = plights::after_signing(life);
                // Before a month is over, and something newer is restored from, nothing goes.
                life.holds(old || kept > 0, "what was signed away is not all there was");
            }
            // One that is dead may have come back before it was rebuilt.
            _ => {}
        }
        serves
    }
}

pub fn acme() -> Desired {
    remembered(desired(&[("acme", stack_file("acme", HETZNER, REPAIR))]))
}

/// Where a move first waits until nobody goes by what was said of a name.
pub fn remembered(mut want: Desired) -> Desired {
    want.dns.as_mut().unwrap().ttl = SignedDuration::from_mins(10);
    want
}

pub fn both() -> Desired {
    let bolt = stack_file("bolt", HETZNER, REPAIR);
    desired(&[("acme", of_two_services()), ("bolt", bolt)])
}

/// Acme, where one machine does more than one thing.
pub fn of_two_services() -> String {
    let second = r#"
[[service]]
name = "wiki"
blueprint = "mediawiki"
version = 1
host = "wiki.acme.example"
settings = { title = "Wiki" }
"#;
    stack_file("acme", HETZNER, &format!("{second}{REPAIR}"))
}

fn retired(life: &Life) -> Desired {
    let today = life.sim.state().now.strftime("%Y-%m-%d").to_string();
    let file = stack_file("acme", HETZNER, REPAIR);
    let file = file.replacen("name = ", &format!("retired = \"{today}\"\nname = "), 1);
    desired(&[("acme", file)])
}

fn with_fallback(waiver: &str) -> Desired {
    let file = stack_file("acme", WITH_FALLBACK, &format!("{REPAIR}{waiver}"));
    desired(&[("acme", file)])
}

/// When users wrote last on a machine that nobody reached.
const LATER_WRITTEN: Timestamp = Timestamp::MAX;

/// Neither the interface answers nor the machine, and users are on it all the same.
fn goes_away(life: &Life) {
    let mut state = life.sim.state();
    let until = state.now + SignedDuration::from_hours(24 * 365);
    state.deaf.insert(HosterId::new("hetzner"), until);
    let now = state.now;
    let serving = state.servers.iter_mut().find(|s| s.serves(now)).unwrap();
    serving.cut_until = until;
    serving.disk.data.as_mut().unwrap().written = LATER_WRITTEN;
}

/// A world that is made once.
pub struct Kept(OnceLock<State>);

pub static ACME: Kept = Kept(OnceLock::new());
pub static BOTH: Kept = Kept(OnceLock::new());
static SPARED: Kept = Kept(OnceLock::new());
static LATER: Kept = Kept(OnceLock::new());

/// Acme, and nothing else.
pub fn installed() -> State {
    ACME.installed(acme())
}

pub fn two_installed() -> State {
    BOTH.installed(both())
}

impl Kept {
    /// Installed yesterday, and saved since.
    pub fn installed(&self, want: Desired) -> State {
        let make = || {
            let stacks: Vec<StackId> = want.stacks.keys().cloned().collect();
            let life = Life::begin(0, want);
            life.comes_to_rest();
            life.later(SignedDuration::from_hours(26));
            life.comes_to_rest();
            for stack in &stacks {
                life.is_well(stack.as_str());
            }
            let mut state = life.sim.state().clone();
            state.told.clear();
            // Where the journal knows of no machine yet, a label is as good as a receipt.
            state.servers.extend(strangers::labelled());
            state.meet_strangers();
            state
        };
        self.0.get_or_init(make).clone()
    }

    /// Forty days later, with all else done.
    fn a_drill_is_due(&self) -> State {
        let make = || {
            let mut life = Life::of(ACME.installed(acme()), acme());
            life.later(SignedDuration::from_hours(24 * 40));
            life.drills = false;
            life.comes_to_rest();
            let mut state = life.sim.state().clone();
            state.told.clear();
            state
        };
        self.0.get_or_init(make).clone()
    }
}

/// The machine that serves is gone by its hoster's own word, or will never start again.
pub fn lose(life: &Life, gone: bool) {
    let mut state = life.sim.state();
    let now = state.now;
    let serving = state.servers.iter().position(|s| s.serves(now)).unwrap();
    let name = state.servers[serving].called();
    state.saves_in_vain(serving);
    if gone {
        state.servers.remove(serving);
        state.say(&format!("{name} is gone"));
    } else {
        (state.servers[serving].on, state.servers[serving].dead) = (false, true);
        state.say(&format!("{name} is off for good"));
    }
}

/// The machine that serves hangs.
fn hang(life: &Life, how: Hung) {
    let mut state = life.sim.state();
    let now = state.now;
    let serving = state.servers.iter().position(|s| s.serves(now)).unwrap();
    let name = state.servers[serving].called();
    state.saves_in_vain(serving);
    state.servers[serving].hung = Some(how);
    state.say(&format!("{name} hangs, {how:?}"));
}

/// A service on the machine that serves does not stay up.
fn falls_ill(life: &Life) {
    let mut state = life.sim.state();
    let now = state.now;
    let serving = state.servers.iter_mut().find(|s| s.serves(now)).unwrap();
    serving.ails = true;
    let name = serving.called();
    state.say(&format!("{name} is ill"));
}

/// Nobody reaches the machines that serve, for as long as the trouble lasts.
fn cut(life: &Life) {
    let mut state = life.sim.state();
    let now = state.now;
    for server in state.servers.iter_mut().filter(|s| s.serves(now)) {
        server.cut(now, now + SignedDuration::from_hours(24 * 365));
    }
    state.say("nobody reaches the machines that serve");
}

/// Nobody is served, and everything is kept.
fn is_retired(life: &Life) -> String {
    let state = life.sim.state();
    let now = state.now;
    let acme = StackId::new("acme");
    let served = state.production(&acme).filter(|s| s.serves(now)).count();
    let kept: Vec<&Server> = state.production(&acme).collect();
    let aside = kept.iter().all(|s| !s.on && s.label_aside);
    let names: Vec<String> = kept.iter().map(|s| s.called()).collect();
    drop(kept);
    drop(state);
    life.holds(served == 0, "nobody is served");
    life.holds(
        aside && !names.is_empty(),
        "its machine is off, set aside and kept",
    );
    names.join(" ")
}

/// What happens between two processes, and is nobody's doing.
fn chance(life: &Life) {
    let mut state = life.sim.state();
    let state = &mut *state;
    let acme = StackId::new("acme");
    if state.dice.happens(100) {
        state.adds_junk(&acme);
    }
    if state.dice.happens(100) {
        let minutes = i64::try_from(state.dice.between(1, 40)).unwrap();
        let until = state.now + SignedDuration::from_mins(minutes);
        state.sick.insert(acme, until);
        state.say(&format!("fault: checks fail until {until}"));
    }
}

/// Which story a seed tells. Some are told by a part of another's, so that older seeds still tell
/// what they told.
fn told_by(seed: u64) -> Story {
    let all = u64::try_from(Story::ALL.len()).unwrap();
    let story = Story::ALL[usize::try_from(seed % all).unwrap()];
    match story {
        Story::Storm if (seed / all) % 4 == 3 => Story::HosterAway,
        Story::Storm if (seed / all) % 2 == 1 => Story::GivenUp,
        Story::Drill | Story::Move if (seed / all) % 3 == 2 => Story::Resize,
        story => story,
    }
}

/// Lives a seed to its end; gives what happened.
pub fn live(seed: u64) -> Vec<String> {
    live_as(told_by(seed), seed)
}

/// The same of this story.
pub fn live_as(story: Story, seed: u64) -> Vec<String> {
    let all = u64::try_from(Story::ALL.len()).unwrap();
    let mut life = story.begin(seed);
    life.sim.say(&format!("{story:?}"));
    let variant = seed / all;
    let odd = variant % 8 >= 6;
    let (faults, processes) = {
        let mut state = life.sim.state();
        let dice = &mut state.dice;
        let mut one_of = |all: &[u64]| all[usize::try_from(dice.below(all.len() as u64)).unwrap()];
        let faults = Faults {
            calls: one_of(&[0, 20, 60, 150]),
            lists: one_of(&[0, 20, 100]),
            cuts: one_of(&[0, 3, 15]),
            deaths: one_of(&[0, 10, 40]),
            clocks: if odd { 50 } else { 0 },
            partial: if odd { 50 } else { 0 },
        };
        (faults, one_of(&[1, 2, 3, 4]))
    };
    // Every other life of a story is one of loops.
    life.alone = variant % 2 == 1;
    life.rivals = matches!(variant % 8, 3 | 6);
    // At any moment, also while the other is being opened.
    if matches!(story, Story::RebuildOfOneDead | Story::Move) {
        let mut state = life.sim.state();
        for _ in 0..state.dice.below(3) {
            let after = i64::try_from(state.dice.between(1, 600)).unwrap();
            let due = state.now + SignedDuration::from_secs(after);
            state.late.push((due, Late::ComesBack));
        }
    }
    // A ladder is long.
    let cut = matches!(
        story,
        Story::Unreached | Story::Partition | Story::HosterAway
    );
    let processes = if cut { processes * 3 } else { processes };
    life.in_trouble(faults, processes, |life| {
        if cut {
            life.later(SignedDuration::from_secs(100));
        }
        if life.sim.state().dice.happens(150) {
            life.another_commit();
        }
        chance(life);
        if odd {
            life.a_person();
        }
        if story == Story::PointsAge {
            plights::a_day_of_points(life);
        }
    });
    life.comes_to_rest();
    // A move that did not go well while users waited is tried again when somebody says so.
    for _ in 0..2 {
        let acme = StackId::new("acme");
        let past = History::from_entries(&life.sim.state().journal);
        if matches!(story, Story::Move | Story::Resize) && past.windows.is_given_up(&acme) {
            life.is_well("acme");
            // What a failed check says of the point has to be disproven by a drill.
            life.later(SignedDuration::from_hours(25));
            life.comes_to_rest();
            life.another_commit();
            life.comes_to_rest();
        }
    }
    if matches!(story, Story::RebuildOfOneDead | Story::Move) {
        life.sim.state().comes_back();
        life.comes_to_rest();
    }
    story.ends_well(&life);
    life.sim.state().told.clone()
}
