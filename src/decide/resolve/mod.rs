//! From the files of an accepted commit to what is wanted: every name looked
//! up, every unit read, every error told at once.
//!
//! Errors in one stack hold that stack (S16); errors in what stacks share give
//! no `Desired` at all, which is never the same as an empty one (S1).

mod backup;
mod brakes;
mod claims;
mod discard;
mod estate;
mod hosters;
mod independence;
mod named_machines;
mod namesakes;
mod objectives;
mod placement;
mod policy;
mod quotas;
mod secrets;
mod service;
mod stack;
pub mod trust;

pub use claims::{Claimant, Contested};
pub use secrets::ESTATE_KEY;

use super::catalogue::{self, Catalogue};
use super::document::{Files, about_file, codes, suggest, words};
use super::origins::{self, Unlawful};
use crate::model::blueprint::Blueprint;
use crate::model::desired::{Desired, DesiredStack, HosterAccount};
use crate::model::diagnostic::Diagnostic;
use crate::model::ids::{BlueprintId, CommitId, HostName, HosterId, StackId};
use crate::model::policy::Policy;
use std::collections::{BTreeMap, BTreeSet};

/// What the files ask for, and what is wrong with them.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// `None` when something that all stacks share is broken.
    pub desired: Option<Desired>,
    /// Everything found, sorted by place; those of broken stacks are also in `Desired::broken`.
    pub diagnostics: Vec<Diagnostic>,
    /// Files that do not go on with what they name, as somebody said who knows the past.
    pub unlawful: Unlawful,
    /// Host names that several stacks ask for, which are sound otherwise.
    pub contested: Contested,
}

impl Resolution {
    /// Holds the stacks whose own files could not be taken from the commit,
    /// each with its reason; the others go on (S16). `began` tells with what those began that
    /// were renamed, by their files' names.
    #[must_use]
    pub fn holding(
        mut self,
        refused: &BTreeMap<String, &'static str>,
        began: &BTreeMap<StackId, StackId>,
    ) -> Self {
        for (path, why) in refused {
            let found = about_file(
                codes::trust::REFUSED_FILE,
                path,
                format!("`{path}` is not read: {why}"),
                "keep a plain file of at most 1 MiB there",
            );
            if let (Some(desired), Some(shown)) = (&mut self.desired, StackId::of_file(path)) {
                let goes_on = desired.stacks.contains_key(&shown);
                let elsewhere = self.unlawful.contains_key(&shown) && goes_on;
                let own = || claims::held_as(&shown, elsewhere);
                let id = began.get(&shown).cloned().unwrap_or_else(own);
                desired.broken.entry(id).or_default().push(found.clone());
            }
            self.diagnostics.push(found);
        }
        self
    }
}

/// What a stack may refer to. `hosters` is `None` while `hosters.toml` cannot
/// be read: then nothing is said about names in it.
struct Surroundings<'s> {
    hosters: Option<&'s BTreeMap<HosterId, HosterAccount>>,
    blueprints: &'s BTreeMap<BlueprintId, Result<&'s Blueprint, &'s [Diagnostic]>>,
    zone: Option<&'s str>,
    policy: &'s Policy,
    files: &'s Files,
    pairs: independence::Pairs,
    unlawful: &'s Unlawful,
}

impl Surroundings<'_> {
    /// Is there a file by right that begins with its own name, and this is it?
    fn begins(&self, id: &str) -> bool {
        let id = StackId::new(id);
        let Some(bytes) = self.files.get(&id.file()) else {
            return false;
        };
        !self.unlawful.contains_key(&id)
            && origins::claim(&id.file(), bytes).is_none_or(|claim| claim.is_own())
    }
}

/// Who had a host name before, where several stacks ask for it now.
pub type Holders = BTreeMap<HostName, StackId>;

/// Reads all files of the commit, without knowing what was before.
pub fn resolve(files: &Files, commit: &CommitId, catalogue: &Catalogue) -> Resolution {
    resolve_after(files, commit, catalogue, &Holders::new(), &Unlawful::new())
}

