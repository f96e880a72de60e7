//! `holdfast check` against a commit that was before, in real repositories.

use crate::new_estate::Estate;
use holdfast::decide::history::History;
use holdfast::flow::before::settle_names;
use holdfast::flow::estate::read_anew;
use holdfast::model::ids::{CommitId, HostName, StackId};
use holdfast::model::journal::{Entry, Event};
use std::path::Path;
use std::process::{Command, Output};

fn run(dir: &Path, program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .output();
    output.unwrap_or_else(|error| panic!("{program}: {error}"))
}

impl Estate {
    /// Errors, as `file code message`.
    fn errors(&self, arguments: &[&str]) -> Vec<String> {
        let all = [&["check", "--format", "json"], arguments].concat();
        let output = run(&self.dir, env!("CARGO_BIN_EXE_holdfast"), &all);
        let found: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
        let findings = found["findings"].as_array().unwrap().iter();
        let errors = findings.filter(|f| f["severity"] == "error");
        let text = |f: &serde_json::Value, key: &str| f[key].as_str().unwrap().to_owned();
        errors
            .map(|f| {
                format!(
                    "{} {} {}",
                    text(f, "file"),
                    text(f, "code"),
                    text(f, "message")
                )
            })
            .collect()
    }
}

#[test]
fn s03_a_commit_is_compared_with_the_one_it_was_written_upon_or_with_a_branch() {
    let estate = Estate::new();
    let bolt = estate
        .read("stacks/acme.toml")
        .replace("acme", "bolt")
        .replace("ACME", "Bolt");
    estate.write("stacks/bolt.toml", &bolt);
    let both = estate.commit("Add bolt");
    assert_eq!(estate.errors(&[]), Vec::<String>::new());
    std::fs::remove_file(estate.dir.join("stacks/bolt.toml")).unwrap();
    let gone =
        "stacks/bolt.toml HF0037 would destroy bolt: its file is gone, and it was never retired";
    assert_eq!(estate.errors(&["--worktree"]), [gone]);
    estate.commit("Lose bolt");
    assert_eq!(estate.errors(&[]), [gone]);
    estate.write("note.md", "later\n");
    estate.commit("Note");
    assert_eq!(
        estate.errors(&[]),
        Vec::<String>::new(),
        "this commit ends nothing"
    );
    assert_eq!(estate.errors(&["--base", &both]), [gone]);
    // A branch that went on elsewhere: what it got since then is not lost here.
    estate.git(&["checkout", "-q", "-b", "main-went-on", &both]);
    estate.write(
        "stacks/coal.toml",
        &bolt.replace("bolt", "coal").replace("Bolt", "Coal"),
    );
    estate.commit("Add coal");
    estate.git(&["checkout", "-q", "-"]);
    assert_eq!(estate.errors(&["--base", "main-went-on"]), [gone]);
    let unknown = run(
        &estate.dir,
        env!("CARGO_BIN_EXE_holdfast"),
        &["check", "--base", "nowhere"],
    );
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
}

#[test]
fn s16_a_name_stays_with_who_had_it_at_the_base() {
    let estate = Estate::new();
    let thief = estate
        .read("stacks/acme.toml")
        .replace("id = \"acme\"", "id = \"bolt\"")
        .replace("ACME", "Bolt");
    estate.write("stacks/bolt.toml", &thief);
    for arguments in [&["--worktree"][..], &[]] {
        if arguments.is_empty() {
            estate.commit("Take acme's names");
        }
        let errors = estate.errors(arguments);
        assert_eq!(errors.len(), 2, "{errors:#?}");
        assert!(
            errors
                .iter()
                .all(|e| e.starts_with("stacks/bolt.toml HF0041")),
            "{errors:#?}"
        );
    }
}

fn entry(stack: Option<&str>, event: Event) -> Entry {
    Entry {
        seq: 1,
        at: "2026-03-02T12:00:00Z".parse().unwrap(),
        stack: stack.map(StackId::new),
        event,
    }
}

#[test]
fn s16_the_reconciler_knows_who_had_a_name_from_its_journal() {
    let estate = Estate::new();
    let root = estate.git(&["rev-parse", "HEAD"]);
    let thief = estate
        .read("stacks/acme.toml")
        .replace("id = \"acme\"", "id = \"bolt\"")
        .replace("ACME", "Bolt");
    estate.write("stacks/bolt.toml", &thief);
    let theft = estate.commit("Take acme's names");
    estate.write("note.md", "later\n");
    let head = estate.commit("Note");
    let broken = |entries: &[Entry]| {
        let read = read_anew(&estate.dir, &CommitId::new(&*root), "HEAD").unwrap();
        let id = read.commit.id().clone();
        assert_eq!(id.as_str(), head);
        let files = read.commit.files();
        let past = History::from_entries(entries);
        let settled = settle_names(&estate.dir, &id, files, read.resolution, &past).unwrap();
        let broken = settled.desired.unwrap().broken;
        broken.keys().map(ToString::to_string).collect::<Vec<_>>()
    };
    let accepted = |commit: &str| {
        let commit = CommitId::new(commit);
        entry(None, Event::Accepted { commit })
    };
    assert_eq!(
        broken(&[]),
        ["acme", "bolt"],
        "without a past both are held"
    );
    // The newest accepted head before this one has the same clash; the one before it tells.
    assert_eq!(
        broken(&[accepted(&root), accepted(&theft), accepted(&head)]),
        ["bolt"]
    );
    // A head in between that is not here any more tells nothing, and what is older may no
    // longer be true: both are held, and the run goes on.
    let lost = "0123456789".repeat(4);
    assert_eq!(
        broken(&[accepted(&root), accepted(&lost), accepted(&theft)]),
        ["acme", "bolt"]
    );
    let named = ["wiki.acme.example", "docs.acme.example"].map(|host| {
        let host = HostName::new(host);
        let address = "192.0.2.1".parse().unwrap();
        entry(Some("bolt"), Event::Named { host, address })
    });
    assert_eq!(broken(&named), ["acme"], "who it was pointed at has it");
}
