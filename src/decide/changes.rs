//! What differs between what a machine should be and what it is.

use crate::model::machine::{Change, Digest, FileFact, MachineFacts, MachineManifest, UnitFact};
use sha2::{Digest as _, Sha256};

/// What to converge, in the order in which it is done: packages, directories, files, units.
///
/// Declared state is left out on purpose: a directory of state that vanished
/// is data lost, and must never come back empty (S15).
pub fn changes(manifest: &MachineManifest, facts: &MachineFacts) -> Vec<Change> {
    let packages = manifest
        .tools
        .iter()
        .chain(&manifest.packages)
        .filter(|package| !facts.packages.contains_key(*package))
        .map(|package| Change::InstallPackage {
            package: package.clone(),
        });
    let directories = manifest.directories.iter().filter_map(|directory| {
        let rights = (&directory.mode, &directory.owner, &directory.group);
        let found = difference(facts.directories.get(&directory.path), None, rights)?;
        Some(Change::MakeDirectory {
            path: directory.path.clone(),
            found,
        })
    });
    let files = manifest.files.iter().filter_map(|file| {
        let rights = (&file.mode, &file.owner, &file.group);
        let found = difference(facts.files.get(&file.path), Some(&file.digest), rights)?;
        Some(Change::WriteFile {
            path: file.path.clone(),
            found,
        })
    });
    let units = manifest.units.iter().filter_map(|unit| {
        let found = match facts.units.get(unit) {
            None => "unknown to systemd",
            Some(UnitFact { active: false, .. }) => "stopped",
            Some(UnitFact { enabled: false, .. }) => "not enabled",
            Some(_) => return None,
        };
        Some(Change::StartUnit {
            unit: unit.clone(),
            found: found.to_owned(),
        })
    });
    packages
        .chain(directories)
        .chain(files)
        .chain(units)
        .collect()
}

/// What was found instead, in words; nothing when it is as it should be.
fn difference(
    found: Option<&FileFact>,
    digest: Option<&Digest>,
    (mode, owner, group): (&String, &String, &String),
) -> Option<String> {
    let Some(found) = found else {
        return Some("missing".to_owned());
    };
    if digest.is_some_and(|digest| *digest != found.digest) {
        return Some("content differs".to_owned());
    }
    [
        ("mode", &found.mode, mode),
        ("owner", &found.owner, owner),
        ("group", &found.group, group),
    ]
    .into_iter()
    .find(|(_, is, should)| is != should)
    .map(|(what, is, should)| format!("{what} {is} instead of {should}"))
}

/// A digest of everything in a manifest; changes when any byte of the machine's description does.
pub fn digest(manifest: &MachineManifest) -> Digest {
    let mut hasher = Sha256::new();
    // Each part with its length, so that no two manifests run together.
    let mut add = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    let mut words = |label: &str, items: &[String]| {
        add(label.as_bytes());
        add(&(items.len() as u64).to_be_bytes());
        for item in items {
            add(item.as_bytes());
        }
    };
    let stack = manifest.stack.iter().map(ToString::to_string);
    words("role", &[manifest.role.word().to_owned()]);
    words("stack", &stack.collect::<Vec<_>>());
    words("tools", &manifest.tools);
    words("packages", &manifest.packages);
    words("units", &manifest.units);
    let ports: Vec<String> = manifest.ports.iter().map(ToString::to_string).collect();
    words("ports", &ports);
    for directory in &manifest.directories {
        let d = directory.clone();
        words("directory", &[d.path, d.mode, d.owner, d.group]);
    }
    for file in &manifest.files {
        let f = file.clone();
        let when = format!("{:?}", f.when);
        words(
            "file",
            &[f.path, f.digest.0, f.mode, f.owner, f.group, when],
        );
        words("restarts", &f.restarts);
    }
    for service in &manifest.services {
        // Environment, hooks and check scripts are managed files and so already in.
        words(
            "service",
            &[service.name.to_string(), service.host.to_string()],
        );
        for database in &service.databases {
            let engine = format!("{:?}", database.engine);
            let (name, owner) = (database.name.clone(), database.owner.clone());
            words("database", &[engine, name, owner]);
            words(
                "password",
                &[hex::encode(Sha256::digest(database.password.expose()))],
            );
        }
        for state in &service.state {
            let s = state.clone();
            words("state", &[s.path, s.mode, s.owner, s.group]);
        }
        for check in &service.checks {
            words("check", &[format!("{check:?}")]);
        }
    }
    Digest(hex::encode(hasher.finalize()))
}
