//! Which files go on with another stack by right, as the history of the estate tells.

use crate::decide::document::Files;
use crate::decide::origins::{self, Came, Claim, Unlawful, Why};
use crate::model::causes::chain;
use crate::model::ids::{CommitId, StackId};
use crate::world::git::TrustError;
use crate::world::git::compare::Comparison;
use crate::world::git::steps::{Step, Steps};
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

/// The past of an accepted head.
struct History<'h> {
    git: &'h Comparison,
    steps: Steps<'h>,
    root: &'h CommitId,
    /// Claims at commits, and what is wrong with them.
    judged: BTreeMap<(CommitId, Claim), Option<Why>>,
}

impl History<'_> {
    /// What is wrong with a claim that this commit has. It must have come by right on every way.
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
            for step in self.steps.of(&id)?.iter() {
                match self.step(claim, &id, step)? {
                    Came::Stood => open.push(step.parent.clone()),
                    Came::From(had) => wrong = self.any(&had, &step.parent, renames)?,
                    Came::New => wrong = self.taken(claim, &step.parent)?.map(Why::Taken),
                    Came::Refused(why) => wrong = Some(why),
                }
                if wrong.is_some() {
                    break;
                }
            }
        }
        self.judged.insert(key, wrong.clone());
        Ok(wrong)
    }

    /// One of these must have had it by right: whoever let that go had the right to it.
    fn any(
        &mut self,
        had: &[Claim],
        at: &CommitId,
        renames: usize,
    ) -> Result<Option<Why>, TrustError> {
        let mut last = None;
        for claim in had {
            last = self.judge(claim, at, renames + 1)?;
            if last.is_none() {
                break;
            }
        }
        Ok(last)
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

    /// Another file that goes on with what this one would begin with.
    fn taken(&self, claim: &Claim, at: &CommitId) -> Result<Option<StackId>, TrustError> {
        let listing = self.git.list(at)?;
        let all = self.claims(at, listing.paths())?;
        let other = all.into_iter().find(|other| other.origin == claim.origin);
        Ok(other.map(|other| other.shown))
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
