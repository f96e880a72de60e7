//! S13: a link in a work tree leads to what is no part of the estate; nobody reads or writes
//! through it. Looking at a work tree leaves nothing behind.

use crate::new_estate::{Estate, holdfast as run};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Outside of every estate; broken TOML that would be laid out otherwise.
const OUTSIDE: &str = "a   =   1\n";
const BROKEN: &str = "Sup3rS3cret of the one who checks\n";

/// An estate, and files beside it that nobody may be led to.
fn beside() -> Estate {
    let estate = Estate::new();
    std::fs::write(estate.outside("outside.toml"), OUTSIDE).unwrap();
    std::fs::write(estate.outside("broken.toml"), BROKEN).unwrap();
    std::fs::create_dir(estate.outside("elsewhere")).unwrap();
    std::fs::write(estate.outside("elsewhere/x.toml"), OUTSIDE).unwrap();
    estate
}

fn refused(ran: &Output) {
    let said = format!("{ran:?}");
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(said.contains("is a symbolic link"), "{said}");
    assert!(!said.contains("Sup3rS3cret"), "{said}");
}

#[test]
fn s13_nothing_is_read_through_a_link() {
    let estate = beside();
    symlink(
        estate.outside("broken.toml"),
        estate.dir.join("stacks/key.toml"),
    )
    .unwrap();
    for command in [
        &["fmt"][..],
        &["fmt", "--check", "--format", "json"],
        &["fmt", "stacks/key.toml"],
        &["check", "--worktree"],
        &["check", "--worktree", "--format", "sarif"],
    ] {
        refused(&run(&estate.dir, command));
    }
    let whole = estate.dir.join("stacks/key.toml");
    refused(&run(&estate.dir, &["fmt", whole.to_str().unwrap()]));
    // A folder that is named is walked, and what is a link in it passed over.
    let ran = run(&estate.dir, &["fmt", "stacks"]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    std::fs::remove_file(whole).unwrap();
    std::fs::remove_file(estate.dir.join("trust.toml")).unwrap();
    symlink(estate.outside("broken.toml"), estate.dir.join("trust.toml")).unwrap();
    refused(&run(
        &estate.dir,
        &["trust", "revoke", "owner", "--reason", "x"],
    ));
}

#[test]
fn s13_nothing_is_written_through_a_link() {
    let estate = beside();
    let list = std::fs::read(estate.dir.join("trust.toml")).unwrap();
    std::fs::write(estate.outside("trust.toml"), &list).unwrap();
    std::fs::remove_file(estate.dir.join("trust.toml")).unwrap();
    symlink(estate.outside("trust.toml"), estate.dir.join("trust.toml")).unwrap();
    let key = estate.dir.join(".git/holdfast/keys/owner.pub");
    let key = std::fs::read_to_string(key).unwrap();
    let add = ["trust", "add-key", "anna", "--role", "owner", "--key", &key];
    refused(&run(&estate.dir, &add));
    assert_eq!(std::fs::read(estate.outside("trust.toml")).unwrap(), list);
    std::fs::remove_file(estate.dir.join("trust.toml")).unwrap();
    std::fs::write(estate.dir.join("trust.toml"), &list).unwrap();

    symlink(
        estate.outside("outside.toml"),
        estate.dir.join("stacks/z.toml"),
    )
    .unwrap();
    for command in [&["fmt"][..], &["fmt", "stacks/z.toml"]] {
        refused(&run(&estate.dir, command));
    }
    let kept = std::fs::read_to_string(estate.outside("outside.toml")).unwrap();
    assert_eq!(kept, OUTSIDE);
    std::fs::remove_file(estate.dir.join("stacks/z.toml")).unwrap();

    // A whole folder elsewhere, which Git is told not to see.
    std::fs::rename(estate.dir.join("stacks"), estate.outside("stacks")).unwrap();
    symlink(estate.outside("elsewhere"), estate.dir.join("stacks")).unwrap();
    std::fs::write(estate.dir.join(".gitignore"), "stacks\n").unwrap();
    refused(&run(&estate.dir, &["fmt", "stacks/x.toml"]));
    refused(&run(&estate.dir, &["fmt", "stacks"]));
    let new = [
        "new",
        "stack",
        "bolt",
        "--name",
        "Bolt",
        "--blueprint",
        "mediawiki",
        "--host",
        "wiki.bolt.example",
        "--hoster",
        "hetzner",
    ];
    refused(&run(&estate.dir, &new));
    let there = std::fs::read_dir(estate.outside("elsewhere"))
        .unwrap()
        .count();
    assert_eq!(there, 1);
    let kept = std::fs::read_to_string(estate.outside("elsewhere/x.toml")).unwrap();
    assert_eq!(kept, OUTSIDE);
}

/// Every file below a folder with its content.
fn all(dir: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all(&path, found);
        } else {
            found.push((path.clone(), std::fs::read(path).unwrap()));
        }
    }
    found.sort();
}

#[test]
fn s13_looking_at_a_work_tree_leaves_nothing_in_the_repository() {
    let estate = beside();
    std::fs::write(estate.dir.join("notes.txt"), "my password is Sup3rS3cret\n").unwrap();
    std::fs::write(estate.dir.join("stacks/new.toml"), "schema = 1\n").unwrap();
    let mut before = Vec::new();
    all(&estate.dir, &mut before);
    for command in [&["check", "--worktree"][..], &["fmt", "--check"]] {
        run(&estate.dir, command);
    }
    let mut after = Vec::new();
    all(&estate.dir, &mut after);
    assert!(before == after, "a file was made or changed by looking");
}
