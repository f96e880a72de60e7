//! What every machine has below its services: identity, gate, way to its repository.

use super::draft::{Draft, ManifestError, managed};
use super::template::shell_quote;
use crate::decide::derive::{EstateKey, text};
use crate::model::blueprint::When;
use crate::model::ids::{Epoch, EstateName, ImageName, MachineName, ServiceName, StackId};
use crate::model::machine::{BackupAccess, Role};
use crate::model::secret::Secret;
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;

/// Tools of the base layer (Debian package names). `acl` and `attr` tell and put back what files have
/// beside owners and modes.
pub const TOOLS: [&str; 7] = [
    "acl",
    "attr",
    "ca-certificates",
    "curl",
    "jq",
    "nftables",
    "restic",
];

/// Keeps users out from boot on.
pub const GATE_UNIT: &str = "holdfast-gate.service";
/// Lets them in again after a boot, if that is right.
pub const GATE_CHECK_UNIT: &str = "holdfast-gate-check.service";

/// Who a machine is.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The estate it belongs to.
    pub estate: &'a EstateName,
    /// The stack, for production.
    pub stack: Option<&'a StackId>,
    /// What it is for.
    pub role: Role,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its name.
    pub machine: &'a MachineName,
}

/// Where a service's variables for hooks and checks stand on its machine.
pub fn environment_path(service: &ServiceName) -> String {
    format!("/etc/holdfast/services/{service}.env")
}

/// Where a service's script stands on its machine: `init`, `after-restore`, `check-1`.
pub fn script_path(service: &ServiceName, script: &str) -> String {
    format!("/usr/local/lib/holdfast/services/{service}/{script}")
}

/// Tools, directories and the identity file.
pub(super) fn ground(draft: &mut Draft, identity: Identity<'_>) -> Result<(), ManifestError> {
    for tool in TOOLS {
        draft.tool(tool);
    }
    for (path, mode) in [
        ("/etc/holdfast", "0755"),
        ("/var/lib/holdfast", "0711"),
        ("/var/cache/holdfast-restic", "0700"),
    ] {
        draft.directory(path, mode, "root", "root");
    }
    let lines = [
        ("ESTATE", identity.estate.as_str()),
        ("STACK", identity.stack.map_or("", StackId::as_str)),
        ("ROLE", identity.role.word()),
        ("EPOCH", &identity.epoch.0.to_string()),
        ("MACHINE", identity.machine.as_str()),
    ];
    let content = lines
        .map(|(key, value)| format!("{key}={}\n", shell_quote(value)))
        .concat();
    draft.file(
        "/etc/holdfast/identity",
        content,
        "0644",
        When::BeforePackages,
    )
}

/// The gate: its script and units, what is behind it, and the units that need it.
/// Everything before packages, so that it is closed before anything can listen.
pub(super) fn gate(draft: &mut Draft, service_units: &[String]) -> Result<(), ManifestError> {
    let before = When::BeforePackages;
    draft.file(
        "/usr/local/lib/holdfast/gate",
        include_str!("base/gate.sh"),
        "0755",
        before,
    )?;
    draft.file(
        "/etc/systemd/system/holdfast-gate.service",
        include_str!("base/holdfast-gate.service"),
        "0644",
        before,
    )?;
    draft.file(
        "/etc/systemd/system/holdfast-gate-check.service",
        include_str!("base/holdfast-gate-check.service"),
        "0644",
        before,
    )?;
    let lines = |items: Vec<String>| {
        let lines: Vec<String> = items.iter().map(|item| format!("{item}\n")).collect();
        lines.concat()
    };
    let ports = draft.ports().map(|port| port.to_string()).collect();
    draft.file("/etc/holdfast/ports", lines(ports), "0644", before)?;
    draft.file(
        "/etc/holdfast/units",
        lines(service_units.to_vec()),
        "0644",
        before,
    )?;
    for unit in service_units {
        draft.file(
            &format!("/etc/systemd/system/{unit}.d/holdfast.conf"),
            include_str!("base/behind-gate.conf"),
            "0644",
            before,
        )?;
    }
    draft.unit(GATE_UNIT);
    draft.unit(GATE_CHECK_UNIT);
    Ok(())
}

/// How many later machines of its stack a machine recognises.
const SUCCESSORS: u32 = 64;

