//! Whose approval is taken: not whose word counts for nothing by the accepted head.

use crate::people::People;

/// The estate with dora as a third owner, and carla who looks after another customer.
fn more() -> People {
    let people = People::together();
    let add = |name: &str, role: &str| {
        let key = people.new_key(name);
        format!("\n[[signer]]\nname = \"{name}\"\nrole = \"{role}\"\nkey = \"{key}\"\n")
    };
    let role = "\n[[role]]\nname = \"bolt-admin\"\nstacks = [\"bolt\"]\n";
    let text = people.read("trust.toml") + &add("dora", "owner") + &add("carla", "bolt-admin");
    people.write("trust.toml", &(text + role));
    let listed = people.commit("List dora and carla", "anna");
    assert_eq!(people.run("olga", &["approve", &listed]).code, 0);
    people
}

fn revoke(people: &People, name: &str, approver: &str) {
    let args = ["trust", "revoke", name, "--reason", "laptop stolen"];
    assert_eq!(people.run("anna", &args).code, 0);
    let revoked = people.commit("Revoke a key", "anna");
    let said = people.run(approver, &["approve", &revoked]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("2 of 2 people, enough"), "{}", said.out);
}

#[test]
fn an_approval_that_would_count_for_nothing_is_not_made() {
    let people = more();
    let commit = people.rename("Acme & Sons", "bela");
    let before = people.approvals();
    let said = people.run("carla", &["approve", &commit]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(
        said.err.contains("carla (bolt-admin)")
            && said.err.contains("no say about stacks/acme.toml"),
        "{}",
        said.err
    );
    assert!(said.out.is_empty() && said.err.contains("nothing was written"));
    assert_eq!(people.approvals(), before);
    assert_eq!(people.run("olga", &["approve", &commit]).code, 0);
}

#[test]
fn a_key_that_the_head_revokes_approves_no_older_commit() {
    let people = more();
    let commit = people.rename("Acme & Sons", "bela");
    revoke(&people, "olga", "dora");
    let before = people.approvals();
    let said = people.run("olga", &["approve", &commit]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(
        said.err.contains("olga (owner)") && said.err.contains("revoked on"),
        "{}",
        said.err
    );
    // Nor one that the list no longer names at all.
    let text = people.read("trust.toml");
    let at = text.find("name = \"olga\"").unwrap();
    let start = text[..at].rfind("[[signer]]").unwrap();
    let end = at + text[at..].find("[[signer]]").unwrap_or(text.len() - at);
    let end = text[at..end]
        .find("[thresholds]")
        .map_or(end, |found| at + found);
    people.write("trust.toml", &format!("{}{}", &text[..start], &text[end..]));
    let removed = people.commit("Forget olga", "anna");
    assert_eq!(people.run("dora", &["approve", &removed]).code, 0);
    let said = people.run("olga", &["approve", &commit]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(
        said.err.contains("does not list the key any more"),
        "{}",
        said.err
    );
    assert!(people.approvals().len() == before.len() + 1);
}

#[test]
fn who_is_revoked_since_is_not_counted_in_what_approve_says() {
    let people = more();
    let commit = people.rename("Acme & Sons", "bela");
    let said = people.run("olga", &["approve", &commit]);
    assert!(
        said.out
            .contains("destructive steps: 2 of 2 people, enough"),
        "{}",
        said.out
    );
    revoke(&people, "olga", "dora");
    let shown = people.run("anna", &["trust", "show", &commit]);
    assert_eq!(shown.code, 0, "it stays accepted: {shown:?}");
    assert!(shown.out.contains("olga (owner)"), "{}", shown.out);
    assert!(
        shown.out.contains("counts for no step any more"),
        "{}",
        shown.out
    );
    let words = "destructive steps: 1 of 2 people; could still sign: dora, owner";
    assert!(shown.out.contains(words), "{}", shown.out);
    let args = ["trust", "show", &commit, "--format", "json"];
    let json = people.run("anna", &args).json();
    assert_eq!(json["approvals"][0]["counts"], false);
    let said = people.run("dora", &["approve", &commit]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out
            .contains("destructive steps: 2 of 2 people, enough"),
        "{}",
        said.out
    );
}

#[test]
fn a_change_of_the_list_that_was_accepted_stays_enough() {
    let people = more();
    let listed = people.head();
    revoke(&people, "olga", "dora");
    let shown = people.run("anna", &["trust", "show", &listed]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let words = "the change of trust.toml: 2 of 2 people, enough";
    assert!(shown.out.contains(words), "{}", shown.out);
}

#[test]
fn a_locked_list_is_left_by_a_new_root() {
    let people = People::together();
    let old = people.made.root.as_str().to_owned();
    // Olga's key is stolen, and she and anna were just enough. The list itself can say so.
    let dora = people.new_key("dora");
    let add = [
        "trust", "add-key", "dora", "--role", "owner", "--key", &dora,
    ];
    assert_eq!(people.run("anna", &add).code, 0);
    let args = ["trust", "revoke", "olga", "--reason", "laptop stolen"];
    assert_eq!(people.run("anna", &args).code, 0);
    let commit = people.commit("Begin again without olga", "anna");
    assert_eq!(people.run("anna", &["check"]).code, 4);
    let config = std::fs::read_to_string(&people.made.config).unwrap();
    std::fs::write(&people.made.config, config.replace(&old, &commit)).unwrap();
    assert_eq!(people.run("anna", &["check"]).code, 0);
    let listed = people.run("anna", &["trust", "check", "--format", "json"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    assert_eq!(listed.json()["thresholds"][3]["people"][0], "dora");
    people.rename("Acme & Sons", "bela");
    assert_eq!(people.run("anna", &["check"]).code, 0);
    people.rename("Acme & Thieves", "olga");
    assert_eq!(people.run("anna", &["check"]).code, 4);
}
