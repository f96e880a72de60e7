//! Scripts over the system's `ssh`, one master connection per machine.
//!
//! A machine is known by one pinned key: its `known_hosts` is written here and
//! holds nothing else, and no file of the user's or the system's is read. The
//! client key and the control sockets live in a private directory (0700) that
//! goes when the transport goes. A script is the text of `sh -c`, the same for
//! every customer; whatever is theirs goes through standard input (S13).

mod answer;

use super::{Answered, Contact, MachineError, Script, Transport};
use crate::model::causes::chain;
use crate::model::ids::MachineName;
use crate::model::secret::Secret;
use answer::{judge, read_answer, read_complaint};
use async_trait::async_trait;
use openssh::{ControlPersist, KnownHosts, Session, SessionBuilder, Stdio};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::Write as _;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Mutex, Semaphore};

/// Machines talked to at once, and master connections kept.
const MACHINES: usize = 32;
/// Scripts at once on one machine; sshd's `MaxSessions` is 10 unless set.
const SCRIPTS_PER_MACHINE: usize = 6;
/// Seconds an unused master connection lives, also after we were killed.
const IDLE_SECONDS: usize = 60;
/// Seconds for the first answer.
const CONNECT_SECONDS: u64 = 10;
/// A silent machine is given up after (COUNT + 1) × INTERVAL = 12 s (`ssh_config`(5), `ServerAliveCountMax`).
const ALIVE_INTERVAL_SECONDS: u64 = 3;
const ALIVE_COUNT: u32 = 3;
/// Private directories: this, our process id, and something random.
const PREFIX: &str = "holdfast-ssh-";

/// Why there is no transport.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// The private directory cannot be made.
    #[error("no private directory for SSH in {}", path.display())]
    Directory {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key cannot be written.
    #[error("the client key cannot be written")]
    Key(#[source] std::io::Error),
}

/// Runs scripts over SSH as root.
pub struct SshTransport {
    directory: tempfile::TempDir,
    machines: Mutex<HashMap<Identity, Arc<Line>>>,
    running: Semaphore,
    clock: AtomicU64,
}

impl std::fmt::Debug for SshTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SshTransport")
            .field("directory", &self.directory.path())
            .finish_non_exhaustive()
    }
}

/// Two contacts with the same identity share a master connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Identity {
    address: IpAddr,
    port: u16,
    host_key: String,
}

/// The way to one machine.
struct Line {
    config: PathBuf,
    master: Mutex<Option<Arc<Session>>>,
    scripts: Semaphore,
    used: AtomicU64,
}

