//! Repositories of every form: SHA-256, bare, packed, cut off, tampered with.

use crate::estate_fixture::{Lab, ask, chain, draft, id, run, trust};
use holdfast::model::ids::CommitId;
use holdfast::world::git::{Known, is_descendant};
use std::fs;
use std::path::Path;
use std::process::Command;

fn git(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(dir)
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1");
    command
}

fn said(command: &mut Command) -> String {
    let output = command.output().expect("git");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

/// Commits as people do, with git itself.
fn people(lab: &Lab, format: &str) -> (tempfile::TempDir, CommitId, CommitId) {
    let owner = lab.ed25519("owner");
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    run(Command::new("git")
        .args(["init", "-q", "-b", "main"])
        .arg(format!("--object-format={format}"))
        .arg(dir));
    let key = lab.path().parent().expect("a folder").join("owner");
    for (name, value) in [
        ("user.name", "A"),
        ("user.email", "a@acme.example"),
        ("gpg.format", "ssh"),
        ("commit.gpgsign", "true"),
        ("user.signingkey", key.to_str().expect("text")),
    ] {
        run(git(dir).args(["config", name, value]));
    }
    fs::write(dir.join("trust.toml"), trust(&[&owner])).expect("a file");
    let date = "1790000000 +0100";
    let mut ids = Vec::new();
    for text in ["root", "next"] {
        fs::create_dir_all(dir.join("stacks")).expect("a folder");
        fs::write(dir.join("stacks/note.md"), text).expect("a file");
        run(git(dir).args(["add", "."]));
        run(git(dir)
            .args(["commit", "-q", "-m", text])
            .env("GIT_COMMITTER_DATE", date)
            .env("GIT_AUTHOR_DATE", date));
        ids.push(CommitId::new(said(git(dir).args(["rev-parse", "HEAD"]))));
    }
    let [root, head] = ids.try_into().expect("two");
    (folder, root, head)
}

#[test]
fn what_git_signs_is_accepted_in_both_formats() {
    for (format, digits) in [("sha1", 40), ("sha256", 64)] {
        let lab = Lab::new();
        let (folder, root, head) = people(&lab, format);
        let commit = ask(folder.path(), &root, "HEAD", &Known::none()).expect(format);
        assert_eq!(commit.id(), &head);
        assert_eq!(commit.id().as_str().len(), digits);
        assert_eq!(commit.files()["stacks/note.md"], b"next");
        assert_eq!(commit.checked(), 1);
        let again = ask(folder.path(), &root, "main", commit.seen()).expect(format);
        assert_eq!((again.checked(), again.signed()), (0, commit.signed()));
        let path = folder.path().join(".git/seen");
        commit.seen().save(&path).expect("saved");
        assert_eq!(&Known::load(&path).expect("whole"), commit.seen());
        for name in ["HEAD~1", &root.as_str()[..12], root.as_str()] {
            assert_eq!(
                ask(folder.path(), &root, name, &Known::none())
                    .expect(name)
                    .id(),
                &root
            );
        }
        assert!(is_descendant(folder.path(), &root, &head).expect("readable"));
        assert!(!is_descendant(folder.path(), &head, &root).expect("readable"));
        // Bare, packed, from afar.
        let bare = folder.path().join("bare");
        run(git(folder.path())
            .args(["clone", "-q", "--bare", "--no-local"])
            .arg(folder.path())
            .arg(&bare));
        run(git(&bare).args(["gc", "-q"]));
        let there = ask(&bare, &root, "HEAD", &Known::none()).expect(format);
        assert_eq!(there.files(), commit.files());
        // Cut off.
        let shallow = folder.path().join("shallow");
        run(git(folder.path())
            .args(["clone", "-q", "--depth", "1", "--no-local"])
            .arg(folder.path())
            .arg(&shallow));
        let error = ask(&shallow, &root, "HEAD", &Known::none()).expect_err("shallow");
        assert_eq!(error.code(), "HF0203", "{error}");
        assert!(!error.is_refusal() && error.remedy().contains("--unshallow"));
    }
}

#[test]
fn an_unsigned_or_changed_commit_is_refused_in_sha256_as_well() {
    let lab = Lab::new();
    let (folder, root, head) = people(&lab, "sha256");
    let dir = folder.path();
    let text = said(git(dir).args(["cat-file", "commit", head.as_str()]));
    let store = |text: &str| {
        let file = dir.join("object");
        fs::write(&file, format!("{text}\n")).expect("a file");
        said(
            git(dir)
                .args(["hash-object", "-t", "commit", "-w"])
                .arg(&file),
        )
    };
    assert_eq!(store(&text), head.as_str());
    let refused = |head: &str, code: &str| {
        let error = ask(dir, &root, head, &Known::none()).expect_err(code);
        assert_eq!(error.code(), code, "{}", chain(&error));
    };
    refused(&store(&text.replace("\n\nnext", "\n\nother")), "HF0217");
    refused(&store(&text.replace("gpgsig-sha256 ", "gpgsig ")), "HF0212");
    let second = text.replace("\n\nnext", "\ngpgsig x\n\nnext");
    refused(&store(&second), "HF0212");
    let start = text.find("gpgsig").expect("a header");
    let end = text.find("\n\n").expect("an end");
    refused(
        &store(&format!("{}{}", &text[..start].trim_end(), &text[end..])),
        "HF0211",
    );
}

#[test]
fn an_object_with_another_content_than_its_id_is_never_read() {
    for format in ["sha1", "sha256"] {
        let lab = Lab::new();
        let (folder, root, head) = people(&lab, format);
        let objects = folder.path().join(".git/objects");
        let path = |id: &str| objects.join(&id[..2]).join(&id[2..]);
        let other = fs::read(path(root.as_str())).expect("an object");
        let _ = fs::remove_file(path(head.as_str()));
        fs::write(path(head.as_str()), other).expect("a file");
        let error = ask(folder.path(), &root, "HEAD", &Known::none()).expect_err("exchanged");
        assert!(!error.is_refusal(), "{error:?}");
        let error =
            ask(folder.path(), &root, head.as_str(), &Known::none()).expect_err("exchanged");
        assert!(!error.is_refusal(), "{error:?}");
    }
}

#[test]
fn grafts_and_replacements_change_nothing_below_a_head_or_in_a_name() {
    let lab = Lab::new();
    let owner = lab.ed25519("owner");
    let root = lab.signed(&draft(&[], &[&owner], "root"), &owner);
    let bad = lab.write(&lab.unsigned(&draft(&[root], &[&owner], "bad")));
    let head = lab.signed(&draft(&[bad], &[&owner], "over it"), &owner);
    lab.head(head);
    let good = lab.signed(&draft(&[root], &[&owner], "good"), &owner);
    lab.repository
        .reference(&format!("refs/replace/{bad}"), good, true, "test")
        .expect("a reference");
    fs::create_dir_all(lab.repository.path().join("info")).expect("a folder");
    fs::write(
        lab.repository.path().join("info/grafts"),
        format!("{head} {root}\n"),
    )
    .expect("a file");
    for name in ["HEAD", "HEAD~1"] {
        let error = ask(lab.path(), &id(root), name, &Known::none()).expect_err("unsigned");
        assert_eq!(error.code(), "HF0211", "{}", chain(&error));
        assert!(chain(&error).contains(&bad.to_string()));
    }
}
