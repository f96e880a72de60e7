//! `trust.toml` of a commit, as the judge of its children reads it: all or nothing.

use crate::model::trust::{Recipients, Role, Signer, Thresholds, Trust, acceptable};
use serde::Deserialize;
use ssh_key::PublicKey;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    signer: Vec<Entry>,
    recipients: Keys,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    role: String,
    key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    reconciler: String,
    escrow: Vec<String>,
}

/// Reads the list, or says in words why it cannot be used.
pub fn parse(bytes: &[u8]) -> Result<Trust, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
    let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    if file.schema != 1 {
        return Err(format!("schema {} is not known", file.schema));
    }
    let mut signers = Vec::new();
    for entry in file.signer {
        if entry.role != "owner" {
            return Err(format!(
                "the role {:?} of {:?} is not known",
                entry.role, entry.name
            ));
        }
        let key = PublicKey::from_openssh(&entry.key)
            .map_err(|_| format!("the key of {:?} is no OpenSSH public key", entry.name))?;
        acceptable(key.key_data())
            .map_err(|refusal| format!("the key of {:?}: {refusal}", entry.name))?;
        signers.push(Signer {
            person: entry.name.clone(),
            name: entry.name,
            role: entry.role,
            key,
            from: None,
            until: None,
            revoked: None,
        });
    }
    if signers.is_empty() {
        return Err("it names no signer".to_owned());
    }
    Ok(Trust {
        signers,
        roles: Role::built_in(),
        thresholds: Thresholds::default(),
        recipients: Recipients {
            reconciler: file.recipients.reconciler,
            escrow: file.recipients.escrow,
        },
    })
}
