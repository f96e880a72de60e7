//! What the binary says to a shell: exit codes, and a result or a reason on standard output.

use std::path::Path;
use std::process::{Command, Output};

fn holdfast(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .args(arguments)
        .current_dir(dir)
        .env_remove("HOLDFAST_ROOT")
        .env_remove("HOLDFAST_LOG")
        .output()
        .unwrap()
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
fn help_and_version_are_results() {
    let nowhere = tempfile::tempdir().unwrap();
    for arguments in [&["--help"][..], &["--version"], &["plan", "-h"], &["help", "trust"]] {
        let ran = holdfast(nowhere.path(), arguments);
        assert_eq!(ran.status.code(), Some(0), "{arguments:?}: {ran:?}");
        assert!(!ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran:?}");
    }
}