impl SshTransport {
    /// A transport with this private key (OpenSSH format, not encrypted).
    pub fn new(client_key: &Secret) -> Result<Self, SshError> {
        let root = private_root();
        forget_dead(&root);
        let directory = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}-", std::process::id()))
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&root)
            .map_err(|source| SshError::Directory { path: root, source })?;
        write_private(&directory.path().join("key"), client_key.expose()).map_err(SshError::Key)?;
        Ok(Self {
            directory,
            machines: Mutex::new(HashMap::new()),
            running: Semaphore::new(MACHINES * SCRIPTS_PER_MACHINE),
            clock: AtomicU64::new(0),
        })
    }

    /// The line to this machine; makes room by hanging up the one unused for longest.
    async fn line(&self, contact: &Contact) -> Result<Arc<Line>, MachineError> {
        let identity = Identity {
            address: contact.address,
            port: contact.port,
            host_key: contact.host_key.clone(),
        };
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut machines = self.machines.lock().await;
        if let Some(line) = machines.get(&identity) {
            line.used.store(now, Ordering::Relaxed);
            return Ok(Arc::clone(line));
        }
        while machines.len() >= MACHINES {
            let idle = machines
                .iter()
                .filter(|(_, line)| Arc::strong_count(line) == 1)
                .min_by_key(|(_, line)| line.used.load(Ordering::Relaxed))
                .map(|(identity, _)| identity.clone());
            match idle {
                Some(identity) => machines.remove(&identity),
                None => break,
            };
        }
        let config = self
            .configure(contact, now)
            .map_err(|detail| MachineError::Unreachable {
                machine: contact.machine.clone(),
                detail,
            })?;
        let line = Arc::new(Line {
            config,
            master: Mutex::new(None),
            scripts: Semaphore::new(SCRIPTS_PER_MACHINE),
            used: AtomicU64::new(now),
        });
        machines.insert(identity, Arc::clone(&line));
        Ok(line)
    }

    /// Writes `known_hosts` with exactly the pinned key, and the only configuration ssh reads.
    fn configure(&self, contact: &Contact, number: u64) -> Result<PathBuf, String> {
        let pinned = ssh_key::PublicKey::from_openssh(&contact.host_key)
            .map_err(|error| format!("its pinned host key cannot be read: {error}"))?;
        let algorithms = match pinned.algorithm() {
            ssh_key::Algorithm::Rsa { .. } => "rsa-sha2-512,rsa-sha2-256".to_owned(),
            other => other.to_string(),
        };
        let mut key = pinned;
        key.set_comment("");
        let key = key.to_openssh().map_err(|error| error.to_string())?;
        let directory = self.directory.path().join(number.to_string());
        let write = || -> std::io::Result<PathBuf> {
            DirBuilder::new().mode(0o700).create(&directory)?;
            let known = directory.join("known_hosts");
            write_private(&known, format!("machine {key}\n").as_bytes())?;
            let mut text = String::new();
            for (word, value) in [
                ("HostKeyAlias", "machine".to_owned()),
                ("HostKeyAlgorithms", algorithms),
                ("UserKnownHostsFile", known.display().to_string()),
                ("GlobalKnownHostsFile", "none".to_owned()),
                ("UpdateHostKeys", "no".to_owned()),
                ("VerifyHostKeyDNS", "no".to_owned()),
                (
                    "IdentityFile",
                    self.directory.path().join("key").display().to_string(),
                ),
                ("IdentitiesOnly", "yes".to_owned()),
                ("IdentityAgent", "none".to_owned()),
                ("PreferredAuthentications", "publickey".to_owned()),
                ("ServerAliveCountMax", ALIVE_COUNT.to_string()),
                ("ForwardAgent", "no".to_owned()),
                ("ForwardX11", "no".to_owned()),
                ("PermitLocalCommand", "no".to_owned()),
            ] {
                // The directory is ours and has no blanks in it; writing to a String cannot fail.
                let _ = writeln!(text, "{word} {value}");
            }
            let config = directory.join("config");
            write_private(&config, text.as_bytes())?;
            Ok(config)
        };
        write().map_err(|error| format!("ssh cannot be configured: {error}"))
    }

    /// A living master connection, opened now if need be. Nothing has run on the machine yet.
    async fn master(&self, contact: &Contact, line: &Line) -> Result<Arc<Session>, MachineError> {
        let mut master = line.master.lock().await;
        if let Some(session) = master.as_ref() {
            if session.check().await.is_ok() {
                return Ok(Arc::clone(session));
            }
            *master = None;
        }
        let mut builder = SessionBuilder::default();
        builder
            .user("root".to_owned())
            .port(contact.port)
            .config_file(&line.config)
            .known_hosts_check(KnownHosts::Strict)
            .connect_timeout(Duration::from_secs(CONNECT_SECONDS))
            .server_alive_interval(Duration::from_secs(ALIVE_INTERVAL_SECONDS))
            .control_directory(self.directory.path())
            .control_persist(
                NonZeroUsize::new(IDLE_SECONDS)
                    .map_or(ControlPersist::Forever, ControlPersist::IdleFor),
            );
        // A machine that accepts the connection and then says nothing would
        // hold us for ever: ConnectTimeout ends with the first answer.
        let connecting = builder.connect_mux(contact.address.to_string());
        let session = match tokio::time::timeout(
            Duration::from_secs(2 * CONNECT_SECONDS),
            connecting,
        )
        .await
        {
            Ok(Ok(session)) => Arc::new(session),
            Ok(Err(error)) => return Err(no_connection(&contact.machine, &chain(&error))),
            Err(_) => {
                return Err(MachineError::Unreachable {
                    machine: contact.machine.clone(),
                    detail: format!("no login within {} s", 2 * CONNECT_SECONDS),
                });
            }
        };
        *master = Some(Arc::clone(&session));
        Ok(session)
    }
}

/// Master connections would live on for a minute, and a loop that looks every few seconds would
/// leave more and more of them.
impl Drop for SshTransport {
    fn drop(&mut self) {
        let lines = std::mem::take(self.machines.get_mut());
        let leaving: Vec<(Child, Arc<Session>)> =
            lines.values().filter_map(|line| line.hang_up()).collect();
        for (mut exit, _socket) in leaving {
            // A master that does not leave now leaves when it was idle for long enough.
            let _ = exit.wait();
        }
    }
}

impl Line {
    /// Asks the master connection to end; its socket must stay until it was asked.
    fn hang_up(&self) -> Option<(Child, Arc<Session>)> {
        let master = self.master.try_lock().ok()?.take()?;
        let asked = Command::new("ssh")
            .args(["-F", "none", "-O", "exit", "-S"])
            .arg(master.control_socket())
            .arg("machine")
            .stdin(process::Stdio::null())
            .stdout(process::Stdio::null())
            .stderr(process::Stdio::null())
            .spawn();
        Some((asked.ok()?, master))
    }
}

