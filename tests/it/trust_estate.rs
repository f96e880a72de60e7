//! The gate as the commands use it: with a configuration, a ledger and a meaning.

use crate::estate_fixture::run;
use holdfast::decide::resolve::Resolution;
use holdfast::flow::config::Config;
use holdfast::flow::estate::{EstateError, read, read_work_tree, remember};
use holdfast::flow::init::{InitOptions, init};
use holdfast::model::ids::StackId;
use holdfast::world::git::Known;
use holdfast::world::git::write::{self, WriteError};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn git(dir: &Path, arguments: &[&str]) {
    run(Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(["-c", "user.name=A", "-c", "user.email=a@acme.example"])
        .args(arguments)
        .env("HOME", dir));
}

fn new_estate(folder: &Path) -> (PathBuf, Config) {
    let dir = folder.join("estate");
    init(&dir, &InitOptions::default()).expect("a new estate");
    let config = Config::load(&dir, None).expect("its configuration");
    (dir, config)
}

#[test]
fn s16_a_stack_whose_file_became_a_link_is_held_and_the_estate_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (dir, config) = new_estate(folder.path());
    let stack = dir.join("stacks/acme.toml");
    fs::remove_file(&stack).expect("a file");
    std::os::unix::fs::symlink("/etc/hostname", &stack).expect("a link");
    git(&dir, &["commit", "-q", "-am", "link"]);
    let Resolution {
        desired,
        diagnostics,
        ..
    } = read(&config).expect("accepted").resolution;
    let desired = desired.expect("the estate goes on");
    let held = &desired.broken[&StackId::new("acme")];
    assert_eq!(held.len(), 1);
    assert_eq!(
        (held[0].code, held[0].place.file.as_str()),
        ("HF0233", "stacks/acme.toml")
    );
    assert!(held[0].message.contains("symbolic link"), "{held:?}");
    assert!(diagnostics.contains(&held[0]));
}

#[test]
fn s09_what_was_accepted_is_remembered_beside_the_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let (dir, config) = new_estate(folder.path());
    fs::write(dir.join("note.md"), "x").expect("a file");
    git(&dir, &["add", "."]);
    git(&dir, &["commit", "-q", "-m", "note"]);
    let first = read(&config).expect("accepted");
    assert_eq!(first.commit.checked(), 1);
    // Reading alone leaves nothing behind.
    assert!(!config.seen().exists());
    remember(&config, &first.commit).expect("kept");
    assert_eq!(Known::load(&config.seen()).expect("whole").len(), 1);
    assert_eq!(read(&config).expect("accepted").commit.checked(), 0);
    fs::write(config.seen(), "damaged").expect("a file");
    let error = read(&config).expect_err("damaged");
    assert!(matches!(error, EstateError::Known(_)), "{error:?}");
}

#[test]
fn a_bare_repository_is_an_estate_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let (dir, config) = new_estate(folder.path());
    let bare = folder.path().join("bare.git");
    git(
        folder.path(),
        &[
            "clone",
            "-q",
            "--bare",
            dir.to_str().expect("text"),
            "bare.git",
        ],
    );
    fs::create_dir(bare.join("holdfast")).expect("a folder");
    fs::copy(
        dir.join(".git/holdfast/config.toml"),
        bare.join("holdfast/config.toml"),
    )
    .expect("a copy");
    let there = Config::load(&bare, None).expect("its configuration");
    assert_eq!(there.root, config.root);
    assert_eq!(
        there.seen(),
        bare.canonicalize().expect("a path").join("holdfast/seen")
    );
    assert!(read(&there).expect("accepted").resolution.desired.is_some());
}

#[test]
fn a_sha256_estate_is_read_and_says_how_to_write_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (dir, _) = new_estate(folder.path());
    let new = folder.path().join("new");
    run(Command::new("git")
        .args(["init", "-q", "-b", "main", "--object-format=sha256"])
        .arg(&new));
    for name in ["trust.toml", "estate.toml", "hosters.toml"] {
        fs::copy(dir.join(name), new.join(name)).expect("a copy");
    }
    for part in ["stacks", "secrets"] {
        run(Command::new("cp")
            .arg("-r")
            .arg(dir.join(part))
            .arg(new.join(part)));
    }
    let (_, resolution) = read_work_tree(&new).expect("readable");
    assert_eq!(resolution.diagnostics, []);
    assert!(resolution.desired.is_some());
    git(&new, &["add", "."]);
    git(
        &new,
        &[
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@acme.example",
            "commit",
            "-q",
            "-m",
            "root",
        ],
    );
    let output = Command::new("git")
        .arg("-C")
        .arg(&new)
        .args(["rev-parse", "HEAD"])
        .output()
        .expect("git");
    let root = String::from_utf8(output.stdout).expect("text");
    fs::create_dir(new.join(".git/holdfast")).expect("a folder");
    let text = format!(
        "root = \"{}\"\nidentity = \"i\"\nstate = \"state.sqlite\"\n",
        root.trim()
    );
    fs::write(new.join(".git/holdfast/config.toml"), text).expect("a file");
    let config = Config::load(&new, None).expect("its configuration");
    let estate = read(&config).expect("accepted");
    assert!(estate.resolution.desired.is_some());
    let signer = write::Signer::generate("x").expect("a key");
    let error = write::commit(&new, "x", &BTreeMap::new(), &signer).expect_err("not written");
    assert!(matches!(error, WriteError::Format { .. }), "{error:?}");
    assert!(error.to_string().contains("git commit -S"));
}
