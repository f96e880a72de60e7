//! `trust.toml`: who may sign the next commit, and who can read the secrets.
//!
//! A list that cannot be read would let no further commit in, so it is read
//! here with places before it is signed. Whether a commit is accepted is
//! decided elsewhere, by the list of its parents.

use crate::decide::document::{Document, Found, Table, codes, words};
use crate::model::diagnostic::Diagnostic;
use crate::model::trust::{OWNER, Recipients, Role, Signer, Thresholds, Trust, acceptable};
use ssh_key::PublicKey;

pub(super) fn read(path: &str, bytes: &[u8]) -> (Option<Trust>, Vec<Diagnostic>) {
    Document::read(path, bytes, |root| {
        root.schema();
        let signers = signers(root);
        let table = root.table("recipients");
        let recipients = table.as_ref().and_then(recipients);
        Some(Trust {
            signers,
            roles: Role::built_in(),
            thresholds: Thresholds::default(),
            recipients: recipients?,
        })
    })
}

fn signers(root: &Table<'_>) -> Vec<Signer> {
    let mut signers: Vec<Signer> = Vec::new();
    let tables = root.tables("signer");
    if tables.is_empty() && !root.has("signer") {
        root.missing(
            "signer",
            "add a [[signer]]: without one no further commit can be accepted",
        );
    }
    for table in tables {
        let name = words::LINE.check(&table, table.text("name", "owner"));
        let role = table.text("role", "owner");
        if let Some(role) = &role
            && role.value != "owner"
        {
            let help = Some("\"owner\" is the only role so far");
            table.report(codes::UNKNOWN_NAME, &role.span, "no such role", help);
        }
        let key = table
            .text("key", "ssh-ed25519 AAAA…")
            .and_then(|found| key(&table, &found));
        table.finish();
        let (Some(name), Some(key)) = (name, key) else {
            continue;
        };
        if signers
            .iter()
            .any(|known| known.key.key_data() == key.value.key_data())
        {
            table.report(codes::DUPLICATE, &key.span, "this key stands twice", None);
        }
        if signers.iter().any(|known| known.name == name.value) {
            table.report(codes::DUPLICATE, &name.span, "this name stands twice", None);
        }
        signers.push(Signer {
            person: name.value.clone(),
            name: name.value,
            role: OWNER.to_owned(),
            key: key.value,
            from: None,
            until: None,
            revoked: None,
        });
    }
    signers
}

fn key(table: &Table<'_>, found: &Found<String>) -> Option<Found<PublicKey>> {
    let Ok(key) = PublicKey::from_openssh(&found.value) else {
        let help = Some("write the line of the .pub file, for example \"ssh-ed25519 AAAA…\"");
        let code = if found.value.contains("PRIVATE") {
            codes::PLAIN_SECRET
        } else {
            codes::KEY
        };
        table.report(code, &found.span, "not an OpenSSH public key", help);
        return None;
    };
    if let Err(refusal) = acceptable(key.key_data()) {
        let help = Some("use ssh-keygen -t ed25519, or a hardware key with -t ed25519-sk");
        table.report(codes::KEY, &found.span, &refusal.to_string(), help);
        return None;
    }
    Some(found.clone().map(|_| key))
}

fn recipients(table: &Table<'_>) -> Option<Recipients> {
    let reconciler = table
        .text("reconciler", "age1…")
        .and_then(|found| recipient(table, found));
    let found = table.texts("escrow", "age1…");
    let none = found.is_empty();
    let escrow: Vec<String> = found
        .into_iter()
        .filter_map(|f| recipient(table, f))
        .collect();
    if none {
        table.missing(
            "escrow",
            "add escrow = [\"age1…\"], a key that no server of the estate holds; otherwise the secrets die with the reconciler",
        );
    }
    table.finish();
    Some(Recipients {
        reconciler: reconciler?,
        escrow,
    })
}

fn recipient(table: &Table<'_>, found: Found<String>) -> Option<String> {
    if found.value.parse::<age::x25519::Recipient>().is_ok() {
        return Some(found.value);
    }
    // `AGE-SECRET-KEY-…` is what people paste by mistake.
    let code = if found.value.to_ascii_uppercase().contains("SECRET") {
        codes::PLAIN_SECRET
    } else {
        codes::KEY
    };
    let help = Some("write the public key, age1…, as `age-keygen -y` prints it");
    table.report(code, &found.span, "not an age recipient", help);
    None
}
