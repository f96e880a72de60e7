//! A new customer's file: its text, and where its backup may be.

use super::catalogue::{Catalogue, blueprints};
use super::document::{Files, codes};
use super::layout::laid_out;
use super::resolve::{Resolution, resolve};
use crate::model::desired::HosterAccount;
use crate::model::diagnostic::Diagnostic;
use crate::model::ids::{BlueprintId, CommitId, HosterId, StackId};
use std::collections::BTreeMap;
use toml::Value;

/// Everything that the file says; each a text as people write it.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The file's name.
    pub id: String,
    /// The customer's name.
    pub name: String,
    /// `de` or `en`.
    pub language: String,
    /// Whom to tell.
    pub contacts: Vec<String>,
    /// The most data that may be lost.
    pub rpo: Option<String>,
    /// The longest rebuild.
    pub rto: Option<String>,
    /// Where it runs.
    pub production: Where,
    /// Processors.
    pub cpus: u32,
    /// Memory.
    pub memory: String,
    /// Disk.
    pub disk: String,
    /// Operating system.
    pub image: String,
    /// Where its recovery points live.
    pub backup: Where,
    /// When they are made.
    pub schedule: String,
    /// How long they are kept.
    pub keep: String,
    /// The service's name.
    pub service: String,
    /// Its blueprint.
    pub blueprint: String,
    /// Its version.
    pub version: u32,
    /// The name that users type.
    pub host: String,
    /// What the blueprint leaves open.
    pub settings: BTreeMap<String, String>,
}

/// An account and a site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Where {
    /// Account.
    pub hoster: String,
    /// Site.
    pub site: String,
}

/// What a new stack can be made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Accounts with their sites, the usual site first.
    pub places: BTreeMap<String, Vec<String>>,
    /// Blueprints.
    pub blueprints: BTreeMap<String, Part>,
    /// The zone that hosts must lie in.
    pub zone: Option<String>,
}

/// A blueprint, as somebody who chooses sees it.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its version.
    pub version: u32,
    /// One line.
    pub summary: String,
    /// Settings that the stack must set.
    pub open: Vec<String>,
}

/// What this estate offers; the findings where what all stacks share is broken.
pub fn parts(files: &Files, catalogue: &Catalogue) -> Result<Parts, Vec<Diagnostic>> {
    let shared = without_stacks(files);
    let Resolution {
        desired,
        diagnostics,
        ..
    } = look(&shared, catalogue);
    let desired = desired.ok_or(diagnostics)?;
    let own = blueprints(files, "blueprints/");
    let own = own
        .iter()
        .filter_map(|(id, read)| Some((id, read.as_ref().ok()?)));
    let part = |(id, blueprint): (&BlueprintId, &crate::model::blueprint::Blueprint)| {
        let open = blueprint.settings.iter().filter(|s| s.default.is_none());
        let part = Part {
            version: blueprint.version,
            summary: blueprint.summary.clone(),
            open: open.map(|s| s.name.clone()).collect(),
        };
        (id.to_string(), part)
    };
    Ok(Parts {
        places: desired
            .hosters
            .iter()
            .map(|(id, account)| (id.to_string(), sites(account)))
            .collect(),
        blueprints: own.chain(&catalogue.blueprints).map(part).collect(),
        zone: desired.dns.map(|dns| dns.zone),
    })
}

/// Where its ordered machines stand, then the usual one, then the others.
fn sites(account: &HosterAccount) -> Vec<String> {
    let ordered = account.pool.iter().map(|machine| &machine.site);
    let mut sites: Vec<String> = Vec::new();
    for site in ordered
        .chain([&account.descriptor.default_site])
        .chain(account.descriptor.sites.keys())
    {
        if !sites.iter().any(|known| known == site.as_str()) {
            sites.push(site.to_string());
        }
    }
    sites
}

/// The first place that is independent of production, by the very rules that `check` has (S14).
pub fn backup_place(
    files: &Files,
    catalogue: &Catalogue,
    parts: &Parts,
    draft: &Draft,
    hoster: Option<&str>,
) -> Option<Where> {
    let shared = without_stacks(files);
    let places = parts.places.iter().flat_map(|(hoster, sites)| {
        sites.iter().map(|site| Where {
            hoster: hoster.clone(),
            site: site.clone(),
        })
    });
    places
        .filter(|place| hoster.is_none_or(|wish| place.hoster == wish))
        .find(|place| {
            let tried = Draft {
                backup: place.clone(),
                ..draft.clone()
            };
            let text = text(&tried);
            let header = text.lines().position(|line| line.starts_with("[backup]"));
            let mut files = shared.clone();
            files.insert(path(&draft.id), text.into_bytes());
            let found = look(&files, catalogue).diagnostics;
            // What is wrong with this place; the rest of the draft may still be open.
            !found.iter().any(|f| {
                let below = usize::try_from(f.place.line).ok() > header;
                f.code == codes::NOT_INDEPENDENT
                    || below && f.code == codes::UNFIT && f.message.contains("machine type")
            })
        })
}

