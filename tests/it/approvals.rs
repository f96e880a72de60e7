//! A second person's word for a commit: made, kept, sent, counted, refused.

use crate::people::{People, Said};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn an_approval_is_kept_counted_and_verified_by_ssh_keygen() {
    let people = People::together();
    let commit = people.rename("Acme & Sons", "anna");
    let said = people.run("bela", &["approve", &commit, "--format", "json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let told = said.json();
    assert_eq!(told["by"]["name"], "bela");
    assert!(said.err.contains("Call it Acme & Sons"), "{}", said.err);
    assert!(said.err.contains("stacks/acme.toml"), "{}", said.err);
    let tally = &told["commit"]["tally"][0];
    assert_eq!(
        (&tally["effect"], &tally["have"]),
        (&"destructive".into(), &2.into())
    );
    let reference = told["reference"].as_str().unwrap();
    assert_eq!(people.approvals(), [reference]);
    assert!(verified_by_ssh_keygen(&people, reference, &commit, "bela"));
    assert!(!verified_by_ssh_keygen(
        &people,
        reference,
        &people.made.root.to_string(),
        "bela"
    ));
}

fn verified_by_ssh_keygen(people: &People, reference: &str, message: &str, who: &str) -> bool {
    let signature = people.beside("approval.sig");
    fs::write(
        &signature,
        people.git(&["cat-file", "blob", reference]) + "\n",
    )
    .unwrap();
    let allowed = people.beside("allowed");
    let line = fs::read_to_string(people.key(who).with_extension("pub")).unwrap();
    fs::write(&allowed, format!("{who} {line}")).unwrap();
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-n", "holdfast-approval", "-I", who, "-f"])
        .arg(&allowed)
        .arg("-s")
        .arg(&signature)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(message.as_bytes())
        .unwrap();
    child.wait().unwrap().success()
}

#[test]
fn an_approval_made_by_ssh_keygen_counts() {
    let people = People::together();
    let commit = people.rename("Acme & Sons", "anna");
    let message = people.beside("id");
    fs::write(&message, &commit).unwrap();
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-Y", "sign", "-n", "holdfast-approval", "-f"]);
    let made = Said::from(
        command
            .arg(people.key("olga"))
            .arg(&message)
            .output()
            .unwrap(),
    );
    assert_eq!(made.code, 0, "{made:?}");
    let line = fs::read_to_string(people.key("olga").with_extension("pub")).unwrap();
    let key: ssh_key::PublicKey = line.parse().unwrap();
    let name = holdfast::world::git::approval_name(key.key_data()).unwrap();
    let blob = people.git(&["hash-object", "-w", &format!("{}.sig", message.display())]);
    let reference = format!("refs/holdfast/approvals/{commit}/{name}");
    people.git(&["update-ref", &reference, &blob]);
    let shown = people
        .run("anna", &["trust", "show", &commit, "--format", "json"])
        .json();
    assert_eq!(shown["approvals"][0]["signed"]["name"], "olga");
    assert_eq!(shown["approvals"][0]["counts"], true);
}

/// It is refused with this exit code and these words, and nothing is written.
fn refused(people: &People, who: &str, commit: &str, code: i32, words: &str) {
    let said = people.run(who, &["approve", commit]);
    assert_eq!(said.code, code, "{said:?}");
    assert!(said.err.contains(words), "{said:?}");
    assert_eq!(people.approvals(), Vec::<String>::new());
}

#[test]
fn an_approval_that_would_not_count_is_not_made() {
    let people = People::together();
    let commit = people.rename("Acme & Sons", "anna");
    people.new_key("eve");
    refused(&people, "eve", &commit, 4, "would not count");
    refused(&people, "anna", &commit, 4, "would not count");
    refused(&people, "bela", "feature", 1, "names no commit");
    refused(&people, "bela", &"0".repeat(40), 1, "cannot read commit");
    people.git(&[
        "commit",
        "-q",
        "--no-gpg-sign",
        "--allow-empty",
        "-m",
        "nobody",
    ]);
    refused(&people, "bela", "HEAD", 4, "is not signed");
}

#[test]
fn s09_a_change_of_the_list_is_accepted_once_a_second_owner_approves_it() {
    let people = People::together();
    let key = people.new_key("carl");
    let args = [
        "trust", "add-key", "carl", "--role", "operator", "--key", &key, "--format", "json",
    ];
    let said = people.run("anna", &args);
    assert_eq!(said.json()["signers"], 2, "{said:?}");
    let commit = people.commit("Let carl sign", "anna");
    let check = |code| {
        let said = people.run("anna", &["check"]);
        assert_eq!(said.code, code, "{said:?}");
    };
    check(4);
    // An operator may approve, and counts for nothing here.
    assert_eq!(people.run("bela", &["approve", &commit]).code, 0);
    check(4);
    let shown = people.run("anna", &["trust", "show", &commit]);
    assert_eq!(shown.code, 4);
    assert!(
        shown.out.contains("1 of 2 people; could still sign: olga"),
        "{}",
        shown.out
    );
    assert_eq!(people.run("olga", &["approve", &commit]).code, 0);
    check(0);
}

#[test]
fn an_approval_is_made_with_a_key_that_only_an_agent_holds() {
    let people = People::together();
    let commit = people.rename("Acme & Sons", "anna");
    let key = people.key("bela");
    let script = r#"ssh-add -q "$1" 2>/dev/null && rm "$1" && exec "$2" approve "$3""#;
    let mut command = people.command("bela", Path::new("ssh-agent"));
    command.env("GIT_CONFIG_VALUE_0", key.with_extension("pub"));
    command.args(["sh", "-c", script, "sh"]).arg(&key);
    let said = Said::from(
        command
            .args([env!("CARGO_BIN_EXE_holdfast"), &commit])
            .output()
            .unwrap(),
    );
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!key.exists(), "the key was in the agent alone");
    assert_eq!(people.approvals().len(), 1);
    // Written out in the setting itself.
    people.git(&["update-ref", "-d", &people.approvals()[0]]);
    let gone = people.run("bela", &["approve", &commit]);
    assert_eq!(gone.code, 1, "neither file nor agent: {gone:?}");
}

#[test]
fn an_approval_is_sent_to_the_remote() {
    let people = People::together();
    let remote = people.beside("remote.git");
    people.git(&["init", "-q", "--bare", remote.to_str().unwrap()]);
    people.git(&["remote", "add", "origin", remote.to_str().unwrap()]);
    people.git(&["push", "-q", "origin", "main"]);
    let commit = people.rename("Acme & Sons", "anna");
    let said = people.run("bela", &["approve", &commit, "--push"]);
    assert_eq!(said.code, 0, "{said:?}");
    let there = people.git_in(&remote, "anna", &["for-each-ref", "--format=%(refname)"]);
    assert!(there.out.contains(&people.approvals()[0]), "{there:?}");
}

#[test]
fn s05_junk_references_do_not_crowd_out_an_approval() {
    let people = People::together();
    let commit = people.rename("Acme & Sons", "anna");
    let blob = people.git(&["hash-object", "-w", "README.md"]);
    let folder = people.dir().join(".git/refs/holdfast/approvals");
    fs::create_dir_all(folder.join(&commit)).unwrap();
    for number in 0..150 {
        let path = folder.join(&commit).join(format!("{number:016x}"));
        fs::write(path, format!("{blob}\n")).unwrap();
    }
    assert_eq!(people.run("olga", &["approve", &commit]).code, 0);
    let shown = people.run("anna", &["trust", "show", &commit, "--format", "json"]);
    let shown = shown.json();
    assert_eq!(shown["approvals"][0]["signed"]["name"], "olga");
    assert_eq!(shown["approvals"][0]["counts"], true);
}
