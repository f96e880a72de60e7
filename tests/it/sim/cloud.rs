//! Hosters with an interface, and the name server: lists that are late, answers that are lost.

use super::Sim;
use super::shell::Fate;
use super::state::{Disk, Late, Server, State};
use crate::plan_world::hardware;
use async_trait::async_trait;
use holdfast::model::gap::{Gap, GapKind};
use holdfast::model::given::Given;
use holdfast::model::ids::{EstateName, HostName, HosterId, MachineName, StepId};
use holdfast::model::machine::Role;
use holdfast::model::observed::{Inventory, Power, SeenMachine, SeenName};
use holdfast::model::operation::{
    CreateMachine, Fault, FaultClass, Operation, Outcome, Receipt, Refusal,
};
use holdfast::world::dns::Names;
use holdfast::world::hoster::{ACTION_FAILED, Hoster};
use jiff::{SignedDuration, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// An account that machines are made in.
pub struct Cloud {
    pub id: HosterId,
    pub sim: Arc<Sim>,
}

fn refused(code: &str, class: FaultClass) -> Outcome {
    Outcome::Refused(Refusal {
        code: code.into(),
        message: "by the simulated hoster".into(),
        class,
    })
}

fn unknown() -> Outcome {
    Outcome::Unknown(Fault {
        message: "no answer".into(),
        class: FaultClass::Retry,
    })
}

fn receipt(server: &Server) -> Receipt {
    Receipt {
        provider_id: server.provider_id.clone(),
        address: Some(server.address),
        port: Some(22),
    }
}

fn seen(server: &Server, owned: &EstateName) -> Option<SeenMachine> {
    let (name, owner) = server.label.clone()?;
    (owner.estate == *owned).then(|| SeenMachine {
        name,
        provider_id: server.provider_id.clone(),
        hoster: server.hoster.clone(),
        site: Some(server.site.clone()),
        role: owner.role,
        stack: owner.stack,
        epoch: owner.epoch,
        image: Some(server.image.clone()),
        hardware: server.hardware.clone(),
        quarantined: server.label_aside,
        power: if server.on { Power::On } else { Power::Off },
        address: server.address,
        port: 22,
    })
}

impl State {
    fn stands_at(&self, hoster: &HosterId) -> Vec<Server> {
        let here = self.servers.iter().filter(|s| s.hoster == *hoster);
        here.cloned().collect()
    }

    /// Now and then an interface does not answer for some minutes.
    fn perhaps_deaf(&mut self, hoster: &HosterId) {
        if !self.dice.happens(self.faults.lists / 4) {
            return;
        }
        let minutes = i64::try_from(self.dice.between(1, 20)).unwrap();
        let until = self.now + SignedDuration::from_mins(minutes);
        let longest = self.deaf.entry(hoster.clone()).or_insert(until);
        *longest = until.max(*longest);
        self.say(&format!("fault: {hoster} does not answer until {until}"));
    }

    /// Somebody switches on what was switched off just now, and tells nobody.
    fn perhaps_on_again(&mut self) {
        if self.chance(|faults| faults.calls * 2) {
            let after = i64::try_from(self.dice.between(1, 120)).unwrap();
            let due = self.now + SignedDuration::from_secs(after);
            self.late.push((due, Late::ComesBack));
        }
    }

    fn labelled(&mut self, hoster: &HosterId, name: &MachineName) -> Option<&mut Server> {
        let mut all = self.servers.iter_mut().filter(|s| s.hoster == *hoster);
        all.find(|s| s.label.as_ref().is_some_and(|(own, _)| own == name))
    }

    fn server(&mut self, hoster: &HosterId, want: &CreateMachine) -> Server {
        self.numbers += 1;
        let [.., high, low] = self.numbers.to_be_bytes();
        let text = want.user_data.expose_text().unwrap();
        let key = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("ed25519_public: "));
        let boots = i64::try_from(self.dice.between(3, 30)).unwrap();
        Server {
            hoster: hoster.clone(),
            provider_id: self.numbers.to_string(),
            site: want.site.clone(),
            image: want.image.clone(),
            hardware: want.machine_type.as_deref().map(hardware),
            address: IpAddr::from([198, 18, high, low]),
            host_key: key.unwrap().trim_matches('"').to_owned(),
            label: Some((want.name.clone(), want.owner.clone())),
            label_aside: false,
            on: true,
            dead: false,
            back_at: None,
            hung: None,
            ails: false,
            rescue: None,
            next_rescue: None,
            revives: false,
            cut_from: Timestamp::UNIX_EPOCH,
            booted_at: self.now,
            up_at: self.now + SignedDuration::from_secs(boots),
            cut_until: Timestamp::UNIX_EPOCH,
            disk: Disk {
                identity: Some(
                    holdfast::model::identity::Identity {
                        owner: want.owner.clone(),
                        machine: want.name.clone(),
                    }
                    .to_text(),
                ),
                ..Disk::default()
            },
        }
    }

    fn perform(&mut self, hoster: &HosterId, op: &Operation) -> Outcome {
        let done = |server: &Server| Outcome::Done(receipt(server));
        match op {
            Operation::Create(want) => {
                if let Some(there) = self.labelled(hoster, &want.name) {
                    return match &there.label {
                        Some((_, owner)) if *owner == want.owner => done(there),
                        _ => refused("uniqueness_error", FaultClass::NeedsHuman),
                    };
                }
                let server = self.server(hoster, want);
                let receipt = done(&server);
                self.check_creation(&want.name, &want.owner, hoster);
                self.appears(server);
                receipt
            }
            Operation::PowerOn { machine } => {
                let now = self.now;
                match self.labelled(hoster, machine) {
                    None => refused("not_found", FaultClass::Retry),
                    Some(server) if server.dead => refused(ACTION_FAILED, FaultClass::NeedsHuman),
                    Some(server) => {
                        if !server.on {
                            server.boot(now, now + SignedDuration::from_secs(15));
                        }
                        done(server)
                    }
                }
            }
            Operation::EndRescue {
                machine,
                off: false,
            } => match self.labelled(hoster, machine) {
                None => refused("not_found", FaultClass::Retry),
                Some(server) => {
                    server.next_rescue = None;
                    done(server)
                }
            },
            Operation::PowerOff { machine } | Operation::EndRescue { machine, off: true } => {
                let ends = matches!(op, Operation::EndRescue { .. });
                match self.labelled(hoster, machine) {
                    None => refused("not_found", FaultClass::Retry),
                    Some(server) => {
                        (server.on, server.rescue) = (false, None);
                        server.next_rescue = server.next_rescue.take().filter(|_| !ends);
                        let done = done(server);
                        self.perhaps_on_again();
                        done
                    }
                }
            }
            Operation::ShutDown { machine } => {
                self.check_shut(hoster, machine);
                match self.labelled(hoster, machine) {
                    None => refused("not_found", FaultClass::Retry),
                    Some(server) => {
                        server.on = false;
                        let done = done(server);
                        self.perhaps_on_again();
                        done
                    }
                }
            }
            Operation::Resize {
                machine,
                machine_type,
            } => {
                self.check_saved(hoster, machine);
                let now = self.now;
                let sold_out = self.dice.happens(self.faults.calls * 8);
                match self.labelled(hoster, machine) {
                    None => refused("not_found", FaultClass::Retry),
                    Some(server) if server.is_a(machine_type) => done(server),
                    Some(server) if server.on => refused("server_not_stopped", FaultClass::Retry),
                    Some(_) if sold_out => refused("resource_unavailable", FaultClass::NoCapacity),
                    Some(server) => {
                        server.becomes(machine_type);
                        // "This copies the content of its disk, and starts it again."
                        server.boot(now, now + SignedDuration::from_secs(15));
                        done(server)
                    }
                }
            }
            Operation::Reset { machine } => {
                let now = self.now;
                match self.labelled(hoster, machine) {
                    None => refused("not_found", FaultClass::Retry),
                    Some(server) if !server.on => refused("off", FaultClass::Retry),
                    Some(server) => {
                        server.boot(now, now + SignedDuration::from_secs(15));
                        done(server)
                    }
                }
            }
            Operation::Rescue { machine, .. } => {
                self.numbers += 1;
                let key = format!("ssh-ed25519 rescue{}", self.numbers);
                match self.labelled(hoster, machine) {
                    None => refused("not_found", FaultClass::Retry),
                    Some(server) if server.dead => refused(ACTION_FAILED, FaultClass::NeedsHuman),
                    Some(server) => {
                        server.next_rescue = Some(key);
                        done(server)
                    }
                }
            }
            Operation::Quarantine { machine } => match self.labelled(hoster, machine) {
                None => refused("not_found", FaultClass::Retry),
                Some(server) => {
                    server.label_aside = true;
                    done(server)
                }
            },
            Operation::Destroy { machine } => {
                let gone = Receipt {
                    provider_id: machine.to_string(),
                    address: None,
                    port: None,
                };
                match self.labelled(hoster, machine) {
                    None => Outcome::Done(gone),
                    Some(server) if !is_a_drill(server) => {
                        self.violate(format!("S3: {machine} is to be destroyed"));
                        refused("not_a_drill", FaultClass::NeedsHuman)
                    }
                    Some(_) => {
                        self.servers.retain(|s| s.name().as_ref() != Some(machine));
                        Outcome::Done(gone)
                    }
                }
            }
        }
    }
}

