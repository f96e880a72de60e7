//! `holdfast trust`: the list as people look at it and change it.

use crate::people::People;
use holdfast::decide::signers::{EditError, NewSigner, add, lines_changed, revoke};
use serde_json::json;

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

const LIST: &str = r#"# Who decides here.
schema = 1

[[signer]] # the founder
name = "anna"
role  = "owner"   # for ever
key = "ssh-ed25519 AAAA"

[recipients] # keep below
reconciler = "age1x"
escrow = ["age1y"]
"#;

fn new_signer() -> NewSigner {
    NewSigner {
        name: "bela".into(),
        person: Some("Béla Nagy".into()),
        role: "operator".into(),
        key: KEY.into(),
        from: None,
        until: Some("2027-01-01T00:00:00Z".parse().unwrap()),
    }
}

#[test]
fn a_key_is_added_after_the_others_and_nothing_else_changes() {
    let text = add(LIST, &new_signer()).unwrap();
    let added = lines_changed(LIST, &text, 0);
    assert!(added.iter().all(|line| line.starts_with('+')), "{added:#?}");
    let expected = format!(
        "[[signer]]\nname = \"bela\"\nperson = \"Béla Nagy\"\nrole = \"operator\"\nkey = \"{KEY}\"\nuntil = \"2027-01-01T00:00:00Z\"\n"
    );
    assert!(text.contains(&expected), "{text}");
    assert!(text.find("anna") < text.find("bela") && text.find("bela") < text.find("[recipients]"));
}

#[test]
fn a_key_is_revoked_in_its_own_place() {
    let text = add(LIST, &new_signer()).unwrap();
    let at = "2026-05-01T00:00:00Z".parse().unwrap();
    let text = revoke(&text, "anna", at, "laptop \"stolen\"").unwrap();
    let line = "revoked = { at = \"2026-05-01T00:00:00Z\", reason = ";
    assert!(text.contains(line), "{text}");
    assert!(text.find(line) < text.find("bela"), "{text}");
    assert!(text.contains("# for ever"), "{text}");
    let again = revoke(&text, "anna", at, "x").unwrap_err();
    assert_eq!(
        again,
        EditError::Revoked {
            name: "anna".into()
        }
    );
    let unknown = revoke(&text, "eve", at, "x").unwrap_err();
    assert!(unknown.to_string().contains("anna, bela"), "{unknown}");
}

#[test]
fn a_list_that_would_not_pass_is_not_written() {
    let people = People::together();
    let before = people.read("trust.toml");
    let bela = std::fs::read_to_string(people.key("bela").with_extension("pub")).unwrap();
    let eve = people.new_key("eve");
    let refused = |args: &[&str], words: &str| {
        let said = people.run("anna", &[&["trust"], args].concat());
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains(words), "{args:?}: {said:?}");
        assert_eq!(people.read("trust.toml"), before);
    };
    let add = |name, role, key| ["add-key", name, "--role", role, "--key", key];
    refused(&add("bela", "operator", &eve), "HF");
    refused(&add("twice", "operator", bela.trim()), "HF");
    refused(&add("eve", "emperor", &eve), "HF");
    refused(&add("eve", "operator", "no key"), "no public SSH key");
    // One owner alone could never again change a list that needs two.
    refused(&["revoke", "olga", "--reason", "left"], "HF");
    refused(&["revoke", "nobody", "--reason", "left"], "names no signer");
}

#[test]
fn a_change_is_printed_with_the_commands_that_sign_it() {
    let people = People::together();
    let eve = people.new_key("eve");
    let file = people.key("eve").with_extension("pub");
    let args = [
        "trust",
        "add-key",
        "eve",
        "--role",
        "operator",
        "--key",
        file.to_str().unwrap(),
    ];
    let said = people.run("anna", &args);
    assert_eq!(said.code, 0, "{said:?}");
    let bare: Vec<&str> = eve.split(' ').take(2).collect();
    assert!(
        said.out.contains(&format!("+key = \"{}\"", bare.join(" "))),
        "{}",
        said.out
    );
    assert!(
        said.out
            .contains("git commit -S -m \"Let eve sign as operator\""),
        "{}",
        said.out
    );
    assert!(said.out.contains("by 1 other owner"), "{}", said.out);
    assert!(!people.read("trust.toml").contains("== eve"));
}

