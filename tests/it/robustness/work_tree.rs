//! A work tree that a stranger made, as CI checks it out from a pull request.

use super::bodies;
use holdfast::flow::estate::{EstateError, read_work_tree};
use std::os::unix::fs::symlink;
use std::path::Path;

fn estate() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    git2::Repository::init(folder.path()).unwrap();
    for (path, bytes) in bodies::estate() {
        let whole = folder.path().join(path);
        std::fs::create_dir_all(whole.parent().unwrap()).unwrap();
        std::fs::write(whole, bytes).unwrap();
    }
    folder
}

fn refusal(folder: &Path) -> String {
    match read_work_tree(folder) {
        Err(EstateError::WorkTree(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_work_tree_is_read() {
    let folder = estate();
    let (files, resolution) = read_work_tree(folder.path()).unwrap();
    assert_eq!(files.len(), bodies::estate().len());
    assert!(
        resolution.diagnostics.is_empty(),
        "{:?}",
        resolution.diagnostics
    );
}

/// Its lines would stand in the log of whoever checks the work.
#[test]
fn s13_a_link_out_of_the_work_tree_is_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("token"), "a secret of this computer").unwrap();
    for target in [
        outside.path().join("token"),
        "/dev/zero".into(),
        "estate.toml".into(),
    ] {
        let folder = estate();
        symlink(&target, folder.path().join("stacks/beta.toml")).unwrap();
        let said = refusal(folder.path());
        assert!(
            said.ends_with("stacks/beta.toml is refused: it is a symbolic link"),
            "{said}"
        );
    }
}

#[test]
fn looking_leaves_nothing_behind_and_sees_what_a_commit_of_all_would_hold() {
    let folder = estate();
    let repository = git2::Repository::open(folder.path()).unwrap();
    let mut index = repository.index().unwrap();
    index.add_path(Path::new("stacks/acme.toml")).unwrap();
    index.add_path(Path::new("hosters.toml")).unwrap();
    index.write().unwrap();
    std::fs::write(folder.path().join(".gitignore"), "*.log\n").unwrap();
    std::fs::write(folder.path().join("run.log"), "ignored").unwrap();
    std::fs::write(folder.path().join("stacks/acme.toml"), "changed").unwrap();
    std::fs::remove_file(folder.path().join("hosters.toml")).unwrap();
    let objects = || {
        std::fs::read_dir(folder.path().join(".git/objects"))
            .unwrap()
            .count()
    };
    let before = objects();
    let (files, _) = read_work_tree(folder.path()).unwrap();
    assert_eq!(files["stacks/acme.toml"], b"changed");
    assert!(files.contains_key(".gitignore") && !files.contains_key("run.log"));
    assert!(!files.contains_key("hosters.toml"));
    assert_eq!(objects(), before);
}

#[test]
fn a_folder_that_is_a_link_is_not_entered() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("one.toml"), "a secret").unwrap();
    let folder = estate();
    symlink(outside.path(), folder.path().join("blueprints/other")).unwrap();
    let said = refusal(folder.path());
    assert!(
        said.contains("blueprints/other is refused: it is a symbolic link"),
        "{said}"
    );
}

#[test]
fn a_huge_file_is_refused_before_it_is_read_whole() {
    let folder = estate();
    let file = std::fs::File::create(folder.path().join("hosters.toml")).unwrap();
    // A hole: it takes no room on the disk.
    file.set_len(8 << 30).unwrap();
    let start = std::time::Instant::now();
    let said = refusal(folder.path());
    assert!(said.contains("it is larger than 1 MiB"), "{said}");
    assert!(start.elapsed() < std::time::Duration::from_mins(1));
}
