//! Where what a stack asks for came from: back from the head, as long as it stays the same.

use super::approval::APPROVALS;
use super::error::TrustError;
use super::history::{self, History};
use super::id::ObjectId;
use super::known::Known;
use super::objects::Objects;
use super::tree::Trees;
use crate::model::ids::{CommitId, ESTATE_KEY, StackId};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

/// Most references of approvals that are looked through.
const APPROVALS_LIMIT: usize = 100_000;

/// Commits at which the inputs of a stack are what they are at the head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    /// Where they became so: no parent has the same.
    pub origins: BTreeSet<CommitId>,
    /// From there to the head, without a gap, both included.
    pub same: BTreeSet<CommitId>,
}

/// What was found for each owner.
pub type Lineages = BTreeMap<Option<StackId>, Result<Lineage, TrustError>>;

/// Walks back from `head`, never beyond `root`, once for each owner; `None` is what stacks share.
/// With each stack comes its own file at the head. What hinders one owner says nothing of another.
///
/// Inputs are the stack's own file, `hosters.toml`, `estate.toml`, `blueprints/` and the estate key;
/// for what stacks share, all of `stacks/`.
pub fn lineages(
    repository: &Path,
    root: &CommitId,
    head: &CommitId,
    known: &Known,
    owners: BTreeMap<Option<StackId>, Option<String>>,
) -> Result<Lineages, TrustError> {
    let objects = super::verify::open(repository)?;
    let none = Known::none();
    let known = if known.is_of(root) { known } else { &none };
    let root = history::full_id(&objects, root)?;
    let head = history::full_id(&objects, head)?;
    let history = History::since(&objects, known, root, head)?;
    let mut steps = Steps {
        objects: &objects,
        trees: Trees::new(&objects),
        root,
        compared: HashMap::new(),
    };
    let mut found = BTreeMap::new();
    for (owner, file) in owners {
        let mut walk = Walk {
            history: &history,
            steps: &mut steps,
            file: file.as_deref(),
            followed: HashMap::new(),
        };
        let lineage = walk.back(head);
        found.insert(owner, lineage);
    }
    Ok(found)
}

/// Parents of the commits that were passed, compared once for all owners.
struct Steps<'s> {
    objects: &'s Objects,
    trees: Trees<'s>,
    root: ObjectId,
    compared: HashMap<ObjectId, Rc<[Step]>>,
}

/// A parent, and the files in which it differs.
type Step = (ObjectId, BTreeSet<String>);

impl Steps<'_> {
    /// Nothing before the root counts.
    fn of(&mut self, id: ObjectId) -> Result<Rc<[Step]>, TrustError> {
        if let Some(steps) = self.compared.get(&id) {
            return Ok(Rc::clone(steps));
        }
        let mut steps = Vec::new();
        if id != self.root {
            let commit = history::read(self.objects, id)?;
            for &parent in &commit.parents {
                let tree = history::read(self.objects, parent)?.tree;
                steps.push((parent, self.trees.differences(id, tree, commit.tree)?));
            }
        }
        let steps: Rc<[Step]> = steps.into();
        self.compared.insert(id, Rc::clone(&steps));
        Ok(steps)
    }
}

/// The way back for one owner.
struct Walk<'w, 's> {
    history: &'w History<'w>,
    steps: &'w mut Steps<'s>,
    /// The stack's own file; `None` for what stacks share.
    file: Option<&'w str>,
    /// To which parents the way leads on.
    followed: HashMap<ObjectId, Rc<[ObjectId]>>,
}

/// To know something of one merge, another one, behind it, must be known first.
type Need = ObjectId;

impl Walk<'_, '_> {
    fn back(&mut self, head: ObjectId) -> Result<Lineage, TrustError> {
        let mut found = Lineage::default();
        let mut open = vec![head];
        while let Some(id) = open.pop() {
            let name = CommitId::new(id.to_string());
            if !found.same.insert(name.clone()) {
                continue;
            }
            let parents = self.settled(id)?;
            if parents.is_empty() {
                found.origins.insert(name);
            }
            open.extend(parents.iter());
        }
        Ok(found)
    }

    /// Where the way leads on from here. Works off what is needed first without recursion:
    /// whoever makes commits decides how deep merges lie in each other.
    fn settled(&mut self, id: ObjectId) -> Result<Rc<[ObjectId]>, TrustError> {
        let mut open = vec![id];
        loop {
            let Some(&next) = open.last() else {
                return Ok(self.followed.get(&id).cloned().unwrap_or_default());
            };
            if self.followed.contains_key(&next) {
                open.pop();
                continue;
            }
            match self.follow(next)? {
                Ok(parents) => {
                    self.followed.insert(next, parents);
                }
                Err(need) => open.push(need),
            }
        }
    }

    /// A parent with the same inputs is where they came from only if no other parent changed
    /// them since the branches parted. Otherwise the merge itself decided: an old version that
    /// it takes from an ancestor was undone since, and who signed for it then did not sign for
    /// its return.
    fn follow(&mut self, id: ObjectId) -> Result<Result<Rc<[ObjectId]>, Need>, TrustError> {
        let steps = self.steps.of(id)?;
        let mut followed = Vec::new();
        'parents: for (parent, differing) in steps.iter() {
            if differing.iter().any(|path| is_input(path, self.file)) {
                continue;
            }
            for (other, _) in steps.iter().filter(|(other, _)| other != parent) {
                let Some(base) = self.history.merge_base(*parent, *other)? else {
                    continue 'parents;
                };
                match self.leads(*other, base)? {
                    Ok(true) => {}
                    Ok(false) => continue 'parents,
                    Err(need) => return Ok(Err(need)),
                }
            }
            followed.push(*parent);
        }
        Ok(Ok(followed.into()))
    }

    /// Does the way back from one commit pass the other?
    fn leads(&mut self, from: ObjectId, to: ObjectId) -> Result<Result<bool, Need>, TrustError> {
        let floor = self.history.generation(to);
        let mut met = HashSet::new();
        let mut open = vec![from];
        while let Some(id) = open.pop() {
            if id == to {
                return Ok(Ok(true));
            }
            // What is no further from the root cannot descend from it.
            if self.history.generation(id) <= floor || !met.insert(id) {
                continue;
            }
            let Some(parents) = self.followed.get(&id) else {
                let steps = self.steps.of(id)?;
                if let [(parent, differing)] = &*steps {
                    if !differing.iter().any(|path| is_input(path, self.file)) {
                        open.push(*parent);
                    }
                    continue;
                }
                return Ok(Err(id));
            };
            open.extend(parents.iter());
        }
        Ok(Ok(false))
    }
}

fn is_input(path: &str, file: Option<&str>) -> bool {
    let own = match file {
        Some(file) => path == file,
        None => path.starts_with("stacks/"),
    };
    let shared = matches!(path, "hosters.toml" | "estate.toml") || path.starts_with("blueprints/");
    // Passwords on all machines are derived from it.
    let key = path
        .strip_prefix("secrets/")
        .and_then(|file| file.strip_suffix(".age"));
    own || shared || key == Some(ESTATE_KEY)
}

/// Commits over which there are approvals, good or bad.
pub fn approved(repository: &Path) -> Result<BTreeSet<CommitId>, TrustError> {
    let objects = super::verify::open(repository)?;
    let references = objects.references(APPROVALS, APPROVALS_LIMIT)?;
    let commit = |name: &str| {
        let (commit, _) = name.strip_prefix(APPROVALS)?.split_once('/')?;
        Some(CommitId::new(commit))
    };
    Ok(references
        .iter()
        .filter_map(|(name, _)| commit(name))
        .collect())
}
