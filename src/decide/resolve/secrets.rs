//! `secrets/<id>.age`: there, named, and readable by more than one identity.
//! Only the envelope is looked at; nothing is decrypted here.

use super::estate::Estate;
use crate::decide::document::{Files, about_file, codes, words};
use crate::model::desired::HosterAccount;
use crate::model::diagnostic::Diagnostic;
use crate::model::ids::HosterId;
use crate::model::trust::Trust;
use std::collections::BTreeMap;

/// The secret that every generated secret derives from.
pub const ESTATE_KEY: &str = "estate-key";

/// Looks at every envelope.
pub(super) fn check(files: &Files, trust: Option<&Trust>) -> Vec<Diagnostic> {
    let needed = trust.map_or(2, |t| 1 + t.recipients.escrow.len());
    let mut findings = Vec::new();
    for (path, bytes) in files {
        let Some(name) = path.strip_prefix("secrets/") else {
            continue;
        };
        if name.starts_with('.') || name.strip_suffix(".md").is_some() {
            continue;
        }
        if !name
            .strip_suffix(".age")
            .is_some_and(|id| words::ID.fits(id))
        {
            let help = "secrets are named secrets/<id>.age; if this is a secret in plain text, change it, for Git remembers it";
            findings.push(about_file(
                codes::SECRET,
                path,
                format!("`{path}` is no sealed secret"),
                help,
            ));
            continue;
        }
        match recipients(bytes) {
            None => {
                let help = "seal it with age (binary form) for the recipients in trust.toml";
                let message = format!("`{path}` is not a file of age's; is it in plain text?");
                findings.push(about_file(codes::SECRET, path, message, help));
            }
            Some(count) if count < needed => {
                let message = format!(
                    "`{path}` can be read by {count} identities, not by the reconciler and all escrow keys ({needed})"
                );
                let help = "seal it again for all recipients in trust.toml; a secret that only a lost machine can read is lost with it";
                findings.push(about_file(codes::SECRET, path, message, help));
            }
            Some(_) => {}
        }
    }
    findings
}

/// Counts the X25519 stanzas of the header (age-encryption.org/v1).
fn recipients(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"age-encryption.org/v1\n")?;
    let mut count = 0;
    for line in rest.split(|&b| b == b'\n') {
        if line.starts_with(b"---") {
            return Some(count);
        }
        if line.starts_with(b"-> X25519 ") {
            count += 1;
        }
    }
    None
}

/// Who names secrets.
pub(super) struct Named<'n> {
    pub estate: Option<&'n Estate>,
    pub hosters: Option<&'n BTreeMap<HosterId, HosterAccount>>,
}

impl Named<'_> {
    /// Named secrets that are not there.
    pub fn missing(&self, files: &Files) -> Vec<Diagnostic> {
        let dns = self.estate.and_then(|estate| estate.dns.as_ref());
        let tokens = self.hosters.into_iter().flat_map(BTreeMap::values);
        let mut names: Vec<(&str, &str)> = vec![("estate.toml", ESTATE_KEY)];
        names.extend(dns.map(|dns| ("estate.toml", dns.key_secret.as_str())));
        names.extend(tokens.filter_map(|h| Some(("hosters.toml", h.token_secret.as_deref()?))));
        names
            .into_iter()
            .filter(|(_, id)| !files.contains_key(&format!("secrets/{id}.age")))
            .map(|(file, id)| {
                let message =
                    format!("the secret `{id}` is needed and secrets/{id}.age does not exist");
                let help = "seal it with `holdfast secret NAME < FILE` and commit it";
                about_file(codes::SECRET, file, message, help)
            })
            .collect()
    }
}
