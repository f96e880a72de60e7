//! Scenes of backup and restore on real machines: a production machine in use, its
//! backup machine, and a new machine in stage `building`. Whoever calls them brings the
//! machines and a transport.

use holdfast::model::evidence::SealedEvidence;
use holdfast::model::ids::PointId;
use holdfast::model::machine::ServiceRuntime;
use holdfast::model::point::{RecoveryPoint, Rung};
use holdfast::model::repository::RepositoryKeys;
use holdfast::model::secret::Secret;
use holdfast::world::backup::{self, BackupRequest, Keeping, Taken, keep_evidence};
use holdfast::world::machine::{Contact, MachineError, Script, Transport};

const SERVER: Script = Script {
    name: "stop-server",
    text: include_str!("scripts/stop-server.sh"),
};

/// A stack's machines.
pub struct Scene<'a> {
    pub transport: &'a dyn Transport,
    pub production: &'a Contact,
    pub backup: &'a Contact,
    pub request: BackupRequest,
    pub password: &'a Secret,
    pub keys: &'a RepositoryKeys,
}

impl Scene<'_> {
    pub async fn points(&self) -> Vec<RecoveryPoint> {
        backup::points(
            self.transport,
            self.backup,
            &self.request.stack,
            self.password,
        )
        .await
        .unwrap()
        .points
    }

    /// Takes a point and reads it back.
    pub async fn ship(&self) -> Taken {
        let taken = backup::take(self.transport, self.production, &self.request)
            .await
            .unwrap();
        backup::read_back(
            self.transport,
            self.backup,
            &self.request.stack,
            self.password,
            &taken,
        )
        .await
        .unwrap();
        taken
    }

    async fn run(&self, machine: &Contact, script: Script, line: String) -> Vec<serde_json::Value> {
        self.transport
            .run(machine, script, &Secret::new(line))
            .await
            .unwrap()
    }
}

/// The code of a refusal.
pub fn code<T: std::fmt::Debug>(result: Result<T, MachineError>) -> String {
    match result {
        Err(MachineError::Refused { code, .. }) => code,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

pub async fn a_repository_is_made_once_and_never_again(scene: &Scene<'_>) {
    let stack = &scene.request.stack;
    let other = || Secret::new("not the password");
    let wrong = RepositoryKeys {
        production: other(),
        maintenance: other(),
        escrow: other(),
    };
    backup::repository(scene.transport, scene.backup, stack, scene.keys, None)
        .await
        .unwrap();
    let again = backup::repository(scene.transport, scene.backup, stack, scene.keys, None)
        .await
        .unwrap();
    assert!(!again.made && again.added.is_empty() && again.aside.is_empty());
    let refused = backup::repository(scene.transport, scene.backup, stack, &wrong, None).await;
    assert_eq!(code(refused), "wrong-password");
}

pub async fn a_point_counts_only_after_it_was_read_back(scene: &Scene<'_>) {
    let taken = backup::take(scene.transport, scene.production, &scene.request)
        .await
        .unwrap();
    let rung = |points: Vec<RecoveryPoint>| {
        points
            .into_iter()
            .find(|p| p.id == taken.point)
            .unwrap()
            .rung
    };
    assert_eq!(rung(scene.points().await), Rung::Taken);
    let stack = &scene.request.stack;
    let sealed = SealedEvidence {
        text: serde_json::json!({"stack": stack, "point": {"id": taken.point}}).to_string(),
        signature: "-----BEGIN SSH SIGNATURE-----\n".to_owned(),
    };
    for (rung, refusal) in [
        (Rung::Restored, "rung-missing"),
        (Rung::Shipped, "rung-forbidden"),
    ] {
        let keeping = Keeping {
            stack,
            point: &taken.point,
            name: "a-claim",
            sealed: &sealed,
            rungs: &[rung],
        };
        let claimed = keep_evidence(scene.transport, scene.backup, keeping).await;
        assert_eq!(code(claimed), refusal);
    }
    let mut other = taken.clone();
    other.manifest_digest.0 = "0".repeat(64);
    let differs =
        backup::read_back(scene.transport, scene.backup, stack, scene.password, &other).await;
    assert_eq!(code(differs), "manifest-differs");
    assert_eq!(rung(scene.points().await), Rung::Taken);
    backup::read_back(scene.transport, scene.backup, stack, scene.password, &taken)
        .await
        .unwrap();
    assert_eq!(rung(scene.points().await), Rung::Shipped);
}

pub async fn a_backup_machine_that_is_down_is_said_in_seconds(scene: &Scene<'_>) {
    scene
        .run(scene.backup, SERVER, "service\tstop\n".into())
        .await;
    let began = std::time::Instant::now();
    let failed = backup::take(scene.transport, scene.production, &scene.request).await;
    let took = began.elapsed();
    scene
        .run(scene.backup, SERVER, "service\tstart\n".into())
        .await;
    assert_eq!(code(failed), "backup-unreachable");
    assert!(took.as_secs() < 30, "took {took:?}");
}

pub async fn s04_nothing_is_restored_onto_a_machine_in_use(scene: &Scene<'_>, point: &PointId) {
    let services = &scene.request.services;
    let fetched = backup::fetch(scene.transport, scene.production, point).await;
    assert_eq!(code(fetched), "not-new");
    let loaded = backup::load(scene.transport, scene.production, point, services).await;
    assert_eq!(code(loaded), "not-new");
}

/// State that the point does not hold is refused before anything is loaded.
pub async fn s15_a_service_that_the_point_does_not_hold_does_not_start_empty(
    scene: &Scene<'_>,
    new: &Contact,
    point: &PointId,
) {
    backup::fetch(scene.transport, new, point).await.unwrap();
    let mut services = scene.request.services.clone();
    let Some(state) = services.iter_mut().find_map(|s| s.state.first_mut()) else {
        panic!("the scene has no directory of state");
    };
    state.path = "/var/lib/never-backed-up".into();
    let loaded = backup::load(scene.transport, new, point, &services).await;
    assert_eq!(code(loaded), "not-in-point");
}

/// What comes back on the new machine is what production held.
pub async fn a_restored_machine_holds_what_production_held(
    scene: &Scene<'_>,
    new: &Contact,
    taken: &Taken,
) {
    let services: &[ServiceRuntime] = &scene.request.services;
    let fetched = backup::fetch(scene.transport, new, &taken.point)
        .await
        .unwrap();
    assert_eq!(fetched.manifest, taken.manifest);
    let compared = backup::load(scene.transport, new, &taken.point, services)
        .await
        .unwrap();
    let rows = |content: &holdfast::model::point::ServiceContent| {
        let databases = content.databases.iter();
        databases
            .map(|(name, d)| (name.clone(), d.rows.clone()))
            .collect::<Vec<_>>()
    };
    for (name, held) in &taken.manifest.services {
        assert_eq!(compared.services[name].files, held.files, "{name}");
        assert_eq!(rows(&compared.services[name]), rows(held), "{name}");
    }
    // Loading again changes nothing.
    let again = backup::load(scene.transport, new, &taken.point, services)
        .await
        .unwrap();
    assert_eq!(again.services, compared.services);
}
