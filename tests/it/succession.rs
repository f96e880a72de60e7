//! From one commit to the next: nothing is destroyed because a file is not there.

use super::estate_files::{CATALOGUE, STACK, estate, lines, read_with};
use holdfast::decide::succession::{self, Base};
use holdfast::model::desired::Desired;
use holdfast::model::diagnostic::Diagnostic;
use jiff::Timestamp;

/// An estate with these stacks.
fn of(stacks: &[(&str, String)]) -> Desired {
    let mut files = estate();
    files.remove("stacks/acme.toml");
    for (id, text) in stacks {
        files.insert(format!("stacks/{id}.toml"), text.clone().into_bytes());
    }
    read_with(&files, &CATALOGUE).desired.unwrap()
}

fn stack(id: &str) -> String {
    STACK.replace("acme", id).replace("ACME GmbH", id)
}

fn retired(id: &str, day: &str) -> String {
    stack(id).replacen("name = ", &format!("retired = \"{day}\"\nname = "), 1)
}

fn on(day: &str) -> Timestamp {
    format!("{day}T12:00:00Z").parse().unwrap()
}

/// Nobody compared the files, so that all of them count.
fn check(base: Option<&Desired>, head: &Desired, now: Timestamp) -> Vec<Diagnostic> {
    let base = base.map(|desired| Base {
        desired: desired.clone(),
        changed: None,
    });
    succession::check(base.as_ref(), head, now)
}

fn found(base: &Desired, head: &Desired) -> Vec<Diagnostic> {
    check(Some(base), head, on("2026-06-01"))
}

fn two() -> Desired {
    of(&[("acme", stack("acme")), ("bolt", stack("bolt"))])
}

#[test]
fn s03_a_file_that_just_disappears_would_destroy_a_customer() {
    let said = lines(&found(&two(), &of(&[("bolt", stack("bolt"))])));
    assert!(
        said.starts_with("stacks/acme.toml:1:1: HF0037: would destroy acme"),
        "{said}"
    );
    assert!(said.contains("retired = \"YYYY-MM-DD\""), "{said}");
    assert_eq!(said.lines().count(), 1);
    assert_eq!(found(&two(), &two()), []);
}

#[test]
fn s01_without_a_base_nothing_is_said_and_a_broken_file_is_no_missing_one() {
    let head = of(&[("bolt", stack("bolt"))]);
    assert_eq!(check(None, &head, on("2026-06-01")), []);
    let broken = of(&[("acme", "schema = 1\n".to_owned()), ("bolt", stack("bolt"))]);
    assert_eq!(found(&two(), &broken), []);
    let said = lines(&found(&broken, &head));
    assert!(said.contains("would destroy acme"), "{said}");
}

#[test]
fn s03_a_retired_stack_may_go_when_its_last_point_need_not_be_kept() {
    let base = of(&[
        ("acme", retired("acme", "2026-05-15")),
        ("bolt", stack("bolt")),
    ]);
    let head = of(&[("bolt", stack("bolt"))]);
    let early = lines(&check(Some(&base), &head, on("2026-06-13")));
    assert!(
        early.contains(
            "retired on 2026-05-15, and its last recovery point is kept until 2026-06-14"
        ),
        "{early}"
    );
    assert_eq!(check(Some(&base), &head, on("2026-06-14")), []);
    // To retire and delete in one commit is to delete.
    assert_ne!(check(Some(&two()), &head, on("2026-06-14")), []);
}

#[test]
fn s07_a_renamed_file_is_met_with_moved_from() {
    let cases = [
        stack("acme").replace("id = \"acme\"", "id = \"acme2\""),
        // Other host names, the same customer with the same services.
        stack("acme")
            .replace("id = \"acme\"", "id = \"acme2\"")
            .replace("wiki.", "new."),
    ];
    for text in cases {
        let head = of(&[("acme2", text), ("bolt", stack("bolt"))]);
        let said = lines(&found(&two(), &head));
        assert!(
            said.starts_with("stacks/acme2.toml:4:6: HF0038: would destroy acme and create acme2"),
            "{said}"
        );
        assert!(said.contains("moved_from = \"acme\""), "{said}");
        assert_eq!(said.lines().count(), 1);
    }
    let other = of(&[
        ("acme2", stack("coal").replace("\"coal\"", "\"acme2\"")),
        ("bolt", stack("bolt")),
    ]);
    assert!(
        lines(&found(&two(), &other)).contains("HF0037"),
        "another customer is no rename"
    );
}

fn moved(id: &str, from: &str) -> String {
    let line = format!("id = \"{id}\"\nmoved_from = \"{from}\"");
    stack("acme").replace("id = \"acme\"", &line)
}

#[test]
fn s07_moved_from_is_a_rename_and_stays_for_good() {
    let renamed = of(&[("acme2", moved("acme2", "acme")), ("bolt", stack("bolt"))]);
    assert_eq!(found(&two(), &renamed), []);
    assert_eq!(found(&renamed, &renamed), []);
    let again = of(&[("acme3", moved("acme3", "acme")), ("bolt", stack("bolt"))]);
    assert_eq!(found(&renamed, &again), []);
    // Taken out, or naming the name between.
    let bare = stack("acme").replace("id = \"acme\"", "id = \"acme2\"");
    let without = of(&[("acme2", bare), ("bolt", stack("bolt"))]);
    assert!(lines(&found(&renamed, &without)).contains("HF0038"));
    let between = of(&[("acme3", moved("acme3", "acme2")), ("bolt", stack("bolt"))]);
    let said = lines(&found(&renamed, &between));
    assert!(said.contains("acme2 was itself moved from acme"), "{said}");
}

#[test]
fn s16_nobody_goes_on_with_a_stack_that_was_not_there_or_besides_ones_own() {
    let bolt = stack("bolt").replace("id = \"bolt\"", "id = \"bolt\"\nmoved_from = \"acme\"");
    let thief = of(&[("bolt", bolt)]);
    let said = lines(&found(&two(), &thief));
    assert!(
        said.contains("bolt was a stack of its own before"),
        "{said}"
    );
    let alone = of(&[("bolt", stack("bolt"))]);
    let ghost = of(&[("acme2", moved("acme2", "acme")), ("bolt", stack("bolt"))]);
    let said = lines(&found(&alone, &ghost));
    assert!(
        said.contains("there was no stack acme to go on with"),
        "{said}"
    );
}

#[test]
fn thousands_of_renamed_stacks_are_compared_in_no_time() {
    let many = |shift: usize| {
        let ids: Vec<String> = (0..3000).map(|n| format!("c{}", n + shift)).collect();
        let named = ids.iter().enumerate().map(|(n, id)| {
            let text = stack(&format!("c{n}"));
            let own = format!("id = \"c{n}\"");
            (
                id.as_str(),
                text.replacen(&own, &format!("id = \"{id}\""), 1),
            )
        });
        of(&named.collect::<Vec<_>>())
    };
    let (base, head) = (many(0), many(5000));
    let start = std::time::Instant::now();
    let found = found(&base, &head);
    assert_eq!(found.len(), 3000);
    assert!(found.iter().all(|f| f.code == "HF0038"));
    assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
}
