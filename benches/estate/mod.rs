//! The estate that the benches look at: customers that differ in nothing but names and places.

#![allow(dead_code, reason = "a bench takes what it needs")]

use holdfast::decide::catalogue::{self, Catalogue};
use holdfast::decide::document::Files;
use holdfast::decide::init::{self, NewEstate};
use holdfast::world::catalogue::embedded;

const PRODUCTION_SITES: [&str; 3] = ["nbg1", "fsn1", "hel1"];
const BACKUP_SITES: [&str; 2] = ["vie", "ams"];
/// What every machine runs.
pub const IMAGE: &str = "debian-13";
/// A key whose private half nobody kept.
pub const SIGNER: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

/// Where names are changed.
pub const DNS: &str = "[dns]\nserver = \"192.0.2.53:53\"\nzone = \"example\"\nkey_name = \"holdfast\"\n\
     algorithm = \"hmac-sha256\"\nkey_secret = \"dns-key\"\nttl = \"60s\"\n";

/// Accounts, and the ordered machines that keep backups, with keys whose private halves nobody kept.
pub const HOSTERS: &str = r#"schema = 1

[[hoster]]
id = "hetzner"
descriptor = "hetzner"
token_secret = "hetzner-token"

[[hoster]]
id = "ionos"
descriptor = "ionos"

[[hoster]]
id = "netcup"
descriptor = "netcup"

[[hoster.machine]]
name = "v2202611"
address = "192.0.2.10"
port = 22
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKV6JSHERnIAAXd8Ei5D0MG0CpFifw9ORqmXYQMkrlg7"
site = "vie"
image = "debian-13"

[[hoster.machine]]
name = "v2202612"
address = "192.0.2.11"
port = 22
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGDH+S4HqUSlsHC/7F3vqZ0QQBrNMgE/Qv4XjSDpdPcZ"
site = "ams"
image = "debian-13"
"#;

/// What this program brings.
pub fn catalogue() -> Catalogue {
    let (catalogue, found) = catalogue::catalogue(&embedded());
    assert!(found.is_empty(), "{found:?}");
    catalogue
}

/// All files of a commit with so many stacks, which this key may follow with another.
pub fn files(stacks: usize, signer: &str) -> Files {
    let stacks = (0..stacks)
        .map(|n| (format!("customer-{n:04}"), stack(n)))
        .collect();
    let plain = init::files(&NewEstate {
        name: "example",
        signer,
        reconciler: "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
        escrow: "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa",
        hosters: Some(HOSTERS),
        dns: Some(DNS),
        stacks: &stacks,
    });
    let mut files: Files = plain
        .into_iter()
        .map(|(path, text)| (path, text.into_bytes()))
        .collect();
    // Only the envelope is looked at: two recipients, and bytes nobody opens here.
    for secret in ["estate-key", "hetzner-token", "dns-key"] {
        let envelope = "age-encryption.org/v1\n-> X25519 a\nb\n-> X25519 c\nd\n--- e\n";
        files.insert(format!("secrets/{secret}.age"), envelope.into());
    }
    files
}

/// One customer, with two services.
pub fn stack(number: usize) -> String {
    let production = PRODUCTION_SITES[number % PRODUCTION_SITES.len()];
    let backup = BACKUP_SITES[number % BACKUP_SITES.len()];
    format!(
        r#"schema = 1

[stack]
id = "customer-{number:04}"
name = "Customer {number} GmbH"
language = "de"
contacts = ["mailto:it@customer-{number:04}.example", "tel:+49-30-5550100"]

[objectives]
rpo = "24h"
rto = "6h"

[production]
hoster = "hetzner"
site = "{production}"
machine = {{ cpus = 2, memory = "4 GiB", disk = "40 GB" }}
image = "{IMAGE}"
fallback = [{{ hoster = "ionos", site = "de/fra" }}]

[backup]
hoster = "netcup"
site = "{backup}"
schedule = "daily 02:30 Europe/Berlin"
retention = {{ within = "30d", weekly = 8, monthly = 12, yearly = 3 }}

[[service]]
name = "wiki"
blueprint = "mediawiki"
version = 1
host = "wiki.customer-{number:04}.example"
settings = {{ title = "Wiki {number}" }}

[[service]]
name = "docs"
blueprint = "dokuwiki"
version = 1
host = "docs.customer-{number:04}.example"
settings = {{ title = "Handbook {number}" }}

[repair]
automatic = ["restart", "reinstall", "rebuild"]
"#
    )
}
