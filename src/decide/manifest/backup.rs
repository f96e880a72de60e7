//! A backup machine: rest-server with one append-only repository per stack.

use super::base::{self, Identity};
use super::draft::{Draft, Kind, ManifestError, managed};
use crate::decide::derive::{EstateKey, text, tls_identity};
use crate::decide::repositories::Way;
use crate::model::blueprint::When;
use crate::model::ids::{Epoch, EstateName, MachineName, StackId};
use crate::model::machine::{MachineManifest, Role};
use crate::model::secret::Secret;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

/// rest-server's account on the machine; Debian's package makes it.
const ACCOUNT: &str = "restic-rest-server";
/// Cost of a password line. bcrypt's slowness protects guessable passwords;
/// these have 190 bits, and restic sends them with every request.
const COST: u32 = 5;

/// How a password becomes its line: [`hashed`], or by somebody who remembers what it gave.
pub type Hash = fn(&Secret, [u8; 16]) -> String;

/// All that a backup machine should be. The repositories' own passwords never get there.
pub fn backup<'a>(
    estate: &EstateName,
    machine: &MachineName,
    epoch: Epoch,
    stacks: impl IntoIterator<Item = (&'a StackId, Way)>,
    key: &EstateKey,
    address: IpAddr,
    hash: Hash,
) -> Result<MachineManifest, ManifestError> {
    let mut draft = Draft::new();
    base::ground(
        &mut draft,
        Identity {
            estate,
            stack: None,
            role: Role::Backup,
            epoch,
            machine,
        },
    )?;
    draft.package("restic-rest-server");
    draft.directory("/srv/holdfast", "0755", "root", "root");
    draft.directory("/srv/holdfast/restic", "0700", ACCOUNT, ACCOUNT);
    draft.directory("/srv/holdfast/rungs", "0755", "root", "root");

    let users: BTreeMap<&StackId, Way> = stacks.into_iter().collect();
    let mut htpasswd = String::new();
    for (stack, way) in users {
        let user = draft.word(Kind::Service, stack.to_string())?;
        if way == Way::Closed {
            continue;
        }
        let line = password_line(key, stack, machine, way, hash);
        // Writing to a String cannot fail.
        let _ = writeln!(htpasswd, "{user}:{line}");
    }
    let identity = tls_identity(key, machine, address);
    let private_key = String::from_utf8_lossy(identity.private_key_pem.expose()).into_owned();
    let unit = "holdfast-rest-server.service";
    for (path, content, mode, restarts) in [
        ("/etc/holdfast/htpasswd", htpasswd, "0640", vec![unit]),
        (
            "/etc/holdfast/tls.crt",
            identity.certificate_pem,
            "0644",
            vec![unit],
        ),
        ("/etc/holdfast/tls.key", private_key, "0640", vec![unit]),
    ] {
        let restarts = restarts.into_iter().map(str::to_owned).collect();
        draft.add(managed(
            path,
            content,
            mode,
            "root",
            ACCOUNT,
            When::AfterPackages,
            restarts,
        ))?;
    }
    // An empty unit is a masked one: the package's own would listen without passwords.
    draft.file(
        "/etc/systemd/system/restic-rest-server.service",
        "",
        "0644",
        When::BeforePackages,
    )?;
    draft.file(
        "/etc/systemd/system/holdfast-rest-server.service",
        include_str!("base/holdfast-rest-server.service"),
        "0644",
        When::AfterPackages,
    )?;
    draft.unit(unit);
    Ok(draft.finish(Role::Backup, None))
}

/// What opens the way to a stack's repository, over the network, besides its own password.
pub fn way_in(key: &EstateKey, stack: &StackId, machine: &MachineName, way: Way) -> Secret {
    text(key, &[kind(way), stack.as_str(), machine.as_str()])
}

fn kind(way: Way) -> &'static str {
    match way {
        Way::Production => "rest-server",
        Way::History | Way::Closed => "rest-server-history",
    }
}

/// The bcrypt hash of the stack's password. Its salt is derived, so that the
/// same input gives the same file and no drift.
fn password_line(
    key: &EstateKey,
    stack: &StackId,
    machine: &MachineName,
    way: Way,
    hash: Hash,
) -> String {
    let password = way_in(key, stack, machine, way);
    let salt = format!("{}-salt", kind(way));
    let salt = text(key, &[&salt, stack.as_str(), machine.as_str()]);
    let salt = Sha256::digest(salt.expose());
    let mut sixteen = [0; 16];
    sixteen.copy_from_slice(&salt[..16]);
    hash(&password, sixteen)
}

/// A password's line by its salt: slow on purpose, and the same each time.
///
/// # Panics
/// If the password holds a NUL byte, which none does that is derived.
pub fn hashed(password: &Secret, salt: [u8; 16]) -> String {
    #[expect(
        clippy::expect_used,
        reason = "bcrypt refuses only costs outside 4..=31 and passwords with NUL; neither occurs"
    )]
    bcrypt::hash_with_salt(password.expose(), COST, salt)
        .expect("a generated password hashes")
        .format_for_version(bcrypt::Version::TwoY)
}
