//! Evidence that is there already: listing it, and checking one document without any estate.

use super::config::Config;
use super::entry::{EntryError, with_key};
use super::observe;
use super::session::Session;
use crate::decide::allowed_signers::{Signer, signers_in, signers_or_keys_in};
use crate::decide::derive;
use crate::decide::evidence::{allowed_signers, open, public_key};
use crate::decide::only::not_sound;
use crate::model::causes::chain;
use crate::model::evidence::{Evidence, SealedEvidence};
use crate::model::ids::{EstateName, MachineName, StackId};
use crate::world::backup::kept_evidence;
use crate::world::store::{Documents, StoreError};
use jiff::tz::TimeZone;
use ssh_key::PublicKey;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The documents of a stack, and where they were found.
pub struct Found {
    /// The backup machine that keeps them.
    pub machine: MachineName,
    /// Why it could not be asked; the documents are the copies on this computer then.
    pub unreachable: Option<String>,
    /// By name and so by time.
    pub documents: Vec<Document>,
}

/// One document.
pub struct Document {
    /// What its files are called, without ending.
    pub name: String,
    /// As it is kept.
    pub sealed: SealedEvidence,
    /// What it says, if this estate signed it.
    pub evidence: Option<Evidence>,
    /// It is on the backup machine.
    pub there: bool,
    /// It is on this computer.
    pub here: bool,
}

/// Why documents cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The journal.
    #[error("the journal")]
    Journal(#[from] StoreError),
    /// Copies on this computer.
    #[error("the copies on this computer cannot be read")]
    Here(#[from] io::Error),
    /// No key.
    #[error("the estate has no key for evidence")]
    NoKey,
    /// Nobody knows the stack.
    #[error("{0}")]
    NoStack(String),
}

/// The documents of a stack: from its backup machine, and from this computer.
pub async fn list(session: &Arc<Session>, stack: &StackId) -> Result<Found, ListError> {
    let desired = session.desired.stacks.get(stack);
    let desired = desired.ok_or_else(|| ListError::NoStack(not_sound(&session.desired, stack)))?;
    let public = public_key(&session.key).ok_or(ListError::NoKey)?;
    let machine = session.serving_backup_machine(desired);
    let past = session.history().await?;
    observe::observe(session, &past).await;
    let (there, unreachable) = match session.contact(&machine) {
        None => (Vec::new(), Some("nobody knows where it answers".to_owned())),
        Some(contact) => {
            match kept_evidence(session.world.transport.as_ref(), &contact, stack).await {
                Ok(kept) => (kept, None),
                Err(error) => (Vec::new(), Some(chain(&error))),
            }
        }
    };
    let here = match &session.standing.state {
        Some(state) => Documents::beside(state).of(stack)?,
        None => BTreeMap::new(),
    };
    let mut all: BTreeMap<String, Document> = here
        .into_iter()
        .map(|(name, sealed)| (name.clone(), document(&public, stack, name, sealed, false)))
        .collect();
    for kept in there {
        let here = all.contains_key(&kept.name);
        let found = document(&public, stack, kept.name.clone(), kept.sealed, true);
        // A file there that we did not sign does not hide the copy that we did.
        if found.evidence.is_some() || !here {
            all.insert(kept.name, Document { here, ..found });
        }
    }
    Ok(Found {
        machine,
        unreachable,
        documents: all.into_values().collect(),
    })
}

fn document(
    public: &PublicKey,
    stack: &StackId,
    name: String,
    sealed: SealedEvidence,
    there: bool,
) -> Document {
    Document {
        name,
        evidence: open(public, &sealed).filter(|evidence| evidence.stack == *stack),
        sealed,
        there,
        here: !there,
    }
}

/// Why a document could not be checked. That it is not what was signed is no error but an answer.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A file.
    #[error("cannot read {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What should hold a key.
    #[error("{} holds no key: neither a line of allowed_signers nor a public SSH key", path.display())]
    NoKey {
        /// Which.
        path: PathBuf,
    },
}

/// Reads a document and the signature beside it.
pub fn read(file: &Path, signature: Option<&Path>) -> Result<SealedEvidence, CheckError> {
    let beside = file.with_extension("sig");
    Ok(SealedEvidence {
        text: text(file)?,
        signature: text(signature.unwrap_or(&beside))?,
    })
}

fn text(path: &Path) -> Result<String, CheckError> {
    std::fs::read_to_string(path).map_err(|source| CheckError::File {
        path: path.to_owned(),
        source,
    })
}

/// The signers in a file: lines of `allowed_signers`, or public keys.
pub fn signers(path: &Path) -> Result<Vec<Signer>, CheckError> {
    let signers = signers_or_keys_in(&text(path)?, &TimeZone::system());
    if signers.is_empty() {
        return Err(CheckError::NoKey {
            path: path.to_owned(),
        });
    }
    Ok(signers)
}

/// The estate itself. While nothing says how its documents name it, its key alone.
pub fn own(config: &Config) -> Result<Vec<Signer>, EntryError> {
    let (estate, key) = with_key(config)?;
    Ok(match &estate.resolution.desired {
        Some(desired) => {
            let line = allowed_signers(&key, &derive::kin(&key, &desired.estate));
            signers_in(&line, &TimeZone::UTC)
        }
        None => public_key(&key).map(Signer::bare).into_iter().collect(),
    })
}

/// The estate's own key for evidence, as a line of `allowed_signers`; reaches nothing outside.
pub fn line(config: &Config) -> Result<String, EntryError> {
    let (estate, key) = with_key(config)?;
    let name = match &estate.resolution.desired {
        Some(desired) => derive::kin(&key, &desired.estate),
        None => EstateName::new("estate"),
    };
    Ok(allowed_signers(&key, &name))
}
