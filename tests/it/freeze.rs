//! `freeze` and `unfreeze` at the shell: what is written into the estate, and what is not.

use super::new_estate::{Estate, err, out};
use serde_json::Value;

const END: &str = "2099-01-04 08:00 Europe/Berlin";
const FREEZE: [&str; 6] = [
    "freeze",
    "acme",
    "--until",
    END,
    "--reason",
    "nobody is there",
];

#[test]
fn a_freeze_is_written_into_the_stacks_file_and_taken_out_again() {
    let estate = Estate::new();
    let before = estate.read("stacks/acme.toml");
    let said = out(&estate.run(&FREEZE));
    assert!(
        said.contains("Frozen until 2099-01-04 07:00:00 UTC"),
        "{said}"
    );
    assert!(said.contains("+[[freeze]]"), "{said}");
    assert!(said.contains("role is operator or owner"), "{said}");
    assert!(said.contains("git commit -S -m \"Freeze acme\""), "{said}");
    assert!(said.contains("more than 30 days away"), "{said}");
    let frozen = estate.read("stacks/acme.toml");
    let block = format!("\n[[freeze]]\nuntil = \"{END}\"\nreason = \"nobody is there\"\n");
    assert_eq!(frozen, format!("{before}{block}"));
    let checked = String::from_utf8(estate.run(&["check", "--worktree"]).stderr).unwrap();
    assert!(checked.contains("HF0051"), "{checked}");
    let said = out(&estate.run(&["unfreeze", "acme"]));
    assert!(said.contains("No longer frozen: acme"), "{said}");
    assert_eq!(estate.read("stacks/acme.toml"), before);
    assert!(
        err(&estate.run(&["unfreeze", "acme"])).contains("no freeze stands in stacks/acme.toml")
    );
}

#[test]
fn a_freeze_can_be_signed_at_once_if_nothing_else_would_be() {
    let estate = Estate::new();
    let arguments = [
        &FREEZE[..],
        &["--allow-repairs", "--commit", "--format", "json"],
    ]
    .concat();
    let said: Value = serde_json::from_str(&out(&estate.run(&arguments))).unwrap();
    assert_eq!(said["commit"].as_str().unwrap().len(), 40);
    assert_eq!(said["standing"][0]["repairs_go_on"], true);
    assert_eq!(said["next"][0], "git push");
    assert!(out(&estate.run(&["check"])).contains("signed by"));
    let path = estate.dir.join("stacks/acme.toml");
    let text = estate.read("stacks/acme.toml");
    std::fs::write(&path, format!("{text}# by hand\n")).unwrap();
    let refused = err(&estate.run(&["unfreeze", "acme", "--commit"]));
    assert!(refused.contains("differs from HEAD already"), "{refused}");
    out(&estate.run(&["unfreeze", "acme"]));
    assert!(estate.read("stacks/acme.toml").ends_with("# by hand\n"));
}

#[test]
fn a_freeze_of_all_is_in_what_stacks_share_and_ends_with_every_other() {
    let estate = Estate::new();
    let all = ["freeze", "--all", "--until", "3d", "--reason", "away"];
    let said = out(&estate.run(&all));
    assert!(said.contains("estate.toml"), "{said}");
    assert!(said.contains("role is owner."), "{said}");
    assert!(estate.read("estate.toml").contains("[[freeze]]"));
    out(&estate.run(&FREEZE));
    let one = out(&estate.run(&["unfreeze", "acme"]));
    assert!(
        one.contains("Still held: every stack is frozen until"),
        "{one}"
    );
    out(&estate.run(&FREEZE));
    out(&estate.run(&["unfreeze", "--all"]));
    for path in ["estate.toml", "stacks/acme.toml"] {
        assert!(!estate.read(path).contains("[[freeze]]"), "{path}");
    }
}

#[test]
fn what_can_be_no_freeze_is_refused_and_says_why() {
    let estate = Estate::new();
    let before = estate.read("stacks/acme.toml");
    let freeze = |stack: &str, until: &str, reason: &str| {
        err(&estate.run(&["freeze", stack, "--until", until, "--reason", reason]))
    };
    assert!(freeze("acme", "2020-01-01T00:00:00Z", "away").contains("over already"));
    assert!(freeze("acme", "2099-01-01", "away").contains("no moment with a zone"));
    assert!(freeze("acme", "2099-01-01 Mars/Olympus", "away").contains("no moment with a zone"));
    assert!(freeze("acme", "3d", " ").contains("a line of text"));
    assert!(freeze("acne", "3d", "away").contains("did you mean"));
    let until = ["--until", "3d", "--reason", "away"];
    err(&estate.run(&[&["freeze"][..], &until].concat()));
    err(&estate.run(&[&["freeze", "acme", "--all"][..], &until].concat()));
    err(&estate.run(&["unfreeze"]));
    assert_eq!(
        estate.read("stacks/acme.toml"),
        before,
        "nothing was written"
    );
}
