//! A plan without network, secrets or configuration: what a commit would change against another
//! one that is assumed to be in place. For pull requests.

use super::before::succeed;
use super::estate::{self, built_in};
use super::origins;
use super::standing::Standing;
use crate::decide::assumed::{self, Assumed};
use crate::decide::basis::parts_for;
use crate::decide::catalogue::Catalogue;
use crate::decide::check::{CheckedPlan, Violation, check};
use crate::decide::derive::EstateKey;
use crate::decide::document::{Files, words};
use crate::decide::forecast::foresee;
use crate::decide::lines::point_out;
use crate::decide::mandate::withhold;
use crate::decide::only::{NoSuchStack, named, only};
use crate::decide::resolve::{ESTATE_KEY, Holders, Resolution, resolve, resolve_after};
use crate::decide::succession::Base;
use crate::decide::{names, plan};
use crate::model::desired::Desired;
use crate::model::diagnostic::Diagnostic;
use crate::model::gap::{Gap, GapKind};
use crate::model::ids::{CommitId, MachineName, StackId};
use crate::model::machine::Digest;
use crate::model::plan::{Action, Compared, Held, Hold, Plan};
use crate::world::git::compare::{Comparison, Contents, Listing};
use crate::world::git::{self, AcceptedCommit, TrustError};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What is compared.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q> {
    /// The estate's repository.
    pub repository: &'q Path,
    /// The commit that is trusted without question.
    pub root: &'q CommitId,
    /// What would become the accepted head.
    pub head: &'q str,
    /// What it is compared with.
    pub base: &'q str,
    /// Only these; none means all.
    pub stacks: &'q [StackId],
    /// Now.
    pub now: Timestamp,
}