impl Server {
    pub fn is_a(&self, machine_type: &str) -> bool {
        let is = self.hardware.as_ref().map(|is| is.machine_type.as_str());
        is == Some(machine_type)
    }

    /// With the disk that it has.
    fn becomes(&mut self, machine_type: &str) {
        let disk = self.hardware.as_ref().map(|is| is.size.disk);
        let mut hardware = hardware(machine_type);
        hardware.size.disk = disk.unwrap_or(hardware.size.disk);
        self.hardware = Some(hardware);
    }
}

fn is_a_drill(server: &Server) -> bool {
    let label = server.label.as_ref();
    label.is_some_and(|(_, owner)| owner.role == Role::Drill)
}

fn words(op: &Operation) -> String {
    match op {
        Operation::Create(want) => format!("create {}", want.name),
        Operation::PowerOn { machine } => format!("power on {machine}"),
        Operation::PowerOff { machine } => format!("power off {machine}"),
        Operation::ShutDown { machine } => format!("shut down {machine}"),
        Operation::Resize {
            machine,
            machine_type,
        } => format!("make {machine} a {machine_type}"),
        Operation::Reset { machine } => format!("reset {machine}"),
        Operation::Rescue { machine, .. } => format!("rescue {machine}"),
        Operation::EndRescue { machine, .. } => format!("end the rescue of {machine}"),
        Operation::Quarantine { machine } => format!("quarantine {machine}"),
        Operation::Destroy { machine } => format!("destroy {machine}"),
    }
}

