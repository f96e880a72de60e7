//! What becomes of stacks between the base and the head: as `check` tells it.

use super::{Estate, HETZNER, REPAIR, ids, stack_file};
use holdfast::flow::offline::Offline;

/// Findings as `file code`, and what is held, each with the stack it is about.
fn said(offline: &Offline) -> (Vec<String>, Vec<String>) {
    let findings = offline.findings.iter();
    let findings = findings.map(|f| format!("{} {}", f.place.file, f.code));
    let held = offline.plan.plan().held.iter();
    let held = held.map(|held| format!("{} {}", held.stack.as_ref().unwrap(), held.wanted));
    (findings.collect(), held.collect())
}

#[test]
fn s03_what_a_commit_would_end_is_a_finding_and_held_once() {
    let estate = Estate::with(&["acme", "beta", "gamma"]);
    estate.commit(&[("stacks/beta.toml", None)]);
    let offline = estate.ask(estate.root.as_str(), &[]).unwrap();
    let (findings, held) = said(&offline);
    assert_eq!(findings, ["stacks/beta.toml HF0037"]);
    assert_eq!(held, ["beta stack beta"]);
}

#[test]
fn s03_a_stack_that_goes_on_under_another_name_is_the_same_stack() {
    let estate = Estate::with(&["acme", "beta"]);
    let file = estate.text("stacks/beta.toml");
    let moved = file.replace("id = \"beta\"", "id = \"bolt\"\nmoved_from = \"beta\"");
    assert_ne!(file, moved);
    let renamed = estate.commit(&[
        ("stacks/beta.toml", None),
        ("stacks/bolt.toml", Some(moved)),
    ]);
    let offline = estate.ask(estate.root.as_str(), &[]).unwrap();
    let (findings, held) = said(&offline);
    assert_eq!((findings, held), (vec![], vec![]));
    assert!(
        ids(offline.plan.plan())
            .iter()
            .all(|id| !id.contains("create"))
    );
    // Under its new name it is changed like every other, and asked for.
    estate.replace("stacks/bolt.toml", "Documents", "Papers");
    for stacks in [&[][..], &["bolt"]] {
        let plan = estate.ask(renamed.as_str(), stacks).unwrap();
        let plan = plan.plan.plan();
        assert_eq!(ids(plan), ["beta.converge.beta-e1"]);
        let place = plan.steps[0].why.place.as_ref().unwrap();
        assert_eq!(place.file, "stacks/bolt.toml");
    }
}

#[test]
fn s03_a_name_that_stands_in_a_file_that_did_not_change_is_not_gone_on_with() {
    let estate = Estate::with(&["acme", "beta"]);
    let new = stack_file("bolt", HETZNER, REPAIR);
    let new = new.replace("id = \"bolt\"", "id = \"bolt\"\nmoved_from = \"beta\"");
    estate.commit(&[("stacks/bolt.toml", Some(new))]);
    let offline = estate.ask(estate.root.as_str(), &[]).unwrap();
    let (findings, held) = said(&offline);
    assert!(
        findings.iter().all(|f| f == "stacks/bolt.toml HF0039") && !findings.is_empty(),
        "{findings:?}"
    );
    assert_eq!(held.len(), 1, "{held:?}");
    assert!(offline.plan.plan().steps.is_empty());
}
