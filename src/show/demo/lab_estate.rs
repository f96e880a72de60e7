//! The estate that describes the lab: its hosters, its name server, one customer.

use crate::lab::status::LabStatus;
use std::fmt::Write as _;

/// Which of the lab's sites stands for which of a hoster's.
fn site(hoster: &str) -> &'static str {
    match hoster {
        "netcup" => "nbg",
        "ionos" => "de/fra",
        _ => "nbg1",
    }
}

/// `hosters.toml` for the lab's hosters.
pub fn hosters(lab: &LabStatus) -> String {
    let mut text = String::from("schema = 1\n");
    if let Some(interface) = &lab.hetzner {
        let _ = write!(
            text,
            "\n[[hoster]]\nid = \"hetzner\"\ndescriptor = \"hetzner\"\nendpoint = \"{}\"\ntoken_secret = \"hetzner-token\"\n",
            interface.endpoint
        );
    }
    for (hoster, machines) in &lab.pools {
        let _ = write!(text, "\n[[hoster]]\nid = \"{hoster}\"\ndescriptor = \"{hoster}\"\n");
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
    line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// `estate.toml` with the lab's name server.
pub fn estate(lab: &LabStatus) -> String {
    format!(
        "schema = 1\n\n[estate]\nname = \"demo\"\nlanguage = \"en\"\n\n[dns]\nserver = \"{}:{}\"\nzone = \"{}\"\nkey_name = \"{}\"\nalgorithm = \"{}\"\nkey_secret = \"dns-key\"\nttl = \"60s\"\n",
        lab.dns.address,
        lab.dns.port,
        lab.dns.zone.trim_end_matches('.'),
        lab.dns.key_name.trim_end_matches('.'),
        lab.dns.algorithm.trim_end_matches('.'),
    )
}

/// One customer with two applications on one machine.
pub const STACK: &str = r#"schema = 1

[stack]
id = "acme"
name = "ACME GmbH"
language = "en"
contacts = ["mailto:it@acme.example"]

[objectives]
rpo = "24h"
rto = "6h"

[production]
hoster = "hetzner"
machine = { cpus = 2, memory = "4 GiB", disk = "40 GiB" }
image = "debian-13"

[backup]
hoster = "netcup"
schedule = "daily 02:30 Europe/Berlin"
retention = { within = "30d" }

[[service]]
name = "wiki"
blueprint = "mediawiki"
version = 1
host = "wiki.acme.example"
settings = { title = "ACME Wiki" }

[[service]]
name = "docs"
blueprint = "dokuwiki"
version = 1
host = "docs.acme.example"
settings = { title = "ACME Documents" }

[repair]
automatic = ["restart", "reinstall", "rebuild"]
"#;
