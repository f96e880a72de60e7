//! The lab's network: a bridge for each hoster, a network namespace for each machine,
//! one nftables table.

use super::command::{failed, run, run_with_input};
use super::fleet::FleetError;
use super::names::{LabName, TABLE_PREFIX};
use super::state::{Hoster, LabRecord, Lock};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

/// What all labs of this computer share until its next start.
const SHARED: &str = "/run/holdfast-lab";
/// Where the kernel lists network cards.
const LINKS: &str = "/sys/class/net";
/// Where `ip netns` keeps network namespaces.
const NAMESPACES: &str = "/run/netns";
const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";

/// Keeps other labs from choosing a network or ending at the same moment.
pub fn lock_computer() -> Result<Lock, FleetError> {
    Lock::take(&Path::new(SHARED).join("lock"))
}

/// Removes what labs share, if no lab is left. Call it under [`lock_computer`].
pub fn forget_computer() {
    let listed = run("nft", &["list", "tables", "ip"]).unwrap_or_default();
    if tables_of_labs(&listed).is_empty() {
        let _ = fs::remove_dir_all(SHARED);
    }
}

/// Chooses the second byte of a network 10.n.0.0/16 that nothing on this computer knows.
/// Call it under [`lock_computer`], and make the bridges under the same lock.
pub fn choose(name: &LabName) -> Result<u8, FleetError> {
    let mut known = run("ip", &["-4", "route", "show", "table", "all"])?;
    known.push_str(&run("ip", &["-4", "-oneline", "address", "show"])?);
    known.push_str(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default());
    let taken = taken_tens(&known);
    free_ten(name, &taken).ok_or_else(|| {
        failed(
            "choose a network",
            &"every network from 10.64.0.0/16 to 10.250.0.0/16 is in use here",
        )
    })
}

/// The second bytes of all 10.n networks and addresses named in the text.
pub fn taken_tens(text: &str) -> BTreeSet<u8> {
    text.split_whitespace()
        // The whole of 10.0.0.0/8 routed away is no obstacle: longer prefixes win.
        .filter(|word| *word != "10.0.0.0/8")
        .filter_map(|word| word.strip_prefix("10."))
        .filter_map(|rest| rest.split('.').next()?.parse().ok())
        .collect()
}

/// The first free second byte in this lab's order of preference.
pub fn free_ten(name: &LabName, taken: &BTreeSet<u8>) -> Option<u8> {
    const FIRST: u8 = 64;
    const COUNT: u8 = 187;
    let start = Sha256::digest(name.as_str().as_bytes())[0] % COUNT;
    (0..COUNT)
        .map(|step| {
            FIRST
                + u8::try_from((u16::from(start) + u16::from(step)) % u16::from(COUNT)).unwrap_or(0)
        })
        .find(|ten| !taken.contains(ten))
}

/// Makes bridges and rules, or what is missing of them.
pub fn make(record: &LabRecord) -> Result<(), FleetError> {
    for hoster in &record.hosters {
        let bridge = record.name.bridge(hoster.index);
        if !Path::new(LINKS).join(&bridge).exists() {
            run("ip", &["link", "add", &bridge, "type", "bridge"])?;
        }
        let address = format!("{}/24", record.gateway(hoster));
        run("ip", &["address", "replace", &address, "dev", &bridge])?;
        run("ip", &["link", "set", &bridge, "up"])?;
    }
    if run("nft", &["list", "table", "ip", &record.name.table()]).is_err() {
        run_with_input("nft", &["-f", "-"], &rules(record))?;
    }
    forward()
}

/// The lab's table: nothing passes a hoster that is cut off, and machines reach
/// package mirrors under this computer's own address.
pub fn rules(record: &LabRecord) -> String {
    let network = format!("10.{}.0.0/16", record.network);
    format!(
        "table ip {table} {{
  set cut {{ type ipv4_addr; flags interval; }}
  set cut_ports {{ type inet_service; }}
  chain forward {{
    type filter hook forward priority -10; policy accept;
    ip saddr @cut drop
    ip daddr @cut drop
  }}
  chain input {{
    type filter hook input priority -10; policy accept;
    ip saddr @cut drop
    ip daddr 127.0.0.1 tcp dport @cut_ports drop
  }}
  chain output {{
    type filter hook output priority -10; policy accept;
    ip daddr @cut drop
  }}
  chain postrouting {{
    type nat hook postrouting priority 100; policy accept;
    ip saddr {network} ip daddr != {network} masquerade
  }}
}}
",
        table = record.name.table()
    )
}

/// Drops every packet from and to a hoster, its interface's included.
pub fn cut(record: &LabRecord, hoster: &Hoster) -> Result<(), FleetError> {
    change_cut(record, hoster, "add")
}

/// Lets packets pass again. Nothing if the hoster was not cut off.
pub fn heal(record: &LabRecord, hoster: &Hoster) -> Result<(), FleetError> {
    if is_cut(record, hoster)? {
        change_cut(record, hoster, "delete")
    } else {
        Ok(())
    }
}

fn change_cut(record: &LabRecord, hoster: &Hoster, verb: &str) -> Result<(), FleetError> {
    let table = record.name.table();
    let mut script = format!(
        "{verb} element ip {table} cut {{ {} }}\n",
        record.subnet(hoster)
    );
    if hoster.kind == super::state::Kind::Api {
        let port = record.endpoint.port();
        script = format!("{script}{verb} element ip {table} cut_ports {{ {port} }}\n");
    }
    // One file is one transaction: both or neither.
    run_with_input("nft", &["-f", "-"], &script).map(drop)
}

