//! What differs is found, and once it is mended nothing differs.

use crate::sample;
use holdfast::decide::changes::changes;
use holdfast::model::ids::ImageName;
use holdfast::model::machine::{
    Change, Digest, FileFact, MachineFacts, MachineManifest, Stage, UnitFact,
};
use holdfast::model::units::Bytes;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn bare() -> MachineFacts {
    MachineFacts {
        image: ImageName::new("debian-13"),
        boot_id: "b".into(),
        stack: None,
        estate: None,
        role: None,
        epoch: None,
        stage: Stage::Blank,
        open: false,
        restored_from: None,
        packages: BTreeMap::new(),
        files: BTreeMap::new(),
        directories: BTreeMap::new(),
        units: BTreeMap::new(),
        disk_free: Bytes(1),
        disk_size: Bytes(2),
        clock_ms: None,
        ahead_ms: 0,
        took_ms: 1,
    }
}

/// What a machine says after a change was made, by what the script does.
fn apply(manifest: &MachineManifest, facts: &mut MachineFacts, change: &Change) {
    match change {
        Change::InstallPackage { package } => {
            facts.packages.insert(package.clone(), "1".into());
        }
        Change::MakeDirectory { path, .. } => {
            let d = manifest
                .directories
                .iter()
                .find(|d| d.path == *path)
                .unwrap();
            let fact = FileFact {
                digest: Digest(String::new()),
                mode: d.mode.clone(),
                owner: d.owner.clone(),
                group: d.group.clone(),
            };
            facts.directories.insert(path.clone(), fact);
        }
        Change::WriteFile { path, .. } => {
            let f = manifest.files.iter().find(|f| f.path == *path).unwrap();
            let fact = FileFact {
                digest: f.digest.clone(),
                mode: f.mode.clone(),
                owner: f.owner.clone(),
                group: f.group.clone(),
            };
            facts.files.insert(path.clone(), fact);
        }
        Change::StartUnit { unit, .. } => {
            let fact = UnitFact {
                active: true,
                enabled: true,
            };
            facts.units.insert(unit.clone(), fact);
        }
    }
}

fn converged(manifest: &MachineManifest, mut facts: MachineFacts) -> MachineFacts {
    for change in changes(manifest, &facts) {
        apply(manifest, &mut facts, &change);
    }
    facts
}

#[test]
fn a_bare_machine_needs_everything_in_the_order_it_is_done() {
    let manifest = sample::site();
    let all = changes(&manifest, &bare());
    let rank = |change: &Change| match change {
        Change::InstallPackage { .. } => 0,
        Change::MakeDirectory { .. } => 1,
        Change::WriteFile { .. } => 2,
        Change::StartUnit { .. } => 3,
    };
    assert!(all.is_sorted_by_key(rank));
    let wanted = manifest.tools.len()
        + manifest.packages.len()
        + manifest.directories.len()
        + manifest.files.len()
        + manifest.units.len();
    assert_eq!(all.len(), wanted);
}

#[test]
fn drift_says_what_was_found() {
    let manifest = sample::site();
    let mut facts = converged(&manifest, bare());
    let site = "/etc/nginx/sites-enabled/site";
    let conf = "/etc/page/site.conf";
    facts.files.get_mut(site).unwrap().digest = Digest("0".repeat(64));
    facts.files.get_mut(conf).unwrap().mode = "0644".into();
    facts.packages.remove("nginx");
    facts.units.get_mut("nginx.service").unwrap().active = false;
    facts.units.get_mut("postgresql.service").unwrap().enabled = false;
    facts.directories.get_mut("/etc/holdfast").unwrap().owner = "nobody".into();
    let found: Vec<String> = changes(&manifest, &facts)
        .into_iter()
        .map(|change| match change {
            Change::InstallPackage { package } => format!("{package} missing"),
            Change::MakeDirectory { path, found } | Change::WriteFile { path, found } => {
                format!("{path} {found}")
            }
            Change::StartUnit { unit, found } => format!("{unit} {found}"),
        })
        .collect();
    assert_eq!(
        found,
        [
            "nginx missing",
            "/etc/holdfast owner nobody instead of root",
            "/etc/nginx/sites-enabled/site content differs",
            "/etc/page/site.conf mode 0644 instead of 0640",
            "postgresql.service not enabled",
            "nginx.service stopped",
        ]
    );
}

#[test]
fn s15_lost_state_is_never_made_again_empty() {
    let manifest = sample::site();
    assert_eq!(manifest.services[0].state[0].path, "/srv/site");
    let named = changes(&manifest, &bare())
        .into_iter()
        .any(|change| matches!(change, Change::MakeDirectory { path, .. } if path == "/srv/site"));
    assert!(!named);
}

proptest! {
    #[test]
    fn after_a_simulated_apply_nothing_differs(seed in prop::collection::vec(any::<u8>(), 400)) {
        let manifest = sample::site();
        let mut facts = converged(&manifest, bare());
        // Break things at random: each byte decides for one item whether and how.
        let mut dice = seed.into_iter();
        let mut die = || dice.next().unwrap_or(0) % 6;
        facts.packages.retain(|_, _| die() != 0);
        facts.units.retain(|_, _| die() != 0);
        for unit in facts.units.values_mut() {
            unit.active = die() != 1;
            unit.enabled = die() != 2;
        }
        for files in [&mut facts.files, &mut facts.directories] {
            files.retain(|_, _| die() != 0);
            for file in files.values_mut() {
                match die() {
                    1 => file.digest = Digest("0".repeat(64)),
                    2 => file.mode = "0777".into(),
                    3 => file.owner = "nobody".into(),
                    4 => file.group = "nogroup".into(),
                    _ => {}
                }
            }
        }
        let facts = converged(&manifest, facts);
        prop_assert_eq!(changes(&manifest, &facts), []);
    }
}