/// What a commit would change.
#[derive(Debug)]
pub struct Offline {
    /// Checked like every other; `basis.observed` is `None`, so nothing executes it.
    pub plan: CheckedPlan,
    /// What is wrong with the head's files, as far as they were read.
    pub findings: Vec<Diagnostic>,
    /// Those files.
    pub files: Files,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// Not accepted, or not readable.
    #[error("{name} is not accepted")]
    Trust {
        /// As asked for.
        name: String,
        /// Why.
        #[source]
        source: TrustError,
    },
    /// The repository.
    #[error("the commits cannot be compared")]
    Compare(#[from] TrustError),
    /// Two histories.
    #[error("{head} and {base} have no commit in common")]
    Strangers {
        /// As asked for.
        head: String,
        /// As asked for.
        base: String,
    },
    /// What all stacks share is broken.
    #[error("the estate's definition at {name} has errors in what all stacks share")]
    Broken {
        /// Which side.
        name: String,
        /// All of them.
        findings: Vec<Diagnostic>,
        /// For the view that shows the lines.
        files: Box<Files>,
    },
    /// A name that neither side knows.
    #[error(transparent)]
    NoSuchStack(#[from] NoSuchStack),
    /// The planner wrote a step that breaks an invariant.
    #[error("the plan breaks an invariant and was thrown away: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Violations(Vec<Violation>),
}

/// What was not looked at, and so is unknown.
const NOT_OBSERVED: [&str; 6] = [
    "drift",
    "machines and hosters (gaps)",
    "free machines",
    "recovery points",
    "names",
    "durations",
];

/// Verifies both commits and plans from where their histories parted to the head.
pub fn plan_between(question: &Question<'_>) -> Result<Offline, OfflineError> {
    let git = Comparison::open(question.repository)?;
    let head = git.find(question.head)?;
    let tip = git.find(question.base)?;
    let verified = accepted(question, question.head, &head)?;
    let parting = git.parting(verified.seen(), &head, &tip)?;
    // What the head descends from was accepted with it; anything else is asked for itself.
    if parting
        .as_ref()
        .is_none_or(|parting| parting.merge_base != tip)
    {
        accepted(question, question.base, &tip)?;
    }
    let Some(parting) = parting else {
        return Err(OfflineError::Strangers {
            head: question.head.to_owned(),
            base: question.base.to_owned(),
        });
    };
    let base = parting.merge_base;
    let sides = Sides {
        repository: question.repository,
        root: question.root,
        old: git.list(&base)?,
        new: git.list(&head)?,
        git: &git,
        base: &base,
        head: &head,
        catalogue: built_in(),
    };
    let mut read = sides.read()?;
    let changed = sides.old.changed(&sides.new);
    let in_base = read.old.desired.clone().map(|desired| Base {
        desired,
        changed: Some(changed.clone()),
    });
    read.new = succeed(&read.after, &head, read.new, in_base.as_ref(), question.now);
    let findings = read.new.diagnostics;
    let (Some(before), Some(after)) = (read.old.desired, read.new.desired) else {
        let head_broken = findings.iter().any(Diagnostic::is_error);
        let (name, findings, files) = if head_broken {
            (question.head, findings, read.after)
        } else {
            (question.base, read.old.diagnostics, read.before)
        };
        return Err(OfflineError::Broken {
            name: name.to_owned(),
            findings,
            files: Box::new(files),
        });
    };
    let compared = Compared {
        named: question.base.to_owned(),
        moved_on: parting.moved_on,
        base: tip,
        merge_base: base.clone(),
    };
    let shared = changed.iter().any(|path| is_shared(path));
    // Its file may have another name than the stack began with.
    let all = before.stacks.values().chain(after.stacks.values());
    let touched = all.filter(|stack| changed.contains(&stack.place.file));
    let touched: BTreeSet<&StackId> = touched.map(|stack| &stack.id).collect();
    let same = |id: &StackId| !shared && !touched.contains(id);
    let (mut plan, world) = differences(&before, &after, compared, question.now, &same);
    let renamed = after.stacks.values().filter(|s| s.id != s.shown);
    let shown = renamed.map(|s| (s.id.clone(), s.shown.clone())).collect();
    point_out(&mut plan, &read.before, &read.after, &shown);
    if !question.stacks.is_empty() {
        let stacks = sides.known(question.stacks, &after)?;
        // Its steps bear the id with which the stack began.
        let began = |id: &StackId| after.began(id).unwrap_or_else(|| id.clone());
        let stacks: Vec<StackId> = stacks.iter().map(began).collect();
        plan.basis.stacks = Some(stacks.clone());
        let parts = parts_for(&plan.basis, &after, &world.seen);
        plan = only(plan, stacks, &parts);
    }
    let standing = Standing::alone(question.repository, question.root, &verified);
    let (mandate, unknown) = standing.mandate(&plan, &after, &world.past, question.now);
    plan.gaps.extend(unknown);
    let mut plan = withhold(plan, &mandate);
    foresee(&mut plan, &after.hosters, &world.past);
    let plan = check(plan, &world.seen, &world.past, &mandate).map_err(OfflineError::Violations)?;
    Ok(Offline {
        plan,
        findings,
        files: read.after,
    })
}

/// Nothing is known of earlier runs: a fresh clone judges for itself.
fn accepted(
    question: &Question<'_>,
    name: &str,
    id: &CommitId,
) -> Result<AcceptedCommit, OfflineError> {
    let verified = estate::accept(&git::Question {
        repository: question.repository,
        root: question.root,
        head: id.as_str(),
        known: &git::Known::none(),
        now: question.now,
    });
    verified.map_err(|source| OfflineError::Trust {
        name: name.to_owned(),
        source,
    })
}

/// Plans `after` over a world in which `before` is in place.
fn differences(
    before: &Desired,
    after: &Desired,
    compared: Compared,
    now: Timestamp,
    same: &dyn Fn(&StackId) -> bool,
) -> (Plan, Assumed) {
    let key = EstateKey::placeholder();
    let mut world = assumed::facing(before, after, &key, now, same);
    let mut want = after.clone();
    let mut held = Vec::new();
    for (id, findings) in &before.broken {
        let wanted = want.stacks.remove(id).is_some();
        if wanted || !want.broken.contains_key(id) {
            let reason = format!(
                "its definition at the base has {} findings, so what is in place is unknown",
                findings.len()
            );
            held.push(unknown(id, reason));
        }
    }
    for (id, why) in std::mem::take(&mut world.unsayable) {
        if want.stacks.remove(&id).is_some() {
            held.push(unknown(
                &id,
                format!("its machine cannot be described: {why}"),
            ));
        }
    }
    let nothing = Digest(String::new());
    let (manifests, seen, past) = (&world.manifests, &world.seen, &world.past);
    let mut plan = plan::plan(&want, manifests, seen, past, nothing, &BTreeSet::new());
    // Differences of definition are steps; of drift nothing is known.
    plan.drift.clear();
    for step in &mut plan.steps {
        if let Action::Create { take, .. } = &mut step.action {
            *take = None; // Which one is free was not looked at.
        }
    }
    plan.held.extend(held);
    plan.basis.observed = None;
    plan.basis.compared = Some(compared);
    plan.not_observed = NOT_OBSERVED.map(str::to_owned).to_vec();
    (plan, world)
}

fn unknown(id: &StackId, reason: String) -> Held {
    Held {
        stack: Some(id.clone()),
        wanted: "changes to this stack".into(),
        hold: Hold::NotObserved {
            gap: Gap::new(GapKind::Unreadable, format!("stack {id}"), reason),
        },
        remedy: "make a plan with access to the estate: holdfast plan".into(),
    }
}

/// Both commits' files.
struct Sides<'s> {
    repository: &'s Path,
    root: &'s CommitId,
    git: &'s Comparison,
    old: Listing,
    new: Listing,
    base: &'s CommitId,
    head: &'s CommitId,
    catalogue: Catalogue,
}

/// What was read of them, and what it means.
struct Read {
    before: Files,
    after: Files,
    old: Resolution,
    new: Resolution,
}

impl Sides<'_> {
    /// Where only stacks were changed, the others are read only as far as they may clash.
    fn read(&self) -> Result<Read, TrustError> {
        let changed = self.old.changed(&self.new);
        if changed.iter().any(|path| is_shared(path)) {
            let all: BTreeSet<&str> = self.old.paths().chain(self.new.paths()).collect();
            return self.resolve(&all);
        }
        let named = self.named_secrets()?;
        let mut chosen: BTreeSet<&str> = self
            .new
            .paths()
            .filter(|path| {
                changed.contains(*path)
                    || !(path.starts_with("stacks/") || path.starts_with("secrets/"))
                    || named.contains(*path)
            })
            .collect();
        chosen.extend(changed.iter().map(String::as_str));
        let read = self.resolve(&chosen)?;
        let more = self.neighbours(&read, &chosen)?;
        if more.is_empty() {
            return Ok(read);
        }
        chosen.extend(more.iter().map(String::as_str));
        self.resolve(&chosen)
    }

