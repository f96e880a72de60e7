//! On production machines: taking a point, fetching it onto a new machine, loading it.

use super::answer::only;
use super::input::Lines;
use super::{CONTENT, FETCH, LOAD, TAKE, TAKE_COLD};
use crate::model::blueprint::Engine;
use crate::model::ids::{CommitId, Epoch, PointId, ServiceName, StackId};
use crate::model::machine::{BackupAccess, Digest, ServiceRuntime};
use crate::model::point::{PointManifest, ServiceContent};
use crate::model::units::Bytes;
use crate::world::machine::verbs::redact;
use crate::world::machine::{Contact, MachineError, Transport};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What one recovery point shall hold.
#[derive(Debug, Clone)]
pub struct BackupRequest {
    /// Whose.
    pub stack: StackId,
    /// Epoch of the machine; another epoch on the machine is refused (`other-identity`).
    pub epoch: Epoch,
    /// Estate commit that describes the machine.
    pub commit: CommitId,
    /// What runs there, with its declared state.
    pub services: Vec<ServiceRuntime>,
    /// Its epoch is over and it is closed: the point stands beside those that count. Of a machine
    /// that is open it is refused (`open`).
    pub aside: bool,
}

/// A point that restic wrote. It proves nothing until it was read back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Taken {
    /// The restic snapshot.
    pub point: PointId,
    /// The manifest inside the point.
    pub manifest: PointManifest,
    /// SHA-256 of the manifest's bytes as they are in the point.
    pub manifest_digest: Digest,
    /// Bytes that a restore would write.
    pub bytes: Bytes,
    /// Bytes that were new to the repository.
    pub added: Bytes,
    /// Milliseconds on the machine.
    pub millis: u64,
    /// Those of them until the databases' dumps were done; files are counted beside them.
    pub dumps_millis: u64,
    /// How often files had to be stored because they changed meanwhile; at most four.
    pub attempts: u32,
    /// Of what was declared, what is not in it, in words: only of a disk that nothing runs on.
    #[serde(default)]
    pub lacks: Vec<String>,
}

/// Takes a recovery point: the services' before-backup hooks, databases, then files, then the
/// repository. After-backup hooks run whatever came of it.
///
/// Refusals (codes of [`MachineError::Refused`]): `not-loaded` (there is no state yet),
/// `other-identity`, `path-missing`, `hook-failed`, `dump-failed`, `files-unreadable`, `files-changing`,
/// `backup-unreachable`, `wrong-password`, `denied`, `locked`, `disk-full`,
/// `repository-missing`, `restic-failed`, `busy`. After any of them there is no point that counts.
pub async fn take(
    transport: &dyn Transport,
    production: &Contact,
    request: &BackupRequest,
) -> Result<Taken, MachineError> {
    let input = Lines::new()
        .words(&["stack", request.stack.as_str()])
        .words(&["epoch", &request.epoch.0.to_string()])
        .words(&["commit", request.commit.as_str()])
        .words(&["aside", if request.aside { "yes" } else { "no" }])
        .services(&request.services)
        .backup_hooks(&request.services)
        .done();
    let answer = transport
        .run(production, TAKE, &input)
        .await
        .map_err(|error| redact(error, &request.services))?;
    only(&production.machine, TAKE, "taken", answer)
}

/// The same of a disk that nothing runs on, from its hoster's rescue system that proved to hold it:
/// declared state and the databases' own files, beside the points that count. No secret is sent: what
/// it needs stands on the disk. What is not there or cannot be read is told, and the rest is saved.
///
/// Refusals: `no-view`, `not-opened`, `other-identity`, `path-missing` (nothing at all is there), and
/// those of reaching the repository.
pub async fn take_cold(
    transport: &dyn Transport,
    rescue: &Contact,
    request: &BackupRequest,
) -> Result<Taken, MachineError> {
    let mut input = Lines::new()
        .words(&["stack", request.stack.as_str()])
        .words(&["epoch", &request.epoch.0.to_string()])
        .words(&["commit", request.commit.as_str()]);
    let mut named = BTreeSet::new();
    for service in &request.services {
        let state = service.state.iter().map(|state| state.path.as_str());
        let engines = service.databases.iter().map(|db| data_of(db.engine));
        for path in state.chain(engines) {
            if named.insert(path) {
                input = input.words(&["files", service.name.as_str(), path]);
            }
        }
    }
    let answer = transport
        .run(rescue, TAKE_COLD, &input.done())
        .await
        .map_err(|error| redact(error, &request.services))?;
    only(&rescue.machine, TAKE_COLD, "taken", answer)
}

/// Where Debian's packages keep what databases write.
fn data_of(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgresql => "/var/lib/postgresql",
        Engine::Mariadb => "/var/lib/mysql",
    }
}

