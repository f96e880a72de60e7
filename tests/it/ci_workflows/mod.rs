//! The ready workflow files of `docs/ci`: their shell steps run as they stand, against a
//! forge on loopback that hands out the repository and takes the comments.
//!
//! A runner's expressions (`${{ … }}`) and variables are filled in; not a letter of a step is.

mod forge;
mod runner;

use forge::Forge;
use runner::{Outcome, Workflow};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const HOLDFAST: &str = env!("CARGO_BIN_EXE_holdfast");

/// Which forge a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    GitHub,
    Forgejo,
    GitLab,
}

impl Kind {
    fn file(self) -> PathBuf {
        let name = match self {
            Self::GitHub => "github.yml",
            Self::Forgejo => "forgejo.yml",
            Self::GitLab => "gitlab.yml",
        };
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("docs/ci")
            .join(name)
    }
}

/// An estate on a forge, and a clone to work in.
struct Estate {
    dir: tempfile::TempDir,
}

impl Estate {
    fn new() -> Self {
        let estate = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let work = estate.work();
        done(Command::new(HOLDFAST).arg("init").arg(&work));
        estate.git(&["branch", "--move", "--force", "main"]);
        done(
            Command::new("git")
                .args(["init", "--quiet", "--bare"])
                .arg(estate.remote()),
        );
        estate.push("main", "refs/heads/main");
        estate
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    fn remote(&self) -> PathBuf {
        self.dir.path().join("forge/acme/estate.git")
    }

    fn git(&self, arguments: &[&str]) -> String {
        done(
            Command::new("git")
                .arg("-C")
                .arg(self.work())
                .args(arguments),
        )
    }

    fn push(&self, from: &str, to: &str) {
        let remote = self.remote();
        self.git(&[
            "push",
            "--quiet",
            "--force",
            &remote.display().to_string(),
            &format!("{from}:{to}"),
        ]);
    }

    fn root(&self) -> String {
        self.git(&["rev-list", "--max-parents=0", "main"])
    }

    /// A pull request with one change of the example stack.
    fn propose(&self, from: &str, to: &str, commit: &[&str]) -> String {
        let file = self.work().join("stacks/acme.toml");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&file, text.replacen(from, to, 1)).unwrap();
        self.git(
            &[
                &["commit", "--quiet", "--all", "--message", "Change ACME"],
                commit,
            ]
            .concat(),
        );
        self.push("HEAD", "refs/pull/7/head");
        self.push("HEAD", "refs/merge-requests/7/head");
        self.git(&["rev-parse", "HEAD"])
    }
}

/// Runs a command to its good end; its output without the last line break.
fn done(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

fn run(kind: Kind, estate: &Estate, forge: &Forge, head: &str) -> Outcome {
    let workflow = Workflow::read(kind, &fs::read_to_string(kind.file()).unwrap());
    let setting = runner::Setting {
        server: format!("file://{}", estate.dir.path().join("forge").display()),
        api: forge.address().to_owned(),
        head: head.to_owned(),
        root: estate.root(),
        tool_url: format!("{}/holdfast", forge.address()),
        tool_sha256: forge.tool_sha256(),
    };
    workflow.run(&setting)
}

/// One file from the first request to its replacement.
fn tells_the_plan_and_then_the_refusal(kind: Kind) {
    let estate = Estate::new();
    let forge = Forge::start(kind, HOLDFAST);

    let head = estate.propose("title = \"ACME Wiki\"", "title = \"Wiki of ACME\"", &[]);
    let outcome = run(kind, &estate, &forge, &head);
    assert!(outcome.ended_well("plan"), "{}", outcome.log());
    assert!(outcome.ended_well("comment"), "{}", outcome.log());
    let comments = forge.comments();
    assert_eq!(comments.len(), 1, "{comments:?}");
    let plan = &comments[0];
    assert!(plan.starts_with("<!-- holdfast -->\n"), "{plan}");
    assert!(
        plan.contains("converge") || plan.contains("acme-e1"),
        "{plan}"
    );
    assert!(!plan.contains(forge::TOKEN) && !outcome.log().contains(forge::TOKEN));

    // Somebody without a key: the job fails, the comment says why and replaces the plan.
    let head = estate.propose(
        "title = \"Wiki of ACME\"",
        "title = \"Mine\"",
        &["--no-gpg-sign"],
    );
    let outcome = run(kind, &estate, &forge, &head);
    assert!(!outcome.ended_well("plan"), "{}", outcome.log());
    assert!(outcome.ended_well("comment"), "{}", outcome.log());
    let comments = forge.comments();
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert!(comments[0].contains("is not signed"), "{}", comments[0]);
    assert!(comments[0].contains("ended with 4"), "{}", comments[0]);
}

#[test]
fn the_workflow_for_github_runs_as_it_stands() {
    tells_the_plan_and_then_the_refusal(Kind::GitHub);
}

#[test]
fn the_workflow_for_forgejo_runs_as_it_stands() {
    tells_the_plan_and_then_the_refusal(Kind::Forgejo);
}

#[test]
fn the_pipeline_for_gitlab_runs_as_it_stands() {
    tells_the_plan_and_then_the_refusal(Kind::GitLab);
}

#[test]
fn a_program_with_another_digest_is_not_run() {
    let estate = Estate::new();
    let forge = Forge::start(Kind::GitHub, HOLDFAST);
    let head = estate.git(&["rev-parse", "HEAD"]);
    estate.push("HEAD", "refs/pull/7/head");
    forge.exchange_tool("#!/bin/sh\ntouch /tmp/this-must-not-happen\n");
    let outcome = run(Kind::GitHub, &estate, &forge, &head);
    assert!(!outcome.ended_well("plan"), "{}", outcome.log());
    assert!(
        outcome.log().contains("FAILED") || outcome.log().contains("did NOT match"),
        "{}",
        outcome.log()
    );
    assert_eq!(outcome.steps_run("plan"), 1, "{}", outcome.log());
}

/// What a file may do is in the file: no other's action without a pin, no right that is not needed.
#[test]
fn the_workflows_are_pinned_and_have_least_rights() {
    for kind in [Kind::GitHub, Kind::Forgejo] {
        let text = fs::read_to_string(kind.file()).unwrap();
        for line in text.lines().filter(|line| {
            line.trim_start().starts_with("- uses:") || line.trim_start().starts_with("uses:")
        }) {
            let pin = line.split('@').nth(1).unwrap_or_default();
            let pin = pin.split_whitespace().next().unwrap_or_default();
            assert!(
                pin.len() == 40 && pin.bytes().all(|b| b.is_ascii_hexdigit()),
                "{line}"
            );
        }
        assert!(
            !text.contains("pull_request_target"),
            "runs with the base's secrets"
        );
        assert!(!text.contains("secrets."), "no secret is needed");
    }
    let github: serde_norway::Value =
        serde_norway::from_str(&fs::read_to_string(Kind::GitHub.file()).unwrap()).unwrap();
    let rights = |job: &str| serde_norway::to_string(&github["jobs"][job]["permissions"]).unwrap();
    assert_eq!(
        serde_norway::to_string(&github["permissions"]).unwrap(),
        "{}\n"
    );
    assert_eq!(rights("plan"), "contents: read\n");
    assert_eq!(rights("comment"), "pull-requests: write\n");
    // An expression inside a script would let a branch's name run commands.
    for kind in [Kind::GitHub, Kind::Forgejo] {
        let workflow = Workflow::read(kind, &fs::read_to_string(kind.file()).unwrap());
        for script in workflow.scripts() {
            assert!(!script.contains("${{"), "{script}");
        }
    }
}