    fn resolve(&self, paths: &BTreeSet<&str>) -> Result<Read, TrustError> {
        let before = self.git.read(&self.old, paths.iter().copied())?;
        let after = self.git.read(&self.new, paths.iter().copied())?;
        let old = self.read_as(&before, self.base);
        let new = self.read_as(&after, self.head);
        Ok(Read {
            before: before.files,
            after: after.files,
            old,
            new,
        })
    }

    fn read_as(&self, contents: &Contents, commit: &CommitId) -> Resolution {
        let (files, refused) = (&contents.files, &contents.refused);
        let unlawful = origins::unlawful(self.repository, self.root, commit, files, refused);
        let holders = Holders::new();
        let began = origins::began(self.repository, self.root, commit, refused);
        let read = resolve_after(files, commit, &self.catalogue, &holders, &unlawful);
        read.holding(refused, &began)
    }

    /// Secrets that shared files name: their absence would be an error of all.
    fn named_secrets(&self) -> Result<BTreeSet<String>, TrustError> {
        let mut texts = Vec::new();
        let shared = ["estate.toml", "hosters.toml"];
        self.git
            .each(&self.new, shared, |_, bytes| texts.push(bytes))?;
        let secrets = self.new.paths().filter(|path| path.starts_with("secrets/"));
        Ok(secrets
            .filter(|path| {
                let id = path.trim_start_matches("secrets/").trim_end_matches(".age");
                id == ESTATE_KEY || texts.iter().any(|text| has(text, id.as_bytes()))
            })
            .map(str::to_owned)
            .collect())
    }

