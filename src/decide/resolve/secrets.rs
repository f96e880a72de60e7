//! `secrets/<id>.age`: there, named, and readable by more than one identity.
//! Only the envelope is looked at; nothing is decrypted here.

use super::estate::Estate;
use crate::decide::document::{Files, about_file, about_text, codes, words};
use crate::model::desired::HosterAccount;
use crate::model::diagnostic::Diagnostic;
use crate::model::ids::HosterId;
use crate::model::policy::Policy;
use crate::model::trust::Trust;
use std::collections::BTreeMap;

/// The secret that every generated secret derives from.
pub use crate::model::ids::ESTATE_KEY;

/// Looks at every envelope.
pub(super) fn check(files: &Files, trust: Option<&Trust>, policy: &Policy) -> Vec<Diagnostic> {
    let least = 1 + policy.escrow as usize;
    let needed = trust.map_or(least, |t| least.max(1 + t.recipients.escrow.len()));
    let mut findings = trust
        .map(|trust| recipients_of(files, trust, policy))
        .unwrap_or_default();
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

/// The list itself: an escrow key that is the reconciler's dies with it, and so does a list
/// that looks longer than it is.
fn recipients_of(files: &Files, trust: &Trust, policy: &Policy) -> Vec<Diagnostic> {
    const FILE: &str = "trust.toml";
    let all = &trust.recipients;
    let at = |key: &str, number: usize, message: &str, help: &str| {
        let bytes = files.get(FILE).map(Vec::as_slice).unwrap_or_default();
        about_text(codes::RECIPIENTS, FILE, bytes, (key, number), message, help)
    };
    let mut findings = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    seen.insert(&all.reconciler, 1);
    for key in &all.escrow {
        let times = seen.entry(key).or_default();
        *times += 1;
        if *key == all.reconciler {
            let message = "this escrow key is the reconciler's own: who loses that machine loses every secret";
            let help =
                "make another with age-keygen and keep it where no server of the estate can reach";
            findings.push(at(key, *times - 1, message, help));
        } else if *times > 1 {
            let message = "this escrow key stands twice";
            findings.push(at(key, *times - 1, message, "name each recipient once"));
        }
    }
    let different = seen.len() - 1;
    if findings.is_empty() && different < policy.escrow as usize {
        let message = format!(
            "{different} escrow recipients, and `escrow = {}` in [policy] of estate.toml asks for more",
            policy.escrow
        );
        let help = "add escrow keys, then seal every secret again for all recipients";
        findings.push(at("escrow", 0, &message, help));
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
