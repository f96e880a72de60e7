//! Where two histories parted. Dates say nothing here: they can be equal, or wrong.

use super::error::TrustError;
use super::history;
use super::id::ObjectId;
use super::known::Known;
use super::objects::Objects;
use std::collections::{BTreeMap, HashMap};

const ONE: u8 = 1;
const TWO: u8 = 2;
const BOTH: u8 = ONE | TWO;

/// The commits between two heads and where they parted.
pub(super) struct Fork<'f> {
    objects: &'f Objects,
    known: &'f Known,
    root: Option<ObjectId>,
    parents: HashMap<ObjectId, Vec<ObjectId>>,
    generations: HashMap<ObjectId, u32>,
}

impl<'f> Fork<'f> {
    /// With what was accepted: how far those commits are from the root need not be found out.
    pub fn new(objects: &'f Objects, known: &'f Known) -> Result<Self, TrustError> {
        let root = known.root().map(|root| history::full_id(objects, root));
        Ok(Self {
            objects,
            known,
            root: root.transpose()?,
            parents: HashMap::new(),
            generations: HashMap::new(),
        })
    }

    /// The newest commit that both have, and how many only the second has; `None` when there is
    /// no such commit from the root on. Of several newest ones it is always the same.
    ///
    /// A commit comes after all that descend from it, so that it is known whose it is when its
    /// turn comes.
    pub fn find(
        &mut self,
        one: ObjectId,
        two: ObjectId,
    ) -> Result<Option<(ObjectId, usize)>, TrustError> {
        let mut open: BTreeMap<(u32, ObjectId), u8> = BTreeMap::new();
        for (id, mark) in [(one, ONE), (two, TWO)] {
            *open.entry((self.generation(id)?, id)).or_default() |= mark;
        }
        let mut newest = None;
        let mut only_two = 0;
        while newest.is_none() || open.values().any(|mark| *mark != BOTH) {
            let Some(((_, id), mark)) = open.pop_last() else {
                break;
            };
            match mark {
                BOTH => newest = newest.or(Some(id)),
                TWO => only_two += 1,
                _ => {}
            }
            for parent in self.parents(id)? {
                *open.entry((self.generation(parent)?, parent)).or_default() |= mark;
            }
        }
        Ok(newest.map(|id| (id, only_two)))
    }

    /// Nothing before the root counts.
    fn parents(&mut self, id: ObjectId) -> Result<Vec<ObjectId>, TrustError> {
        if Some(id) == self.root {
            return Ok(Vec::new());
        }
        if let Some(parents) = self.parents.get(&id) {
            return Ok(parents.clone());
        }
        let parents = history::read(self.objects, id)?.parents;
        self.parents.insert(id, parents.clone());
        Ok(parents)
    }

    fn told(&self, id: ObjectId) -> Option<u32> {
        let accepted = || self.known.get(id).map(|seen| seen.generation);
        let root = || (Some(id) == self.root).then_some(0);
        self.generations
            .get(&id)
            .copied()
            .or_else(root)
            .or_else(accepted)
    }

    /// The longest way from the root, or from where a history that does not know it begins.
    fn generation(&mut self, of: ObjectId) -> Result<u32, TrustError> {
        let mut open = vec![of];
        while let Some(&id) = open.last() {
            if self.told(id).is_none() {
                let parents = self.parents(id)?;
                let unknown = parents
                    .iter()
                    .filter(|parent| self.told(**parent).is_none());
                let unknown: Vec<ObjectId> = unknown.copied().collect();
                if !unknown.is_empty() {
                    open.extend(unknown);
                    continue;
                }
                let nearest = parents.iter().filter_map(|parent| self.told(*parent)).max();
                let generation = nearest.map_or(0, |far| far.saturating_add(1));
                self.generations.insert(id, generation);
            }
            open.pop();
        }
        Ok(self.told(of).unwrap_or(0))
    }
}
