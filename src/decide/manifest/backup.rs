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
use std::sync::{Mutex, PoisonError};

/// rest-server's account on the machine; Debian's package makes it.
const ACCOUNT: &str = "restic-rest-server";
/// Cost of a password line. bcrypt's slowness protects guessable passwords;
/// these have 190 bits, and restic sends them with every request.
const COST: u32 = 5;
/// Lines that are kept, some megabytes.
const MOST_KNOWN: usize = 30_000;

/// All that a backup machine should be. The repositories' own passwords never get there.
pub fn backup<'a>(
    estate: &EstateName,
    machine: &MachineName,
    epoch: Epoch,
    stacks: impl IntoIterator<Item = (&'a StackId, Way)>,
    key: &EstateKey,
    address: IpAddr,
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
        let line = password_line(key, stack, machine, way);
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
fn password_line(key: &EstateKey, stack: &StackId, machine: &MachineName, way: Way) -> String {
    let password = way_in(key, stack, machine, way);
    let salt = format!("{}-salt", kind(way));
    let salt = text(key, &[&salt, stack.as_str(), machine.as_str()]);
    let salt = Sha256::digest(salt.expose());
    let mut sixteen = [0; 16];
    sixteen.copy_from_slice(&salt[..16]);
    hashed(&password, sixteen)
}

/// Slow on purpose, and the same each time: a loop that looks at a thousand stacks every minute
/// computes each once. What is kept opens nothing.
fn hashed(password: &Secret, salt: [u8; 16]) -> String {
    static KNOWN: Mutex<BTreeMap<[u8; 32], String>> = Mutex::new(BTreeMap::new());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let of = Sha256::new().chain_update(salt);
    let of = of.chain_update(password.expose()).finalize().into();
    if let Some(line) = known().get(&of) {
        return line.clone();
    }
    #[expect(
        clippy::expect_used,
        reason = "bcrypt refuses only costs outside 4..=31 and passwords with NUL; neither occurs"
    )]
    let line = bcrypt::hash_with_salt(password.expose(), COST, salt)
        .expect("a generated password hashes")
        .format_for_version(bcrypt::Version::TwoY);
    let mut known = known();
    if known.len() >= MOST_KNOWN {
        known.clear();
    }
    known.insert(of, line.clone());
    line
}
