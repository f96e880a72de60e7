//! Fetching with the system's own `git`, so that its credentials, proxies and transports count.
//!
//! It asks nobody (no prompt), runs nothing of the repository's (no hooks, no maintenance) and
//! takes what was asked for and nothing more. What arrives is judged elsewhere; a fetch that
//! fails changes nothing.

use super::approval::APPROVALS;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No git on this computer.
    #[error("git cannot be run")]
    NoGit {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No answer in time.
    #[error("{remote} did not answer within {seconds} s")]
    TimedOut {
        /// Which.
        remote: String,
        /// The limit.
        seconds: u64,
    },
    /// What git said.
    #[error("git could not {action} {remote}: {said}")]
    Failed {
        /// "fetch from", "push to".
        action: &'static str,
        /// Which.
        remote: String,
        /// Its last line on standard error.
        said: String,
    },
}

/// The branch to `refs/remotes/<remote>/<branch>`, forced: a branch that was moved back must be
/// seen to be refused.
pub async fn branch(
    repository: &Path,
    remote: &str,
    branch: &str,
    within: Duration,
) -> Result<(), FetchError> {
    let what = format!("+refs/heads/{branch}:refs/remotes/{remote}/{branch}");
    fetch(repository, remote, &what, within).await
}

/// All approvals. They are judged one by one where they count.
pub async fn approvals(
    repository: &Path,
    remote: &str,
    within: Duration,
) -> Result<(), FetchError> {
    let what = format!("+{APPROVALS}*:{APPROVALS}*");
    fetch(repository, remote, &what, within).await
}

/// Sends the approvals to the remote. A person waits for it, so that git may ask them.
pub async fn push_approvals(repository: &Path, remote: &str) -> Result<(), FetchError> {
    let what = format!("{APPROVALS}*:{APPROVALS}*");
    let mut git = Command::new("git");
    git.arg("-C").arg(repository);
    git.args(["push", "--quiet", "--no-verify", remote, &what]);
    without_surroundings(&mut git);
    let output = git
        .stdin(Stdio::inherit())
        .output()
        .await
        .map_err(|source| FetchError::NoGit { source })?;
    answered("push to", remote, &output)
}

async fn fetch(
    repository: &Path,
    remote: &str,
    what: &str,
    within: Duration,
) -> Result<(), FetchError> {
    let mut git = Command::new("git");
    for setting in [
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "core.askPass=",
        "credential.interactive=false",
        "gc.auto=0",
        "maintenance.auto=false",
        "fetch.writeCommitGraph=false",
        "fetch.showForcedUpdates=false",
    ] {
        git.args(["-c", setting]);
    }
    git.arg("-C").arg(repository).args([
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-prune",
        "--no-recurse-submodules",
        "--no-auto-maintenance",
        "--no-write-fetch-head",
        "--end-of-options",
        remote,
        what,
    ]);
    without_surroundings(&mut git);
    git.env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "")
        .env("SSH_ASKPASS_REQUIRE", "never")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        // Away from the terminal: ssh asks there, whatever standard input is.
        .process_group(0);
    if !names_ssh(repository) {
        git.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
    }
    let output = tokio::time::timeout(within, git.output())
        .await
        .map_err(|_| FetchError::TimedOut {
            remote: remote.to_owned(),
            seconds: within.as_secs(),
        })?
        .map_err(|source| FetchError::NoGit { source })?;
    answered("fetch from", remote, &output)
}

fn answered(
    action: &'static str,
    remote: &str,
    output: &std::process::Output,
) -> Result<(), FetchError> {
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(FetchError::Failed {
        action,
        remote: remote.to_owned(),
        said: without_credentials(&reasons(&errors)),
    })
}

/// What git gives as reasons; without any, all that it says. Kept on one line, without what
/// could steer a terminal, for the other side writes a part of it.
fn reasons(errors: &str) -> String {
    /// So much is shown.
    const LENGTH: usize = 1000;
    let said: Vec<&str> = errors
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let is_reason = |line: &&str| {
        ["fatal:", "error:", "remote:", "! ", "ssh:"]
            .iter()
            .any(|begin| line.starts_with(begin))
            || line.contains("Permission denied")
            || line.contains("Host key verification failed")
    };
    let given: Vec<&str> = said
        .iter()
        .copied()
        .filter(|line| is_reason(line))
        .collect();
    let lines = if given.is_empty() { said } else { given };
    if lines.is_empty() {
        return "it gave no reason".to_owned();
    }
    let text = lines.join("; ");
    text.chars()
        .filter(|c| !c.is_control())
        .take(LENGTH)
        .collect()
}

/// A remote's address may hold a password, and git may repeat it (S13).
fn without_credentials(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after
            .find(|c: char| c.is_whitespace() || c == '\'')
            .unwrap_or(after.len());
        let (address, more) = after.split_at(end);
        // A password may hold a `/`, so that the last @ of the address ends it, not the host's.
        out.push_str(address.rsplit_once('@').map_or(address, |(_, host)| host));
        rest = more;
    }
    out + rest
}

/// A repository named by `-C`, and nothing that a caller's environment says instead.
fn without_surroundings(git: &mut Command) {
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_COMMON_DIR",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_NAMESPACE",
        "GIT_CEILING_DIRECTORIES",
        "GIT_TRACE",
    ] {
        git.env_remove(name);
    }
    git.env("LC_ALL", "C");
}

/// Does somebody say already how ssh is called? Then it is not ours to say.
fn names_ssh(repository: &Path) -> bool {
    std::env::var_os("GIT_SSH_COMMAND").is_some()
        || std::env::var_os("GIT_SSH").is_some()
        || git2::Repository::open(repository)
            .and_then(|repository| repository.config())
            .is_ok_and(|config| config.get_string("core.sshCommand").is_ok())
}

/// When something was last fetched, kept beside the journal.
#[derive(Debug, Clone)]
pub struct LastFetch(PathBuf);

impl LastFetch {
    /// Beside this state file.
    pub fn beside(state: &Path) -> Self {
        let mut name = state.as_os_str().to_owned();
        name.push(".fetched");
        Self(PathBuf::from(name))
    }

    /// `None` when nothing ever was, or nobody can say when.
    pub fn read(&self) -> Option<jiff::Timestamp> {
        std::fs::read_to_string(&self.0).ok()?.trim().parse().ok()
    }

    /// Now.
    pub fn write(&self, at: jiff::Timestamp) -> std::io::Result<()> {
        if let Some(folder) = self.0.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&self.0, format!("{at}\n"))
    }
}
