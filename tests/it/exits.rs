//! What the binary says to a shell: exit codes, and a result or a reason on standard output.

use crate::new_estate::{Estate, holdfast};
use holdfast::model::plan::PLAN_SCHEMA;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// A new estate, as `init` makes it.
impl Estate {
    /// One more commit that nobody signed.
    fn unsigned(&self) {
        let commit = [
            "commit",
            "-q",
            "--no-gpg-sign",
            "--allow-empty",
            "-m",
            "Mine",
        ];
        self.git(&[&["-c", "user.name=x", "-c", "user.email=x@x"], &commit[..]].concat());
    }
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn wrong_arguments_are_an_error_and_never_read_as_changes() {
    let nowhere = tempfile::tempdir().unwrap();
    for arguments in [
        &["plan", "--bogus"][..],
        &["check", "--format", "xml"],
        &["nosuch"],
        &[],
        &["trust"],
        &["reconcile"],
        &["plan", "--head", "main"],
        &["explain", "HF0001", "HF0002"],
        &[
            "trust", "add-key", "x", "--role", "owner", "--key", "k", "--until", "tomorrow",
        ],
    ] {
        let ran = holdfast(nowhere.path(), arguments);
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {ran:?}");
        assert!(ran.stdout.is_empty(), "{arguments:?}: {ran:?}");
        assert!(!ran.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn an_argument_that_would_be_passed_over_is_refused() {
    let nowhere = tempfile::tempdir().unwrap();
    for (arguments, said) in [
        (
            &[
                "restore", "acme", "--to", "/n", "--path", "/p", "--table", "t",
            ][..],
            "cannot be used with",
        ),
        (
            &[
                "restore",
                "acme",
                "--to",
                "n",
                "--database",
                "d",
                "--table",
                "",
            ],
            "a value is required for '--table <TABLE>'",
        ),
        (&["drill", ""], "a value is required for '[STACK]'"),
        (&["drill", "acme", "--list"], "cannot be used with"),
        (
            &["drill", "--list", "--point", "4e81"],
            "cannot be used with",
        ),
        (
            &["drill", "acme", "--list", "--point", "4e81"],
            "cannot be used with",
        ),
    ] {
        let ran = holdfast(nowhere.path(), arguments);
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {ran:?}");
        assert!(err(&ran).contains(said), "{arguments:?}: {}", err(&ran));
    }
}

#[test]
fn help_and_version_are_results() {
    let nowhere = tempfile::tempdir().unwrap();
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["plan", "-h"],
        &["help", "trust"],
    ] {
        let ran = holdfast(nowhere.path(), arguments);
        assert_eq!(ran.status.code(), Some(0), "{arguments:?}: {ran:?}");
        assert!(!ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran:?}");
    }
}

#[test]
fn a_plan_on_standard_output_is_the_plan_alone() {
    let estate = Estate::new();
    for out in ["-", "/dev/stdout"] {
        let ran = estate.run(&[
            "plan", "--base", "HEAD", "--out", out, "--format", "markdown",
        ]);
        let first = serde_json::Deserializer::from_slice(&ran.stdout)
            .into_iter::<Value>()
            .next();
        let plan = first.unwrap().unwrap_or_else(|e| panic!("{e}: {ran:?}"));
        assert_eq!(plan["plan_schema"], PLAN_SCHEMA);
        if out == "-" {
            serde_json::from_slice::<Value>(&ran.stdout).unwrap();
        }
    }
    assert!(!estate.dir.join("-").exists());
}

#[test]
fn a_plan_is_not_written_over_the_estate_or_a_device() {
    use std::os::unix::fs::FileTypeExt as _;
    let estate = Estate::new();
    let before = std::fs::read(estate.dir.join("trust.toml")).unwrap();
    let ran = estate.run(&["plan", "--base", "HEAD", "--out", "trust.toml"]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert_eq!(
        std::fs::read(estate.dir.join("trust.toml")).unwrap(),
        before
    );
    let ran = estate.run(&["plan", "--base", "HEAD", "--out", "/dev/full"]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(err(&ran).contains("/dev/full"), "{ran:?}");
    let kind = std::fs::metadata("/dev/full").unwrap().file_type();
    assert!(kind.is_char_device());
}

#[test]
fn apply_does_not_wait_for_a_pipe_or_an_endless_file() {
    let estate = Estate::new();
    let pipe = estate.dir.join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    for file in ["pipe", "/dev/zero", "stacks"] {
        let ran = estate.run(&["apply", file]);
        assert_eq!(ran.status.code(), Some(1), "{ran:?}");
        assert!(err(&ran).contains("no regular file"), "{ran:?}");
    }
}

/// Standard output is one JSON object that says what is wrong, and nothing else.
fn reason(output: &Output) -> Value {
    let value: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    let error = value["error"].clone();
    for key in ["code", "message", "remedy"] {
        assert!(error.get(key).is_some(), "{key}: {value}");
    }
    assert!(!error["message"].as_str().unwrap().is_empty(), "{value}");
    error
}

#[test]
fn a_refusal_is_one_json_object_for_programs() {
    let estate = Estate::new();
    estate.unsigned();
    let root = estate.root.as_str();
    for arguments in [
        &["plan", "--base", root][..],
        &["plan", "--base", root, "--root", root],
        &["trust", "check"],
        &["trust", "check", "--root", root],
    ] {
        let ran = estate.run(&[arguments, &["--format", "json"]].concat());
        assert_eq!(ran.status.code(), Some(4), "{arguments:?}: {ran:?}");
        let error = reason(&ran);
        assert_eq!(error["code"], "HF0211", "{error}");
        assert!(
            error["remedy"].as_str().unwrap().contains("sign"),
            "{error}"
        );
        // People are told as before.
        assert!(err(&ran).starts_with("refused: "), "{ran:?}");
    }
    let ran = estate.run(&["check", "--format", "json"]);
    assert_eq!(ran.status.code(), Some(4), "{ran:?}");
    let checked: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(checked["findings"][0]["code"], "HF0211");
}

#[test]
fn an_error_is_one_json_object_for_programs() {
    let estate = Estate::new();
    let nowhere = tempfile::tempdir().unwrap();
    let json = |dir: &Path, arguments: &[&str]| {
        let ran = holdfast(dir, &[arguments, &["--format", "json"]].concat());
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {ran:?}");
        reason(&ran)
    };
    for arguments in [
        &["plan"][..],
        &["plan", "--base", "HEAD"],
        &["check"],
        &["check", "--worktree"],
        &["apply"],
        &["apply", "no-such-plan.json"],
        &["reconcile", "--once"],
        &["backup", "acme"],
        &["points", "acme"],
        &["trust", "check"],
        &["trust", "check", "--worktree"],
        &["trust", "show"],
        &["trust", "revoke", "anna", "--reason", "lost"],
        &["approve", "HEAD"],
        &["explain", "HF9999"],
        &["fmt", "no-such-file.toml"],
    ] {
        json(nowhere.path(), arguments);
    }
    let none = json(&estate.dir, &["plan", "--base", "nosuchbranch"]);
    assert_eq!(none["code"], "HF0204", "{none}");
    json(&estate.dir, &["plan", "--base", "HEAD", "nosuchstack"]);
    json(&estate.dir, &["points", "nosuchstack"]);
    let owner = "trust revoke owner --reason lost";
    let owner = json(&estate.dir, &owner.split(' ').collect::<Vec<_>>());
    assert!(
        owner["findings"]
            .as_array()
            .is_some_and(|list| !list.is_empty()),
        "{owner}"
    );
    assert_eq!(owner["code"], owner["findings"][0]["code"]);
    std::fs::write(estate.dir.join("trust.toml"), "schema = 1\nsigne = 1\n").unwrap();
    let list = json(&estate.dir, &["trust", "check", "--worktree"]);
    assert!(list["findings"][0]["line"].is_u64(), "{list}");
}

#[test]
fn the_plan_has_a_schema_like_every_file() {
    let nowhere = tempfile::tempdir().unwrap();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/plan.json");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(kept).unwrap()).unwrap();
    let ran = holdfast(nowhere.path(), &["schema", "plan"]);
    assert_eq!(serde_json::from_slice::<Value>(&ran.stdout).unwrap(), kept);
    let listed = holdfast(nowhere.path(), &["schema"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("\nplan       holdfast plan"), "{listed}");
    let written = holdfast(nowhere.path(), &["schema", "--out", "s"]);
    assert!(written.status.success(), "{written:?}");
    let text = std::fs::read_to_string(nowhere.path().join("s/plan.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), kept);
}

#[test]
fn a_wrong_root_or_folder_is_told_with_its_remedy() {
    let estate = Estate::new();
    let root = estate.root.clone();
    let upper = root.to_ascii_uppercase();
    for wrong in ["", "abc", upper.as_str()] {
        let ran = estate.run(&["check", "--root", wrong]);
        assert_eq!(ran.status.code(), Some(1), "{ran:?}");
        for word in ["--root", "HOLDFAST_ROOT", "lower case"] {
            assert!(err(&ran).contains(word), "{word}: {ran:?}");
        }
    }
    let ran = estate.run(&["check", "--root", &"1".repeat(40)]);
    assert_eq!(ran.status.code(), Some(4), "{ran:?}");
    assert!(err(&ran).contains("--root"), "{ran:?}");
    let below = estate.dir.join("stacks");
    for arguments in [
        &["check"][..],
        &["check", "--root", &root],
        &["check", "--worktree"],
        &["plan"],
    ] {
        let ran = holdfast(&below, arguments);
        assert_eq!(ran.status.code(), Some(1), "{ran:?}");
        let said = err(&ran);
        assert!(said.contains("--estate"), "{arguments:?}: {said}");
        assert!(!said.contains("class="), "{arguments:?}: {said}");
        assert!(!said.contains("cannot be written"), "{arguments:?}: {said}");
    }
    estate.git(&["clone", "-q", ".", "clone"]);
    let ran = holdfast(&estate.dir.join("clone"), &["check"]);
    assert!(err(&ran).contains("--root"), "{ran:?}");
}

#[test]
fn a_push_that_fails_shows_why() {
    let estate = Estate::new();
    let commit = ["commit", "-q", "--allow-empty", "-m", "More"];
    estate.git(&commit);
    let list = std::fs::read_to_string(estate.dir.join("trust.toml")).unwrap();
    let key = estate.dir.join(".git/second");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "bela", "-f"])
        .arg(&key)
        .status()
        .unwrap();
    assert!(made.success());
    let public = key.with_extension("pub");
    let added = estate.run(&[
        "trust",
        "add-key",
        "bela",
        "--role",
        "owner",
        "--key",
        public.to_str().unwrap(),
    ]);
    assert!(added.status.success(), "{added:?}");
    assert_ne!(
        std::fs::read_to_string(estate.dir.join("trust.toml")).unwrap(),
        list
    );
    estate.git(&["commit", "-q", "-a", "-m", "Add bela"]);
    estate.git(&["commit", "-q", "--allow-empty", "-m", "To be approved"]);
    estate.git(&["config", "user.signingkey", key.to_str().unwrap()]);
    let ran = estate.run(&["approve", "HEAD", "--push", "--remote", "no-such-remote"]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    let said = err(&ran);
    assert!(
        said.contains("'no-such-remote' does not appear to be a git repository"),
        "{said}"
    );
    assert!(!said.contains("\nand the repository exists"), "{said}");
}

/// With standard output, or standard error, going where nothing can be written.
fn into_full(dir: &Path, arguments: &[&str], error_too: bool) -> Output {
    let full = || {
        std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap()
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command
        .args(arguments)
        .current_dir(dir)
        .env_remove("HOLDFAST_ROOT")
        .stdout(full());
    if error_too {
        command.stderr(full());
    }
    command.output().unwrap()
}

#[test]
fn a_result_that_cannot_be_written_is_an_error_and_no_panic() {
    let estate = Estate::new();
    for arguments in [
        &["check"][..],
        &["check", "--format", "json"],
        &["check", "--format", "sarif"],
        &["plan", "--base", "HEAD"],
        &["plan", "--base", "HEAD", "--format", "json"],
        &["plan", "--base", "HEAD", "--format", "markdown"],
        &["plan", "--base", "HEAD", "--out", "-"],
        &["trust", "check"],
        &["trust", "show", "--format", "json"],
        &["explain"],
        &["explain", "HF0001"],
        &["schema"],
        &["schema", "stack"],
        &["fmt", "--check"],
        &["key"],
        &["--help"],
        &["--version"],
        &["plan", "--help"],
    ] {
        let ran = into_full(&estate.dir, arguments, false);
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {ran:?}");
        let said = err(&ran);
        let told = said.matches("error: the result cannot be written").count();
        assert_eq!(told, 1, "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        let ran = into_full(&estate.dir, arguments, true);
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {ran:?}");
    }
    // What has nothing to say on standard output keeps its own exit code.
    estate.unsigned();
    for error_too in [false, true] {
        let ran = into_full(&estate.dir, &["check"], error_too);
        assert_eq!(ran.status.code(), Some(4), "{ran:?}");
    }
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let estate = Estate::new();
    for arguments in [
        "check",
        "explain",
        "plan --base HEAD --format json",
        "--help",
    ] {
        // The reader is gone before anything is written.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ran = Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .args(arguments.split(' '))
            .current_dir(&estate.dir)
            .env_remove("HOLDFAST_ROOT")
            .stdout(writer)
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(0), "{arguments:?}: {ran:?}");
        let said = err(&ran);
        for word in ["cannot be written", "panicked"] {
            assert!(!said.contains(word), "{arguments:?}: {said}");
        }
    }
}