/// What only the machine of this epoch is given; it stands in the repository from before that one
/// lets users in.
pub fn epoch_mark(key: &EstateKey, stack: &StackId, epoch: Epoch) -> Secret {
    text(key, &["epoch", stack.as_str(), &epoch.0.to_string()])
}

/// By what a machine proves its epoch in the points that it takes, and by what it recognises a
/// younger one. Whoever has broken into one machine knows its own mark and no later one, so it
/// cannot close its successors by claiming to be younger (S2, S10).
pub(super) fn epochs(
    draft: &mut Draft,
    key: &EstateKey,
    stack: &StackId,
    own: Epoch,
) -> Result<(), ManifestError> {
    let mark = |epoch: u32| epoch_mark(key, stack, Epoch(epoch));
    let plain = String::from_utf8_lossy(mark(own.0).expose()).into_owned();
    let before = When::BeforePackages;
    draft.file("/etc/holdfast/epoch-mark", plain + "\n", "0600", before)?;
    let later = (1..=SUCCESSORS).filter_map(|ahead| own.0.checked_add(ahead));
    let lines: Vec<String> = later
        .map(|epoch| {
            let digest = hex::encode(Sha256::digest(mark(epoch).expose()));
            format!("{epoch} {digest}\n")
        })
        .collect();
    draft.file("/etc/holdfast/successors", lines.concat(), "0644", before)
}

/// The repository's address as restic takes it; with the password of the way to it.
pub fn repository_address(access: &BackupAccess) -> Secret {
    let host = match access.address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let address = format!(
        "rest:https://{user}:{password}@{host}:{port}/{user}/",
        user = access.user,
        password = String::from_utf8_lossy(access.password.expose()),
        port = access.port,
    );
    Secret::new(address)
}

/// How the machine reaches its repository; only root reads it.
pub(super) fn repository(draft: &mut Draft, access: &BackupAccess) -> Result<(), ManifestError> {
    let plain = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
    let environment = format!(
        "RESTIC_REPOSITORY={}\nRESTIC_PASSWORD_FILE='/etc/holdfast/repository-password'\nRESTIC_CACERT='/etc/holdfast/backup-ca.pem'\n",
        shell_quote(&plain(&repository_address(access)))
    );
    // Early: state is fetched while packages are being installed.
    let early = When::BeforePackages;
    draft.file("/etc/holdfast/backup.env", environment, "0600", early)?;
    draft.file(
        "/etc/holdfast/repository-password",
        format!("{}\n", plain(&access.repository_password)),
        "0600",
        early,
    )?;
    draft.file(
        "/etc/holdfast/backup-ca.pem",
        access.ca_pem.clone(),
        "0644",
        early,
    )
}

/// Which `PostgreSQL` an operating system has, where we know it.
pub fn postgresql_of(image: &ImageName) -> Option<u16> {
    match image.as_str() {
        "debian-12" => Some(15),
        "debian-13" => Some(17),
        _ => None,
    }
}

/// Whether the restic of an operating system can restore over an older copy and fetch only what
/// differs: since 0.17, and Debian 12 has 0.14.
pub fn builds_on_copies(image: &ImageName) -> bool {
    image.as_str() != "debian-12"
}

/// `PostgreSQL` with data checksums, as Debian packages it.
pub(super) fn postgresql(draft: &mut Draft, image: &ImageName) -> Result<(), ManifestError> {
    // The wrapper postgresql.service is "active" whatever its clusters do.
    let version = postgresql_of(image).ok_or_else(|| ManifestError::NoPostgresql {
        image: image.clone(),
    })?;
    draft.package("postgresql");
    draft.file(
        "/etc/postgresql-common/createcluster.d/holdfast.conf",
        include_str!("base/createcluster.conf"),
        "0644",
        When::BeforePackages,
    )?;
    draft.unit("postgresql.service");
    draft.unit(&format!("postgresql@{version}-main.service"));
    Ok(())
}

/// `MariaDB` as Debian packages it, closed to the network. Like `PostgreSQL` it is not behind
/// the gate: the last backup of a machine that was closed reads from it.
pub(super) fn mariadb(draft: &mut Draft) -> Result<(), ManifestError> {
    let unit = "mariadb.service";
    draft.package("mariadb-server");
    draft.add(managed(
        "/etc/mysql/mariadb.conf.d/90-holdfast.cnf",
        include_str!("base/mariadb.cnf"),
        "0644",
        "root",
        "root",
        When::BeforePackages,
        vec![unit.to_owned()],
    ))?;
    draft.unit(unit);
    Ok(())
}
