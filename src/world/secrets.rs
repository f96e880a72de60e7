//! Secrets of the estate: sealed with age in the repository, open only in memory.

use crate::model::secret::Secret;
use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Why a secret cannot be sealed or opened. No variant holds any of it (S13).
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The identity file is not there, or not ours to read.
    #[error("cannot read the age identity {path}")]
    Identity {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file with a secret is not there, or not ours to read.
    #[error("cannot read {path}")]
    Private {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Others could read it.
    #[error("{path} can be read by others (mode {mode:04o}); run: chmod 600 {path}")]
    Exposed {
        /// Where.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It holds something else.
    #[error("{path} holds no age identity (a line beginning with AGE-SECRET-KEY-1)")]
    NoIdentity {
        /// Where.
        path: PathBuf,
    },
    /// The commit has no such file.
    #[error("the estate has no secret {id:?} (secrets/{id}.age)")]
    Missing {
        /// Which.
        id: String,
    },
    /// Sealed for others, or damaged.
    #[error("cannot open the secret {id:?} with this identity: {why}")]
    Closed {
        /// Which.
        id: String,
        /// What age said.
        why: String,
    },
    /// A recipient that is none.
    #[error("{recipient:?} is no age recipient")]
    Recipient {
        /// As written in `trust.toml`.
        recipient: String,
    },
    /// It could not be sealed.
    #[error("cannot seal the secret: {why}")]
    Seal {
        /// What age said.
        why: String,
    },
    /// It could not be written.
    #[error("cannot write {path}")]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The computer gives no randomness.
    #[error("no random numbers: {why}")]
    Random {
        /// Why.
        why: String,
    },
}

/// Reads a file that holds a secret; refuses one that others can read.
pub fn private(path: &Path) -> Result<Secret, SecretError> {
    let unreadable = |source| SecretError::Private {
        path: path.to_owned(),
        source,
    };
    let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(Secret::new(fs::read(path).map_err(unreadable)?))
}

/// Opens secrets. Never shown.
pub struct Opener(Identity);

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opener(…)")
    }
}

impl Opener {
    /// Reads an identity file as `age-keygen` writes it; refuses one that others can read.
    pub fn load(path: &Path) -> Result<Self, SecretError> {
        let text = private(path).map_err(|error| match error {
            SecretError::Private { path, source } => SecretError::Identity { path, source },
            other => other,
        })?;
        text.expose_text()
            .and_then(|text| text.lines().find_map(|line| line.trim().parse().ok()))
            .map(Self)
            .ok_or_else(|| SecretError::NoIdentity {
                path: path.to_owned(),
            })
    }

    /// Whom others seal for, so that this opens it (`age1…`).
    pub fn recipient(&self) -> String {
        self.0.to_public().to_string()
    }

    /// Opens `secrets/<id>.age` of a verified commit's files.
    pub fn open(&self, files: &BTreeMap<String, Vec<u8>>, id: &str) -> Result<Secret, SecretError> {
        let sealed = files
            .get(&format!("secrets/{id}.age"))
            .ok_or_else(|| SecretError::Missing { id: id.to_owned() })?;
        self.unseal(id, sealed)
    }

    fn unseal(&self, id: &str, sealed: &[u8]) -> Result<Secret, SecretError> {
        let closed = |why: String| SecretError::Closed {
            id: id.to_owned(),
            why,
        };
        let decryptor = age::Decryptor::new(sealed).map_err(|e| closed(e.to_string()))?;
        let mut reader = decryptor
            .decrypt(std::iter::once(&self.0 as &dyn age::Identity))
            .map_err(|e| closed(e.to_string()))?;
        // Room for all of it, so that no copy is left behind when the buffer grows.
        let mut plain = Vec::with_capacity(sealed.len());
        reader
            .read_to_end(&mut plain)
            .map_err(|e| closed(e.to_string()))?;
        Ok(Secret::new(plain))
    }
}

/// Seals bytes for all recipients (`age1…`).
pub fn seal<'r>(
    plain: &Secret,
    recipients: impl IntoIterator<Item = &'r str>,
) -> Result<Vec<u8>, SecretError> {
    let failed = |why: String| SecretError::Seal { why };
    let mut keys = Vec::new();
    for recipient in recipients {
        keys.push(
            recipient
                .parse::<Recipient>()
                .map_err(|_| SecretError::Recipient {
                    recipient: recipient.chars().take(80).collect(),
                })?,
        );
    }
    let encryptor =
        age::Encryptor::with_recipients(keys.iter().map(|key| key as &dyn age::Recipient))
            .map_err(|e| failed(e.to_string()))?;
    let mut sealed = Vec::new();
    let mut writer = encryptor
        .wrap_output(&mut sealed)
        .map_err(|e| failed(e.to_string()))?;
    writer
        .write_all(plain.expose())
        .and_then(|()| writer.finish().map(|_| ()))
        .map_err(|e| failed(e.to_string()))?;
    Ok(sealed)
}

/// A fresh age identity: the file's content, and its recipient.
pub fn new_identity() -> (Secret, String) {
    let identity = Identity::generate();
    let recipient = identity.to_public().to_string();
    let text = format!(
        "# public key: {recipient}\n{}\n",
        identity.to_string().expose_secret()
    );
    (Secret::new(text), recipient)
}

/// Thirty-two bytes nobody can guess.
pub fn random_key() -> Result<Secret, SecretError> {
    let mut bytes = vec![0; 32];
    getrandom::fill(&mut bytes).map_err(|e| SecretError::Random { why: e.to_string() })?;
    Ok(Secret::new(bytes))
}

/// Writes a file that only its owner can read, in a folder only its owner can
/// enter; never over one that is there.
pub fn write_private(path: &Path, content: &Secret) -> Result<(), SecretError> {
    let failed = |source| SecretError::Write {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        match fs::create_dir_all(folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(failed)?,
        }
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.write_all(content.expose())
        .and_then(|()| file.sync_all())
        .map_err(failed)
}
