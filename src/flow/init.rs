//! A new estate: keys, trust, one example stack, a signed first commit.

use super::config::FOLDER;
use crate::decide::derive::{self, DeriveError, EstateKey};
use crate::decide::evidence;
use crate::decide::init::{NewEstate, allowed_signers, config, files};
use crate::decide::resolve::ESTATE_KEY;
use crate::model::ids::{CommitId, EstateName};
use crate::model::secret::Secret;
use crate::world::git::write::{self, Signer, WriteError};
use crate::world::secrets::{self, SecretError, write_private};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the new estate shall hold instead of the example.
#[derive(Debug, Default)]
pub struct InitOptions {
    /// The estate's id; the folder's name when absent and fitting, else `estate`.
    pub name: Option<String>,
    /// The whole of `hosters.toml`.
    pub hosters: Option<String>,
    /// A `[dns]` table for `estate.toml`, header included.
    pub dns: Option<String>,
    /// Stack files by id; empty means the example.
    pub stacks: BTreeMap<String, String>,
    /// Secrets to seal, by id: tokens, TSIG keys. Those that the files name and
    /// that are absent here are sealed as a placeholder.
    pub secrets: BTreeMap<String, Secret>,
}

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Initialised {
    /// The first commit; trusted from now on.
    pub root: CommitId,
    /// The estate's folder.
    pub estate: PathBuf,
    /// `config.toml` of this computer.
    pub config: PathBuf,
    /// The owner's signing key.
    pub signing_key: PathBuf,
    /// The reconciler's age identity.
    pub identity: PathBuf,
    /// The escrow's age identity, to be moved away.
    pub escrow: PathBuf,
    /// The public key that pool machines must let in, as root.
    pub machines_key: PathBuf,
    /// Secrets that hold a placeholder.
    pub placeholders: Vec<String>,
}

/// Why there is no new estate.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Repository or commit.
    #[error("the estate's repository could not be made")]
    Write(#[from] WriteError),
    /// Keys or secrets.
    #[error("the estate's keys could not be made")]
    Secret(#[from] SecretError),
    /// The estate key has the wrong form.
    #[error("the estate key")]
    EstateKey(#[from] DeriveError),
    /// A name with other characters.
    #[error("{name:?} is no name for an estate: a lower-case letter, then at most 30 of a-z 0-9 -")]
    Name {
        /// As given.
        name: String,
    },
}

/// Makes a new estate in an empty or absent folder.
pub fn init(dir: &Path, options: &InitOptions) -> Result<Initialised, InitError> {
    let name = estate_name(dir, options)?;
    let owner = Signer::generate(&format!("owner@{name}"))?;
    let (reconciler, reconciler_public) = secrets::new_identity();
    let (escrow, escrow_public) = secrets::new_identity();
    let estate_key = secrets::random_key()?;
    let public = owner.public()?;

    let local = write::create(dir)?.join(FOLDER);
    let local = std::path::absolute(&local).unwrap_or(local);
    let paths = Initialised {
        root: CommitId::new(""),
        estate: dir.to_owned(),
        config: local.join("config.toml"),
        signing_key: local.join("keys/owner"),
        identity: local.join("keys/reconciler.age-key"),
        escrow: local.join("keys/escrow.age-key"),
        machines_key: local.join("keys/machines.pub"),
        placeholders: Vec::new(),
    };
    write_private(&paths.signing_key, &owner.private()?)?;
    write_private(
        &local.join("keys/owner.pub"),
        &Secret::new(format!("{public}\n")),
    )?;
    write_private(&paths.identity, &reconciler)?;
    write_private(&paths.escrow, &escrow)?;
    let key = EstateKey::new(estate_key.clone())?;
    let machines = derive::client_key(&key);
    let kin = derive::kin(&key, &EstateName::new(name.as_str()));
    let auditors = format!("{}\n", evidence::allowed_signers(&key, &kin));
    let line = format!("{} holdfast@{name}\n", machines.public);
    write_private(&paths.machines_key, &Secret::new(line))?;

    let new = NewEstate {
        name: &name,
        signer: &public,
        reconciler: &reconciler_public,
        escrow: &escrow_public,
        hosters: options.hosters.as_deref(),
        dns: options.dns.as_deref(),
        stacks: &options.stacks,
    };
    let signers = local.join("allowed_signers");
    write_private(&signers, &Secret::new(allowed_signers(&new)))?;
    write::configure(dir, &paths.signing_key, &signers)?;

    let texts = files(&new);
    let placeholders: Vec<String> = named_secrets(&texts)
        .into_iter()
        .filter(|id| !options.secrets.contains_key(id))
        .collect();
    let seal = |secret: &Secret| secrets::seal(secret, [&*reconciler_public, &*escrow_public]);
    let mut changes: BTreeMap<String, Option<Vec<u8>>> = texts
        .into_iter()
        .chain(super::schemas::of_estate())
        .chain([(evidence::ALLOWED_SIGNERS.to_owned(), auditors)])
        .map(|(path, text)| (path, Some(text.into_bytes())))
        .collect();
    changes.insert(
        format!("secrets/{ESTATE_KEY}.age"),
        Some(seal(&estate_key)?),
    );
    for (id, secret) in &options.secrets {
        changes.insert(format!("secrets/{id}.age"), Some(seal(secret)?));
    }
    for id in &placeholders {
        changes.insert(
            format!("secrets/{id}.age"),
            Some(seal(&Secret::new("placeholder"))?),
        );
    }
    let root = write::commit(dir, "Found the estate\n", &changes, &owner)?;
    write_private(&paths.config, &Secret::new(config(root.as_str())))?;
    Ok(Initialised {
        root,
        placeholders,
        ..paths
    })
}

fn estate_name(dir: &Path, options: &InitOptions) -> Result<String, InitError> {
    let fits = |name: &str| crate::decide::document::words::ID.fits(name);
    if let Some(name) = &options.name {
        return if fits(name) {
            Ok(name.clone())
        } else {
            Err(InitError::Name { name: name.clone() })
        };
    }
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let folder = absolute.file_name().and_then(|name| name.to_str());
    Ok(folder
        .filter(|name| fits(name))
        .unwrap_or("estate")
        .to_owned())
}

/// Values of `token_secret` and `key_secret`, as the files name them.
fn named_secrets(texts: &BTreeMap<String, String>) -> Vec<String> {
    let mut names = Vec::new();
    for (file, keys) in [
        ("hosters.toml", "token_secret"),
        ("estate.toml", "key_secret"),
    ] {
        let Some(Ok(table)) = texts.get(file).map(|text| text.parse::<toml::Table>()) else {
            continue;
        };
        collect(&toml::Value::Table(table), keys, &mut names);
    }
    names.sort();
    names.dedup();
    names
}

fn collect(value: &toml::Value, key: &str, names: &mut Vec<String>) {
    match value {
        toml::Value::Table(table) => {
            for (name, inner) in table {
                match inner.as_str() {
                    Some(text) if name == key => names.push(text.to_owned()),
                    _ => collect(inner, key, names),
                }
            }
        }
        toml::Value::Array(list) => list.iter().for_each(|inner| collect(inner, key, names)),
        _ => {}
    }
}