/// Reads all files of the commit; of several stacks that ask for a name, its holder keeps it,
/// and those that go on with another stack must not be among the unlawful.
pub fn resolve_after(
    files: &Files,
    commit: &CommitId,
    catalogue: &Catalogue,
    holders: &Holders,
    unlawful: &Unlawful,
) -> Resolution {
    let mut shared = stray_files(files);
    let estate = shared_file(files, "estate.toml", &mut shared, estate::read);
    let trust = shared_file(files, "trust.toml", &mut shared, trust::read);
    let hosters = shared_file(files, "hosters.toml", &mut shared, |path, bytes| {
        hosters::read(path, bytes, catalogue)
    });
    let policy = estate
        .as_ref()
        .map(|e| e.policy.clone())
        .unwrap_or_default();
    shared.extend(secrets::check(files, trust.as_ref(), &policy));
    let named = secrets::Named {
        estate: estate.as_ref(),
        hosters: hosters.as_ref(),
    };
    shared.extend(named.missing(files));

    let own = catalogue::blueprints(files, "blueprints/");
    let mut findings = Vec::new();
    let blueprints = all_blueprints(catalogue, &own, &mut findings);
    let surroundings = Surroundings {
        hosters: hosters.as_ref(),
        blueprints: &blueprints,
        zone: estate
            .as_ref()
            .and_then(|e| e.dns.as_ref())
            .map(|dns| dns.zone.as_str()),
        policy: &policy,
        files,
        pairs: independence::Pairs::default(),
        unlawful,
    };
    let (mut stacks, mut broken) = read_stacks(files, &surroundings, &mut findings);
    findings.extend(broken.values().flatten().cloned());
    if let Some(hosters) = &hosters {
        findings.extend(quotas::check(stacks.values(), hosters, &policy));
    }
    let (contested, claimants) = claims::hosts(&stacks, holders);
    for (id, found) in claimants {
        findings.extend(found.iter().cloned());
        stacks.remove(&id);
        broken.entry(id).or_default().extend(found);
    }

    let sound = !shared.iter().any(Diagnostic::is_error);
    findings.extend(shared);
    findings.sort_by(|a, b| (&a.place, a.code, &a.message).cmp(&(&b.place, b.code, &b.message)));
    findings.dedup();
    let desired = match (estate, hosters) {
        (Some(estate), Some(hosters)) if sound => {
            let used = used_blueprints(&stacks, &blueprints);
            Some(Desired {
                estate: estate.name,
                commit: commit.clone(),
                policy: estate.policy,
                caps: estate.caps,
                freezes: estate.freezes,
                hosters,
                dns: estate.dns,
                stacks,
                broken,
                blueprints: used,
            })
        }
        _ => None,
    };
    Resolution {
        desired,
        diagnostics: findings,
        unlawful: unlawful.clone(),
        contested,
    }
}

fn shared_file<T>(
    files: &Files,
    path: &str,
    findings: &mut Vec<Diagnostic>,
    read: impl FnOnce(&str, &[u8]) -> (Option<T>, Vec<Diagnostic>),
) -> Option<T> {
    let Some(bytes) = files.get(path) else {
        let message = format!("the estate has no {path}");
        let help = "`holdfast init` in an empty folder writes an example of it";
        findings.push(about_file(codes::MISSING_FILE, path, message, help));
        return None;
    };
    let (value, found) = read(path, bytes);
    findings.extend(found);
    value
}

/// A definition under a misspelled name would be passed over in silence.
fn stray_files(files: &Files) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for path in files.keys() {
        let known = ["stacks/", "blueprints/", "secrets/"]
            .iter()
            .any(|folder| path.starts_with(folder));
        let definition = path
            .rsplit_once('.')
            .is_some_and(|(_, kind)| matches!(kind, "toml" | "age"));
        let shared = ["estate.toml", "trust.toml", "hosters.toml"];
        // What begins with a dot belongs to tools.
        let tool = path.split('/').any(|part| part.starts_with('.'));
        if known || tool || !definition || shared.contains(&path.as_str()) {
            continue;
        }
        let help = suggest(path, shared).unwrap_or_default();
        let message = format!("nothing reads `{path}`");
        findings.push(about_file(codes::STRAY_FILE, path, message, &help));
    }
    findings
}

