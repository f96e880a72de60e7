//! Which files go on with another stack by right, as the history of the estate tells.

use crate::decide::document::Files;
use crate::decide::origins::{self, Came, Claim, Unlawful, Why};
use crate::model::causes::chain;
use crate::model::ids::{CommitId, StackId};
use crate::world::git::compare::Comparison;
use crate::world::git::steps::{Step, Steps};
use crate::world::git::{Known, TrustError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// So often can one stack be renamed before nobody looks further back.
const RENAMES: usize = 64;

/// Files of an accepted head that name a beginning which is not theirs. A history that cannot be
/// read holds those who refer to it, and nobody else (S16).
pub fn unlawful(
    repository: &Path,
    root: &CommitId,
    head: &CommitId,
    files: &Files,
    refused: &BTreeMap<String, &'static str>,
) -> Unlawful {
    judge(repository, root, head, &origins::open(files, refused))
}

/// The same for these claims of the commit.
pub fn judge(repository: &Path, root: &CommitId, head: &CommitId, claims: &[Claim]) -> Unlawful {
    if claims.is_empty() {
        return Unlawful::new();
    }
    let untold = |error: &TrustError| Why::Untold(chain(error));
    let git = match Comparison::open(repository) {
        Ok(git) => git,
        Err(error) => {
            let why = untold(&error);
            return claims
                .iter()
                .map(|c| (c.shown.clone(), why.clone()))
                .collect();
        }
    };
    let mut history = History {
        git: &git,
        steps: git.steps(),
        root,
        judged: BTreeMap::new(),
    };
    let mut found = Unlawful::new();
    for claim in claims {
        let why = history.judge(claim, head, 0);
        if let Some(why) = why.unwrap_or_else(|error| Some(untold(&error))) {
            found.insert(claim.shown.clone(), why);
        }
    }
    found
}

/// With what the stacks began whose files cannot be read any more, by the newest version that
/// can be; only those that were renamed, and by right. What the history does not tell is left
/// out: such a file is held under its own name.
pub fn began(
    repository: &Path,
    root: &CommitId,
    head: &CommitId,
    unread: &BTreeMap<String, &'static str>,
) -> BTreeMap<StackId, StackId> {
    let mut found = BTreeMap::new();
    if unread.is_empty() {
        return found;
    }
    let Ok(git) = Comparison::open(repository) else {
        return found;
    };
    let mut history = History {
        git: &git,
        steps: git.steps(),
        root,
        judged: BTreeMap::new(),
    };
    let stacks = unread.keys();
    for path in stacks.filter(|path| origins::claim(path, b"").is_some()) {
        if let Ok(Some(claim)) = history.last_read(path, head)
            && !claim.is_own()
        {
            found.insert(claim.shown, claim.origin);
        }
    }
    found
}

/// The past of an accepted head.
struct History<'h> {
    git: &'h Comparison,
    steps: Steps<'h>,
    root: &'h CommitId,
    /// Claims at commits, and what is wrong with them.
    judged: BTreeMap<(CommitId, Claim), Option<Why>>,
}

