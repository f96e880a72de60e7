//! What this computer accepted before: commits and when it first saw them.
//! A file of records in the order of ids, closed by a digest.

use super::id::{Format, ObjectId};
use crate::model::ids::CommitId;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// First line of the file.
const HEAD: &[u8] = b"holdfast seen 1\n";
/// Largest file that is read: five million commits.
const LIMIT: u64 = 256 << 20;

/// Commits that were accepted before, below one root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    root: Option<CommitId>,
    /// By id.
    seen: Vec<Seen>,
}

/// One commit that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub id: ObjectId,
    /// Unix seconds of the first sight.
    pub first: i64,
    /// Longest way from the root.
    pub generation: u32,
}

/// Why the file cannot be used. It is never taken for an empty one: then old
/// keys would count again.
#[derive(Debug, thiserror::Error)]
pub enum KnownError {
    /// Not readable or not writable.
    #[error("cannot access {path}, the list of accepted commits")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not as it was written.
    #[error(
        "{path}, the list of accepted commits, is damaged ({why}); put it back from a backup of this computer, or remove it if you accept that commits are judged as if seen today for the first time"
    )]
    Damaged {
        /// Which.
        path: PathBuf,
        /// In words.
        why: &'static str,
    },
}

impl Known {
    /// A computer that never accepted anything.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads the file; none if there is no file.
    pub fn load(path: &Path) -> Result<Self, KnownError> {
        let failed = |source| KnownError::File {
            path: path.to_owned(),
            source,
        };
        let damaged = |why| KnownError::Damaged {
            path: path.to_owned(),
            why,
        };
        match fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::none()),
            Err(error) => return Err(failed(error)),
            Ok(about) if about.len() > LIMIT => return Err(damaged("it is too large")),
            Ok(_) => {}
        }
        let bytes = fs::read(path).map_err(failed)?;
        parse(&bytes).map_err(damaged)
    }

    /// Writes the file beside the old one, then in its place. What another run
    /// wrote meanwhile for the same root stays.
    pub fn save(&self, path: &Path) -> Result<(), KnownError> {
        let Some(root) = &self.root else {
            return Ok(());
        };
        let there = Self::load(path)?;
        if there == *self {
            return Ok(());
        }
        let whole = there.with(root, self.seen.iter().copied());
        let failed = |source| KnownError::File {
            path: path.to_owned(),
            source,
        };
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let write = || {
            fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&whole.bytes())?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            // The name as well as the content.
            fs::File::open(folder)?.sync_all()
        };
        write().map_err(failed)
    }

    /// How many commits.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Was nothing ever accepted?
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// When this computer first saw a commit that it accepted.
    pub fn first_seen(&self, commit: &CommitId) -> Option<Timestamp> {
        Timestamp::from_second(self.get(id_of(commit)?)?.first).ok()
    }

    /// How far a commit that was accepted is from the root, by the longest way.
    pub fn generation(&self, commit: &CommitId) -> Option<u32> {
        Some(self.get(id_of(commit)?)?.generation)
    }

    /// Whose descendants they are; `None` when nothing was accepted.
    pub(super) fn root(&self) -> Option<&CommitId> {
        self.root.as_ref()
    }

    /// Does it belong to this root? Another root's knowledge says nothing here.
    pub(super) fn is_of(&self, root: &CommitId) -> bool {
        self.root.as_ref() == Some(root)
    }

    pub(super) fn get(&self, id: ObjectId) -> Option<&Seen> {
        let at = self.seen.binary_search_by(|seen| seen.id.cmp(&id)).ok()?;
        self.seen.get(at)
    }

    /// This and more, for the same root.
    pub(super) fn with(&self, root: &CommitId, more: impl IntoIterator<Item = Seen>) -> Self {
        let mut seen = if self.is_of(root) {
            self.seen.clone()
        } else {
            Vec::new()
        };
        seen.extend(more);
        // Stable: of two entries for one commit the older one comes first and stays.
        seen.sort_by_key(|seen| seen.id);
        seen.dedup_by_key(|seen| seen.id);
        Self {
            root: Some(root.clone()),
            seen,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = HEAD.to_vec();
        let root = self.root.as_ref().map_or("", CommitId::as_str);
        bytes.extend_from_slice(root.as_bytes());
        bytes.push(b'\n');
        for seen in &self.seen {
            bytes.extend_from_slice(seen.id.bytes());
            bytes.extend_from_slice(&seen.first.to_be_bytes());
            bytes.extend_from_slice(&seen.generation.to_be_bytes());
        }
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        bytes
    }
}

fn parse(bytes: &[u8]) -> Result<Known, &'static str> {
    let cut = "it ends too early";
    let (body, digest) = bytes.split_last_chunk::<32>().ok_or(cut)?;
    if Sha256::digest(body).as_slice() != digest {
        return Err("its digest does not fit");
    }
    let rest = body.strip_prefix(HEAD).ok_or("it is of another kind")?;
    let end = rest.iter().position(|&b| b == b'\n').ok_or(cut)?;
    let (root, records) = rest.split_at(end);
    let records = records.get(1..).ok_or(cut)?;
    let format = match root.len() {
        0 if records.is_empty() => return Ok(Known::none()),
        40 => Format::Sha1,
        64 => Format::Sha256,
        _ => return Err("its root is no commit id"),
    };
    let root = std::str::from_utf8(root).map_err(|_| "its root is no commit id")?;
    let size = format.bytes() + 12;
    if !records.len().is_multiple_of(size) {
        return Err(cut);
    }
    let mut seen: Vec<Seen> = Vec::with_capacity(records.len() / size);
    for record in records.chunks_exact(size) {
        let (id, rest) = record.split_at(format.bytes());
        let (first, generation) = rest.split_first_chunk::<8>().ok_or(cut)?;
        let entry = Seen {
            id: ObjectId::from_bytes(format, id).ok_or(cut)?,
            first: i64::from_be_bytes(*first),
            generation: u32::from_be_bytes(*generation.first_chunk().ok_or(cut)?),
        };
        if seen.last().is_some_and(|last| last.id >= entry.id) {
            return Err("its records are out of order");
        }
        seen.push(entry);
    }
    Ok(Known {
        root: Some(CommitId::new(root)),
        seen,
    })
}

fn id_of(commit: &CommitId) -> Option<ObjectId> {
    let text = commit.as_str().as_bytes();
    ObjectId::from_hex(Format::Sha1, text).or_else(|| ObjectId::from_hex(Format::Sha256, text))
}