#[test]
fn a_new_key_says_whether_it_is_a_new_person() {
    let people = People::together();
    let add = |name: &str, more: &[&str]| {
        let key = people.new_key(name);
        let args = ["trust", "add-key", name, "--role", "owner", "--key", &key];
        people.run("anna", &[&args[..], more].concat())
    };
    let said = add("olga-laptop", &[]);
    assert_eq!(said.code, 0, "{said:?}");
    let words = "A new person: olga-laptop; now 4 people can sign.";
    assert!(said.out.contains(words), "{}", said.out);
    assert!(said.out.contains("(bela, olga, owner)"), "{}", said.out);
    people.git(&["checkout", "-q", "trust.toml"]);
    let said = add("olga-2", &["--person", "olga"]);
    let words = "One more key of olga; still 3 people can sign.";
    assert!(said.out.contains(words), "{}", said.out);
    let before = people.read("trust.toml");
    for (name, person) in [
        ("olga-3", "0lga"),
        ("olga-4", "olga\u{200b}"),
        ("Bela", "Bela"),
    ] {
        let said = add(name, &["--person", person]);
        assert_eq!(said.code, 1, "{said:?}");
        assert_eq!(people.read("trust.toml"), before);
    }
    let args = ["--person", "dora", "--format", "json"];
    let said = add("dora-key", &args).json();
    assert_eq!(said["arrival"]["new"], true);
    assert_eq!(said["arrival"]["people"], 4);
}

