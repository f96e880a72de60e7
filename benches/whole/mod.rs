//! Whole commands over an estate in its repository: their time, their memory.
#![allow(dead_code, reason = "a bench takes what it needs")]

use super::estate;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const HOLDFAST: &str = env!("CARGO_BIN_EXE_holdfast");
/// Of so many rounds the best counts.
pub const ROUNDS: usize = 5;
/// Commits that `git verify-commit` is asked for; all of them would take minutes.
pub const SAMPLE: usize = 300;

/// Wall-clock time and the largest resident set, in bytes.
pub struct Measured {
    /// Until it had ended.
    pub time: Duration,
    /// As GNU time tells it.
    pub memory: u64,
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:>8.1} ms {:>6.1} MB",
            milliseconds(self.time),
            self.memory as f64 / 1e6
        )
    }
}

pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Runs a command under GNU time; it must end with one of these codes.
pub fn measure(command: &mut Command, codes: &[i32]) -> Measured {
    let report = tempfile::NamedTempFile::new().unwrap();
    let mut timed = Command::new("/usr/bin/time");
    timed
        .args(["--quiet", "--format", "%M", "--output"])
        .arg(report.path());
    timed.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        timed.env(name, value.unwrap());
    }
    if let Some(dir) = command.get_current_dir() {
        timed.current_dir(dir);
    }
    let start = Instant::now();
    let output = timed
        .stdin(Stdio::null())
        .output()
        .expect("GNU time: make install-packages");
    let time = start.elapsed();
    let code = output.status.code().unwrap();
    assert!(
        codes.contains(&code),
        "{command:?} ended with {code}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let kilobytes = fs::read_to_string(report.path()).unwrap();
    let memory = kilobytes.trim().parse::<u64>().unwrap() * 1024;
    Measured { time, memory }
}

pub fn best(mut run: impl FnMut() -> Measured) -> Measured {
    (0..ROUNDS)
        .map(|_| run())
        .min_by_key(|measured| measured.time)
        .unwrap()
}

/// A repository with so many stacks, packed as a clone is.
pub struct Estate {
    /// Its work tree.
    pub dir: PathBuf,
    root: String,
}

impl Estate {
    pub fn new(dir: PathBuf, stacks: usize) -> Self {
        fs::create_dir_all(&dir).unwrap();
        let key = dir.with_extension("key");
        succeed(
            Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(&key),
        );
        let public = fs::read_to_string(key.with_extension("key.pub")).unwrap();
        for (path, bytes) in estate::files(stacks, public.trim()) {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let mut estate = Self {
            dir,
            root: String::new(),
        };
        estate.git(&["init", "--quiet", "--initial-branch=main"]);
        let key = key.display().to_string();
        for (name, value) in [
            ("user.name", "Bench"),
            ("user.email", "bench@estate.example"),
            ("gpg.format", "ssh"),
            ("user.signingkey", &key),
            ("commit.gpgsign", "true"),
            ("gc.auto", "0"),
        ] {
            estate.git(&["config", name, value]);
        }
        let signers = format!("{key}.allowed");
        fs::write(
            &signers,
            format!("bench@estate.example namespaces=\"git\" {public}"),
        )
        .unwrap();
        estate.git(&["config", "gpg.ssh.allowedSignersFile", &signers]);
        estate.git(&["add", "--all"]);
        estate.git(&["commit", "--quiet", "--message", "Found the estate"]);
        estate.root = estate.git(&["rev-parse", "HEAD"]);
        estate.pack();
        estate
    }

    fn pack(&self) {
        self.git(&["repack", "-a", "-d", "--quiet"]);
        self.git(&["prune-packed", "--quiet"]);
    }

    fn git(&self, arguments: &[&str]) -> String {
        succeed(Command::new("git").arg("-C").arg(&self.dir).args(arguments))
    }

    pub fn command(&self, arguments: &[&str], remembering: bool) -> Command {
        let mut command = Command::new(HOLDFAST);
        command.args(arguments).arg("--estate").arg(&self.dir);
        if !remembering {
            command.args(["--root", &self.root]);
        }
        command
    }

    pub fn once(&self, arguments: &[&str], codes: &[i32], remembering: bool) -> Measured {
        measure(&mut self.command(arguments, remembering), codes)
    }

    /// Best of some rounds, each from nothing.
    pub fn best(&self, arguments: &[&str], codes: &[i32]) -> Measured {
        best(|| self.once(arguments, codes, false))
    }

    /// Best of some rounds with what this computer has accepted before.
    pub fn best_with_memory(&self, arguments: &[&str], codes: &[i32]) -> Measured {
        best(|| self.once(arguments, codes, true))
    }

    /// One signed commit that changes a text in a file.
    pub fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.dir.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        self.git(&[
            "commit",
            "--quiet",
            "--all",
            "--message",
            "Change one thing",
        ]);
    }

    /// So many signed commits on top, each of which changes one stack.
    pub fn grow(&self, commits: usize) {
        let key = ssh_key::PrivateKey::read_openssh_file(&self.dir.with_extension("key")).unwrap();
        let repository = git2::Repository::open(&self.dir).unwrap();
        let mut head = repository.head().unwrap().peel_to_commit().unwrap();
        for number in 0..commits {
            let path = format!("stacks/customer-{:04}.toml", number % 100);
            let tree = head.tree().unwrap();
            let old = tree.get_path(Path::new(&path)).unwrap().id();
            let mut text = repository.find_blob(old).unwrap().content().to_vec();
            text.extend_from_slice(format!("# change {number}\n").as_bytes());
            let blob = repository.blob(&text).unwrap();
            let tree = git2::build::TreeUpdateBuilder::new()
                .upsert(path.as_str(), blob, git2::FileMode::Blob)
                .create_updated(&repository, &tree)
                .unwrap();
            let who = repository.signature().unwrap();
            let tree = repository.find_tree(tree).unwrap();
            let draft = repository
                .commit_create_buffer(&who, &who, "Change one stack\n", &tree, &[&head])
                .unwrap();
            let draft = draft.as_str().unwrap();
            let signature = key
                .sign("git", ssh_key::HashAlg::Sha512, draft.as_bytes())
                .unwrap()
                .to_pem(ssh_key::LineEnding::LF)
                .unwrap();
            let id = repository
                .commit_signed(draft, signature.trim_end(), None)
                .unwrap();
            head = repository.find_commit(id).unwrap();
        }
        repository
            .reference("refs/heads/main", head.id(), true, "bench")
            .unwrap();
        self.pack();
    }

    /// Milliseconds that git takes for one commit.
    pub fn verify_with_git(&self) -> f64 {
        let count = format!("--max-count={SAMPLE}");
        let commits = self.git(&["rev-list", &count, "HEAD"]);
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(&self.dir)
            .arg("verify-commit")
            .args(commits.lines());
        milliseconds(measure(&mut command, &[0]).time) / SAMPLE as f64
    }

    /// A configuration, so that what was verified is kept.
    pub fn remember(&self) {
        let local = self.dir.join(".git/holdfast");
        fs::create_dir_all(&local).unwrap();
        let config = format!(
            "root = \"{}\"\nidentity = \"none\"\nstate = \"state.sqlite\"\n",
            self.root
        );
        fs::write(local.join("config.toml"), config).unwrap();
        self.once(&["check"], &[0], true);
    }
}

/// Runs a command to its good end; its output without the last line break.
pub fn succeed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}
