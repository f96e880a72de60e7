//! Stories whose worlds take more making: points that age, a repository that is signed away, a
//! neighbour in trouble, a journal that is lost, both places changing at once.

use super::dice::Dice;
use super::life::Life;
use super::state::{Server, State};
use super::story::{acme, both, installed, lose, of_two_services, two_installed};
use super::strangers;
use crate::plan_backup_move::{NEW, at_ionos};
use crate::plan_world::{BACKUP, HETZNER, REPAIR, desired, stack_file};
use holdfast::model::desired::Desired;
use holdfast::model::ids::{HosterId, StackId};
use jiff::{SignedDuration, Timestamp};
use std::sync::OnceLock;

/// Nobody reaches it, for as long as a life lasts.
pub fn forever() -> Timestamp {
    "2099-01-01T00:00:00Z".parse().unwrap()
}

const SIGNED_AWAY: &str =
    "\n[[discard]]\nmachine = \"backup-netcup-vie\"\nreason = \"copied to ionos\"\n";

fn of(state: State, want: Desired, seed: u64) -> Life {
    let life = Life::of(state, want);
    life.sim.state().seed = seed;
    life.sim.state().dice = Dice::new(seed);
    life
}

/// The state file is gone; every second time production as well.
pub fn journal_lost(seed: u64, gone: bool) -> Life {
    let mut state = installed();
    state.journal.clear();
    state.sealed = (0, 0);
    // Without a journal a label has to do, and what has no name may be the customer's.
    let labelled = |server: &Server| server.provider_id.starts_with("stranger");
    state.servers.retain(|server| !labelled(server));
    let nameless = state
        .servers
        .iter_mut()
        .find(|s| s.provider_id == "netcup-9");
    strangers::elsewhere(nameless.unwrap());
    state.meet_strangers();
    let life = of(state, acme(), seed);
    if gone {
        lose(&life, true);
    }
    life
}

/// Production goes to where its points are, and they go elsewhere.
pub fn places_swapped(seed: u64) -> Life {
    let mut life = of(installed(), acme(), seed);
    life.sim.state().may_move.insert(StackId::new("acme"));
    let there = "hoster = \"netcup\"\nsite = \"vie\"";
    let backup = |text: String| {
        text.replace(
            &format!("[backup]\n{there}"),
            "[backup]\nhoster = \"ionos\"\nsite = \"de/fra\"",
        )
    };
    let want = desired(&[("acme", backup(stack_file("acme", there, REPAIR)))]);
    assert!(want.broken.is_empty(), "{:?}", want.broken);
    life.now_wants(want);
    life
}

/// Acme's machine is gone, and there is other trouble: bolt's file is broken, or the hoster of
/// neither is silent. (Were bolt's machine silent too, that would be a storm.)
pub fn neighbour(seed: u64, trouble: u64) -> Life {
    let mut life = of(two_installed(), both(), seed);
    let acme = StackId::new("acme");
    let bolt = StackId::new("bolt");
    if trouble == 0 {
        let broken = stack_file("bolt", HETZNER, REPAIR).replace("debian-13", "debian-99");
        let want = desired(&[("acme", of_two_services()), ("bolt", broken)]);
        assert!(want.broken.contains_key(&bolt));
        life.now_wants(want);
    } else {
        let ionos = HosterId::new("ionos");
        let mut state = life.sim.state();
        let there = state.servers.iter_mut().filter(|s| s.hoster == ionos);
        there.for_each(|server| server.cut_until = forever());
    }
    let mut state = life.sim.state();
    let now = state.now;
    let at = state.servers.iter().position(|server| {
        let owner = server.owner().map(|(_, owner)| owner);
        server.serves(now) && owner.is_some_and(|owner| owner.stack.as_ref() == Some(&acme))
    });
    let gone = state.servers.remove(at.unwrap());
    state.say(&format!("{} is gone", gone.called()));
    drop(state);
    life
}

fn short_kept() -> Desired {
    let file = stack_file("acme", HETZNER, REPAIR).replace("\"30d\"", "\"2d\"");
    desired(&[("acme", file)])
}

/// Points go as new ones come.
pub fn points_age(seed: u64) -> Life {
    static AGED: OnceLock<State> = OnceLock::new();
    let make = || {
        let life = Life::of(installed(), short_kept());
        for _ in 0..3 {
            life.later(SignedDuration::from_hours(24));
            life.comes_to_rest();
        }
        let mut state = life.sim.state().clone();
        state.told.clear();
        state
    };
    of(AGED.get_or_init(make).clone(), short_kept(), seed)
}

/// A day goes by; sometimes one on which something is wrong with the points.
pub fn a_day_of_points(life: &Life) {
    life.later(SignedDuration::from_hours(24));
    let mut state = life.sim.state();
    let state = &mut *state;
    let acme = StackId::new("acme");
    match state.dice.below(9) {
        0 => {
            state.encrypted.insert(acme);
            state.say("fault: production's files are encrypted");
        }
        1 => {
            let mut shelves = state.servers.iter_mut().map(|s| &mut s.disk.shelf);
            let of = shelves.find_map(|shelf| shelf.repositories.get_mut(&acme));
            of.unwrap().rotten = true;
            state.say("fault: a bad sector under the repository");
        }
        2 => {
            let now = state.now;
            let until = now + SignedDuration::from_hours(72);
            let serving = state.servers.iter_mut().filter(|s| s.serves(now));
            serving.for_each(|server| server.cut_until = until);
            state.say(&format!("fault: nobody reaches production until {until}"));
        }
        3 => {
            let until = state.now + SignedDuration::from_hours(96);
            state.unsaved.insert(acme, until);
            state.say(&format!("fault: nothing can be saved until {until}"));
        }
        _ => {}
    }
}

/// A repository is signed away: long after everything was copied, or before anything was.
pub fn signed_away(seed: u64, early: bool) -> Life {
    static COPIED: OnceLock<State> = OnceLock::new();
    let make = || {
        let mut life = Life::of(installed(), acme());
        life.now_wants(at_ionos(""));
        life.comes_to_rest();
        for _ in 0..2 {
            life.later(SignedDuration::from_hours(24 * 17));
            life.comes_to_rest();
        }
        let mut state = life.sim.state().clone();
        state.told.clear();
        state
    };
    let mut life = if early {
        of(installed(), acme(), seed)
    } else {
        of(COPIED.get_or_init(make).clone(), at_ionos(""), seed)
    };
    life.now_wants(at_ionos(SIGNED_AWAY));
    life
}

/// Whether the old repository is there, and how many points the new one has.
pub fn after_signing(life: &Life) -> (bool, usize) {
    let state = life.sim.state();
    let acme = StackId::new("acme");
    let of = |name: &str| {
        let machine = state.servers.iter().find(|s| s.called() == name);
        machine.and_then(|s| s.disk.shelf.repositories.get(&acme))
    };
    let kept = of(NEW).map_or(0, |of| of.snapshots.len());
    (of(BACKUP).is_some(), kept)
}