/// A point on the new machine's disk, in a path of its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Fetched {
    /// The point.
    pub point: PointId,
    /// Bytes of it.
    pub bytes: Bytes,
    /// It was there already from an earlier, interrupted run.
    pub reused: bool,
    /// The point, or a part of one, whose copy was there, so that only the rest was fetched.
    #[serde(default)]
    pub built_on: Option<PointId>,
    /// Milliseconds on the machine.
    pub millis: u64,
    /// The manifest that came with it.
    pub manifest: PointManifest,
}

/// Restores a point into a fresh path on a new machine. Needs restic only, so it
/// may run beside the installation of packages.
///
/// Refusals: `not-new` (the machine has been opened, S4), `disk-full` (says bytes needed and
/// free), `point-missing`, `point-newer` (a newer program wrote it; nothing was restored),
/// `incomplete`, `other-stack`, and those of reaching the repository.
pub async fn fetch(
    transport: &dyn Transport,
    machine: &Contact,
    point: &PointId,
) -> Result<Fetched, MachineError> {
    let input = Lines::new().words(&["point", point.as_str()]).done();
    let answer = transport.run(machine, FETCH, &input).await?;
    only(&machine.machine, FETCH, "fetched", answer)
}

/// The same ahead of time: the machine that the point comes from goes on, and another point will
/// be fetched over this one. What is there is digested, so that it need not be read again then.
pub async fn fetch_ahead(
    transport: &dyn Transport,
    machine: &Contact,
    point: &PointId,
    from: Option<&BackupAccess>,
) -> Result<Fetched, MachineError> {
    let mut input = Lines::new()
        .words(&["point", point.as_str()])
        .words(&["ahead"]);
    if let Some(from) = from {
        input = input.another(from);
    }
    let answer = transport.run(machine, FETCH, &input.done()).await?;
    only(&machine.machine, FETCH, "fetched", answer)
}

/// The same from a repository that the machine itself has no way to; it learns it for this one
/// time.
pub async fn fetch_from(
    transport: &dyn Transport,
    machine: &Contact,
    point: &PointId,
    from: &BackupAccess,
) -> Result<Fetched, MachineError> {
    let input = Lines::new().words(&["point", point.as_str()]).another(from);
    let answer = transport.run(machine, FETCH, &input.done()).await?;
    only(&machine.machine, FETCH, "fetched", answer)
}

/// State that is in place and equal to what the point's manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Compared {
    /// The point.
    pub point: PointId,
    /// What was counted after loading, before the after-restore hooks.
    pub services: BTreeMap<ServiceName, ServiceContent>,
    /// Services in the point that nobody asked for.
    pub left: Vec<ServiceName>,
    /// Milliseconds until the files were in place.
    pub files_millis: u64,
    /// Milliseconds until the databases were loaded; beside the files.
    pub databases_millis: u64,
    /// Milliseconds of counting and comparing.
    pub compare_millis: u64,
    /// Milliseconds in all; absent when an earlier run had done it.
    #[serde(default)]
    pub millis: u64,
}

/// Puts a fetched point in place, compares it with its manifest, runs the after-restore
/// hooks and moves the machine to stage `loaded`. Managed files must be there already.
/// State of `services` that the point does not hold is refused: it would start empty (S15).
///
/// Refusals: `not-new` (stage is not `building`, S4), `not-fetched`, `not-in-point`,
/// `other-stack`, `database-down`, `database-load`, `files-load`, `owner-missing`,
/// `content-differs` (names what differs), `hook-failed`, `disk-full`. The machine then
/// stays in stage `building`, closed; loading again begins anew, after `content-differs` with
/// another fetch.
pub async fn load(
    transport: &dyn Transport,
    machine: &Contact,
    point: &PointId,
    services: &[ServiceRuntime],
) -> Result<Compared, MachineError> {
    let input = Lines::new()
        .words(&["point", point.as_str()])
        .services_with_passwords(services)
        .done();
    let answer = transport
        .run(machine, LOAD, &input)
        .await
        .map_err(|error| redact(error, services))?;
    only(&machine.machine, LOAD, "compared", answer)
}

/// Counts and digests what services hold right now.
///
/// Refusals: `path-missing`, `database-down`, `database-unreadable`.
pub async fn content(
    transport: &dyn Transport,
    machine: &Contact,
    services: &[ServiceRuntime],
) -> Result<BTreeMap<ServiceName, ServiceContent>, MachineError> {
    let input = Lines::new().services(services).done();
    let answer = transport.run(machine, CONTENT, &input).await?;
    only(&machine.machine, CONTENT, "services", answer)
}
