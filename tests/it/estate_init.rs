//! A new estate is accepted by ourselves and by Git, and its keys stay closed.

use holdfast::decide::derive::{EstateKey, client_key};
use holdfast::flow::config::{Config, Patience};
use holdfast::flow::estate::{commit_signed, estate_key, read, secret, write_secret};
use holdfast::flow::init::{InitError, InitOptions, Initialised, init};
use holdfast::model::secret::Secret;
use holdfast::world::git::write::WriteError;
use holdfast::world::secrets::{Opener, SecretError};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn made(dir: &Path) -> (Initialised, Config) {
    let made = init(dir, &InitOptions::default()).expect("a new estate");
    let config = Config::load(dir, None).expect("its configuration");
    (made, config)
}

fn git(dir: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(arguments)
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .output()
        .expect("git");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.success(), said)
}

#[test]
fn a_new_estate_is_accepted_and_clean() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("estate");
    let (made, config) = made(&dir);
    assert_eq!(config.root, made.root);
    let estate = read(&config).expect("accepted");
    assert!(
        estate.resolution.diagnostics.is_empty(),
        "{:#?}",
        estate.resolution.diagnostics
    );
    let desired = estate.resolution.desired.expect("sound");
    assert_eq!(desired.stacks.len(), 1);
    assert!(desired.broken.is_empty());
    let stack = desired.stacks.values().next().expect("a stack");
    assert_eq!(stack.services.len(), 2);
    assert_eq!(stack.production.machine_type.as_deref(), Some("cx23"));
    assert_eq!(
        estate_key(&config, &estate.commit)
            .expect("a key")
            .expose()
            .len(),
        32
    );
    let (good, said) = git(&dir, &["verify-commit", "HEAD"]);
    assert!(good, "{said}");
    let (_, said) = git(&dir, &["status", "--porcelain"]);
    assert_eq!(said, "", "the work tree is the commit");
}

#[test]
fn a_commit_made_here_and_one_made_by_git_are_both_accepted() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("estate");
    let (made, config) = made(&dir);
    let path = "stacks/acme.toml";
    let text = std::fs::read_to_string(dir.join(path)).expect("the stack");
    let renamed = text.replace("ACME GmbH", "ACME AG");
    let changes = BTreeMap::from([(path.to_owned(), Some(renamed.clone().into_bytes()))]);
    let ours = commit_signed(&dir, "Rename the customer", &changes).expect("a commit");
    assert_ne!(ours, made.root);
    let estate = read(&config).expect("accepted");
    assert_eq!(estate.commit.id(), &ours);
    assert_eq!(estate.commit.signed().expect("signed").name, "owner");
    assert_eq!(git(&dir, &["status", "--porcelain"]).1, "");
    assert!(git(&dir, &["verify-commit", "HEAD"]).0);

    std::fs::write(dir.join(path), renamed.replace("ACME AG", "ACME SE")).expect("a change");
    let (good, said) = git(&dir, &["commit", "-q", "-a", "-m", "Rename again"]);
    assert!(good, "{said}");
    let estate = read(&config).expect("git's commit signs by itself");
    let stacks = estate.resolution.desired.expect("sound").stacks;
    assert!(stacks.values().all(|stack| stack.name == "ACME SE"));

    let (good, said) = git(
        &dir,
        &[
            "-c",
            "commit.gpgsign=false",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "No signature",
        ],
    );
    assert!(good, "{said}");
    assert!(read(&config).is_err(), "an unsigned commit is not accepted");
}

#[test]
fn what_is_staged_stays_staged_and_uncommitted() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("estate");
    let (_, config) = made(&dir);
    std::fs::write(dir.join("draft.md"), "later").expect("a file");
    assert!(git(&dir, &["add", "draft.md"]).0);
    let changes = BTreeMap::from([("note.md".to_owned(), Some(b"now".to_vec()))]);
    commit_signed(&dir, "Note", &changes).expect("a commit");
    let files = read(&config).expect("accepted").commit.files().clone();
    assert!(files.contains_key("note.md"));
    assert!(!files.contains_key("draft.md"));
    assert_eq!(git(&dir, &["status", "--porcelain"]).1, "A  draft.md\n");
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("mine"), "").expect("a file");
    let error = init(folder.path(), &InitOptions::default()).expect_err("not empty");
    assert!(
        matches!(error, InitError::Write(WriteError::NotEmpty { .. })),
        "{error:?}"
    );
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("readable").count(),
        1
    );
}