/// Whether a hoster is cut off now, by the kernel's word.
pub fn is_cut(record: &LabRecord, hoster: &Hoster) -> Result<bool, FleetError> {
    let set = run("nft", &["list", "set", "ip", &record.name.table(), "cut"])?;
    Ok(set.contains(&record.subnet(hoster)))
}

/// A machine's cable: where it goes and what hangs on it.
#[derive(Debug, Clone)]
pub struct Cable {
    /// The machine's network namespace.
    pub namespace: String,
    /// The machine's address, in a /24.
    pub address: Ipv4Addr,
}

/// Makes the machine's namespace with one network card `eth0`, afresh.
pub fn attach(record: &LabRecord, hoster: &Hoster, cable: &Cable) -> Result<(), FleetError> {
    let host = cable.address.octets()[3];
    let outer = record.name.cable(hoster.index, host);
    let namespace = cable.namespace.as_str();
    detach(&record.name, namespace, &outer);
    run("ip", &["netns", "add", namespace])?;
    let ethernet = record.name.ethernet(hoster.index, host);
    run(
        "ip",
        &[
            "link", "add", &outer, "type", "veth", "peer", "name", "eth0", "netns", namespace,
            "address", &ethernet,
        ],
    )?;
    run(
        "ip",
        &[
            "link",
            "set",
            &outer,
            "master",
            &record.name.bridge(hoster.index),
            "up",
        ],
    )?;
    let inside = format!(
        "link set lo up\naddress add {}/24 dev eth0\nlink set eth0 up\nroute add default via {}\n",
        cable.address,
        record.gateway(hoster)
    );
    run_with_input("ip", &["-netns", namespace, "-batch", "-"], &inside).map(drop)
}

/// Pulls the cable: nothing answers at the address any more. Fine if it was not there.
pub fn detach(name: &LabName, namespace: &str, cable: &str) {
    if !namespace.starts_with(&name.namespace_prefix()) || !cable.starts_with(&name.link_prefix()) {
        return;
    }
    // What stays is told by whoever makes it again, or by `down`.
    let _ = delete("link", LINKS, cable);
    let _ = delete("netns", NAMESPACES, namespace);
}

/// Removes every namespace, link and rule that bears the lab's names. Call it under
/// [`lock_computer`].
pub fn remove(name: &LabName) -> Result<(), FleetError> {
    for namespace in names_in(NAMESPACES, &name.namespace_prefix()) {
        delete("netns", NAMESPACES, &namespace)?;
    }
    for link in names_in(LINKS, &name.link_prefix()) {
        delete("link", LINKS, &link)?;
    }
    let tables = run("nft", &["list", "tables", "ip"])?;
    let others = tables_of_labs(&tables);
    if others.contains(&name.table()) {
        run("nft", &["delete", "table", "ip", &name.table()])?;
    }
    if others.iter().all(|table| *table == name.table()) {
        stop_forwarding()?;
    }
    Ok(())
}

/// Whether anything on this computer still bears the lab's names.
pub fn left_behind(name: &LabName) -> Vec<String> {
    let mut left = names_in(NAMESPACES, &name.namespace_prefix());
    left.extend(names_in(LINKS, &name.link_prefix()));
    let tables = run("nft", &["list", "tables", "ip"]).unwrap_or_default();
    left.extend(
        tables_of_labs(&tables)
            .into_iter()
            .filter(|table| *table == name.table()),
    );
    left
}

/// The labs' tables in what `nft list tables` says.
pub fn tables_of_labs(listed: &str) -> Vec<String> {
    listed
        .lines()
        .filter_map(|line| line.strip_prefix("table ip "))
        .filter(|table| table.starts_with(TABLE_PREFIX))
        .map(str::to_owned)
        .collect()
}

/// Deletes a link or namespace. One that went by itself meanwhile is deleted too: the
/// kernel takes away the cables of a namespace some time after the namespace.
fn delete(kind: &str, folder: &str, name: &str) -> Result<(), FleetError> {
    let there = || Path::new(folder).join(name).symlink_metadata().is_ok();
    if !there() {
        return Ok(());
    }
    match run("ip", &[kind, "delete", name]) {
        Err(error) if there() => Err(error),
        _ => Ok(()),
    }
}

fn names_in(folder: &str, prefix: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with(prefix))
        .collect()
}

/// Lets this computer route, and remembers how it was.
fn forward() -> Result<(), FleetError> {
    let action = "let this computer route between the lab's networks";
    let before = fs::read_to_string(FORWARDING).map_err(|error| failed(action, &error))?;
    if before.trim() == "1" {
        return Ok(());
    }
    fs::write(Path::new(SHARED).join("ip_forward"), before)
        .map_err(|error| failed(action, &error))?;
    fs::write(FORWARDING, "1").map_err(|error| failed(action, &error))
}

/// Puts back what [`forward`] found. No note means that nothing was changed.
fn stop_forwarding() -> Result<(), FleetError> {
    let note = Path::new(SHARED).join("ip_forward");
    let Ok(before) = fs::read_to_string(&note) else {
        return Ok(());
    };
    let action = "put back net.ipv4.ip_forward";
    fs::write(FORWARDING, before).map_err(|error| failed(action, &error))?;
    fs::remove_file(note).map_err(|error| failed(action, &error))
}

/// The name servers machines can use: this computer's own, save those on its loopback.
pub fn resolvers() -> Vec<Ipv4Addr> {
    // Where systemd-resolved stands in front, its own file names the servers behind it.
    ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"]
        .iter()
        .map(|path| usable_resolvers(&fs::read_to_string(path).unwrap_or_default()))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// The name servers of a resolv.conf that can be reached from elsewhere.
pub fn usable_resolvers(text: &str) -> Vec<Ipv4Addr> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .filter_map(|address| address.trim().parse::<Ipv4Addr>().ok())
        .filter(|address| !address.is_loopback())
        .collect()
}
