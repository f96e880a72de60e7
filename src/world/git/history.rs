//! The commits between what is known and a head, parents before children, and
//! how they hang together.

use super::commit::RawCommit;
use super::error::TrustError;
use super::id::{Kind, Object, ObjectId};
use super::known::Known;
use super::objects::Objects;
use crate::model::ids::CommitId;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};

/// Largest commit object, signature and message included.
const COMMIT_LIMIT: usize = 1 << 20;
/// Most commits that are walked in one run.
const WALK_LIMIT: usize = 5_000_000;

/// Reads one commit object.
pub(super) fn read(objects: &Objects, id: ObjectId) -> Result<RawCommit, TrustError> {
    let object = objects.read(id, Kind::Commit, COMMIT_LIMIT, &|| format!("commit {id}"))?;
    let content = match object {
        Object::Content(content) => content,
        Object::TooLarge => return Err(TrustError::TooLarge { id: id.to_string() }),
        Object::OtherKind => return Err(TrustError::NotACommit { id: id.to_string() }),
    };
    RawCommit::parse(objects.format(), &content).map_err(|why| TrustError::Malformed {
        commit: id.to_string(),
        why,
    })
}

/// One commit of the walk. What a signature covers is read again when its turn comes.
#[derive(Debug)]
pub(super) struct Node {
    pub id: ObjectId,
    pub tree: ObjectId,
    pub parents: Vec<ObjectId>,
    /// Longest way from the root.
    pub generation: u32,
}

/// The new commits, in an order in which every parent comes before its children.
pub(super) struct History<'h> {
    objects: &'h Objects,
    known: &'h Known,
    root: ObjectId,
    pub nodes: Vec<Node>,
    at: HashMap<ObjectId, usize>,
}

impl<'h> History<'h> {
    /// Walks from the head down to the root and to commits that are known.
    /// `known` must belong to this root. Whatever has no such ground is refused.
    pub fn since(
        objects: &'h Objects,
        known: &'h Known,
        root: ObjectId,
        head: ObjectId,
    ) -> Result<Self, TrustError> {
        let mut history = Self {
            objects,
            known,
            root,
            nodes: Vec::new(),
            at: HashMap::new(),
        };
        let mut met: HashMap<ObjectId, (ObjectId, Vec<ObjectId>)> = HashMap::new();
        let mut children: HashMap<ObjectId, Vec<ObjectId>> = HashMap::new();
        let mut open = vec![head];
        let mut grounds = Vec::new();
        while let Some(id) = open.pop() {
            if met.contains_key(&id) {
                continue;
            }
            if history.ground(id).is_some() {
                grounds.push(id);
                continue;
            }
            let commit = read(objects, id)?;
            for &parent in &commit.parents {
                children.entry(parent).or_default().push(id);
                open.push(parent);
            }
            met.insert(id, (commit.tree, commit.parents));
            if met.len() > WALK_LIMIT {
                return Err(TrustError::TooLarge {
                    id: head.to_string(),
                });
            }
        }
        let unrelated = || TrustError::RootNotAncestor {
            root: root.to_string(),
            head: head.to_string(),
        };
        if grounds.is_empty() {
            return Err(unrelated());
        }
        // Upwards: a commit's turn comes when all its parents had theirs.
        let mut ready = grounds;
        while let Some(parent) = ready.pop() {
            for child in children.remove(&parent).unwrap_or_default() {
                let complete = met.get(&child).is_some_and(|(_, parents)| {
                    parents.iter().all(|p| history.generation(*p).is_some())
                });
                if complete && let Some((tree, parents)) = met.remove(&child) {
                    history.add(child, tree, parents);
                    ready.push(child);
                }
            }
        }
        // What is left descends from something that does not descend from the root.
        let mut left: Vec<_> = met.iter().collect();
        left.sort();
        for (id, (_, parents)) in &left {
            let stands = |parent: &&ObjectId| history.generation(**parent).is_some();
            let outside = parents.iter().find(|parent| !stands(parent));
            if let (Some(outside), true) = (outside, parents.iter().any(|p| stands(&p))) {
                return Err(TrustError::OutsideHistory {
                    commit: id.to_string(),
                    parent: outside.to_string(),
                    root: root.to_string(),
                });
            }
        }
        if left.is_empty() {
            Ok(history)
        } else {
            Err(unrelated())
        }
    }

    fn add(&mut self, id: ObjectId, tree: ObjectId, parents: Vec<ObjectId>) {
        let generation = parents
            .iter()
            .filter_map(|parent| self.generation(*parent))
            .max()
            .unwrap_or(0)
            .saturating_add(1);
        self.at.insert(id, self.nodes.len());
        self.nodes.push(Node {
            id,
            tree,
            parents,
            generation,
        });
    }

    /// How far from the root, if it was accepted before.
    fn ground(&self, id: ObjectId) -> Option<u32> {
        if id == self.root {
            return Some(0);
        }
        self.known.get(id).map(|seen| seen.generation)
    }

    /// How far from the root, where it lies on the way to it.
    pub fn generation(&self, id: ObjectId) -> Option<u32> {
        match self.at.get(&id) {
            Some(&at) => self.nodes.get(at).map(|node| node.generation),
            None => self.ground(id),
        }
    }

    fn parents(&self, id: ObjectId) -> Result<Vec<ObjectId>, TrustError> {
        if id == self.root {
            // Nothing before the root counts.
            return Ok(Vec::new());
        }
        match self.at.get(&id).and_then(|&at| self.nodes.get(at)) {
            Some(node) => Ok(node.parents.clone()),
            None => Ok(read(self.objects, id)?.parents),
        }
    }