    /// Unchanged stacks that claim a name or the beginning of a changed one, and for each backup machine that
    /// changed stacks come to, one stack that is there already.
    fn neighbours(&self, read: &Read, chosen: &BTreeSet<&str>) -> Result<Vec<String>, TrustError> {
        let (Some(old), Some(new)) = (&read.old.desired, &read.new.desired) else {
            return Ok(Vec::new());
        };
        let stacks = || old.stacks.values().chain(new.stacks.values());
        let hosts: BTreeSet<Vec<u8>> = stacks()
            .flat_map(|stack| &stack.services)
            .map(|service| service.host.as_str().as_bytes().to_vec())
            .collect();
        let mut missing = backup_machines(new);
        missing.retain(|name, _| !backup_machines(old).contains_key(name));
        let mut clash = Vec::new();
        let mut candidates: Vec<String> = Vec::new();
        let others = self
            .new
            .paths()
            .filter(|path| path.starts_with("stacks/") && !chosen.contains(path));
        let desired = || [old, new].into_iter();
        let ids: BTreeSet<&StackId> = desired()
            .flat_map(|side| side.stacks.keys().chain(side.broken.keys()))
            .collect();
        let goes_on = |bytes: &[u8]| {
            has(bytes, b"moved_from") && ids.iter().any(|id| has(bytes, id.as_str().as_bytes()))
        };
        self.git.each(&self.new, others, |path, bytes| {
            // With an escape in it, a name may be written otherwise than it reads.
            let bytes = bytes.as_slice();
            let is_one = stack_of(path).is_some_and(|id| ids.contains(&id));
            let same_host = || hosts.iter().any(|host| has(bytes, host));
            if is_one || has(bytes, b"\\") || same_host() || goes_on(bytes) {
                clash.push(path.to_owned());
            } else if missing.values().any(|(hoster, site)| {
                has(bytes, hoster) && (has(bytes, site) || count(bytes, b"site") < 2)
            }) {
                candidates.push(path.to_owned());
            }
        })?;
        for batch in candidates.chunks(32) {
            if missing.is_empty() {
                break;
            }
            let paths = chosen.iter().copied().filter(|p| !p.starts_with("stacks/"));
            let paths: BTreeSet<&str> = paths.chain(batch.iter().map(String::as_str)).collect();
            let files = self.git.read(&self.new, paths)?;
            let Some(some) = resolve(&files.files, self.head, &self.catalogue).desired else {
                break;
            };
            for stack in some.stacks.values() {
                let place = &stack.backup.placement;
                if missing
                    .remove(&names::backup_machine(&place.hoster, &place.site))
                    .is_some()
                {
                    clash.push(stack.shown.file());
                }
            }
        }
        Ok(clash)
    }

    /// Asked for by name; a stack that was not read is one that does not change.
    fn known(&self, asked: &[StackId], after: &Desired) -> Result<Vec<StackId>, NoSuchStack> {
        let paths = self.old.paths().chain(self.new.paths());
        let mut known = after.names();
        known.extend(paths.filter_map(stack_of));
        named(asked, known.iter().map(StackId::as_str))
    }
}

fn stack_of(path: &str) -> Option<StackId> {
    StackId::of_file(path).filter(|id| words::ID.fits(id.as_str()))
}

/// Something that more than one stack may depend on. Sealed secrets are opened by nobody here.
fn is_shared(path: &str) -> bool {
    let stack = stack_of(path).is_some();
    let note = path.strip_suffix(".md").is_some() && !path.starts_with("blueprints/");
    !stack && !note && !path.starts_with("secrets/") && !path.starts_with('.')
}

/// Backup machines that sound stacks name, with hoster and site as they stand in files.
fn backup_machines(of: &Desired) -> BTreeMap<MachineName, (Vec<u8>, Vec<u8>)> {
    let placements = of.stacks.values().map(|stack| &stack.backup.placement);
    placements
        .map(|place| {
            let bytes = |text: &str| text.as_bytes().to_vec();
            let written = (bytes(place.hoster.as_str()), bytes(place.site.as_str()));
            (names::backup_machine(&place.hoster, &place.site), written)
        })
        .collect()
}

fn has(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}

fn count(haystack: &[u8], needle: &[u8]) -> usize {
    memchr::memmem::find_iter(haystack, needle).count()
}
