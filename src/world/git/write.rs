//! Writing to the estate: a new repository, a commit signed by its owner.

use super::commit::NAMESPACE;
use super::links::first_link;
use super::program::GitProgram;
use crate::model::ids::CommitId;
use crate::model::secret::Secret;
use git2::build::TreeUpdateBuilder;
use git2::{ErrorCode, FileMode, IndexAddOption, Oid, Repository, RepositoryInitOptions};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// libgit2 refused.
    #[error("{action} failed")]
    Git {
        /// What was tried.
        action: &'static str,
        /// What it said.
        #[source]
        source: git2::Error,
    },
    /// Below an estate, or somewhere else.
    #[error(
        "there is no Git repository at {path}; run it in the estate's own folder, or name that with --estate"
    )]
    NoRepository {
        /// Where.
        path: PathBuf,
    },
    /// libgit2 writes SHA-1 only.
    #[error(
        "the repository at {path} names its objects with SHA-256: Holdfast reads such estates and does not write them; change the files and sign with `git commit -S`"
    )]
    Format {
        /// Where.
        path: PathBuf,
    },
    /// A file could not be written or read.
    #[error("cannot access {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file of the work tree that no commit may hold.
    #[error("{path} is refused: {why}")]
    Refused {
        /// Which.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// There is something already.
    #[error("{path} is not empty; a new estate needs a folder of its own")]
    NotEmpty {
        /// Where.
        path: PathBuf,
    },
    /// No key to sign with.
    #[error("cannot sign with {path}: {why}")]
    Key {
        /// `user.signingkey`, or what stands for it.
        path: String,
        /// Why.
        why: String,
    },
    /// The computer gives no randomness.
    #[error("no random numbers: {why}")]
    Random {
        /// Why.
        why: String,
    },
    /// A path that leads out of the repository.
    #[error("{path:?} is no path inside the estate")]
    Path {
        /// As given.
        path: String,
    },
}

pub(super) fn git(action: &'static str) -> impl FnOnce(git2::Error) -> WriteError {
    move |source| WriteError::Git { action, source }
}

pub(super) fn open(dir: &Path) -> Result<Repository, WriteError> {
    Repository::open(dir).map_err(|source| match GitProgram::open(dir) {
        Some(_) => WriteError::Format {
            path: dir.to_owned(),
        },
        None if source.code() == ErrorCode::NotFound => WriteError::NoRepository {
            path: dir.to_owned(),
        },
        None => git("opening the repository")(source),
    })
}

/// A key that signs commits.
pub struct Signer(PrivateKey);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.0.fingerprint(HashAlg::Sha256))
    }
}

impl Signer {
    /// A fresh Ed25519 key.
    pub fn generate(comment: &str) -> Result<Self, WriteError> {
        let mut seed = zeroize::Zeroizing::new([0_u8; 32]);
        getrandom::fill(seed.as_mut_slice())
            .map_err(|e| WriteError::Random { why: e.to_string() })?;
        let pair = Ed25519Keypair::from_seed(&seed);
        PrivateKey::new(KeypairData::Ed25519(pair), comment)
            .map(Self)
            .map_err(|e| unusable("the new key", &e))
    }

    /// Reads an OpenSSH private key file without passphrase.
    pub fn load(path: &Path) -> Result<Self, WriteError> {
        let shown = path.display().to_string();
        let key = PrivateKey::read_openssh_file(path).map_err(|e| unusable(&shown, &e))?;
        if key.is_encrypted() {
            return Err(WriteError::Key {
                path: shown,
                why: "it is protected by a passphrase; commit with `git commit -S` instead"
                    .to_owned(),
            });
        }
        Ok(Self(key))
    }

    /// The private key file's content.
    pub fn private(&self) -> Result<Secret, WriteError> {
        let text = self
            .0
            .to_openssh(LineEnding::LF)
            .map_err(|e| unusable("the new key", &e))?;
        Ok(Secret::new(text.as_bytes()))
    }

    /// `ssh-ed25519 AAAA… comment`.
    pub fn public(&self) -> Result<String, WriteError> {
        self.0
            .public_key()
            .to_openssh()
            .map_err(|e| unusable("the new key", &e))
    }

    fn sign(&self, payload: &[u8]) -> Result<String, WriteError> {
        self.0
            .sign(NAMESPACE, HashAlg::Sha512, payload)
            .and_then(|sig| sig.to_pem(LineEnding::LF))
            .map_err(|e| unusable("the key", &e))
    }
}

