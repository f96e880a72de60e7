//! What is nobody's of ours and stands beside it: never touched, whatever it looks like (S7).

use super::life::pool_machine;
use super::state::{Data, Disk, Gate, Server, State};
use crate::plan_world;
use holdfast::model::desired::PoolMachine;
use holdfast::model::identity::Identity;
use holdfast::model::ids::{Epoch, EstateName, HosterId, ImageName, MachineName, SiteId, StackId};
use holdfast::model::machine::{Role, Stage};
use holdfast::model::operation::OwnerLabel;
use jiff::Timestamp;
use std::net::IpAddr;

/// Whose they are, or say that they are.
const THEIRS: &str = "zeta";

/// Ordered, first in the list, and somebody's all the same.
pub fn ordered() -> Vec<(HosterId, PoolMachine)> {
    let all = [("netcup", "vie", 1), ("ionos", "de/fra", 2)];
    all.map(|(id, site, net)| (HosterId::new(id), pool_machine(id, site, net, 9)))
        .to_vec()
}

fn since() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// Has data and no name: somebody runs it by hand.
pub fn nameless(server: &mut Server) {
    server.disk.data = Some(Data {
        stack: StackId::new(THEIRS),
        born: since(),
        written: since(),
    });
}

/// Another estate's.
pub fn elsewhere(server: &mut Server) {
    let identity = Identity {
        owner: owner("another", Role::Production),
        machine: MachineName::new(format!("zeta-{}", server.provider_id)),
    };
    server.disk.identity = Some(identity.to_text());
    server.disk.stage = Some(Stage::Opened);
    nameless(server);
}

fn owner(estate: &str, role: Role) -> OwnerLabel {
    OwnerLabel {
        estate: EstateName::new(estate),
        role,
        stack: Some(StackId::new(THEIRS)),
        epoch: Epoch(1),
    }
}

/// With our estate's label, and the journal knows nothing of them.
pub fn labelled() -> [Server; 2] {
    let all = [
        ("zeta-e1", Role::Production, 1),
        ("zeta-drill-1", Role::Drill, 2),
    ];
    all.map(|(name, role, number)| Server {
        hoster: HosterId::new("hetzner"),
        provider_id: format!("stranger-{number}"),
        site: SiteId::new("nbg1"),
        hardware: None,
        image: ImageName::new(plan_world::IMAGE),
        address: IpAddr::from([198, 19, 0, number]),
        host_key: format!("ssh-ed25519 stranger{number}"),
        label: Some((MachineName::new(name), owner("example", role))),
        label_aside: false,
        on: true,
        dead: false,
        back_at: None,
        up_at: Timestamp::UNIX_EPOCH,
        hung: None,
        ails: false,
        rescue: None,
        next_rescue: None,
        revives: false,
        cut_from: Timestamp::UNIX_EPOCH,
        booted_at: Timestamp::UNIX_EPOCH,
        cut_until: Timestamp::UNIX_EPOCH,
        disk: Disk {
            stage: Some(Stage::Opened),
            ..Disk::default()
        },
    })
}

/// What would differ if anybody had done anything to it.
pub type Likeness = (bool, bool, bool, Option<Stage>, Gate, u32, usize);

fn likeness(server: &Server) -> Likeness {
    let disk = &server.disk;
    (
        server.on,
        server.label_aside,
        disk.aside
            || disk
                .data
                .as_ref()
                .is_some_and(|data| data.written > since()),
        disk.stage,
        disk.gate,
        disk.boots,
        disk.files.len() + disk.packages.len() + disk.identity.as_ref().map_or(0, String::len),
    )
}

impl State {
    pub fn is_stranger(&self, server: &Server) -> bool {
        self.strangers.contains_key(&server.provider_id)
    }

    /// They are what they are now.
    pub fn meet_strangers(&mut self) {
        let all = self.servers.iter().filter(|server| {
            let named = server.provider_id.ends_with("-9");
            named || server.provider_id.starts_with("stranger")
        });
        self.strangers = all.map(|s| (s.provider_id.clone(), likeness(s))).collect();
    }

    pub fn look_at_strangers(&mut self, after: &str) {
        let touched = self.strangers.iter().find(|(id, was)| {
            let mut all = self.servers.iter();
            let is = all.find(|server| server.provider_id == **id);
            is.is_none_or(|is| likeness(is) != **was)
        });
        if let Some((id, _)) = touched {
            let words = format!("S7 after {after}: {id} is nobody's of ours, and was touched");
            self.violate(words);
        }
    }
}
