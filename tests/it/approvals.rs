//! A second person's word for a commit: made, kept, sent, counted, refused.

use crate::people::{People, Said};
use crate::sample;
use holdfast::decide::history::History;
use holdfast::decide::mandate::Mandate;
use holdfast::flow::estate;
use holdfast::flow::standing::Standing;
use holdfast::model::forecast::Forecast;
use holdfast::model::ids::{CommitId, MachineName, StackId, StepId};
use holdfast::model::journal::{Entry, Event, StepResult};
use holdfast::model::machine::Change;
use holdfast::model::plan::{Action, Cause, Drift, Effect, FenceBy, Plan, Step, Why};
use jiff::Timestamp;
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

/// The destructive step of a plan that people ask for.
fn fence(stack: &str) -> Plan {
    let step = Step {
        id: StepId::new(format!("{stack}.fence.{stack}-e1")),
        stack: Some(StackId::new(stack)),
        action: Action::Fence {
            machine: MachineName::new(format!("{stack}-e1")),
            by: FenceBy::PowerOff,
        },
        effect: Effect::Destructive,
        why: Why {
            reason: "moved".into(),
            place: None,
            line: None,
            cause: Cause::Intent,
        },
        after: Vec::new(),
        forecast: Forecast::default(),
    };
    sample::plan(CommitId::new("c"), vec![step])
}

fn mandate(people: &People, plan: &Plan, past: &History) -> Mandate {
    let config = people.config();
    let estate = estate::read(&config).unwrap();
    let standing = Standing::new(&config, &estate.commit);
    let (mandate, unknown) = standing.mandate(plan, past, Timestamp::now());
    assert_eq!(unknown, None);
    mandate
}

/// How many people are counted for what acme asks now; `None` when they are enough.
fn counted(people: &People) -> Option<u8> {
    let plan = fence("acme");
    let mandate = mandate(people, &plan, &History::default());
    mandate.shortfall(&plan.steps[0]).map(|short| short.have)
}

#[test]
fn s05_a_second_person_is_needed_for_what_one_asked_for() {
    let people = People::together();
    assert_eq!(counted(&people), None, "the root asks for it");
    let commit = people.rename("Acme & Sons", "bela");
    assert_eq!(counted(&people), Some(1));
    assert_eq!(people.run("olga", &["approve", &commit]).code, 0);
    assert_eq!(counted(&people), None);
}

#[test]
fn s05_an_approval_of_a_later_commit_that_leaves_the_stack_alone_counts() {
    let people = People::together();
    people.rename("Acme & Sons", "bela");
    people.write("README.md", "hello\n");
    let later = people.commit("Say hello", "anna");
    // Who signed the later commit did not sign for the stack.
    assert_eq!(counted(&people), Some(1));
    assert_eq!(people.run("olga", &["approve", &later]).code, 0);
    assert_eq!(counted(&people), None);
}

#[test]
fn s05_an_approval_does_not_count_for_what_is_changed_after_it() {
    let people = People::together();
    let commit = people.rename("Acme & Sons", "bela");
    assert_eq!(people.run("olga", &["approve", &commit]).code, 0);
    people.rename("Acme & Daughters", "bela");
    assert_eq!(counted(&people), Some(1));
    // Nor for going back to what was approved once: that is asked for anew.
    people.rename("Acme & Sons", "bela");
    assert_eq!(counted(&people), Some(1));
}

#[test]
fn s05_what_all_stacks_share_is_asked_for_by_who_changes_it() {
    let people = People::together();
    let text = people.read("hosters.toml");
    people.write("hosters.toml", &format!("{text}\n# more\n"));
    people.commit("Change what all share", "bela");
    assert_eq!(counted(&people), Some(1));
}

#[test]
fn s05_a_signature_whose_key_was_revoked_since_no_longer_counts() {
    let people = People::together();
    let commit = people.rename("Acme & Sons", "bela");
    assert_eq!(people.run("olga", &["approve", &commit]).code, 0);
    assert_eq!(counted(&people), None);
    let args = ["trust", "revoke", "bela", "--reason", "laptop stolen"];
    assert_eq!(people.run("anna", &args).code, 0);
    let revoked = people.commit("Revoke bela", "anna");
    assert_eq!(people.run("olga", &["approve", &revoked]).code, 0);
    assert_eq!(counted(&people), Some(1), "olga alone is left");
}

#[test]
fn s05_what_cannot_be_looked_up_is_a_gap_and_signed_by_nobody() {
    let people = People::together();
    people.rename("Acme & Sons", "bela");
    let config = people.config();
    let estate = estate::read(&config).unwrap();
    let mut standing = Standing::new(&config, &estate.commit);
    standing.repository = people.beside("nowhere");
    let plan = fence("acme");
    let (mandate, unknown) = standing.mandate(&plan, &History::default(), Timestamp::now());
    assert!(unknown.unwrap().subject.contains("who signed"));
    assert_eq!(mandate.shortfall(&plan.steps[0]).unwrap().have, 0);
    let mut repair = plan;
    repair.steps[0].why.cause = Cause::Reality;
    assert_eq!(mandate.shortfall(&repair.steps[0]), None);
}

#[test]
fn s05_drift_is_told_from_a_change_by_the_head_under_which_it_was_brought_in_line() {
    let people = People::together();
    let commit = people.rename("Acme & Sons", "bela");
    let acme = StackId::new("acme");
    let event = |seq, event| Entry {
        seq,
        at: Timestamp::UNIX_EPOCH,
        stack: Some(acme.clone()),
        event,
    };
    let past = |head: &str| {
        let accepted = Event::Accepted {
            commit: CommitId::new(head),
        };
        let converged = Event::Ended {
            step: StepId::new("acme.converge.acme-e1"),
            result: StepResult::Done,
            millis: 1,
        };
        History::from_entries(&[event(1, accepted), event(2, converged)])
    };
    let mut plan = fence("acme");
    plan.steps[0].why.cause = Cause::Difference;
    let asked = |past: &History| mandate(&people, &plan, past).is_asked(&plan.steps[0]);
    assert!(!asked(&past(&commit)), "in line with what is asked now");
    assert!(asked(&past(people.made.root.as_str())), "changed since");
    assert!(asked(&History::default()), "nobody knows");
    // The same tells what is shown as drift.
    plan.drift.push(Drift {
        stack: Some(acme.clone()),
        machine: MachineName::new("acme-e1"),
        change: Change::InstallPackage {
            package: "nginx".into(),
        },
    });
    people.write("note.md", "Of no machine's concern.\n");
    people.commit("Note", "anna");
    let config = people.config();
    let standing = Standing::new(&config, &estate::read(&config).unwrap().commit);
    let drift = |past: &History| standing.tell_drift(plan.clone(), past).drift.len();
    assert_eq!(drift(&past(&people.head())), 1, "in line with the head");
    assert_eq!(
        drift(&past(&commit)),
        1,
        "and with the same inputs before it"
    );
    assert_eq!(drift(&past(people.made.root.as_str())), 0);
    assert_eq!(drift(&History::default()), 0);
    let mut lost = standing.clone();
    lost.repository = people.beside("nowhere");
    let told = lost.tell_drift(plan.clone(), &past(&commit));
    assert_eq!((told.drift.len(), told.gaps.len()), (0, 1));
}