/// What `check` would say about this file beside the others.
pub fn judge(files: &Files, catalogue: &Catalogue, id: &str, text: &str) -> Vec<Diagnostic> {
    let mut files = files.clone();
    files.insert(path(id), text.as_bytes().to_vec());
    let found = look(&files, catalogue);
    let held = found
        .desired
        .and_then(|mut desired| desired.broken.remove(&StackId::new(id)))
        .unwrap_or_default();
    let own = path(id);
    let mut about: Vec<Diagnostic> = found
        .diagnostics
        .into_iter()
        .filter(|f| f.place.file == own)
        .collect();
    about.extend(held.into_iter().filter(|f| f.place.file != own));
    about
}

/// `stacks/<id>.toml`.
pub fn path(id: &str) -> String {
    format!("stacks/{id}.toml")
}

/// The file.
pub fn text(draft: &Draft) -> String {
    let quoted = |text: &str| Value::String(text.to_owned()).to_string();
    let list = |texts: &[String]| {
        texts
            .iter()
            .map(|t| quoted(t))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let line = |key: &str, value: &Option<String>| {
        value
            .as_ref()
            .map(|value| format!("{key} = {}\n", quoted(value)))
            .unwrap_or_default()
    };
    let contacts = if draft.contacts.is_empty() {
        String::new()
    } else {
        format!("contacts = [{}]\n", list(&draft.contacts))
    };
    let objectives = if draft.rpo.is_none() && draft.rto.is_none() {
        String::new()
    } else {
        format!(
            "\n[objectives] # promises; checked against what was measured\n{}{}",
            line("rpo", &draft.rpo),
            line("rto", &draft.rto)
        )
    };
    let settings = if draft.settings.is_empty() {
        String::new()
    } else {
        let pairs: Vec<String> = draft
            .settings
            .iter()
            .map(|(key, value)| format!("{key} = {}", quoted(value)))
            .collect();
        format!("settings = {{ {} }}\n", pairs.join(", "))
    };
    let text = format!(
        "schema = 1\n\n[stack]\nid = {} # never changes; the name may\nname = {}\nlanguage = {}\n{contacts}{objectives}\n\
         [production]\nhoster = {}\nsite = {}\nmachine = {{ cpus = {}, memory = {}, disk = {} }}\nimage = {}\n\n\
         [backup] # independent of production: company, network, place\nhoster = {}\nsite = {}\nschedule = {}\n\
         retention = {{ within = {} }}\n\n\
         [[service]]\nname = {}\nblueprint = {}\nversion = {}\nhost = {}\n{settings}\n\
         [repair] # what may happen without a person\nautomatic = [\"restart\", \"reinstall\", \"reboot\", \"rebuild\"]\n",
        quoted(&draft.id),
        quoted(&draft.name),
        quoted(&draft.language),
        quoted(&draft.production.hoster),
        quoted(&draft.production.site),
        draft.cpus,
        quoted(&draft.memory),
        quoted(&draft.disk),
        quoted(&draft.image),
        quoted(&draft.backup.hoster),
        quoted(&draft.backup.site),
        quoted(&draft.schedule),
        quoted(&draft.keep),
        quoted(&draft.service),
        quoted(&draft.blueprint),
        draft.version,
        quoted(&draft.host),
    );
    laid_out(&path(&draft.id), &text).unwrap_or(text)
}

fn look(files: &Files, catalogue: &Catalogue) -> Resolution {
    resolve(files, &CommitId::new("work tree"), catalogue)
}

fn without_stacks(files: &Files) -> Files {
    files
        .iter()
        .filter(|(path, _)| !path.starts_with("stacks/"))
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect()
}

/// The usual account for production: the first that has an independent place for the backup.
pub fn usual_hoster(
    files: &Files,
    catalogue: &Catalogue,
    parts: &Parts,
    draft: &Draft,
) -> Option<HosterId> {
    parts.places.iter().find_map(|(hoster, sites)| {
        let tried = Draft {
            production: Where {
                hoster: hoster.clone(),
                site: sites.first()?.clone(),
            },
            ..draft.clone()
        };
        backup_place(files, catalogue, parts, &tried, None)?;
        Some(HosterId::new(&**hoster))
    })
}