impl History<'_> {
    /// What is wrong with a claim that this commit has. It must have come by right on every way
    /// that decided about it.
    fn judge(
        &mut self,
        claim: &Claim,
        at: &CommitId,
        renames: usize,
    ) -> Result<Option<Why>, TrustError> {
        if renames > RENAMES {
            return Ok(Some(Why::Untold(format!(
                "it was renamed more than {RENAMES} times"
            ))));
        }
        let key = (at.clone(), claim.clone());
        if let Some(known) = self.judged.get(&key) {
            return Ok(known.clone());
        }
        let mut seen = BTreeSet::new();
        let mut open = vec![at.clone()];
        let mut wrong = None;
        while let (Some(id), None) = (open.pop(), &wrong) {
            if id == *self.root || !seen.insert(id.clone()) {
                continue;
            }
            let mut stood = Vec::new();
            let mut doubted = Vec::new();
            for step in self.steps.of(&id)?.iter() {
                let found = match self.step(claim, &id, step)? {
                    Came::Stood => {
                        stood.push(step.parent.clone());
                        continue;
                    }
                    Came::From(had) => self.any(claim, &had, &step.parent, renames)?,
                    Came::New => self.taken(claim, &step.parent, renames)?.map(Why::Taken),
                    Came::Refused(Why::NotThere) => {
                        let other = self.taken(claim, &step.parent, renames)?;
                        Some(other.map_or(Why::NotThere, Why::Taken))
                    }
                    Came::Refused(why) => Some(why),
                };
                doubted.extend(found.map(|why| (step.parent.clone(), why)));
            }
            for (parent, why) in doubted {
                if !self.decided_elsewhere(claim, &parent, &stood)? {
                    wrong = Some(why);
                    break;
                }
            }
            open.append(&mut stood);
        }
        self.judged.insert(key, wrong.clone());
        Ok(wrong)
    }

    /// A side of a merge that did not touch who goes on with it has no say against one that
    /// did; what changed on both is judged from both.
    fn decided_elsewhere(
        &self,
        claim: &Claim,
        parent: &CommitId,
        stood: &[CommitId],
    ) -> Result<bool, TrustError> {
        if stood.is_empty() {
            return Ok(false);
        }
        let here = self.holders(claim, parent)?;
        for other in stood {
            let Some(parting) = self.git.parting(&Known::none(), parent, other)? else {
                continue;
            };
            if self.holders(claim, &parting.merge_base)? == here {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// One of these must have had it by right: whoever let that go had the right to it. What
    /// only begins owes nothing to those who had no right.
    fn any(
        &mut self,
        claim: &Claim,
        had: &[Claim],
        at: &CommitId,
        renames: usize,
    ) -> Result<Option<Why>, TrustError> {
        let mut last = None;
        for earlier in had {
            last = self.judge(earlier, at, renames + 1)?;
            if last.is_none() {
                return Ok(None);
            }
        }
        if claim.is_own() {
            return Ok(self.taken(claim, at, renames)?.map(Why::Taken));
        }
        Ok(last)
    }

    /// What the newest version of a file said that can be read, if it said so by right.
    fn last_read(&mut self, path: &str, head: &CommitId) -> Result<Option<Claim>, TrustError> {
        let mut seen = BTreeSet::new();
        let mut open = vec![head.clone()];
        while let Some(id) = open.pop() {
            if id == *self.root || !seen.insert(id.clone()) {
                continue;
            }
            for step in self.steps.of(&id)?.iter() {
                if step.changed.contains(path) {
                    let listing = self.git.list(&step.parent)?;
                    let mut claim = None;
                    self.git.each(&listing, [path], |path, bytes| {
                        claim = origins::claim(path, &bytes);
                    })?;
                    if let Some(claim) = claim {
                        let wrong = self.judge(&claim, &step.parent, 0)?;
                        return Ok(wrong.is_none().then_some(claim));
                    }
                }
                open.push(step.parent.clone());
            }
        }
        Ok(None)
    }

    fn step(&self, claim: &Claim, id: &CommitId, step: &Step) -> Result<Came, TrustError> {
        if !step.changed.contains(&claim.path()) {
            return Ok(Came::Stood);
        }
        let stacks = || {
            let paths = step.changed.iter().map(String::as_str);
            paths.filter(|path| StackId::of_file(path).is_some())
        };
        let before = self.claims(&step.parent, stacks())?;
        let after = self.claims(id, stacks())?;
        Ok(origins::came(claim, &before, &after))
    }

    /// Another file that goes on with it by right.
    fn taken(
        &mut self,
        claim: &Claim,
        at: &CommitId,
        renames: usize,
    ) -> Result<Option<StackId>, TrustError> {
        for other in self.holders(claim, at)? {
            if self.judge(&other, at, renames + 1)?.is_none() {
                return Ok(Some(other.shown));
            }
        }
        Ok(None)
    }

    /// All files that say the same, by right or not.
    fn holders(&self, claim: &Claim, at: &CommitId) -> Result<Vec<Claim>, TrustError> {
        let listing = self.git.list(at)?;
        let mut all = self.claims(at, listing.paths())?;
        all.retain(|other| other.origin == claim.origin);
        Ok(all)
    }

    /// What these files say; one that is refused says what its name says.
    fn claims<'p>(
        &self,
        at: &CommitId,
        paths: impl Iterator<Item = &'p str>,
    ) -> Result<Vec<Claim>, TrustError> {
        let listing = self.git.list(at)?;
        let mut claims = Vec::new();
        let stacks = paths.filter(|path| StackId::of_file(path).is_some());
        let refused = self.git.each(&listing, stacks, |path, bytes| {
            claims.extend(origins::claim(path, &bytes));
        })?;
        let refused = refused.keys();
        claims.extend(refused.filter_map(|path| origins::claim(path, b"")));
        Ok(claims)
    }
}
