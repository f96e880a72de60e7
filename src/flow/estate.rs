//! The estate as a whole: verify, then resolve; and how its owner writes to it.

use super::config::Config;
use super::origins;
use crate::decide::authority::Rules;
use crate::decide::catalogue::{Catalogue, catalogue};
use crate::decide::resolve::{ESTATE_KEY, Holders, Resolution, resolve, resolve_after};
use crate::model::authority::{self, Authority as _};
use crate::model::ids::CommitId;
use crate::model::secret::Secret;
use crate::world::catalogue::embedded;
use crate::world::clock::{Clock as _, SystemClock};
use crate::world::git::work_tree;
use crate::world::git::write::{self, WriteError};
use crate::world::git::{
    self, AcceptedCommit, Explained, Known, KnownError, Question, TrustError, VerifiedCommit,
};
use crate::world::secrets::{Opener, SecretError, seal};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// An accepted commit and what it asks for.
#[derive(Debug)]
pub struct Estate {
    /// The commit.
    pub commit: VerifiedCommit,
    /// Its meaning.
    pub resolution: Resolution,
}

/// Why the estate could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum EstateError {
    /// Not accepted, or not readable.
    #[error("the estate's commit is not accepted")]
    Trust(#[from] TrustError),
    /// What was accepted before.
    #[error("it cannot be told what was accepted before")]
    Known(#[from] KnownError),
    /// A secret.
    #[error("the estate's secrets cannot be used")]
    Secret(#[from] SecretError),
    /// The repository.
    #[error("the estate cannot be written")]
    Write(#[from] WriteError),
    /// The files as they are now.
    #[error("the work tree cannot be read")]
    WorkTree(#[source] WriteError),
    /// A name with other characters.
    #[error("{id:?} is no name for a secret: a lower-case letter, then at most 30 of a-z 0-9 -")]
    SecretName {
        /// As given.
        id: String,
    },
    /// Every generated key and password of every customer would change.
    #[error(
        "the estate key is not replaced: every host key and password derives from it, and every customer would be locked out"
    )]
    EstateKey,
    /// The list in the work tree.
    #[error("trust.toml cannot be used: {why}")]
    TrustList {
        /// In words.
        why: String,
    },
}

/// The built-in catalogue. What is broken in it is a fault of this build and
/// shows as a missing name; a test keeps it sound.
pub fn built_in() -> Catalogue {
    catalogue(&embedded()).0
}

/// The gate: verification, with the rules of who may do what.
pub fn verify(question: &Question<'_>) -> Result<VerifiedCommit, TrustError> {
    git::verify(question, &Rules)
}

/// The same gate for comparing commits: nothing can be done with what it gives.
pub fn accept(question: &Question<'_>) -> Result<AcceptedCommit, TrustError> {
    git::accept(question, &Rules)
}

/// Everything about one commit: who signed and approved it, what it may, what is missing.
pub fn explain(question: &Question<'_>, commit: &str) -> Result<Explained, TrustError> {
    git::explain(question, &Rules, commit)
}

/// Verifies the chain to the configured head and resolves its files. Writes nothing.
pub fn read(config: &Config) -> Result<Estate, EstateError> {
    read_at(config, &config.head)
}

/// The same for another commit of the estate.
pub fn read_at(config: &Config, head: &str) -> Result<Estate, EstateError> {
    let known = Known::load(&config.seen())?;
    accepted(&config.estate, &config.root, head, &known)
}

/// The same without a configuration: any clone, this root, this head. Needs no secret, and
/// knows nothing of what was accepted before.
pub fn read_anew(dir: &Path, root: &CommitId, head: &str) -> Result<Estate, EstateError> {
    accepted(dir, root, head, &Known::none())
}

fn accepted(
    repository: &Path,
    root: &CommitId,
    head: &str,
    known: &Known,
) -> Result<Estate, EstateError> {
    let commit = verify(&Question {
        repository,
        root,
        head,
        known,
        now: SystemClock.now(),
    })?;
    let (id, files, refused) = (commit.id(), commit.files(), commit.refused_files());
    let unlawful = origins::unlawful(repository, root, id, files, refused);
    let resolution = resolve_after(files, id, &built_in(), &Holders::new(), &unlawful);
    let began = origins::began(repository, root, id, refused);
    let resolution = resolution.holding(refused, &began);
    Ok(Estate { commit, resolution })
}

/// Keeps what was accepted now, so that the next run knows it.
pub fn remember(config: &Config, commit: &VerifiedCommit) -> Result<(), EstateError> {
    Ok(commit.seen().save(&config.seen())?)
}

/// Opens one secret of an accepted commit.
pub fn secret(config: &Config, commit: &VerifiedCommit, id: &str) -> Result<Secret, EstateError> {
    Ok(Opener::load(&config.identity)?.open(commit.files(), id)?)
}

/// The key that every generated secret derives from.
pub fn estate_key(config: &Config, commit: &VerifiedCommit) -> Result<Secret, EstateError> {
    secret(config, commit, ESTATE_KEY)
}

/// What the files of the work tree would mean, for editing. Nothing acts on
/// it: unsigned files are no intent.
pub fn read_work_tree(dir: &Path) -> Result<(BTreeMap<String, Vec<u8>>, Resolution), EstateError> {
    let files = work_tree::files(dir).map_err(EstateError::WorkTree)?;
    let resolution = resolve(&files, &CommitId::new("work tree"), &built_in());
    Ok((files, resolution))
}

/// Commits exactly these files (`None` removes one), signed with the key that
/// the repository's configuration names.
pub fn commit_signed(
    dir: &Path,
    message: &str,
    changes: &BTreeMap<String, Option<Vec<u8>>>,
) -> Result<CommitId, EstateError> {
    let signer = write::signing_key(dir)?;
    Ok(write::commit(dir, message, changes, &signer)?)
}

/// Seals bytes as `secrets/<id>.age` in the work tree, for all recipients of
/// the `trust.toml` there. It counts once it is committed.
pub fn write_secret(dir: &Path, id: &str, plain: &Secret) -> Result<PathBuf, EstateError> {
    if !crate::decide::document::words::ID.fits(id) {
        return Err(EstateError::SecretName { id: id.to_owned() });
    }
    if id == ESTATE_KEY && dir.join(format!("secrets/{id}.age")).exists() {
        return Err(EstateError::EstateKey);
    }
    let list = std::fs::read(dir.join("trust.toml")).map_err(|source| WriteError::File {
        path: dir.join("trust.toml"),
        source,
    })?;
    let trust = Rules
        .read(&list)
        .map_err(|findings| EstateError::TrustList {
            why: authority::in_words(&findings),
        })?;
    let recipients = &trust.recipients;
    let all = std::iter::once(recipients.reconciler.as_str())
        .chain(recipients.escrow.iter().map(String::as_str));
    let sealed = seal(plain, all)?;
    Ok(write::write_file(
        dir,
        &format!("secrets/{id}.age"),
        &sealed,
    )?)
}