#[test]
fn the_list_says_who_counts_and_what_ends_soon() {
    let people = People::together();
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 7);
    let key = people.new_key("carl");
    let args = [
        "trust", "add-key", "carl", "--role", "operator", "--key", &key, "--until",
    ];
    let said = people.run("anna", &[&args[..], &[&until.to_string()]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    let seen = people.run(
        "anna",
        &["trust", "check", "--worktree", "--format", "json"],
    );
    assert_eq!(seen.code, 0, "{seen:?}");
    let seen = seen.json();
    let carl = seen["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|k| k["name"] == "carl")
        .unwrap();
    assert_eq!(carl["state"]["state"], "ends-soon");
    let trust = seen["thresholds"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["effect"] == "trust");
    assert_eq!(trust.unwrap()["people"], json!(["olga", "owner"]));
    let told = people.run("anna", &["trust", "check", "--worktree"]).out;
    assert!(told.contains("carl ends on"), "{told}");
    // What is not signed does not count: the accepted list knows no carl.
    let accepted = people.run("anna", &["trust", "check"]).out;
    assert!(
        accepted.contains("bela") && !accepted.contains("carl"),
        "{accepted}"
    );
}

#[test]
fn a_commit_is_shown_without_any_configuration() {
    let people = People::together();
    let commit = people.rename("Acme & Sons", "bela");
    let clone = people.beside("clone");
    people.git(&["clone", "-q", ".", clone.to_str().unwrap()]);
    let shown = |args: &[&str]| {
        let mut command =
            people.command("anna", std::path::Path::new(env!("CARGO_BIN_EXE_holdfast")));
        command.current_dir(&clone).args(args);
        crate::people::Said::from(command.output().unwrap())
    };
    let none = shown(&["trust", "show", "HEAD"]);
    assert_eq!(none.code, 1, "nothing says where trust begins: {none:?}");
    let root = people.made.root.as_str();
    let said = shown(&["trust", "show", "HEAD", "--root", root, "--format", "json"]).json();
    assert_eq!(said["commit"], commit.as_str());
    assert_eq!(said["accepted"], true);
    let judged = &said["judged"][0];
    assert_eq!(judged["signed"]["name"], "bela");
    assert_eq!(judged["changed"], json!(["stacks/acme.toml"]));
    let list = shown(&["trust", "check", "--root", root]);
    assert_eq!(list.code, 0, "{list:?}");
}

#[test]
fn a_refused_commit_is_shown_with_what_it_was_not_allowed() {
    let people = People::together();
    let text = people.read("estate.toml");
    people.write("estate.toml", &format!("{text}\n# mine\n"));
    let commit = people.commit("Take over", "bela");
    let said = people.run("anna", &["trust", "show", &commit]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.out.contains("refused: "), "{}", said.out);
    assert!(
        said.out.contains("operator may change: everything but"),
        "{}",
        said.out
    );
    assert!(said.out.contains("HF0226"), "{}", said.out);
    assert!(said.err.contains("to mend it: "), "{}", said.err);
}

#[test]
fn check_warns_while_no_owner_could_be_lost() {
    let people = People::together();
    let words = "losing one of olga, owner would lock trust.toml for good";
    let said = people.run("anna", &["trust", "check"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains(words), "{}", said.out);
    let said = people.run("anna", &["trust", "check", "--worktree"]);
    assert!(said.out.contains(words), "{}", said.out);
    assert!(!said.err.contains("HF0021"), "told once: {}", said.err);
    let said = people.run("anna", &["check", "--format", "json"]).json();
    let all = said["findings"].as_array().unwrap();
    assert!(all.iter().any(|f| f["code"] == "HF0021"), "{all:#?}");
    let dora = people.new_key("dora");
    let args = [
        "trust", "add-key", "dora", "--role", "owner", "--key", &dora,
    ];
    assert_eq!(people.run("anna", &args).code, 0);
    let said = people.run("anna", &["trust", "check", "--worktree"]);
    assert!(!said.out.contains("would lock"), "{}", said.out);
    let alone = People::founded();
    let said = alone.run("anna", &["trust", "check"]).out;
    assert!(
        said.contains("losing owner would lock trust.toml"),
        "{said}"
    );
}

#[test]
fn of_many_changes_at_once_none_is_lost() {
    let people = People::together();
    let names = ["k1", "k2", "k3", "k4", "k5", "k6"].map(|n| format!("{n}-laptop"));
    let running: Vec<_> = names
        .iter()
        .map(|name| {
            let key = people.new_key(name);
            let args = [
                "trust", "add-key", name, "--role", "operator", "--key", &key,
            ];
            let mut command =
                people.command("anna", std::path::Path::new(env!("CARGO_BIN_EXE_holdfast")));
            command.args(args).stdout(std::process::Stdio::null());
            command.spawn().unwrap()
        })
        .collect();
    for mut one in running {
        assert!(one.wait().unwrap().success());
    }
    let list = people.read("trust.toml");
    for name in &names {
        assert!(
            list.contains(&format!("name = \"{name}\"")),
            "{name}:\n{list}"
        );
    }
    assert!(!people.dir().join("trust.toml.lock").exists());
}

#[test]
fn a_list_that_somebody_else_is_changing_is_left_alone() {
    use holdfast::world::git::lock::{Lock, LockError};
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trust.toml");
    std::fs::write(&file, "one").unwrap();
    let lock = Lock::take(&file).unwrap();
    let busy = Lock::take(&file).unwrap_err();
    assert!(matches!(busy, LockError::Busy { .. }), "{busy}");
    // An editor does not ask.
    std::fs::write(&file, "two").unwrap();
    let overtaken = lock.replace(b"one", b"three").unwrap_err();
    assert!(
        matches!(overtaken, LockError::Overtaken { .. }),
        "{overtaken}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "two");
    Lock::take(&file)
        .unwrap()
        .replace(b"two", b"three")
        .unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "three");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_key_is_read_from_an_ordinary_file_of_its_size_only() {
    let people = People::together();
    let before = people.read("trust.toml");
    let line = people.new_key("eve");
    let pipe = people.beside("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let large = people.beside("large.pub");
    std::fs::write(&large, format!("{line}\n{}", "#\n".repeat(20_000))).unwrap();
    let folder = people.dir().to_str().unwrap();
    for given in [
        "/dev/zero",
        pipe.to_str().unwrap(),
        large.to_str().unwrap(),
        folder,
    ] {
        let args = [
            "trust", "add-key", "eve", "--role", "operator", "--key", given,
        ];
        let said = people.run("anna", &args);
        assert_eq!(said.code, 1, "{given}: {said:?}");
        assert!(said.err.contains("no public SSH key"), "{said:?}");
    }
    assert_eq!(people.read("trust.toml"), before);
}
