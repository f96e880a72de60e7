//! A machine's manifest as plain lists and files that shell scripts read.

use crate::model::blueprint::{CheckKind, When};
use crate::model::machine::{MachineManifest, ServiceRuntime};
use crate::model::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// One file of a kit.
pub(super) struct Listed {
    pub content: Secret,
    /// On the machine everybody may read it.
    pub for_anybody: bool,
}

/// The lists, and under `root/` the files as they lie on the machine.
///
/// Fields are parted by tabs; words of a manifest hold none. An empty field is `-`, since the
/// shell's `read` takes several tabs for one.
pub(super) fn lists(manifest: &MachineManifest) -> BTreeMap<String, Listed> {
    let services = || manifest.services.iter();
    let packages = manifest.tools.iter().chain(&manifest.packages);
    let files = manifest.files.iter();
    let texts = [
        ("packages", lines(packages.map(|name| vec![name.as_str()]))),
        (
            "units",
            lines(manifest.units.iter().map(|unit| vec![unit.as_str()])),
        ),
        ("services", lines(services().map(|s| vec![s.name.as_str()]))),
        (
            "directories",
            lines(
                manifest
                    .directories
                    .iter()
                    .map(|d| vec![d.path.as_str(), &d.mode, &d.owner, &d.group]),
            ),
        ),
        (
            "files",
            lines(
                files
                    .clone()
                    .map(|f| vec![when(f.when), f.path.as_str(), &f.mode, &f.owner, &f.group]),
            ),
        ),
        (
            "state",
            lines(services().flat_map(|s| {
                s.state
                    .iter()
                    .map(|d| vec![s.name.as_str(), d.path.as_str(), &d.owner, &d.group])
            })),
        ),
        (
            "databases",
            lines(services().flat_map(|s| {
                s.databases
                    .iter()
                    .map(|d| vec![s.name.as_str(), d.engine.word(), &d.name, &d.owner])
            })),
        ),
        ("checks", checks(manifest)),
        ("passwords", passwords(manifest)),
    ];
    let listed = |text: Zeroizing<String>, for_anybody| Listed {
        content: Secret::new(text.as_bytes()),
        for_anybody,
    };
    let mut all: BTreeMap<String, Listed> = texts
        .into_iter()
        .map(|(name, text)| (name.to_owned(), listed(text, true)))
        .collect();
    for file in files {
        let for_anybody = file
            .mode
            .chars()
            .last()
            .and_then(|digit| digit.to_digit(8))
            .is_some_and(|others| others & 4 != 0);
        let content = Secret::new(file.content.expose());
        all.insert(
            format!("root{}", file.path),
            Listed {
                content,
                for_anybody,
            },
        );
    }
    all
}

fn when(when: When) -> &'static str {
    match when {
        When::BeforePackages => "before-packages",
        When::AfterPackages => "after-packages",
    }
}

fn lines<'a>(rows: impl Iterator<Item = Vec<&'a str>>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    for row in rows {
        for (n, field) in row.into_iter().enumerate() {
            if n > 0 {
                text.push('\t');
            }
            text.push_str(if field.is_empty() { "-" } else { field });
        }
        text.push('\n');
    }
    text
}

/// Engine, database, password in base64.
fn passwords(manifest: &MachineManifest) -> Zeroizing<String> {
    let databases = manifest.services.iter().flat_map(|s| &s.databases);
    let encoded: Vec<_> = databases
        .map(|d| (d, Zeroizing::new(STANDARD.encode(d.password.expose()))))
        .collect();
    lines(
        encoded
            .iter()
            .map(|(d, password)| vec![d.engine.word(), d.name.as_str(), password.as_str()]),
    )
}

/// Service, number, kind, host, status, name, path, text that the answer must contain.
fn checks(manifest: &MachineManifest) -> Zeroizing<String> {
    let numbered = |service: &ServiceRuntime| -> Vec<[String; 8]> {
        let of = |(number, check): (usize, &crate::model::blueprint::Check)| {
            let (kind, status, path, contains) = match &check.kind {
                CheckKind::Http {
                    path,
                    status,
                    contains,
                } => ("http", status.to_string(), path.clone(), contains.clone()),
                CheckKind::Script { .. } => ("script", String::new(), String::new(), None),
            };
            [
                service.name.to_string(),
                number.to_string(),
                kind.to_owned(),
                service.host.to_string(),
                status,
                check.name.clone(),
                path,
                contains.unwrap_or_default(),
            ]
        };
        (1..).zip(&service.checks).map(of).collect()
    };
    let rows: Vec<[String; 8]> = manifest.services.iter().flat_map(numbered).collect();
    lines(
        rows.iter()
            .map(|row| row.iter().map(String::as_str).collect()),
    )
}