/// What `ssh-keyscan` says of an address.
async fn scan(contact: &Contact) -> Result<String, MachineError> {
    let unreachable = |detail: String| MachineError::Unreachable {
        machine: contact.machine.clone(),
        detail,
    };
    let said = tokio::process::Command::new("ssh-keyscan")
        .args(["-t", "ed25519", "-T", "5", "-p"])
        .arg(contact.port.to_string())
        .arg(contact.address.to_string())
        .stdin(process::Stdio::null())
        .output()
        .await
        .map_err(|error| unreachable(chain(&error)))?;
    let said = String::from_utf8_lossy(&said.stdout);
    let key = said
        .lines()
        .find_map(|line| line.split_once(' ').map(|(_, key)| key.trim()));
    let key = key.filter(|key| key.starts_with("ssh-ed25519 "));
    key.map(str::to_owned)
        .ok_or_else(|| unreachable("nobody shows a host key".to_owned()))
}

#[async_trait]
impl Transport for SshTransport {
    async fn host_key(&self, contact: &Contact) -> Result<String, MachineError> {
        scan(contact).await
    }

    async fn run(&self, contact: &Contact, script: Script, input: &Secret) -> Answered {
        let lost = |detail: String| MachineError::Lost {
            machine: contact.machine.clone(),
            script: script.name,
            detail,
        };
        let _turn = self.running.acquire().await;
        let line = self.line(contact).await?;
        let _turn_there = line.scripts.acquire().await;
        let session = self.master(contact, &line).await?;
        tracing::debug!(machine = %contact.machine, script = script.name, "run");

        let mut child = session
            .command("sh")
            .arg("-c")
            .arg(script.text)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .await
            .map_err(|error| lost(chain(&error)))?;
        let (Some(mut stdin), Some(stdout), Some(stderr)) = (
            child.stdin().take(),
            child.stdout().take(),
            child.stderr().take(),
        ) else {
            return Err(lost("ssh gave no pipes".to_owned()));
        };
        let send = async move {
            // A script that refuses early closes its input: its answer says why.
            let _ = stdin.write_all(input.expose()).await;
            let _ = stdin.shutdown().await;
        };
        let ((), answer, complaint) = tokio::join!(
            send,
            read_answer(stdout, &contact.machine, script.name),
            read_complaint(stderr)
        );
        let exit = match child.wait().await {
            Ok(status) => status.code(),
            // openssh reports exit 127 as if ssh had failed.
            Err(openssh::Error::Remote(_)) => Some(127),
            Err(error) => {
                *line.master.lock().await = None;
                return Err(lost(chain(&error)));
            }
        };
        let answer = answer.map_err(|error| lost(error.to_string()))?;
        judge(&contact.machine, script.name, &answer, &complaint, exit)
    }
}

/// What ssh's words at connecting mean; nothing has been run.
fn no_connection(machine: &MachineName, detail: &str) -> MachineError {
    let machine = machine.clone();
    let foreign = [
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "Host key verification failed",
        "host key is known for", // "No ED25519 host key is known for machine and …"
        "no matching host key type found",
    ];
    if foreign.iter().any(|words| detail.contains(words)) {
        MachineError::ForeignHostKey { machine }
    } else if detail.contains("Permission denied (") || detail.contains("Too many authentication") {
        MachineError::Denied {
            machine,
            detail: detail.to_owned(),
        }
    } else {
        MachineError::Unreachable {
            machine,
            detail: detail.to_owned(),
        }
    }
}

/// Memory rather than disk where there is a choice; short, as socket paths are limited to 107 bytes.
fn private_root() -> PathBuf {
    let run = Path::new("/run");
    let writable = tempfile::Builder::new().prefix(PREFIX).tempdir_in(run);
    if writable.is_ok() {
        run.to_owned()
    } else {
        std::env::temp_dir()
    }
}

/// Removes what a killed Holdfast could not.
fn forget_dead(root: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|rest| rest.split_once('-'))
            .and_then(|(pid, _)| pid.parse::<u32>().ok());
        if let Some(pid) = pid
            && !Path::new("/proc").join(pid.to_string()).exists()
        {
            // Somebody else's or already gone: either way not our trouble.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_host_key_is_told_from_silence() {
        let machine = MachineName::new("acme-e1");
        for (words, expected) in [
            (
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @",
                "foreign",
            ),
            (
                "Unable to negotiate with 10.0.0.1 port 22: no matching host key type found. Their offer: ssh-rsa",
                "foreign",
            ),
            ("root@10.0.0.1: Permission denied (publickey).", "denied"),
            (
                "connect to host 10.0.0.1 port 22: Connection refused",
                "unreachable",
            ),
        ] {
            let kind = match no_connection(&machine, words) {
                MachineError::ForeignHostKey { .. } => "foreign",
                MachineError::Denied { .. } => "denied",
                MachineError::Unreachable { .. } => "unreachable",
                _ => "other",
            };
            assert_eq!(kind, expected, "{words}");
        }
    }
}