fn unusable(path: &str, error: &ssh_key::Error) -> WriteError {
    WriteError::Key {
        path: path.to_owned(),
        why: error.to_string(),
    }
}

/// Makes a repository with branch `main` in an empty or absent folder; gives its `.git`.
pub fn create(dir: &Path) -> Result<PathBuf, WriteError> {
    let file = |source| WriteError::File {
        path: dir.to_owned(),
        source,
    };
    fs::create_dir_all(dir).map_err(file)?;
    if fs::read_dir(dir).map_err(file)?.next().is_some() {
        return Err(WriteError::NotEmpty {
            path: dir.to_owned(),
        });
    }
    let mut options = RepositoryInitOptions::new();
    options
        .initial_head("main")
        .no_reinit(true)
        .external_template(false);
    let repository = Repository::init_opts(dir, &options).map_err(git("making the repository"))?;
    Ok(repository.commondir().to_owned())
}

/// The `.git` folder that belongs to a work tree, shared between its work
/// trees; a bare repository's own folder.
pub fn git_dir(dir: &Path) -> Result<PathBuf, WriteError> {
    let found = match open(dir) {
        Ok(repository) => repository.commondir().to_owned(),
        Err(error @ WriteError::Format { .. }) => GitProgram::open(dir)
            .and_then(|(program, _)| program.git_dir())
            .ok_or(error)?,
        Err(error) => return Err(error),
    };
    fs::canonicalize(&found).map_err(|source| WriteError::File {
        path: found,
        source,
    })
}

/// Lets the owner's own `git commit` sign by itself; a name is set only where there is none.
pub fn configure(dir: &Path, signing_key: &Path, allowed_signers: &Path) -> Result<(), WriteError> {
    let repository = open(dir)?;
    let all = repository
        .config()
        .map_err(git("reading git's configuration"))?;
    let mut local = all
        .open_level(git2::ConfigLevel::Local)
        .map_err(git("reading git's configuration"))?;
    let key = signing_key.display().to_string();
    let signers = allowed_signers.display().to_string();
    let settings = [
        ("gpg.format", "ssh"),
        ("user.signingkey", key.as_str()),
        ("gpg.ssh.allowedSignersFile", signers.as_str()),
        ("commit.gpgsign", "true"),
    ];
    for (name, value) in settings {
        local
            .set_str(name, value)
            .map_err(git("writing git's configuration"))?;
    }
    for (name, value) in [
        ("user.name", "Estate Owner"),
        ("user.email", "owner@estate.invalid"),
    ] {
        if all.get_string(name).is_err() {
            local
                .set_str(name, value)
                .map_err(git("writing git's configuration"))?;
        }
    }
    Ok(())
}

/// The key that the repository's configuration names for signing.
pub fn signing_key(dir: &Path) -> Result<Signer, WriteError> {
    let repository = open(dir)?;
    let config = repository
        .config()
        .map_err(git("reading git's configuration"))?;
    let key = config
        .get_string("user.signingkey")
        .map_err(|_| WriteError::Key {
            path: "user.signingkey".to_owned(),
            why: "it is not set".to_owned(),
        })?;
    // Git accepts the public half and asks the agent; we need the private one.
    let path = key.strip_suffix(".pub").unwrap_or(&key);
    Signer::load(Path::new(path))
}

