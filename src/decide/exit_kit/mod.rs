//! The exit kit of a stack: all that is needed to rebuild it without Holdfast, with stock tools.
//!
//! Pure: the same estate, seen the same, gives the same bytes. What depends on the estate's key
//! is told apart by rendering everything a second time with a key of nothing: a file that
//! differs holds a secret, whatever a template made of it, and goes among the sealed ones (S13).

mod lists;
mod tar;

pub use tar::archive;

use crate::decide::manifest::{TOOLS, repository_address, shell_quote};
use crate::decide::plan::ENOUGH;
use crate::decide::point::{holds, moment, newness};
use crate::model::desired::{Descriptor, DesiredStack, DnsAccount};
use crate::model::gap::Gap;
use crate::model::ids::{CommitId, EstateName, HosterId, ImageName, MachineName};
use crate::model::machine::{BackupAccess, MachineManifest};
use crate::model::point::RecoveryPoint;
use crate::model::secret::Secret;
use jiff::Timestamp;
use lists::lists;
use sha2::{Digest as _, Sha256};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

/// What a kit is made from.
#[derive(Debug, Clone)]
pub struct Source {
    /// Whose.
    pub estate: EstateName,
    /// The accepted commit.
    pub commit: CommitId,
    /// When it is made.
    pub at: Timestamp,
    /// Which version makes it.
    pub holdfast: String,
    /// The stack.
    pub stack: DesiredStack,
    /// The companies at which it stands, as contracts name them.
    pub hosters: BTreeMap<HosterId, Descriptor>,
    /// What its machine should be, on each system that all its blueprints know.
    pub images: BTreeMap<ImageName, Rendered>,
    /// The backup machine.
    pub vault: MachineName,
    /// How the repository is reached, with the escrow key; `None`: its machine's address is unknown.
    pub access: Option<BackupAccess>,
    /// The escrow key's password of the repository.
    pub repository_password: Secret,
    /// Where production answered, if it could be seen.
    pub production: Option<(MachineName, IpAddr)>,
    /// The newest first.
    pub points: Result<Vec<RecoveryPoint>, Gap>,
    /// Where names are changed.
    pub dns: Option<DnsAccount>,
    /// Who can open what is sealed (`age1…`).
    pub recipients: Vec<String>,
}

/// One machine, rendered twice.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// With the estate's key.
    pub real: MachineManifest,
    /// With the key of nothing.
    pub blank: MachineManifest,
}

/// The files of a kit, by path.
#[derive(Debug, Clone, Default)]
pub struct Kit {
    /// Anybody may read these.
    pub plain: BTreeMap<String, Vec<u8>>,
    /// Only whoever has the escrow key.
    pub sealed: BTreeMap<String, Secret>,
}

const SCRIPTS: [(&str, &str); 10] = [
    ("kit.sh", include_str!("scripts/kit.sh")),
    ("0-open.sh", include_str!("scripts/0-open.sh")),
    ("1-packages.sh", include_str!("scripts/1-packages.sh")),
    ("2-fetch.sh", include_str!("scripts/2-fetch.sh")),
    (
        "3-configuration.sh",
        include_str!("scripts/3-configuration.sh"),
    ),
    ("4-files.sh", include_str!("scripts/4-files.sh")),
    ("5-databases.sh", include_str!("scripts/5-databases.sh")),
    ("6-hooks.sh", include_str!("scripts/6-hooks.sh")),
    ("7-start.sh", include_str!("scripts/7-start.sh")),
    ("8-check.sh", include_str!("scripts/8-check.sh")),
];

/// The kit, without its runbook. `shared` are the scripts that a restore by Holdfast runs too.
pub fn kit(source: &Source, shared: &[(&str, &str)]) -> Kit {
    let mut kit = Kit::default();
    for (name, text) in SCRIPTS.iter().chain(shared) {
        kit.plain
            .insert(format!("scripts/{name}"), text.as_bytes().to_vec());
    }
    let images: Vec<&str> = source.images.keys().map(ImageName::as_str).collect();
    let about = [
        ("STACK", source.stack.id.as_str()),
        ("IMAGES", &images.join(" ")),
        ("TOOLS", &TOOLS.join(" ")),
    ]
    .map(|(key, value)| format!("{key}={}\n", shell_quote(value)));
    kit.plain
        .insert("data/kit.env".to_owned(), about.concat().into_bytes());
    kit.plain
        .insert("data/points".to_owned(), proven(source).into_bytes());
    for (image, rendered) in &source.images {
        let blank = lists(&rendered.blank);
        for (name, file) in lists(&rendered.real) {
            let public = file.for_anybody
                && blank
                    .get(&name)
                    .is_some_and(|other| other.content.expose() == file.content.expose());
            if public {
                let content = file.content.expose().to_vec();
                kit.plain.insert(format!("data/{image}/{name}"), content);
            } else {
                kit.sealed.insert(format!("{image}/{name}"), file.content);
            }
        }
    }
    if let Some(access) = &source.access {
        kit.plain.insert(
            "data/backup-ca.pem".to_owned(),
            access.ca_pem.clone().into(),
        );
        kit.sealed
            .insert("repository".to_owned(), repository_address(access));
    }
    kit.sealed.insert(
        "repository-password".to_owned(),
        source.repository_password.clone(),
    );
    kit
}

/// Points that a rebuild would take (S11), the newest first: id, when it came to be, how far it is
/// proven. Empty when they could not be listed: then somebody must choose.
fn proven(source: &Source) -> String {
    let points = source.points.iter().flatten();
    let mut proven: Vec<&RecoveryPoint> = points.filter(|p| holds(p, ENOUGH)).collect();
    proven.sort_by_cached_key(|point| Reverse(newness(point)));
    let mut text = String::new();
    for point in proven {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}\t{}\t{}",
            point.id,
            moment(point).strftime("%Y-%m-%d %H:%M:%S UTC"),
            point.rung.name()
        );
    }
    text
}

/// `sha256sum -c` reads it: every plain file, in order of its path.
pub fn sums(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut text = String::new();
    for (path, content) in files {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}  {path}", hex::encode(Sha256::digest(content)));
    }
    text.into_bytes()
}

/// Files on the machine that hold a secret, for each system: paths only.
pub fn secret_files<'k>(kit: &'k Kit, image: &'k ImageName) -> impl Iterator<Item = &'k str> {
    let start = format!("{image}/root");
    kit.sealed
        .keys()
        .filter_map(move |path| path.strip_prefix(&start))
}
