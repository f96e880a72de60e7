//! What a list says, and what is refused in it.

use super::*;

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
