//! What can be asked of a machine, each one fixed script and one round trip.

use super::wire::Lines;
use super::{Contact, MachineError, Script, Transport};
use crate::model::blueprint::When;
use crate::model::gap::Gap;
use crate::model::ids::{Epoch, ServiceName};
use crate::model::machine::{Change, MachineFacts, MachineManifest, ServiceRuntime};
use crate::model::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

macro_rules! script {
    ($name:literal: $($file:literal),+) => {
        Script {
            name: $name,
            text: concat!(
                include_str!("scripts/prelude.sh"),
                $(include_str!(concat!("scripts/", $file, ".sh"))),+
            ),
        }
    };
}

const FACTS: Script = script!("facts": "facts");
const PREPARE: Script = script!("prepare": "apply", "prepare");
const INSTALL: Script = script!("install": "apply", "install");
const INITIALISE: Script = script!("initialise": "apply", "postgresql", "mariadb", "initialise");
const START: Script = script!("start": "apply", "start");
const CONVERGE: Script = script!("converge": "apply", "converge");
const CHECK: Script = script!("check": "check");
const GATE_OPEN: Script = script!("gate-open": "gate-open");
const GATE_CLOSE: Script = script!("gate-close": "gate-close");
const REBOOT: Script = script!("reboot": "reboot");
const MARK_OPENED: Script = script!("mark-opened": "mark-opened");
const MARK_PROVEN: Script = script!("mark-proven": "mark-proven");

/// What to look at on a machine besides itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FactsRequest {
    /// Absolute paths of files.
    pub files: Vec<String>,
    /// Absolute paths of directories.
    pub directories: Vec<String>,
    /// Debian packages.
    pub packages: Vec<String>,
    /// systemd units.
    pub units: Vec<String>,
}

impl FactsRequest {
    /// Everything that `decide::changes` compares, and declared state; without a manifest the machine itself only.
    pub fn of(manifest: Option<&MachineManifest>) -> Self {
        let Some(manifest) = manifest else {
            return Self::default();
        };
        let paths = |path: &String| path.clone();
        Self {
            files: manifest
                .files
                .iter()
                .map(|file| paths(&file.path))
                .collect(),
            directories: manifest
                .directories
                .iter()
                .chain(manifest.services.iter().flat_map(|service| &service.state))
                .map(|directory| paths(&directory.path))
                .collect(),
            packages: [manifest.tools.clone(), manifest.packages.clone()].concat(),
            units: manifest.units.clone(),
        }
    }
}

/// What a functional check said.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckResult {
    /// Whose.
    pub service: ServiceName,
    /// As the blueprint names it.
    pub name: String,
    /// Whether it passed, perhaps after some tries.
    pub passed: bool,
    /// Why it did not.
    pub detail: String,
    /// Milliseconds until it passed or was given up.
    pub millis: u64,
}

/// A machine's whole state in one round trip.
pub async fn facts(
    transport: &dyn Transport,
    contact: &Contact,
    request: &FactsRequest,
) -> Result<MachineFacts, Gap> {
    let mut lines = Lines::default();
    lines.words("file", &request.files);
    lines.words("directory", &request.directories);
    lines.words("package", &request.packages);
    lines.words("unit", &request.units);
    let answer = transport.run(contact, FACTS, &lines.finish()).await;
    answer
        .and_then(|values| one(contact, FACTS, values))
        .map_err(|error| error.gap())
}

/// Makes a fresh machine ours: first start awaited, gate closed, tools installed.
/// Refuses with `foreign` a machine that is another's, with `not-blank` one in use.
pub async fn prepare(
    transport: &dyn Transport,
    contact: &Contact,
    manifest: &MachineManifest,
) -> Result<(), MachineError> {
    let mut lines = Lines::default();
    let identity = manifest
        .files
        .iter()
        .find(|file| file.path == "/etc/holdfast/identity");
    let identity = identity.map_or_else(String::new, |file| STANDARD.encode(file.content.expose()));
    lines.line(&["identity", &identity]);
    lines.words("tool", &manifest.tools);
    lines.files(&manifest.files, Some(When::BeforePackages));
    act(transport, contact, PREPARE, lines, manifest).await
}

