//! The rules of who may do what, without any repository.

use crate::estate_fixture::RECIPIENT;
use holdfast::decide::authority::Rules;
use holdfast::model::authority::{Authority as _, Breach, Sides, When};
use holdfast::model::trust::Trust;
use jiff::Timestamp;
use ssh_key::PublicKey;
use ssh_key::private::Ed25519Keypair;
use ssh_key::public::KeyData;
use std::collections::BTreeSet;

fn key(number: u8) -> KeyData {
    Ed25519Keypair::from_seed(&[number; 32]).public.into()
}

fn public(number: u8) -> String {
    let key = PublicKey::from(key(number));
    key.to_openssh().unwrap()
}

/// Name, number of the key, further lines.
type Line<'l> = (&'l str, u8, &'l str);

/// These signers, then further tables.
fn text(signers: &[Line<'_>], more: &str) -> String {
    let mut text = "schema = 1\n".to_owned();
    for (name, number, lines) in signers {
        let key = public(*number);
        text += &format!("[[signer]]\nname = \"{name}\"\nkey = \"{key}\"\n{lines}\n");
    }
    text + &format!(
        "{more}\n[recipients]\nreconciler = \"{RECIPIENT}\"\nescrow = [\"{RECIPIENT}\"]\n"
    )
}

fn read(signers: &[Line<'_>], more: &str) -> Trust {
    let text = text(signers, more);
    Rules
        .read(text.as_bytes())
        .unwrap_or_else(|found| panic!("{found:#?}\n{text}"))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn today(now: &str) -> When {
    When {
        dated: Some(at(now)),
        now: at(now),
        first_seen: Some(at(now)),
    }
}

const OWNER: &str = "role = \"owner\"";

#[test]
fn a_list_that_says_nothing_sound_is_refused_with_its_line_and_remedy() {
    let two = "[thresholds]\ntrust = { signers = 2, roles = [\"owner\"] }";
    let cases: [(&str, Vec<Line<'_>>, &str, &str); 20] = [
        (
            "no owner",
            vec![("a", 1, "role = \"operator\"")],
            "",
            "only owners may change",
        ),
        (
            "no unrevoked owner",
            vec![(
                "a",
                1,
                "role = \"owner\"\nrevoked = { at = \"2026-01-01T00:00:00Z\", reason = \"lost\" }",
            )],
            "",
            "only owners may change",
        ),
        (
            "unknown role",
            vec![("a", 1, "role = \"king\"")],
            "",
            "no role is called",
        ),
        (
            "name twice",
            vec![("a", 1, OWNER), ("a", 2, OWNER)],
            "",
            "this name stands twice",
        ),
        (
            "key twice",
            vec![("a", 1, OWNER), ("b", 1, OWNER)],
            "",
            "this key stands twice",
        ),
        (
            "no zone",
            vec![("a", 1, "role = \"owner\"\nfrom = \"2026-01-01T00:00:00\"")],
            "",
            "not a time with a zone",
        ),
        (
            "never valid",
            vec![(
                "a",
                1,
                "role = \"owner\"\nfrom = \"2027-01-01T00:00:00Z\"\nuntil = \"2026-01-01T00:00:00Z\"",
            )],
            "",
            "would never be valid",
        ),
        (
            "half a revocation",
            vec![
                ("b", 2, OWNER),
                ("a", 1, "role = \"owner\"\nrevoked = { reason = \"lost\" }"),
            ],
            "",
            "has no `at`",
        ),
        (
            "built-in redefined",
            vec![("a", 1, OWNER)],
            "[[role]]\nname = \"operator\"\nmay = [\"stacks/\"]",
            "is built in",
        ),
        (
            "role twice",
            vec![("a", 1, OWNER)],
            "[[role]]\nname = \"x\"\nmay = [\"a\"]\n[[role]]\nname = \"x\"\nmay = [\"b\"]",
            "stands twice",
        ),
        (
            "role over trust.toml",
            vec![("a", 1, OWNER)],
            "[[role]]\nname = \"x\"\nmay = [\"trust.toml\"]",
            "may not change trust.toml",
        ),
        (
            "wildcard",
            vec![("a", 1, OWNER)],
            "[[role]]\nname = \"x\"\nmay = [\"stacks/*\"]",
            "no file or folder",
        ),
        (
            "way out",
            vec![("a", 1, OWNER)],
            "[[role]]\nname = \"x\"\nmay = [\"stacks/../\"]",
            "no file or folder",
        ),
        (
            "absolute",
            vec![("a", 1, OWNER)],
            "[[role]]\nname = \"x\"\nmay = [\"/\"]",
            "no file or folder",
        ),
        (
            "empty role",
            vec![("a", 1, OWNER)],
            "[[role]]\nname = \"x\"",
            "has no `may`",
        ),
        (
            "too few people",
            vec![("a", 1, OWNER)],
            two,
            "can never sign",
        ),
        (
            "two keys of one person",
            vec![
                ("a", 1, "role = \"owner\"\nperson = \"Anna\""),
                ("b", 2, "role = \"owner\"\nperson = \"Anna\""),
            ],
            two,
            "can never sign",
        ),
        (
            "the second is revoked",
            vec![
                ("a", 1, OWNER),
                (
                    "b",
                    2,
                    "role = \"owner\"\nrevoked = { at = \"2026-01-01T00:00:00Z\", reason = \"lost\" }",
                ),
            ],
            two,
            "can never sign",
        ),
        (
            "operators over trust",
            vec![("a", 1, OWNER)],
            "[thresholds]\ntrust = { signers = 1, roles = [\"operator\"] }",
            "has no say about trust",
        ),
        (
            "nobody",
            vec![("a", 1, OWNER)],
            "[thresholds]\ndestructive = { signers = 0 }",
            "nobody would have to sign",
        ),
    ];
    for (name, signers, more, part) in cases {
        let text = text(&signers, more);
        let found = Rules.read(text.as_bytes()).expect_err(name);
        let fits = found.iter().find(|found| {
            found.message.contains(part)
                || found
                    .help
                    .as_deref()
                    .is_some_and(|help| help.contains(part))
        });
        let fits = fits.unwrap_or_else(|| panic!("{name}: {found:#?}"));
        assert!(fits.place.line > 0 && fits.is_error(), "{name}");
    }
}

#[test]
fn a_full_list_is_read_as_it_stands() {
    let list = read(
        &[
            (
                "anna",
                1,
                "role = \"owner\"\nperson = \"Anna Berg\"\nfrom = \"2026-01-01T00:00:00Z\"\nuntil = \"2027-01-01T00:00:00+01:00\"",
            ),
            ("anna-2", 2, "role = \"owner\"\nperson = \"Anna Berg\""),
            ("ben", 3, "role = \"owner\""),
            ("carla", 4, "role = \"acme-admin\""),
        ],
        "[[role]]\nname = \"acme-admin\"\nmay = [\"blueprints/own/\"]\nstacks = [\"acme\"]\n\
         [thresholds]\ndestructive = { signers = 2, roles = [\"owner\", \"operator\"] }\ntrust = { signers = 2, roles = [\"owner\"] }",
    );
    assert_eq!(list.signers[0].person, "Anna Berg");
    assert_eq!(list.signers[0].until, Some(at("2026-12-31T23:00:00Z")));
    assert_eq!(list.signers[2].person, "ben");
    let role = &list.roles["acme-admin"];
    assert!(role.may_change("stacks/acme.toml") && role.may_change("blueprints/own/x/y.toml"));
    assert!(!role.may_change("stacks/acme.toml.bak") && !role.may_change("blueprints/own"));
    assert_eq!(
        (
            list.thresholds.destructive.signers,
            list.thresholds.trust.signers
        ),
        (2, 2)
    );
    assert_eq!(list.thresholds.safe.signers, 1);
}

#[test]
fn a_role_may_change_its_own_files_only() {
    let list = read(
        &[
            ("a", 1, OWNER),
            ("o", 2, "role = \"operator\""),
            ("r", 3, "role = \"reconciler\""),
        ],
        "",
    );
    let cases = [
        (0, "trust.toml", true),
        (1, "stacks/acme.toml", true),
        (1, "trust.toml", false),
        (1, "estate.toml", false),
        (2, "records/2026/run.toml", true),
        (2, "records", false),
        (2, "stacks/acme.toml", false),
    ];
    for (signer, path, may) in cases {
        let verdict = Rules.allow(&list, &list.signers[signer], &[path.to_owned()]);
        assert_eq!(
            verdict.is_ok(),
            may,
            "{path} by {}",
            list.signers[signer].role
        );
        if let Err(Breach::Paths { paths, .. }) = verdict {
            assert_eq!(paths, [path]);
        }
    }
}

#[test]
fn a_key_counts_in_its_time_only() {
    let list = read(
        &[(
            "a",
            1,
            "role = \"owner\"\nfrom = \"2026-02-01T00:00:00Z\"\nuntil = \"2026-03-01T00:00:00Z\"",
        )],
        "",
    );
    let admit = |when: &When| Rules.admit(&list, &key(1), when).err();
    assert_eq!(admit(&today("2026-02-10T00:00:00Z")), None);
    assert!(matches!(
        admit(&today("2026-01-10T00:00:00Z")),
        Some(Breach::TooEarly { .. })
    ));
    assert!(matches!(
        admit(&today("2026-03-10T00:00:00Z")),
        Some(Breach::Expired { .. })
    ));
    // Backdated, seen late.
    let backdated = When {
        dated: Some(at("2026-02-10T00:00:00Z")),
        ..today("2026-03-10T00:00:00Z")
    };
    assert!(matches!(admit(&backdated), Some(Breach::Expired { .. })));
    // Somebody valid built upon it: the date alone is left, and it must fit.
    let behind = When {
        first_seen: None,
        ..backdated
    };
    assert_eq!(admit(&behind), None);
    let late = When {
        dated: Some(at("2026-03-02T00:00:00Z")),
        ..behind
    };
    assert!(matches!(admit(&late), Some(Breach::Dated { .. })));
    // A key of the future has no past, whatever was built upon it.
    let early = When {
        now: at("2026-01-10T00:00:00Z"),
        ..behind
    };
    assert!(matches!(admit(&early), Some(Breach::TooEarly { .. })));
    assert!(matches!(
        Rules.admit(&list, &key(9), &behind),
        Err(Breach::UnknownKey)
    ));
}

#[test]
fn people_count_and_not_keys() {
    let list = read(
        &[
            ("anna", 1, "role = \"owner\"\nperson = \"Anna\""),
            ("anna-2", 2, "role = \"owner\"\nperson = \"Anna\""),
            ("ben", 3, "role = \"owner\""),
            ("ben-2", 4, "role = \"owner\"\nperson = \"ben\""),
            ("olga", 5, "role = \"operator\""),
        ],
        "[thresholds]\ntrust = { signers = 2, roles = [\"owner\"] }",
    );
    let when = today("2026-02-10T00:00:00Z");
    let anna = &list.signers[0];
    let have = |keys: &[u8]| {
        let keys: Vec<KeyData> = keys.iter().map(|number| key(*number)).collect();
        let approvers = Rules.approvers(&list, Some(anna), &keys, &when);
        let good: Vec<_> = approvers.into_iter().flatten().collect();
        Rules.suffice(&list, &list.thresholds.trust, Some(anna), &good)
    };
    for (keys, enough) in [
        (&[][..], false),
        (&[1], false),
        (&[2], false),
        (&[5], false),
        (&[9], false),
        (&[3], true),
        (&[9, 5, 4], true),
    ] {
        assert_eq!(have(keys).is_ok(), enough, "{keys:?}");
    }
    let missing = have(&[5]).unwrap_err();
    let Breach::Approvals { have, need, could } = missing else {
        panic!("{missing:?}");
    };
    assert_eq!(
        (have, need, could),
        (1, 2, vec!["ben".to_owned(), "ben-2".to_owned()])
    );
    let twice = Rules.approvers(&list, Some(anna), &[key(3), key(4), key(2)], &when);
    assert!(twice[0].is_ok());
    assert!(matches!(twice[1], Err(Breach::Repeated { .. })));
    assert!(matches!(twice[2], Err(Breach::OwnApproval)));
}

#[test]
fn a_merge_brings_what_only_the_other_branch_changed() {
    let set =
        |names: &[&str]| -> BTreeSet<String> { names.iter().map(|n| (*n).to_owned()).collect() };
    // Differs from this parent: a, b, c, d.
    let changed = set(&["a", "b", "c", "d"]);
    // This parent changed b and d since both parted; the merge differs from the other parent in c.
    let (ours, theirs) = (set(&["b", "d"]), set(&["c"]));
    let side = [Sides {
        ours: &ours,
        theirs: &theirs,
    }];
    // a was brought. b undoes or overrules this parent. c is new in the merge. d as b.
    assert_eq!(Rules.own_changes(&changed, &side), ["b", "c", "d"]);
    assert_eq!(Rules.own_changes(&changed, &[]), ["a", "b", "c", "d"]);
}

#[test]
fn a_revoked_key_counts_only_for_what_lies_behind_the_revocation() {
    let list = read(
        &[
            ("a", 1, OWNER),
            (
                "b",
                2,
                "role = \"owner\"\nrevoked = { at = \"2026-01-01T00:00:00Z\", reason = \"lost\" }",
            ),
        ],
        "",
    );
    assert!(Rules.outlived(&list, &key(2), true).is_ok());
    assert!(matches!(
        Rules.outlived(&list, &key(2), false),
        Err(Breach::RevokedSince { .. })
    ));
    assert!(Rules.outlived(&list, &key(1), false).is_ok());
    let when = today("2026-02-10T00:00:00Z");
    assert!(matches!(
        Rules.admit(&list, &key(2), &when),
        Err(Breach::Revoked { .. })
    ));
}

#[test]
fn two_names_that_look_alike_are_never_two_people() {
    let second = |name: &str, person: Option<&str>| {
        let lines = match person {
            Some(person) => format!("{OWNER}\nperson = \"{person}\""),
            None => OWNER.to_owned(),
        };
        let lines = lines.as_str();
        let anna = ("anna", 1, "role = \"owner\"\nperson = \"Anna Berg\"");
        Rules.read(text(&[anna, (name, 2, lines)], "").as_bytes())
    };
    for (name, person) in [
        ("anna2", Some("Anna berg")),
        ("anna2", Some("ANNA BERG")),
        ("anna2", Some("Anna  Berg")),
        ("anna2", Some("Anna\u{a0}Berg")),
        ("anna2", Some("\u{410}nna Berg")),  // Cyrillic
        ("anna2", Some("Ann\u{430} Berg")),  // Cyrillic
        ("anna2", Some("\u{ff21}nna Berg")), // full width
        ("Anna", None),
        ("\u{430}nna", None),
        ("anna2", Some("anna")),
        ("Anna Berg", Some("Berta")),
    ] {
        let found = second(name, person).unwrap_err();
        let clash = found.iter().find(|f| f.code == "HF0020");
        let clash = clash.unwrap_or_else(|| panic!("{name:?} {person:?}: {found:#?}"));
        assert!(clash.place.line >= 7 && clash.is_error(), "{clash:?}");
        assert!(
            clash.message.contains("\"Anna Berg\""),
            "both are named: {}",
            clash.message
        );
    }
    for (name, person) in [
        ("anna2", Some("Anna Berg")),
        ("Anna Berg", Some("Anna Berg")),
        ("hanna", None),
        ("anna2", Some("Änna Berg")),
        ("michał", Some("Michał Żółć")),
        ("山田", Some("山田 太郎")),
    ] {
        let read = second(name, person);
        assert!(read.is_ok(), "{name:?} {person:?}: {read:?}");
    }
}

#[test]
fn a_name_has_no_character_that_nobody_sees() {
    for hidden in [
        "anna\u{200b}",
        "an\u{ad}na",
        "\u{202e}anna",
        "\u{2066}anna\u{2069}",
        "anna\u{feff}",
        "anna\u{fe0f}",
        "anna\u{3164}",
        "anna\u{e0061}",
        "anna\u{2028}",
        " anna",
        "anna ",
        "anna\u{a0}",
        "\u{2800}",
        "",
    ] {
        for key in ["name", "person"] {
            let lines = format!("{OWNER}\nperson = \"{hidden}\"");
            let list = match key {
                "name" => text(&[(hidden, 1, OWNER)], ""),
                _ => text(&[("anna", 1, &lines)], ""),
            };
            let found = Rules.read(list.as_bytes()).unwrap_err();
            let told = found.iter().find(|f| f.code == "HF0008");
            let told = told.unwrap_or_else(|| panic!("{hidden:?}: {found:#?}"));
            // Nor is it shown as it is.
            let obeyed = ['\u{200b}', '\u{202e}', '\u{2066}', '\u{2028}'];
            assert!(!told.message.contains(obeyed), "{told:?}");
        }
    }
}

#[test]
fn a_folder_without_its_slash_is_told() {
    let read = |may: &str| {
        let role = format!("[[role]]\nname = \"x\"\nmay = [\"{may}\"]");
        let text = text(&[("a", 1, OWNER)], &role);
        holdfast::decide::resolve::trust::read("trust.toml", text.as_bytes())
    };
    for folder in ["stacks", "blueprints", "records", "secrets"] {
        let (list, found) = read(folder);
        assert!(list.is_none(), "{folder}");
        let help = found[0].help.as_deref().unwrap();
        assert_eq!(help, format!("write \"{folder}/\" for everything below it"));
    }
    let (list, found) = read("blueprints/own");
    assert!(list.is_some() && found.len() == 1 && !found[0].is_error());
    assert!(
        found[0]
            .help
            .as_deref()
            .unwrap()
            .contains("\"blueprints/own/\"")
    );
    for fine in ["stacks/", "stacks/acme.toml", "LICENSE", ".schemas/x"] {
        let (list, found) = read(fine);
        assert!(list.is_some() && found.is_empty(), "{fine}: {found:#?}");
    }
}

#[test]
fn as_many_owners_as_must_sign_is_told() {
    let two = "[thresholds]\ntrust = { signers = 2 }";
    let told = |signers: &[Line<'_>], more: &str| {
        let text = text(signers, more);
        let (list, found) = holdfast::decide::resolve::trust::read("trust.toml", text.as_bytes());
        assert!(list.is_some(), "{found:#?}");
        let found: Vec<_> = found.into_iter().filter(|f| f.code == "HF0021").collect();
        assert!(found.len() < 2 && found.iter().all(|f| !f.is_error()));
        found.into_iter().next().map(|found| found.message)
    };
    let revoked =
        "role = \"owner\"\nrevoked = { at = \"2026-01-01T00:00:00Z\", reason = \"lost\" }";
    let (anna, boris, dora) = (("anna", 1, OWNER), ("boris", 2, OWNER), ("dora", 3, OWNER));
    let message = told(&[anna, boris], two).unwrap();
    assert_eq!(
        message,
        "losing one of anna, boris would lock trust.toml for good"
    );
    assert!(told(&[anna, boris, ("dora", 3, revoked)], two).is_some());
    assert!(told(&[anna, boris, ("otto", 3, "role = \"operator\"")], two).is_some());
    assert_eq!(told(&[anna, boris, dora], two), None);
    assert_eq!(told(&[anna, boris], ""), None);
    assert_eq!(told(&[anna], ""), None);
    // Who has a second key is not lost with one of them.
    let second = ("anna-2", 4, "role = \"owner\"\nperson = \"anna\"");
    let message = told(&[anna, boris, second], two).unwrap();
    assert_eq!(message, "losing boris would lock trust.toml for good");
}
