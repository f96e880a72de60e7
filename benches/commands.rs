//! How long whole commands take, and how much memory, side by side with what people use today:
//! `holdfast check`, `holdfast plan --base`, and the verification of a long history, against
//! `terraform plan` and `git verify-commit` in the same run. Ends with an error where a bound is
//! not kept. Needs git, ssh-keygen and GNU time; terraform is optional.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs
)]
#![allow(
    clippy::cast_precision_loss,
    reason = "ratios and milliseconds, for people"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a bench lives outside, with a clock"
)]

mod bounds;
mod estate;

use bounds::Bounds;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const HOLDFAST: &str = env!("CARGO_BIN_EXE_holdfast");
const ROUNDS: usize = 5;
const COMMITS: usize = 10_000;
/// Commits that `git verify-commit` is asked for; all of them would take minutes.
const SAMPLE: usize = 300;

fn main() -> ExitCode {
    let dir = tempfile::tempdir().unwrap();
    let mut bounds = Bounds::default();

    println!("check: an estate from its packed repository, nothing known, best of {ROUNDS}");
    let small = Estate::new(dir.path().join("small"), 1_000);
    let large = Estate::new(dir.path().join("large"), 10_000);
    let thousand = small.best(&["check"], &[0]);
    let all = large.best(&["check"], &[0]);
    println!("   1,000 stacks   {thousand}");
    println!("  10,000 stacks   {all}");
    bounds.keep(
        "10,000 stacks within 1.5 s",
        all.time < Duration::from_millis(1_500),
    );
    bounds.keep("10,000 stacks within 300 MB", all.memory < 300_000_000);
    let ratio = all.time.as_secs_f64() / thousand.time.as_secs_f64();
    bounds.keep(
        &format!("ten times the stacks take {ratio:.1} times as long (under 11)"),
        ratio < 11.0,
    );

    println!("\nplan --base: one stack of 10,000 changed");
    large.change(
        "stacks/customer-4711.toml",
        "title = \"Wiki 4711\"",
        "title = \"Wiki of 4711\"",
    );
    let one = large.best(&["plan", "--base", "HEAD~1"], &[2]);
    println!("  {one}");
    bounds.keep("within 300 ms", one.time < Duration::from_millis(300));

    println!("\nplan --base: 1,000 stacks, nothing to do");
    small.change("README.md", "\n", "\n\n");
    let nothing = small.best(&["plan", "--base", "HEAD~1"], &[0]);
    println!("  holdfast plan    {nothing}");
    match terraform(&dir.path().join("terraform")) {
        Some(plan) => {
            println!("  terraform plan   {plan}   (1,000 terraform_data resources)");
            let ratio = plan.time.as_secs_f64() / nothing.time.as_secs_f64();
            bounds.keep(
                &format!("{ratio:.0} times faster than terraform (20 or more)"),
                ratio >= 20.0,
            );
            let share = nothing.memory as f64 / plan.memory as f64;
            bounds.keep(
                &format!("{share:.2} of terraform's memory (less than 1)"),
                share < 1.0,
            );
        }
        None => println!("  terraform is not on this machine: not compared"),
    }
    small.change(
        "hosters.toml",
        "schema = 1\n",
        "schema = 1 # a comment, but in a file that all stacks share\n",
    );
    let every = small.best(&["plan", "--base", "HEAD~1"], &[0]);
    println!("  a shared file touched, so that each stack is planned anew: {every}");

    println!("\nverify: {COMMITS} signed commits");
    let long = Estate::new(dir.path().join("long"), 100);
    long.grow(COMMITS);
    let first = long.best(&["check"], &[0]);
    println!(
        "  holdfast, all           {first}, {:.3} ms a commit",
        milliseconds(first.time) / COMMITS as f64
    );
    let git = long.verify_with_git();
    println!(
        "  git verify-commit       {git:.1} ms a commit ({SAMPLE} of the same commits in one call)"
    );
    let ratio = git / (milliseconds(first.time) / COMMITS as f64);
    bounds.keep(
        &format!("{ratio:.0} times faster than git (15 or more)"),
        ratio >= 15.0,
    );
    long.remember();
    let again = long.best_with_memory(&["check"], &[0]);
    println!("  holdfast, known head    {again}");
    long.grow(10);
    let ten = long.once(&["check"], &[0], true);
    println!("  holdfast, ten new       {ten}");
    let share = again.time.as_secs_f64() / first.time.as_secs_f64();
    bounds.keep(
        &format!("a known head costs {share:.2} of the first run (under 0.2)"),
        share < 0.2,
    );
    bounds.verdict()
}

/// Wall-clock time and the largest resident set, in bytes.
struct Measured {
    time: Duration,
    memory: u64,
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

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Runs a command under GNU time; it must end with one of these codes.
fn measure(command: &mut Command, codes: &[i32]) -> Measured {
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

fn best(mut run: impl FnMut() -> Measured) -> Measured {
    (0..ROUNDS)
        .map(|_| run())
        .min_by_key(|measured| measured.time)
        .unwrap()
}

/// A repository with so many stacks, packed as a clone is.
struct Estate {
    dir: PathBuf,
    root: String,
}

impl Estate {
    fn new(dir: PathBuf, stacks: usize) -> Self {
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

    fn command(&self, arguments: &[&str], remembering: bool) -> Command {
        let mut command = Command::new(HOLDFAST);
        command.args(arguments).arg("--estate").arg(&self.dir);
        if !remembering {
            command.args(["--root", &self.root]);
        }
        command
    }

    fn once(&self, arguments: &[&str], codes: &[i32], remembering: bool) -> Measured {
        measure(&mut self.command(arguments, remembering), codes)
    }

    /// Best of some rounds, each from nothing.
    fn best(&self, arguments: &[&str], codes: &[i32]) -> Measured {
        best(|| self.once(arguments, codes, false))
    }

    /// Best of some rounds with what this computer has accepted before.
    fn best_with_memory(&self, arguments: &[&str], codes: &[i32]) -> Measured {
        best(|| self.once(arguments, codes, true))
    }

    /// One signed commit that changes a text in a file.
    fn change(&self, file: &str, from: &str, to: &str) {
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
    fn grow(&self, commits: usize) {
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
    fn verify_with_git(&self) -> f64 {
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
    fn remember(&self) {
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

/// `terraform plan` of 1,000 resources that are there; `None` without terraform.
fn terraform(dir: &Path) -> Option<Measured> {
    Command::new("terraform").arg("version").output().ok()?;
    fs::create_dir_all(dir).unwrap();
    let mut text = String::new();
    for n in 0..1_000 {
        let _ = writeln!(
            text,
            "resource \"terraform_data\" \"customer_{n:04}\" {{\n  input = \"Wiki {n}\"\n}}"
        );
    }
    fs::write(dir.join("main.tf"), text).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new("terraform");
        command
            .args(arguments)
            .current_dir(dir)
            .env("CHECKPOINT_DISABLE", "1");
        command
    };
    succeed(&mut run(&["init", "-input=false", "-no-color"]));
    succeed(&mut run(&[
        "apply",
        "-auto-approve",
        "-input=false",
        "-no-color",
    ]));
    Some(best(|| {
        measure(&mut run(&["plan", "-input=false", "-no-color"]), &[0])
    }))
}

/// Runs a command to its good end; its output without the last line break.
fn succeed(command: &mut Command) -> String {
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
