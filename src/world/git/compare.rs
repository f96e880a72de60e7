//! Two commits beside each other: where their histories parted, which files differ, and the
//! files themselves, each read when somebody asks for it.
//!
//! Nothing here says that a commit is accepted; that is [`accept`](super::accept)'s word alone.

use super::error::TrustError;
use super::history;
use super::id::{Kind, Object, ObjectId};
use super::known::Known;
use super::objects::Objects;
use super::parting::Fork;
use super::steps::Steps;
use super::tree::{FILE_LIMIT, Names, Trees};
use super::verify;
use crate::model::ids::CommitId;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A repository open for comparing.
pub struct Comparison {
    objects: Objects,
}

/// Where two histories parted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parting {
    /// The newest commit that both have.
    pub merge_base: CommitId,
    /// Commits that only the second has.
    pub moved_on: usize,
}

/// What a commit holds, without the contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing(Names);

/// Files, and files of single stacks that are refused.
pub struct Contents {
    /// By path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// By path, with the reason.
    pub refused: BTreeMap<String, &'static str>,
}

impl Listing {
    /// All paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.objects.keys().map(String::as_str)
    }

    /// Paths whose content is not the same on both sides, or that only one side has.
    pub fn changed(&self, other: &Self) -> BTreeSet<String> {
        let (one, two) = (&self.0, &other.0);
        let differs = |(path, id): &(&String, &ObjectId)| two.objects.get(*path) != Some(*id);
        let here = one.objects.iter().filter(differs).map(|(path, _)| path);
        let come = two
            .objects
            .keys()
            .filter(|path| !one.objects.contains_key(*path));
        let refused = one.refused.keys().chain(two.refused.keys());
        here.chain(come).chain(refused).cloned().collect()
    }
}

impl Comparison {
    /// Opens the repository.
    pub fn open(path: &Path) -> Result<Self, TrustError> {
        Ok(Self {
            objects: verify::open(path)?,
        })
    }

    /// The commit that a name stands for.
    pub fn find(&self, name: &str) -> Result<CommitId, TrustError> {
        let id = history::resolve(&self.objects, name)?;
        Ok(CommitId::new(id.to_string()))
    }

    /// The first parent, which the commit was written upon.
    pub fn parent(&self, of: &CommitId) -> Result<Option<CommitId>, TrustError> {
        let commit = history::read(&self.objects, history::full_id(&self.objects, of)?)?;
        let first = commit.parents.first();
        Ok(first.map(|id| CommitId::new(id.to_string())))
    }

    /// Where the history of an accepted commit and that of another one parted; `None` when they
    /// have nothing in common from the root on. `known` is what accepting the first one gave.
    pub fn parting(
        &self,
        known: &Known,
        one: &CommitId,
        two: &CommitId,
    ) -> Result<Option<Parting>, TrustError> {
        let one = history::full_id(&self.objects, one)?;
        let two = history::full_id(&self.objects, two)?;
        let found = Fork::new(&self.objects, known)?.find(one, two)?;
        Ok(found.map(|(id, moved_on)| Parting {
            merge_base: CommitId::new(id.to_string()),
            moved_on,
        }))
    }

    /// What single commits did, read once for all questions.
    pub fn steps(&self) -> Steps<'_> {
        Steps::new(&self.objects)
    }

    /// What the commit holds.
    pub fn list(&self, commit: &CommitId) -> Result<Listing, TrustError> {
        let id = history::full_id(&self.objects, commit)?;
        let tree = history::read(&self.objects, id)?.tree;
        Ok(Listing(Trees::new(&self.objects).listing(id, tree)?))
    }

    /// These files of a listing, those that are there; beside them those that are refused, and
    /// why.
    pub fn read<'p>(
        &self,
        listing: &Listing,
        paths: impl IntoIterator<Item = &'p str>,
    ) -> Result<Contents, TrustError> {
        let mut files = BTreeMap::new();
        let mut refused = self.each(listing, paths, |path, bytes| {
            files.insert(path.to_owned(), bytes);
        })?;
        refused.extend(listing.0.refused.clone());
        Ok(Contents { files, refused })
    }

    /// These files of a listing one after the other. Gives those of single stacks that are too
    /// large: they hold that stack, and no other (S16).
    pub fn each<'p>(
        &self,
        listing: &Listing,
        paths: impl IntoIterator<Item = &'p str>,
        mut look: impl FnMut(&str, Vec<u8>),
    ) -> Result<BTreeMap<String, &'static str>, TrustError> {
        let mut refused = BTreeMap::new();
        for path in paths {
            let Some(id) = listing.0.objects.get(path) else {
                continue;
            };
            let what = || format!("the file {path}");
            match self.objects.read(*id, Kind::Blob, FILE_LIMIT, &what)? {
                Object::Content(content) => look(path, content),
                Object::TooLarge if path.starts_with("stacks/") => {
                    refused.insert(path.to_owned(), "it is larger than 1 MiB");
                }
                Object::TooLarge | Object::OtherKind => {
                    return Err(TrustError::Unreadable {
                        what: what(),
                        source: git2::Error::from_str("it is no file, or larger than 1 MiB"),
                    });
                }
            }
        }
        Ok(refused)
    }
}
