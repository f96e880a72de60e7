//! Machines of the lab by SSH, with the estate's own key.

use super::{Ran, Stage, finish, text};
use holdfast::decide::derive;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const OPTIONS: [&str; 14] = [
    "-F",
    "none",
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=5",
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "LogLevel=ERROR",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "ServerAliveInterval=15",
];

impl Stage {
    fn key(&self) -> PathBuf {
        let key = self.dir().join("machines-key");
        if !key.exists() {
            let session = self.session();
            let private = derive::client_key(&session.key).private_openssh;
            std::fs::write(&key, private.expose()).unwrap();
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&key, mode).unwrap();
        }
        key
    }

    /// `ssh` with everything but whom to call.
    pub fn ssh_words(&self) -> String {
        format!("ssh -i {} {}", text(&self.key()), OPTIONS.join(" "))
    }

    fn shell(&self, machine: &str, command: &str) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.arg("-i")
            .arg(self.key())
            .args(OPTIONS)
            .arg(format!("root@{}", self.address(machine)))
            .arg(command);
        ssh
    }

    /// Runs a script on a machine as root.
    pub fn ssh(&self, machine: &str, script: &str) -> Ran {
        self.typed(machine, "sh -eu", script)
    }

    /// Gives this text to a command on a machine.
    pub fn typed(&self, machine: &str, command: &str, text: &str) -> Ran {
        let mut child = self
            .shell(machine, command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A machine that does not answer never reads it.
        let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
        finish(child.wait_with_output())
    }

    /// Copies a file to a machine.
    #[track_caller]
    pub fn send(&self, file: &Path, machine: &str, to: &str) {
        let sent = self
            .shell(machine, &format!("cat >{to}"))
            .stdin(std::fs::File::open(file).unwrap())
            .output();
        finish(sent).exits(0);
    }

    /// What the service `notes` has there: its files by digest, and its table.
    #[track_caller]
    pub fn notes_on(&self, machine: &str) -> String {
        let script = "cd /var/lib/notes\n\
             find . -type f -print0 | sort -z | xargs -0 sha256sum\n\
             runuser -u postgres -- psql -XqAt -d notes -c 'select id, body from note order by id'\n";
        self.ssh(machine, script).exits(0).stdout
    }

    /// Waits until a script ends well on a machine.
    #[track_caller]
    pub fn until(&self, machine: &str, script: &str) {
        self.until_within(Duration::from_mins(1), machine, script);
    }

    /// The same for what takes longer.
    #[track_caller]
    pub fn until_within(&self, patience: Duration, machine: &str, script: &str) {
        let until = Instant::now() + patience;
        loop {
            let ran = self.ssh(machine, script);
            if ran.code == 0 {
                return;
            }
            assert!(Instant::now() < until, "{machine}: {script}: {ran:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