#[test]
fn keys_are_for_their_owner_only_and_never_committed() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("estate");
    let (made, config) = made(&dir);
    for path in [
        &made.signing_key,
        &made.identity,
        &made.escrow,
        &made.config,
    ] {
        let mode = std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    let estate = read(&config).expect("accepted");
    for (path, content) in estate.commit.files() {
        let text = String::from_utf8_lossy(content);
        assert!(
            !text.contains("AGE-SECRET-KEY") && !text.contains("PRIVATE KEY"),
            "{path}"
        );
    }
    std::fs::set_permissions(&made.identity, std::fs::Permissions::from_mode(0o644))
        .expect("a mode");
    let error = Opener::load(&made.identity).expect_err("others can read it");
    assert!(matches!(error, SecretError::Exposed { .. }), "{error:?}");
}

#[test]
fn s13_secrets_are_sealed_for_reconciler_and_escrow_and_never_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("estate");
    let (made, config) = made(&dir);
    let token = "Fi6dOnIs2yuvIvEr";
    let path = write_secret(&dir, "hetzner-token", &Secret::new(token)).expect("sealed");
    let sealed = std::fs::read(path).expect("a file");
    assert!(
        !sealed
            .windows(token.len())
            .any(|part| part == token.as_bytes())
    );
    let changes = BTreeMap::from([("secrets/hetzner-token.age".to_owned(), Some(sealed))]);
    commit_signed(&dir, "Seal the token", &changes).expect("a commit");
    let estate = read(&config).expect("accepted");
    let opened = secret(&config, &estate.commit, "hetzner-token").expect("opened");
    assert_eq!(opened.expose(), token.as_bytes());
    let by_escrow = Opener::load(&made.escrow).expect("an identity");
    let opened = by_escrow
        .open(estate.commit.files(), "hetzner-token")
        .expect("opened");
    assert_eq!(opened.expose(), token.as_bytes());
    let shown = format!("{opened:?} {by_escrow:?} {estate:?}");
    assert!(!shown.contains(token) && !shown.contains("AGE-SECRET-KEY"));
    let error = by_escrow
        .open(estate.commit.files(), "dns-key")
        .expect_err("not there");
    assert!(matches!(error, SecretError::Missing { .. }), "{error:?}");
}

#[test]
fn the_work_tree_is_never_acted_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("estate");
    let (_, config) = made(&dir);
    std::fs::write(dir.join("stacks/acme.toml"), "schema = 2").expect("a file");
    std::fs::remove_file(dir.join("trust.toml")).expect("removed");
    let estate = read(&config).expect("accepted");
    assert!(estate.resolution.diagnostics.is_empty());
}

#[test]
fn patience_is_a_setting_of_this_computer_and_machines_get_the_derived_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("estate");
    let (made, config) = made(&dir);
    assert_eq!(config.patience, Patience::default());

    let read = read(&config).expect("accepted");
    let key = EstateKey::new(estate_key(&config, &read.commit).expect("the key")).expect("a key");
    let told = std::fs::read_to_string(&made.machines_key).expect("the key for machines");
    assert!(told.starts_with(&client_key(&key).public), "{told}");

    let text = std::fs::read_to_string(&made.config).expect("its configuration");
    let with = |patience: &str| {
        std::fs::write(&made.config, format!("{text}\n[patience]\n{patience}\n")).expect("written");
        Config::load(&dir, None).map(|config| config.patience)
    };
    let patience = with("first_contact = \"20s\"").expect("a duration");
    assert_eq!(patience.first_contact, Duration::from_secs(20));
    assert_eq!(patience.hoster, Patience::default().hoster);
    let error = with("hoster = \"6\"")
        .expect_err("a bare number")
        .to_string();
    assert!(
        error.contains("config.toml") && error.contains("[patience] hoster"),
        "{error}"
    );
}
