//! How a lab stands: one document with all that a client of its hosters needs.

use super::faults::Outage;
use super::fleet::Power;
use super::state::Kind;
use super::{Lab, LabError, dns, network, serve};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// What `holdfast lab status --format json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabStatus {
    /// The lab's name.
    pub name: String,
    /// Its directory.
    pub directory: PathBuf,
    /// Its network in CIDR notation.
    pub network: String,
    /// Its hosters.
    pub hosters: Vec<HosterStatus>,
    /// The Hetzner Cloud interface, if the lab has that hoster.
    pub hetzner: Option<Interface>,
    /// The name server.
    pub dns: Dns,
    /// The pools: machines in their order, by hoster.
    pub pools: BTreeMap<String, Vec<PoolMachine>>,
    /// All machines, those of the pools included.
    pub machines: Vec<MachineStatus>,
}

/// A hoster of the lab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HosterStatus {
    /// `hetzner`, `netcup`, `ionos`.
    pub name: String,
    /// How it is reached.
    pub kind: Kind,
    /// Its subnet in CIDR notation.
    pub subnet: String,
    /// This computer's address in it; the name server answers there too.
    pub gateway: Ipv4Addr,
    /// Whether it is cut off.
    pub cut: bool,
    /// The outage of its interface that stands.
    pub outage: Option<Outage>,
}

/// An interface on this computer's loopback.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Interface {
    /// The base address, with `/v1`.
    pub endpoint: String,
    /// The bearer token.
    pub token: String,
    /// Whether its daemon lives.
    pub running: bool,
}

/// The name server.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Dns {
    /// Where it answers, by UDP and TCP. On gateways the port is the same.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// The zone it answers for, with a dot at its end.
    pub zone: String,
    /// The TSIG key's name.
    pub key_name: String,
    /// The TSIG key's algorithm.
    pub algorithm: String,
    /// The TSIG secret, in base64.
    pub secret: String,
    /// Whether it lives.
    pub running: bool,
}

/// A machine that was ordered beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolMachine {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its SSH port.
    pub port: u16,
    /// Who may log in.
    pub user: String,
    /// Its public host key, as one line.
    pub host_key: String,
    /// Its power.
    pub power: Power,
}

/// Any machine of the lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineStatus {
    /// Its name.
    pub name: String,
    /// Its hoster.
    pub hoster: String,
    /// The image it was made from.
    pub image: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its power.
    pub power: Power,
}

/// Looks at the lab afresh.
pub(super) fn look(lab: &Lab) -> Result<LabStatus, LabError> {
    let record = lab.place.expect_record()?;
    let fleet = lab.machines();
    let mut pools: BTreeMap<String, Vec<PoolMachine>> = BTreeMap::new();
    let mut machines = Vec::new();
    for machine in lab.place.machines()? {
        let power = fleet.power_of(&machine)?;
        if let Some(host_key) = &machine.host_key {
            pools
                .entry(machine.hoster.clone())
                .or_default()
                .push(PoolMachine {
                    name: machine.name.clone(),
                    address: machine.address,
                    port: 22,
                    user: "root".to_owned(),
                    host_key: host_key.clone(),
                    power,
                });
        }
        machines.push(MachineStatus {
            name: machine.name,
            hoster: machine.hoster,
            image: machine.image,
            address: machine.address,
            power,
        });
    }
    for pool in pools.values_mut() {
        // netcup-2 stands before netcup-10.
        pool.sort_by_key(|machine| (machine.name.len(), machine.name.clone()));
    }
    let faults = lab.place.faults();
    let hosters = record.hosters.iter().map(|hoster| HosterStatus {
        name: hoster.name.clone(),
        kind: hoster.kind,
        subnet: record.subnet(hoster),
        gateway: record.gateway(hoster),
        // Rules that are not there cut nothing off.
        cut: network::is_cut(&record, hoster).unwrap_or(false),
        outage: faults.standing(&hoster.name),
    });
    Ok(LabStatus {
        name: record.name.to_string(),
        directory: lab.place.dir.clone(),
        network: format!("10.{}.0.0/16", record.network),
        hosters: hosters.collect(),
        hetzner: record.hoster(serve::HETZNER).map(|_| Interface {
            endpoint: format!("http://{}/v1", record.endpoint),
            token: record.token.clone(),
            running: serve::lives(lab),
        }),
        dns: Dns {
            address: Ipv4Addr::LOCALHOST.into(),
            port: record.dns_port,
            zone: record.zone.clone(),
            key_name: dns::KEY_NAME.to_owned(),
            algorithm: dns::ALGORITHM.to_owned(),
            secret: record.tsig_secret.clone(),
            running: dns::lives(&lab.place),
        },
        pools,
        machines,
    })
}

impl std::fmt::Debug for Interface {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Interface")
            .field("endpoint", &self.endpoint)
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Dns")
            .field("port", &self.port)
            .field("zone", &self.zone)
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}
