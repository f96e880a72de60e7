//! The estate that describes the lab: its hosters, its name server, one customer.
//! For `holdfast init --lab` and for the demo.

use crate::flow::init::InitOptions;
use crate::lab::LabStatus;
use crate::model::secret::Secret;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Its customer.
pub const STACK: &str = "acme";

/// Everything that `holdfast init` needs so that the new estate uses the lab's hosters.
/// `name` is the estate's id; the folder's name when absent.
pub fn options(lab: &LabStatus, name: Option<String>) -> InitOptions {
    let mut secrets = BTreeMap::new();
    secrets.insert("dns-key".to_owned(), Secret::new(lab.dns.secret.clone()));
    if let Some(interface) = &lab.hetzner {
        secrets.insert(
            "hetzner-token".to_owned(),
            Secret::new(interface.token.clone()),
        );
    }
    InitOptions {
        name,
        hosters: Some(hosters(lab)),
        dns: Some(dns(lab)),
        stacks: BTreeMap::from([(STACK.to_owned(), stack())]),
        secrets,
    }
}

/// Which of the descriptor's sites the lab's pool stands for.
fn site(hoster: &str) -> &'static str {
    match hoster {
        "netcup" => "vie",
        _ => "de/fra",
    }
}

/// `hosters.toml` for the lab's hosters.
fn hosters(lab: &LabStatus) -> String {
    let mut text = String::from("schema = 1\n");
    // Writing to a String cannot fail.
    if let Some(interface) = &lab.hetzner {
        let _ = write!(
            text,
            "\n[[hoster]]\nid = \"hetzner\"\ndescriptor = \"hetzner\"\nendpoint = \"{}\"\ntoken_secret = \"hetzner-token\"\n",
            interface.endpoint
        );
    }
    for (hoster, machines) in &lab.pools {
        let _ = write!(
            text,
            "\n[[hoster]]\nid = \"{hoster}\"\ndescriptor = \"{hoster}\"\n"
        );
        for machine in machines {
            let _ = write!(
                text,
                "\n[[hoster.machine]]\nname = \"{}\"\naddress = \"{}\"\nport = {}\nhost_key = \"{}\"\nsite = \"{}\"\nimage = \"debian-13\"\n",
                machine.name,
                machine.address,
                machine.port,
                key_without_comment(&machine.host_key),
                site(hoster)
            );
        }
    }
    text
}

fn key_without_comment(line: &str) -> String {
    line.split_whitespace()
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The `[dns]` table for the lab's name server.
fn dns(lab: &LabStatus) -> String {
    format!(
        "[dns]\nserver = \"{}:{}\"\nzone = \"{}\"\nkey_name = \"{}\"\nalgorithm = \"{}\"\nkey_secret = \"dns-key\"\nttl = \"60s\"\n",
        lab.dns.address,
        lab.dns.port,
        lab.dns.zone.trim_end_matches('.'),
        lab.dns.key_name.trim_end_matches('.'),
        lab.dns.algorithm.trim_end_matches('.'),
    )
}

/// One customer with two applications on one machine. Whoever breaks something here knows that it
/// is broken: there is no silence to wait for.
fn stack() -> String {
    let example = include_str!("../../stacks/examples/acme.toml");
    example.replacen("\nautomatic = ", "\nlost_after = \"1s\"\nautomatic = ", 1)
}