/// Packages, directories and files. Starts nothing but the (empty) database.
pub async fn install(
    transport: &dyn Transport,
    contact: &Contact,
    manifest: &MachineManifest,
) -> Result<(), MachineError> {
    let mut lines = Lines::default();
    lines.words("package", &manifest.packages);
    lines.directories("directory", &manifest.directories);
    lines.files(&manifest.files, None);
    act(transport, contact, INSTALL, lines, manifest).await
}

/// First installation into empty state; refuses with `not-blank` where state is or was.
pub async fn initialise(
    transport: &dyn Transport,
    contact: &Contact,
    manifest: &MachineManifest,
) -> Result<(), MachineError> {
    let mut lines = Lines::default();
    lines.databases(manifest);
    for service in &manifest.services {
        lines.directories("state", &service.state);
        if service.hooks.init.is_some() {
            lines.line(&["init", service.name.as_str()]);
        }
    }
    lines.words("unit", &manifest.units);
    act(transport, contact, INITIALISE, lines, manifest).await
}

/// Enables and starts all units; afresh on a machine that no user ever reached.
/// Refuses with `not-loaded` as long as a production machine has no state (S15).
pub async fn start(
    transport: &dyn Transport,
    contact: &Contact,
    manifest: &MachineManifest,
) -> Result<(), MachineError> {
    let mut lines = Lines::default();
    lines.words("unit", &manifest.units);
    act(transport, contact, START, lines, manifest).await
}

/// Mends what `changes` names on a machine in use and reloads or restarts what that affects.
pub async fn converge(
    transport: &dyn Transport,
    contact: &Contact,
    manifest: &MachineManifest,
    changes: &[Change],
) -> Result<(), MachineError> {
    let mut packages = Vec::new();
    let mut paths = BTreeSet::new();
    let mut units = Vec::new();
    for change in changes {
        match change {
            Change::InstallPackage { package } => packages.push(package.clone()),
            Change::MakeDirectory { path, .. } | Change::WriteFile { path, .. } => {
                paths.insert(path.as_str());
            }
            Change::StartUnit { unit, .. } => units.push(unit.clone()),
        }
    }
    let mut lines = Lines::default();
    lines.words("package", &packages);
    let directories = manifest.directories.iter();
    lines.directories(
        "directory",
        directories.filter(|directory| paths.contains(directory.path.as_str())),
    );
    let files = || {
        manifest
            .files
            .iter()
            .filter(|file| paths.contains(file.path.as_str()))
    };
    lines.files(files(), None);
    let restarts: BTreeSet<&String> = files().flat_map(|file| &file.restarts).collect();
    lines.words("restart", restarts);
    lines.words("unit", &units);
    act(transport, contact, CONVERGE, lines, manifest).await
}

/// Functional checks on 127.0.0.1, in the order of the blueprints. An `Err`
/// says that they could not be asked; a check that fails is a result.
pub async fn check(
    transport: &dyn Transport,
    contact: &Contact,
    services: &[ServiceRuntime],
) -> Result<Vec<CheckResult>, MachineError> {
    let mut lines = Lines::default();
    for service in services {
        lines.checks(service);
    }
    let values = transport
        .run(contact, CHECK, &lines.finish())
        .await
        .map_err(|error| redact(error, services))?;
    let mut results: Vec<CheckResult> = values
        .into_iter()
        .map(|value| read(contact, CHECK, value))
        .collect::<Result<_, _>>()?;
    let expected: usize = services.iter().map(|service| service.checks.len()).sum();
    if results.len() != expected {
        return Err(MachineError::Unreadable {
            machine: contact.machine.clone(),
            script: CHECK.name,
            detail: format!("{} results for {expected} checks", results.len()),
        });
    }
    let secrets = secrets(services);
    for result in &mut results {
        result.detail = hide(&result.detail, &secrets);
    }
    Ok(results)
}

/// Writes that every functional check passed on the state that is there.
pub async fn mark_proven(transport: &dyn Transport, contact: &Contact) -> Result<(), MachineError> {
    let nothing = Secret::new(Vec::new());
    transport
        .run(contact, MARK_PROVEN, &nothing)
        .await
        .map(drop)
}

