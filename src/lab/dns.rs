//! The lab's name server: Knot, with a directory, a port and a key of its own.
//!
//! It answers for one zone and takes RFC 2136 updates signed with the lab's TSIG
//! key (HMAC-SHA-256, RFC 8945). It never forwards and never asks elsewhere.

use super::cgroup::Group;
use super::command::{failed, run};
use super::files::make_private_dir;
use super::fleet::FleetError;
use super::image::JOIN_AND_BECOME;
use super::state::{LabRecord, Place};
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The TSIG key's name.
pub const KEY_NAME: &str = "holdfast-lab";
/// The TSIG key's algorithm.
pub const ALGORITHM: &str = "hmac-sha256";

/// Makes the server's files, if they are not there, and starts it, if it does not run.
pub fn start(place: &Place, record: &LabRecord) -> Result<(), FleetError> {
    let group = group(place)?;
    if group.lives() {
        return Ok(());
    }
    let dir = dir(place);
    make_private_dir(&dir)?;
    make_private_dir(&dir.join("run"))?;
    let configuration = dir.join("knot.conf");
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        fs::write(&path, text).map_err(|error| failed(format!("write {}", path.display()), &error))
    };
    write("knot.conf", &knot_conf(&dir.to_string_lossy(), record))?;
    // What was updated lives in the zone file and its journal, and survives a restart.
    if !dir.join(zone_file(record)).exists() {
        write(&zone_file(record), &empty_zone(record))?;
    }
    group.make()?;
    let action = || "start the name server knotd".to_owned();
    let log = fs::File::create(dir.join("knot.log")).map_err(|error| failed(action(), &error))?;
    let errors = log.try_clone().map_err(|error| failed(action(), &error))?;
    Command::new("setsid")
        .args(["--fork", "sh", "-c", JOIN_AND_BECOME, "dns"])
        .arg(group.path())
        .args(["knotd", "--config"])
        .arg(&configuration)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .status()
        .map_err(|error| failed(action(), &error))?;
    let until = Instant::now() + Duration::from_secs(10);
    while !answers(place, record) {
        if Instant::now() > until {
            let said = fs::read_to_string(dir.join("knot.log")).unwrap_or_default();
            return Err(failed(
                action(),
                &format!("no answer within 10 s: {}", said.trim()),
            ));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Whether the server's process lives.
pub fn lives(place: &Place) -> bool {
    group(place).is_ok_and(|group| group.lives())
}

fn group(place: &Place) -> Result<Group, FleetError> {
    Ok(Group::of_lab(&place.name)?.member("dns"))
}

fn dir(place: &Place) -> PathBuf {
    place.dir.join("dns")
}

/// Whether the zone is loaded and served.
fn answers(place: &Place, record: &LabRecord) -> bool {
    let socket = dir(place).join("run/knot.sock");
    let said = run(
        "knotc",
        &[
            "--socket",
            &socket.to_string_lossy(),
            "zone-status",
            &record.zone,
            "+serial",
        ],
    );
    said.is_ok_and(|said| said.contains("serial: ") && !said.contains("serial: -"))
}

fn zone_file(record: &LabRecord) -> String {
    format!("{}zone", record.zone)
}

/// Knot's configuration, everything below `dir`.
pub fn knot_conf(dir: &str, record: &LabRecord) -> String {
    let port = record.dns_port;
    let gateways = record.hosters.iter().map(|hoster| record.gateway(hoster));
    let listen: Vec<String> = std::iter::once(Ipv4Addr::LOCALHOST)
        .chain(gateways)
        .map(|address| format!("{address}@{port}"))
        .collect();
    let listen = listen.join(", ");
    format!(
        "server:
    rundir: \"{dir}/run\"
    listen: [{listen}]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: \"{dir}\"
key:
  - id: {KEY_NAME}
    algorithm: {ALGORITHM}
    secret: {secret}
acl:
  - id: update
    key: {KEY_NAME}
    action: [update, transfer]
zone:
  - domain: {zone}
    storage: \"{dir}\"
    file: \"{file}\"
    acl: update
    zonefile-sync: 0
",
        secret = record.tsig_secret,
        zone = record.zone,
        file = zone_file(record),
    )
}

fn empty_zone(record: &LabRecord) -> String {
    let zone = &record.zone;
    format!(
        "{zone} 60 SOA ns.{zone} hostmaster.{zone} 1 3600 600 86400 60\n\
         {zone} 60 NS ns.{zone}\n\
         ns.{zone} 60 A 127.0.0.1\n"
    )
}