    /// Is it the root, known, or one of the new commits?
    pub fn holds(&self, id: ObjectId) -> bool {
        self.generation(id).is_some()
    }

    /// Does this new commit lie behind a commit with this mark?
    pub fn is_behind(
        &self,
        id: ObjectId,
        marked: impl Fn(&Node) -> Result<bool, TrustError>,
    ) -> Result<bool, TrustError> {
        let behind = self.behind(marked)?;
        let at = self.at.get(&id).copied();
        Ok(at.and_then(|at| behind.get(at)).copied().unwrap_or(false))
    }

    /// The folder of all files of a commit, new or known.
    pub fn tree(&self, id: ObjectId) -> Result<ObjectId, TrustError> {
        match self.at.get(&id).and_then(|&at| self.nodes.get(at)) {
            Some(node) => Ok(node.tree),
            None => Ok(read(self.objects, id)?.tree),
        }
    }

    /// Where two commits parted; `None` when there are several such places.
    /// Commits are visited from the far end of history, so that only the two
    /// branches are read, however long the history is.
    pub fn merge_base(
        &self,
        one: ObjectId,
        other: ObjectId,
    ) -> Result<Option<ObjectId>, TrustError> {
        const ONE: u8 = 1;
        const OTHER: u8 = 2;
        const OLDER: u8 = 4;
        let mut marks: HashMap<ObjectId, u8> = HashMap::new();
        let mut open: BinaryHeap<(u32, ObjectId)> = BinaryHeap::new();
        let mut bases = Vec::new();
        // Entries in `open` that are not older than a base.
        let mut fresh = 0_usize;
        let mut visit = vec![(one, ONE), (other, OTHER)];
        loop {
            for (id, mark) in visit.drain(..) {
                let Some(generation) = self.generation(id) else {
                    continue;
                };
                let before = marks.get(&id).copied();
                let after = before.unwrap_or(0) | mark;
                marks.insert(id, after);
                match before {
                    None => {
                        open.push((generation, id));
                        fresh += usize::from(after & OLDER == 0);
                    }
                    Some(before) if before & OLDER == 0 && after & OLDER != 0 => fresh -= 1,
                    Some(_) => {}
                }
            }
            if fresh == 0 {
                break;
            }
            let Some((_, id)) = open.pop() else {
                break;
            };
            let mut mark = marks.get(&id).copied().unwrap_or(0);
            fresh -= usize::from(mark & OLDER == 0);
            if mark == ONE | OTHER {
                bases.push(id);
                mark |= OLDER;
            }
            visit.extend(self.parents(id)?.into_iter().map(|parent| (parent, mark)));
        }
        match bases.as_slice() {
            [base] => Ok(Some(*base)),
            _ => Ok(None),
        }
    }

    /// For each new commit: does it lie behind a commit with this mark?
    pub fn behind(
        &self,
        marked: impl Fn(&Node) -> Result<bool, TrustError>,
    ) -> Result<Vec<bool>, TrustError> {
        let mut behind = vec![false; self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate().rev() {
            if !behind.get(at).copied().unwrap_or(false) && !marked(node)? {
                continue;
            }
            for parent in &node.parents {
                if let Some(slot) = self.at.get(parent).and_then(|&at| behind.get_mut(at)) {
                    *slot = true;
                }
            }
        }
        Ok(behind)
    }
}

/// Is `ancestor` the same as `descendant` or before it?
pub(super) fn reaches(
    objects: &Objects,
    ancestor: ObjectId,
    descendant: ObjectId,
) -> Result<bool, TrustError> {
    read(objects, ancestor)?;
    let mut seen = BTreeSet::new();
    // The nearest first: the usual answer is a few commits away.
    let mut open = VecDeque::from([descendant]);
    while let Some(id) = open.pop_front() {
        if id == ancestor {
            return Ok(true);
        }
        if seen.insert(id) {
            open.extend(read(objects, id)?.parents);
        }
    }
    Ok(false)
}

/// The commit that a name stands for: a reference, an id, either followed by
/// `^` or `~3`. Parents are those in the objects.
pub(super) fn resolve(objects: &Objects, name: &str) -> Result<ObjectId, TrustError> {
    let none = || TrustError::NoHead {
        name: name.chars().take(100).collect(),
    };
    let start = name.find(['^', '~']).unwrap_or(name.len());
    let (base, mut steps) = name.split_at(start);
    let mut id = objects.find(base).ok_or_else(none)?;
    while let Some(sign) = steps.chars().next() {
        let rest = steps.get(1..).unwrap_or_default();
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        let count = match digits {
            "" => 1,
            digits => digits.parse::<usize>().map_err(|_| none())?,
        };
        match sign {
            '~' => {
                for _ in 0..count {
                    id = *read(objects, id)?.parents.first().ok_or_else(none)?;
                }
            }
            '^' if count > 0 => {
                id = *read(objects, id)?.parents.get(count - 1).ok_or_else(none)?;
            }
            _ => return Err(none()),
        }
        steps = after;
    }
    Ok(id)
}

/// The configured root, which must be written out in full.
pub(super) fn full_id(objects: &Objects, id: &CommitId) -> Result<ObjectId, TrustError> {
    ObjectId::from_hex(objects.format(), id.as_str().as_bytes()).ok_or_else(|| TrustError::Root {
        root: id.as_str().chars().take(80).collect(),
        digits: objects.format().bytes() * 2,
    })
}
