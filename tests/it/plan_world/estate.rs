//! What the worlds' estates ask for, written as files and read by the real resolver.

use holdfast::decide::catalogue::{self, Catalogue};
use holdfast::decide::document::Files;
use holdfast::decide::init::{self, NewEstate};
use holdfast::decide::mandate::Mandate;
use holdfast::decide::origins::Unlawful;
use holdfast::decide::resolve::{Holders, resolve_after};
use holdfast::model::desired::Desired;
use holdfast::model::ids::CommitId;
use holdfast::model::observed::Hardware;
use holdfast::model::trust::{Recipients, Role, Thresholds, Trust};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

/// `stacks/<id>.toml` with production at this hoster; `extra` goes to the end of the file.
pub fn stack_file(id: &str, production: &str, extra: &str) -> String {
    format!(
        r#"schema = 1

[stack]
id = "{id}"
name = "{id} GmbH"
language = "en"
contacts = ["mailto:it@{id}.example"]

[production]
{production}
image = "debian-13"

[backup]
hoster = "netcup"
site = "vie"
schedule = "daily 02:30 Europe/Berlin"
retention = {{ within = "30d" }}

[[service]]
name = "docs"
blueprint = "dokuwiki"
version = 1
host = "docs.{id}.example"
settings = {{ title = "Documents" }}
{extra}"#
    )
}

pub const HETZNER: &str = "hoster = \"hetzner\"\nsite = \"nbg1\"\nmachine = { cpus = 2, memory = \"4 GiB\", disk = \"40 GB\" }";
/// The same place, and twice as large: another type, whose disk is larger than is asked for.
pub const LARGER: &str = "hoster = \"hetzner\"\nsite = \"nbg1\"\nmachine = { cpus = 4, memory = \"8 GiB\", disk = \"40 GB\" }";
/// The same, with all of that type's disk.
pub const LARGER_DISK: &str = "hoster = \"hetzner\"\nsite = \"nbg1\"\nmachine = { cpus = 4, memory = \"8 GiB\", disk = \"80 GB\" }";
pub const WITH_FALLBACK: &str = "hoster = \"hetzner\"\nsite = \"nbg1\"\nfallback = [{ hoster = \"ionos\", site = \"de/fra\" }]\nmachine = { cpus = 2, memory = \"4 GiB\", disk = \"40 GB\" }";
pub const IONOS: &str = "hoster = \"ionos\"\nsite = \"de/fra\"";
pub const REPAIR: &str =
    "\n[repair]\nautomatic = [\"restart\", \"reinstall\", \"reboot\", \"rebuild\"]\n";

fn the_catalogue() -> &'static Catalogue {
    fn walk(root: &Path, dir: &Path, files: &mut Files) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, files);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                files.insert(name.to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Files::new();
        walk(root, &root.join("stacks/blueprints"), &mut files);
        walk(root, &root.join("providers"), &mut files);
        let (catalogue, found) = catalogue::catalogue(&files);
        assert!(found.is_empty(), "{found:?}");
        catalogue
    })
}

/// What a machine of this type has, by the catalogue.
pub fn hardware(machine_type: &str) -> Hardware {
    let kinds = (the_catalogue().descriptors.values()).flat_map(|of| &of.machine_types);
    let kind = kinds.into_iter().find(|kind| kind.name == machine_type);
    Hardware {
        machine_type: machine_type.to_owned(),
        size: kind.unwrap().size(),
    }
}

/// What these stack files ask for, through the real resolver; broken ones are kept apart by it.
pub fn desired(stacks: &[(&str, String)]) -> Desired {
    desired_but(stacks, &Unlawful::new())
}

/// The same, where somebody who knows the past says that these go on with nothing.
pub fn desired_but(stacks: &[(&str, String)], unlawful: &Unlawful) -> Desired {
    let stacks: BTreeMap<String, String> = stacks
        .iter()
        .map(|(id, text)| ((*id).to_owned(), text.clone()))
        .collect();
    let mut files: Files = init::files(&NewEstate {
        name: "example",
        signer: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ",
        reconciler: "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
        escrow: "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa",
        hosters: None,
        dns: Some(
            "[dns]\nserver = \"192.0.2.53:53\"\nzone = \"example\"\nkey_name = \"holdfast\"\n\
             algorithm = \"hmac-sha256\"\nkey_secret = \"dns-key\"\nttl = \"60s\"\n",
        ),
        stacks: &stacks,
    })
    .into_iter()
    .map(|(path, text)| (path, text.into_bytes()))
    .collect();
    for secret in ["estate-key", "hetzner-token", "dns-key"] {
        let envelope = "age-encryption.org/v1\n-> X25519 a\nb\n-> X25519 c\nd\n--- e\n";
        files.insert(format!("secrets/{secret}.age"), envelope.into());
    }
    let commit = CommitId::new("c0ffee".repeat(6));
    let holders = Holders::new();
    let resolution = resolve_after(&files, &commit, the_catalogue(), &holders, unlawful);
    let found = resolution.diagnostics;
    resolution
        .desired
        .unwrap_or_else(|| panic!("the estate is broken: {found:?}"))
}

/// One customer, `acme`, with every repair allowed.
pub fn acme(production: &str) -> Desired {
    let want = desired(&[("acme", stack_file("acme", production, REPAIR))]);
    assert!(want.broken.is_empty(), "{:?}", want.broken);
    want
}

/// A list that asks for nothing more than that a commit was accepted.
pub fn mandate() -> Mandate {
    let trust = Trust {
        signers: Vec::new(),
        roles: Role::built_in(),
        thresholds: Thresholds::default(),
        recipients: Recipients {
            reconciler: String::new(),
            escrow: Vec::new(),
        },
    };
    Mandate::new(trust, "2026-03-02T12:00:00Z".parse().unwrap())
}