fn all_blueprints<'b>(
    catalogue: &'b Catalogue,
    own: &'b BTreeMap<BlueprintId, catalogue::Read<Blueprint>>,
    findings: &mut Vec<Diagnostic>,
) -> BTreeMap<BlueprintId, Result<&'b Blueprint, &'b [Diagnostic]>> {
    let mut all: BTreeMap<_, _> = catalogue
        .blueprints
        .iter()
        .map(|(id, blueprint)| (id.clone(), Ok(blueprint)))
        .collect();
    for (id, read) in own {
        if let Err(found) = read {
            findings.extend(found.iter().cloned());
        }
        if all.contains_key(id) {
            findings.push(about_file(
                codes::DUPLICATE,
                &format!("blueprints/{id}/blueprint.toml"),
                format!("there is a built-in blueprint `{id}`; this one is not used"),
                "give the estate's own blueprint another id and folder name",
            ));
            continue;
        }
        all.insert(id.clone(), read.as_ref().map_err(Vec::as_slice));
    }
    all
}

type Sorted = (
    BTreeMap<StackId, DesiredStack>,
    BTreeMap<StackId, Vec<Diagnostic>>,
);

fn read_stacks(
    files: &Files,
    surroundings: &Surroundings<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Sorted {
    let mut stacks: BTreeMap<StackId, DesiredStack> = BTreeMap::new();
    let mut broken: BTreeMap<StackId, Vec<Diagnostic>> = BTreeMap::new();
    // Ids that a second file claims, sound or not.
    let mut doubtful: BTreeSet<StackId> = BTreeSet::new();
    let mut unlawful: Vec<(StackId, Vec<Diagnostic>)> = Vec::new();
    for (path, bytes) in files {
        let Some(name) = path.strip_prefix("stacks/") else {
            continue;
        };
        if name.starts_with('.') || name.strip_suffix(".md").is_some() {
            continue;
        }
        let stem = name.strip_suffix(".toml");
        let Some(stem) = stem.filter(|stem| words::ID.fits(stem)) else {
            let stem = stem.unwrap_or(name);
            broken.entry(StackId::new(stem)).or_default().push(about_file(
                codes::FILE_NAME,
                path,
                format!("`{path}` is not the file of a stack"),
                "stacks are named stacks/<id>.toml; an id is a lower-case letter, then at most 30 of a-z 0-9 -",
            ));
            continue;
        };
        let read = stack::read(path, bytes, stem, surroundings);
        if surroundings.unlawful.contains_key(&StackId::new(stem)) {
            unlawful.push((StackId::new(stem), read.findings));
            continue;
        }
        let Some(stack) = read.stack else {
            doubtful.insert(read.origin.clone());
            broken.entry(read.origin).or_default().extend(read.findings);
            continue;
        };
        if let Some(other) = stacks.get(&stack.id) {
            doubtful.insert(stack.id.clone());
            let found = broken.entry(stack.id.clone()).or_default();
            found.push(claims::same_origin(other, &stack));
            found.push(claims::same_origin(&stack, other));
            continue;
        }
        warnings.extend(read.findings);
        stacks.insert(stack.id.clone(), stack);
    }
    stacks.retain(|id, _| !doubtful.contains(id));
    // Whose beginning it is goes on, whatever the other file says.
    for (shown, findings) in unlawful {
        let goes_on = stacks.contains_key(&shown) || broken.contains_key(&shown);
        let id = claims::held_as(&shown, goes_on);
        broken.entry(id).or_default().extend(findings);
    }
    (stacks, broken)
}

fn used_blueprints(
    stacks: &BTreeMap<StackId, DesiredStack>,
    blueprints: &BTreeMap<BlueprintId, Result<&Blueprint, &[Diagnostic]>>,
) -> BTreeMap<BlueprintId, Blueprint> {
    let mut used = BTreeMap::new();
    for service in stacks.values().flat_map(|stack| &stack.services) {
        if let Some(Ok(blueprint)) = blueprints.get(&service.blueprint)
            && !used.contains_key(&service.blueprint)
        {
            used.insert(service.blueprint.clone(), (*blueprint).clone());
        }
    }
    used
}