#[async_trait]
impl Hoster for Cloud {
    fn id(&self) -> &HosterId {
        &self.id
    }

    async fn observe(&self, owned: &EstateName) -> Result<Inventory, Gap> {
        self.sim.pause(Duration::from_millis(200)).await;
        let mut state = self.sim.state();
        let state = &mut *state;
        state.perhaps_deaf(&self.id);
        if state.is_deaf(&self.id) || state.dice.happens(state.faults.lists) {
            state.say(&format!("fault: {} does not list", self.id));
            let subject = format!("hoster {}", self.id);
            return Err(Gap::new(GapKind::Unreachable, subject, "no answer"));
        }
        let fresh = state.stands_at(&self.id);
        let old = state.dice.happens(state.faults.lists);
        let mut list = match state.lists.get(&self.id) {
            Some((at, list)) if old && state.now.duration_since(*at) < STALE => {
                let list = list.clone();
                state.say(&format!("fault: the list of {} is old", self.id));
                list
            }
            _ => fresh.clone(),
        };
        state.lists.insert(self.id.clone(), (state.now, fresh));
        if !list.is_empty() && state.chance(|faults| faults.partial) {
            let one = usize::try_from(state.dice.below(list.len() as u64)).unwrap();
            let missing = list.remove(one).called();
            state.say(&format!("fault: {} does not list {missing}", self.id));
        }
        Ok(Inventory {
            machines: list
                .iter()
                .filter_map(|server| seen(server, owned))
                .collect(),
            ..Inventory::default()
        })
    }