/// Commits exactly these files on top of HEAD, signed, and brings work tree and
/// index along. `None` removes a file. Whatever else is staged stays staged.
pub fn commit(
    dir: &Path,
    message: &str,
    changes: &BTreeMap<String, Option<Vec<u8>>>,
    signer: &Signer,
) -> Result<CommitId, WriteError> {
    let repository = open(dir)?;
    let workdir = repository.workdir().unwrap_or(dir).to_owned();
    let parent = match repository.head() {
        Ok(head) => Some(head.peel_to_commit().map_err(git("reading HEAD"))?),
        Err(error) if error.code() == git2::ErrorCode::UnbornBranch => None,
        Err(error) => return Err(git("reading HEAD")(error)),
    };
    let mut update = TreeUpdateBuilder::new();
    for (path, content) in changes {
        check_path(path)?;
        match content {
            Some(content) => {
                let id = repository
                    .blob(content)
                    .map_err(git("writing a file's content"))?;
                update.upsert(path.as_str(), id, FileMode::Blob);
            }
            None => {
                update.remove(path.as_str());
            }
        }
    }
    let base = match &parent {
        Some(parent) => parent.tree().map_err(git("reading the tree of HEAD"))?,
        None => empty_tree(&repository)?,
    };
    let tree = update
        .create_updated(&repository, &base)
        .map_err(git("writing the tree"))?;
    let id = write_commit(&repository, message, tree, parent.as_ref(), signer)?;
    for (path, content) in changes {
        lay_down(&workdir, path, content.as_deref())?;
    }
    let mut index = repository.index().map_err(git("reading the index"))?;
    index
        .add_all(
            changes.keys(),
            IndexAddOption::FORCE | IndexAddOption::DISABLE_PATHSPEC_MATCH,
            None,
        )
        .and_then(|()| index.write())
        .map_err(git("writing the index"))?;
    Ok(CommitId::new(id.to_string()))
}

fn write_commit(
    repository: &Repository,
    message: &str,
    tree: Oid,
    parent: Option<&git2::Commit<'_>>,
    signer: &Signer,
) -> Result<Oid, WriteError> {
    let who = repository
        .signature()
        .map_err(git("reading user.name and user.email"))?;
    let tree = repository
        .find_tree(tree)
        .map_err(git("reading the new tree"))?;
    let parents: Vec<&git2::Commit<'_>> = parent.into_iter().collect();
    let buffer = repository
        .commit_create_buffer(&who, &who, message, &tree, &parents)
        .map_err(git("writing the commit"))?;
    let text = std::str::from_utf8(&buffer).map_err(|_| WriteError::Path {
        path: "the commit's text".to_owned(),
    })?;
    let signature = signer.sign(text.as_bytes())?;
    let id = repository
        .commit_signed(text, signature.trim_end(), None)
        .map_err(git("writing the signed commit"))?;
    let log = format!("commit: {}", message.lines().next().unwrap_or_default());
    let head = repository
        .find_reference("HEAD")
        .map_err(git("reading HEAD"))?;
    let branch = match head.symbolic_target() {
        Ok(Some(name)) => name.to_owned(),
        _ => "HEAD".to_owned(),
    };
    // Only from the commit we built upon: somebody else's commit in between is not lost.
    let moved = match parent {
        Some(parent) => repository.reference_matching(&branch, id, true, parent.id(), &log),
        None => repository.reference(&branch, id, false, &log),
    };
    moved.map_err(git("moving the branch"))?;
    Ok(id)
}

fn empty_tree(repository: &Repository) -> Result<git2::Tree<'_>, WriteError> {
    let id = repository
        .treebuilder(None)
        .and_then(|builder| builder.write())
        .map_err(git("writing the tree"))?;
    repository
        .find_tree(id)
        .map_err(git("reading the new tree"))
}

fn check_path(path: &str) -> Result<(), WriteError> {
    let sound = !path.is_empty()
        && path
            .split('/')
            .all(|part| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git"));
    if sound {
        return Ok(());
    }
    Err(WriteError::Path {
        path: path.to_owned(),
    })
}

/// No part of the path below `dir` may be a symbolic link: it would read and write what the
/// estate does not hold (S13).
pub fn refuse_links(dir: &Path, path: &Path) -> Result<(), WriteError> {
    let why = "it is a symbolic link";
    match first_link(dir, path) {
        Ok(None) => Ok(()),
        Ok(Some(path)) => Err(WriteError::Refused { path, why }),
        Err((path, source)) => Err(WriteError::File { path, source }),
    }
}

fn lay_down(dir: &Path, path: &str, content: Option<&[u8]>) -> Result<(), WriteError> {
    refuse_links(dir, Path::new(path))?;
    let path = &dir.join(path);
    let file = |source| WriteError::File {
        path: path.to_owned(),
        source,
    };
    match content {
        Some(content) => {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(file)?;
            }
            fs::write(path, content).map_err(file)
        }
        None => match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file(error)),
            _ => Ok(()),
        },
    }
}

/// Writes an ordinary file of the work tree, folders included.
pub fn write_file(dir: &Path, path: &str, content: &[u8]) -> Result<PathBuf, WriteError> {
    check_path(path)?;
    lay_down(dir, path, Some(content))?;
    Ok(dir.join(path))
}