/// A backup machine serves from now on. Refuses with `has-gate` on a machine with a gate.
pub async fn mark_opened(transport: &dyn Transport, contact: &Contact) -> Result<(), MachineError> {
    let nothing = Secret::new(Vec::new());
    let answer = transport.run(contact, MARK_OPENED, &nothing).await;
    answer.map(drop)
}

/// Lets users in. Refuses with `other-epoch`, `not-proven`, `retired`.
pub async fn gate_open(
    transport: &dyn Transport,
    contact: &Contact,
    epoch: Epoch,
) -> Result<(), MachineError> {
    let mut lines = Lines::default();
    lines.line(&[&epoch.0.to_string()]);
    let input = lines.finish();
    transport.run(contact, GATE_OPEN, &input).await.map(drop)
}

/// Keeps users out and stops the services; the database stays.
pub async fn gate_close(transport: &dyn Transport, contact: &Contact) -> Result<(), MachineError> {
    let nothing = Secret::new(Vec::new());
    transport.run(contact, GATE_CLOSE, &nothing).await.map(drop)
}

/// Starts it anew, in order. `Ok` says that it is about to.
pub async fn reboot(transport: &dyn Transport, contact: &Contact) -> Result<(), MachineError> {
    let nothing = Secret::new(Vec::new());
    transport.run(contact, REBOOT, &nothing).await.map(drop)
}

async fn act(
    transport: &dyn Transport,
    contact: &Contact,
    script: Script,
    lines: Lines,
    manifest: &MachineManifest,
) -> Result<(), MachineError> {
    transport
        .run(contact, script, &lines.finish())
        .await
        .map(drop)
        .map_err(|error| redact(error, &manifest.services))
}

/// A script's words may repeat what an application said, and that a password (S13).
pub(in crate::world) fn redact<'a>(
    error: MachineError,
    services: impl IntoIterator<Item = &'a ServiceRuntime>,
) -> MachineError {
    match error {
        MachineError::Refused {
            machine,
            script,
            code,
            message,
        } => MachineError::Refused {
            machine,
            script,
            code,
            message: hide(&message, &secrets(services)),
        },
        other => other,
    }
}

/// The secrets that services know, by the name they go by.
fn secrets<'a>(services: impl IntoIterator<Item = &'a ServiceRuntime>) -> BTreeMap<String, Secret> {
    let mut secrets = BTreeMap::new();
    for service in services {
        for database in &service.databases {
            secrets.insert(
                format!("password of {}", database.owner),
                database.password.clone(),
            );
        }
        let environment = service.environment.expose_text().unwrap_or_default();
        for line in environment
            .lines()
            .filter(|line| line.starts_with("HF_SECRET_"))
        {
            if let Some((name, value)) = line.split_once('=') {
                secrets.insert(name.to_owned(), Secret::new(value.trim_matches('\'')));
            }
        }
    }
    secrets
}

fn hide(text: &str, secrets: &BTreeMap<String, Secret>) -> String {
    secrets
        .iter()
        .fold(text.to_owned(), |text, (name, secret)| {
            match secret.expose_text() {
                Some(value) if !value.is_empty() => text.replace(value, &format!("({name})")),
                _ => text,
            }
        })
}

pub(super) fn one<T: DeserializeOwned>(
    contact: &Contact,
    script: Script,
    values: Vec<Value>,
) -> Result<T, MachineError> {
    match <[Value; 1]>::try_from(values) {
        Ok([value]) => read(contact, script, value),
        Err(values) => Err(MachineError::Unreadable {
            machine: contact.machine.clone(),
            script: script.name,
            detail: format!("{} lines instead of one", values.len()),
        }),
    }
}

/// One line of an answer.
pub(super) fn read<T: DeserializeOwned>(
    contact: &Contact,
    script: Script,
    value: Value,
) -> Result<T, MachineError> {
    serde_json::from_value(value).map_err(|error| MachineError::Unreadable {
        machine: contact.machine.clone(),
        script: script.name,
        detail: error.to_string(),
    })
}