    async fn perform(&self, op: &Operation, _key: &StepId) -> Outcome {
        let sent = self.sim.state().now;
        self.sim.pause(Duration::from_millis(300)).await;
        let (fate, outcome) = {
            let mut state = self.sim.state();
            let state = &mut *state;
            state.is_late = self.sim.own.stood_still_since(sent);
            if state.is_deaf(&self.id) {
                state.is_late = false;
                return unknown();
            }
            // The worst at the worst moment: on a fence hangs who may write.
            let often = match op {
                Operation::PowerOff { .. } | Operation::EndRescue { .. } => state.faults.calls * 4,
                _ => state.faults.calls,
            };
            let fate = state.fate(often);
            if fate != Fate::Well {
                state.say(&format!("fault: {fate:?} to {}", words(op)));
            }
            let outcome = match (fate, op) {
                (Fate::Refused, Operation::Create(_)) if state.dice.happens(500) => {
                    refused("resource_unavailable", FaultClass::NoCapacity)
                }
                // The hoster tried, and could not.
                (Fate::Refused, Operation::PowerOff { .. }) if state.dice.happens(500) => {
                    refused(ACTION_FAILED, FaultClass::NeedsHuman)
                }
                (Fate::Refused, _) => refused("rate_limit_exceeded", FaultClass::Retry),
                (Fate::LostBefore, _) => unknown(),
                (Fate::LostBehind, Operation::Create(want)) => {
                    let server = state.server(&self.id, want);
                    // The adapter looks the name up for ten seconds, and then gives up.
                    let due = state.now + SignedDuration::from_secs(8);
                    state.check_creation(&want.name, &want.owner, &self.id);
                    state.late.push((due, Late::Create(Box::new(server))));
                    unknown()
                }
                (Fate::Well | Fate::LostAfter | Fate::LostBehind, _) => {
                    state.say(&format!("{}: {}", self.id, words(op)));
                    state.perform(&self.id, op)
                }
            };
            state.is_late = false;
            (fate, outcome)
        };
        self.sim.look(&words(op));
        let lasts = self.sim.state().dice.between(1, 20);
        self.sim.pause(Duration::from_secs(lasts)).await;
        match fate {
            Fate::LostAfter | Fate::LostBehind => unknown(),
            _ => outcome,
        }
    }
}

/// How old an old list is at most.
const STALE: SignedDuration = SignedDuration::from_secs(10);

#[async_trait]
impl Names for Sim {
    async fn lookup(&self, host: &HostName) -> Result<SeenName, Gap> {
        self.pause(Duration::from_millis(20)).await;
        let mut state = self.state();
        let state = &mut *state;
        if state.dice.happens(state.faults.lists) {
            let subject = format!("name {host}");
            return Err(Gap::new(GapKind::Unreachable, subject, "no answer"));
        }
        Ok(state.names.get(host).cloned().unwrap_or_default())
    }

    async fn give(&self, host: &HostName, to: &Given, _ttl: SignedDuration) -> Outcome {
        self.pause(Duration::from_millis(50)).await;
        self.written(host, None, |name| name.given = vec![to.clone()])
    }

    async fn point(&self, host: &HostName, addr: IpAddr, ttl: SignedDuration) -> Outcome {
        self.pause(Duration::from_millis(50)).await;
        self.written(host, Some(addr), |name| {
            name.addresses = vec![addr];
            name.ttl = u32::try_from(ttl.as_secs()).ok();
        })
    }
}

impl Sim {
    /// What a name server makes of an update.
    fn written(
        &self,
        host: &HostName,
        address: Option<IpAddr>,
        change: impl FnOnce(&mut SeenName),
    ) -> Outcome {
        let fate = {
            let mut state = self.state();
            let state = &mut *state;
            let fate = state.fate(state.faults.calls);
            match fate {
                Fate::Refused => return refused("servfail", FaultClass::Retry),
                Fate::LostBefore => return unknown(),
                Fate::Well | Fate::LostAfter | Fate::LostBehind => {
                    if let Some(address) = address {
                        state.say(&format!("{host} points at {address}"));
                    }
                    change(state.names.entry(host.clone()).or_default());
                }
            }
            fate
        };
        self.look(&format!("name {host}"));
        match fate {
            Fate::Well => Outcome::Done(Receipt {
                provider_id: host.to_string(),
                address,
                port: None,
            }),
            _ => unknown(),
        }
    }
}
