//! Manifests as tab-separated lines on a script's standard input.
//!
//! A line is a kind and its fields; an empty field is `-`, since the shell's
//! `read` takes several tabs for one; free text and contents are base64.

use crate::model::blueprint::{Check, CheckKind, When};
use crate::model::machine::{MachineManifest, ManagedDirectory, ManagedFile, ServiceRuntime};
use crate::model::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Lines in the making; wiped when dropped.
#[derive(Default)]
pub(super) struct Lines(Zeroizing<Vec<u8>>);

impl Lines {
    /// One line.
    pub(super) fn line(&mut self, fields: &[&str]) {
        for (n, field) in fields.iter().enumerate() {
            if n > 0 {
                self.0.push(b'\t');
            }
            // Manifests hold no control characters in words; a foreign one must not make a line.
            let clean = field.bytes().filter(|byte| !byte.is_ascii_control());
            let before = self.0.len();
            self.0.extend(clean);
            if self.0.len() == before {
                self.0.push(b'-');
            }
        }
        self.0.push(b'\n');
    }

    /// One line for each word.
    pub(super) fn words<'a>(&mut self, kind: &str, words: impl IntoIterator<Item = &'a String>) {
        for word in words {
            self.line(&[kind, word]);
        }
    }

    /// Files of one order; `early` are those before packages.
    pub(super) fn files<'a>(
        &mut self,
        files: impl IntoIterator<Item = &'a ManagedFile>,
        when: Option<When>,
    ) {
        for file in files {
            if when.is_some_and(|when| when != file.when) {
                continue;
            }
            let kind = match file.when {
                When::BeforePackages => "early",
                When::AfterPackages => "file",
            };
            let content = encode(file.content.expose());
            self.line(&[
                kind,
                &file.path,
                &file.mode,
                &file.owner,
                &file.group,
                &content,
            ]);
        }
    }

    /// Directories, declared state (`state`) or others (`directory`).
    pub(super) fn directories<'a>(
        &mut self,
        kind: &str,
        directories: impl IntoIterator<Item = &'a ManagedDirectory>,
    ) {
        for d in directories {
            self.line(&[kind, &d.path, &d.mode, &d.owner, &d.group]);
        }
    }

    /// Roles, each once, and databases.
    pub(super) fn databases(&mut self, manifest: &MachineManifest) {
        let databases = || {
            manifest
                .services
                .iter()
                .flat_map(|service| &service.databases)
        };
        let roles: BTreeMap<(&str, &str), &Secret> = databases()
            .map(|database| {
                let role = (database.engine.word(), database.owner.as_str());
                (role, &database.password)
            })
            .collect();
        for ((engine, role), password) in roles {
            self.line(&["role", engine, role, &encode(password.expose())]);
        }
        for database in databases() {
            let engine = database.engine.word();
            self.line(&["database", engine, &database.name, &database.owner]);
        }
    }

    /// The checks of a service.
    pub(super) fn checks(&mut self, service: &ServiceRuntime) {
        for (number, check) in (1..).zip(&service.checks) {
            self.check(service, number, check);
        }
    }

    fn check(&mut self, service: &ServiceRuntime, number: usize, check: &Check) {
        let (kind, status, config, contains) = match &check.kind {
            CheckKind::Http {
                path,
                status,
                contains,
            } => (
                "http",
                status.to_string(),
                encode(curl_configuration(service.host.as_str(), path).as_bytes()),
                encode(contains.as_deref().unwrap_or_default().as_bytes()),
            ),
            CheckKind::Script { .. } => (
                "script",
                String::new(),
                String::new().into(),
                String::new().into(),
            ),
        };
        self.line(&[
            service.name.as_str(),
            &number.to_string(),
            kind,
            &encode(check.name.as_bytes()),
            &status,
            &config,
            &contains,
        ]);
    }

    pub(super) fn finish(self) -> Secret {
        Secret::new(self.0.to_vec())
    }
}

/// What curl is asked, outside its arguments: a path may carry a token.
fn curl_configuration(host: &str, path: &str) -> String {
    // Within quotes curl's configuration knows \\, \", \t, \n, \r and \v.
    let quote = |text: &str| text.replace('\\', r"\\").replace('"', "\\\"");
    format!(
        "url = \"http://127.0.0.1{}\"\nheader = \"Host: {}\"\n",
        quote(path),
        quote(host)
    )
}

fn encode(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(bytes))
}
