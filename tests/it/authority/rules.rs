//! Who may do what by a list that was read.

use super::*;

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
fn a_say_is_about_what_the_commit_changes() {
    let list = |thresholds: &str| {
        let roles = "[[role]]\nname = \"bolt\"\nstacks = [\"bolt\"]\n[[role]]\nname = \"docs\"\nmay = [\"docs/\"]\n";
        let signers = [
            ("anna", 1, OWNER),
            ("otto", 2, "role = \"operator\""),
            ("bolt", 3, "role = \"bolt\""),
            ("docs", 4, "role = \"docs\""),
        ];
        read(&signers, &format!("{roles}{thresholds}"))
    };
    let two = "[thresholds]\ndestructive = { signers = 2 }";
    let owners = "[thresholds]\ndestructive = { signers = 2, roles = [\"owner\", \"operator\"] }";
    for (thresholds, changed, say) in [
        (two, &["stacks/acme.toml"][..], [true, true, false, false]),
        (two, &["stacks/bolt.toml"], [true, true, true, false]),
        (
            two,
            &["stacks/acme.toml", "stacks/bolt.toml"],
            [true, true, true, false],
        ),
        (
            two,
            &["stacks/acme.toml", "hosters.toml"],
            [true, true, true, false],
        ),
        (
            two,
            &["stacks/acme.toml", "README.md"],
            [true, true, false, false],
        ),
        (owners, &["stacks/bolt.toml"], [true, true, false, false]),
        ("", &["stacks/bolt.toml"], [true, true, true, false]),
        (
            two,
            &["trust.toml", "stacks/acme.toml"],
            [true, true, false, false],
        ),
    ] {
        let list = list(thresholds);
        let changed: Vec<String> = changed.iter().map(|path| (*path).to_owned()).collect();
        for (signer, say) in list.signers.iter().zip(say) {
            let seen = holdfast::decide::signers::has_say(&list, signer, &changed);
            assert_eq!(
                seen, say,
                "{} about {changed:?} with {thresholds:?}",
                signer.name
            );
        }
    }
}
