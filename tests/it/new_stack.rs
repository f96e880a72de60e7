//! `new stack`: a file that passes `check`, never over another one.

use crate::new_estate::Estate;
use holdfast::decide::layout::laid_out;
use holdfast::show::prompt::{Prompt, PromptError};
use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Output};

impl Estate {
    fn is_sound(&self, stacks: usize) {
        let checked = self.run(&["check", "--worktree", "--format", "json"]);
        let found: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
        // What is promised in a new file, nobody has measured: a warning for the estate.
        let findings = found["findings"].as_array().unwrap().iter();
        let errors: Vec<_> = findings.filter(|f| f["code"] != "HF0033").collect();
        assert!(errors.is_empty(), "{errors:#?}");
        assert_eq!(found["stacks"], stacks);
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const FULL: [&str; 11] = [
    "new",
    "stack",
    "bolt",
    "--name",
    "Bolt \"& Söhne\" KG",
    "--blueprint",
    "dokuwiki",
    "--host",
    "docs.bolt.example",
    "--hoster",
    "hetzner",
];

#[test]
fn flags_alone_make_a_sound_file_with_an_independent_backup() {
    let estate = Estate::new();
    let mut arguments = FULL.to_vec();
    arguments.extend(["--set", "title=Bolt", "--rpo", "36h"]);
    let made = estate.run(&arguments);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    let told = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(
        told.starts_with("wrote stacks/bolt.toml: dokuwiki on hetzner"),
        "{told}"
    );
    assert!(told.contains("git add stacks/bolt.toml"), "{told}");
    let text = estate.read("stacks/bolt.toml");
    let read: toml::Table = text.parse().unwrap();
    assert_eq!(read["stack"]["name"].as_str(), Some("Bolt \"& Söhne\" KG"));
    assert_eq!(read["objectives"]["rpo"].as_str(), Some("36h"));
    assert_ne!(read["backup"]["hoster"].as_str(), Some("hetzner"), "S14");
    assert_eq!(laid_out("a.toml", &text).unwrap(), text, "as fmt would");
    estate.is_sound(2);
}

#[test]
fn what_a_script_forgot_is_named_by_its_flags_all_at_once() {
    let estate = Estate::new();
    let made = estate.run(&["new", "stack", "bolt"]);
    assert_eq!(made.status.code(), Some(1));
    let told = said(&made);
    for flag in ["--name", "--blueprint", "--host", "--hoster"] {
        assert!(told.contains(flag), "{flag}: {told}");
    }
    assert!(!estate.dir.join("stacks/bolt.toml").exists());
}

#[test]
fn no_file_is_ever_overwritten() {
    let estate = Estate::new();
    let before = estate.read("stacks/acme.toml");
    let mut arguments = FULL.to_vec();
    arguments[2] = "acme";
    let made = estate.run(&arguments);
    assert_eq!(made.status.code(), Some(1));
    assert!(said(&made).contains("exists already"), "{}", said(&made));
    assert_eq!(estate.read("stacks/acme.toml"), before);
    // Not even one that Git does not know, or a link that leads nowhere.
    std::os::unix::fs::symlink("/nowhere", estate.dir.join("stacks/bolt.toml")).unwrap();
    assert_ne!(estate.run(&FULL).status.code(), Some(0));
    assert!(!Path::new("/nowhere").exists());
}

#[test]
fn what_check_would_refuse_is_not_written() {
    let cases: [(&[&str], &str); 7] = [
        (
            &["--backup-hoster", "hetzner", "--backup-site", "hel1"],
            "not independent",
        ),
        (&["--backup-hoster", "hetzner"], "no place is independent"),
        (&["--rpo", "24"], "has no unit"),
        (&["--site", "nbg7"], "did you mean `nbg1`?"),
        (&["--schedule", "weekly"], "is not a schedule"),
        (&["--image", "debian-11"], "no image"),
        (&["--memory", "8 TiB"], "no machine type"),
    ];
    let estate = Estate::new();
    for (more, expected) in cases {
        let arguments: Vec<&str> = FULL.iter().chain(more).copied().collect();
        let made = estate.run(&arguments);
        let told = said(&made);
        assert_eq!(made.status.code(), Some(1), "{more:?}");
        assert!(told.contains(expected), "{more:?}: {told}");
        assert!(!estate.dir.join("stacks/bolt.toml").exists(), "{more:?}");
    }
    for (flag, wrong, meant) in [
        ("--blueprint", "dokuwki", "dokuwiki"),
        ("--hoster", "hetznr", "hetzner"),
    ] {
        let at = FULL.iter().position(|a| *a == flag).unwrap() + 1;
        let mut arguments = FULL.to_vec();
        arguments[at] = wrong;
        let told = said(&estate.run(&arguments));
        assert!(told.contains(&format!("did you mean `{meant}`?")), "{told}");
    }
    let mut arguments = FULL.to_vec();
    arguments[2] = "../bolt";
    assert!(said(&estate.run(&arguments)).contains("is no id for a stack"));
}

#[test]
fn at_a_terminal_it_asks_and_the_usual_answers_are_sound() {
    let estate = Estate::new();
    let line = format!("{} new stack bolt", env!("CARGO_BIN_EXE_holdfast"));
    // `script` gives it a terminal; what cannot be used is asked again.
    let ran = Command::new("sh")
        .arg("-c")
        .arg("printf 'Bolt KG\\ndokuwki\\ndokuwiki\\ndocs.bolt.example\\n\\n\\n\\n\\n\\n\\n\\n' | script -qec \"$0\" /dev/null")
        .arg(&line)
        .current_dir(&estate.dir)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(told.contains("did you mean `dokuwiki`?"), "{told}");
    assert!(told.contains("wrote stacks/bolt.toml"), "{told}");
    let read: toml::Table = estate.read("stacks/bolt.toml").parse().unwrap();
    assert_eq!(read["stack"]["name"].as_str(), Some("Bolt KG"));
    assert_eq!(read["objectives"]["rto"].as_str(), Some("6h"));
    estate.is_sound(2);
}

#[test]
fn a_question_is_asked_until_its_answer_can_be_used() {
    let mut shown = Vec::new();
    let mut prompt = Prompt::new(Cursor::new("no\n\nyes\n"), &mut shown);
    let accept = |answer: &str| match answer {
        "yes" | "usual" => Ok(()),
        other => Err(format!("{other:?} is no answer")),
    };
    assert_eq!(prompt.ask("Well", Some("usual"), accept).unwrap(), "usual");
    assert_eq!(prompt.ask("Well", None, accept).unwrap(), "yes");
    assert!(matches!(
        prompt.ask("Well", None, accept),
        Err(PromptError::Ended)
    ));
    let shown = String::from_utf8(shown).unwrap();
    assert_eq!(
        shown,
        "Well [usual]:   \"no\" is no answer\nWell [usual]: Well: Well: "
    );
}
