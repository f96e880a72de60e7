//! Which commits are accepted. `git verify-commit` is asked as well; where we
//! differ, we are stricter, and the case says why.

use crate::estate_fixture::{Draft, Key, Lab, ask, chain, draft, id, with_headers};
use git2::Oid;
use holdfast::world::git::{Known, TrustError, is_descendant};

/// A history: where trust starts, where it ends, and what is expected of it.
struct Case {
    root: Oid,
    head: Oid,
    /// The start of the refusal's chain of messages, or that it is accepted.
    expect: Result<(), &'static str>,
    /// What Git says of the head, where it has an opinion on the same question.
    git: Option<bool>,
}

/// Owner's key, another key, and a root that lists the owner.
fn start(lab: &Lab) -> (Key, Key, Oid) {
    let owner = lab.ed25519("owner");
    let other = lab.ed25519("other");
    let root = lab.signed(&draft(&[], &[&owner], "root"), &owner);
    (owner, other, root)
}

fn check(name: &str, build: impl FnOnce(&Lab, &Key, &Key, Oid) -> Case) {
    let lab = Lab::new();
    let (owner, other, root) = start(&lab);
    let case = build(&lab, &owner, &other, root);
    lab.head(case.head);
    let verdict = lab.verify(case.root);
    match (&verdict, case.expect) {
        (Ok(commit), Ok(())) => assert_eq!(commit.id(), &id(case.head), "{name}"),
        (Err(error), Err(part)) => {
            let said = chain(error);
            assert!(said.contains(part), "{name}: {said}");
            assert!(!error.remedy().is_empty(), "{name}");
        }
        _ => panic!("{name}: {verdict:?}"),
    }
    if let Some(opinion) = case.git {
        assert_eq!(lab.oracle(case.head, &[&owner]), opinion, "git on {name}");
    }
}

#[test]
fn a_commit_signed_by_a_known_key_is_accepted() {
    check("signed", |lab, owner, _, root| Case {
        root,
        head: lab.signed(&draft(&[root], &[owner], "next"), owner),
        expect: Ok(()),
        git: Some(true),
    });
}

#[test]
fn the_root_alone_is_accepted_by_its_id() {
    check("root", |_, _, _, root| Case {
        root,
        head: root,
        expect: Ok(()),
        git: Some(true),
    });
}

#[test]
fn an_unsigned_commit_is_refused() {
    check("unsigned", |lab, owner, _, root| Case {
        root,
        head: lab.write(&lab.unsigned(&draft(&[root], &[owner], "next"))),
        expect: Err("is not signed"),
        git: Some(false),
    });
}

#[test]
fn an_unsigned_commit_below_a_signed_one_is_refused() {
    check("unsigned below", |lab, owner, _, root| {
        let unsigned = lab.write(&lab.unsigned(&draft(&[root], &[owner], "next")));
        Case {
            root,
            head: lab.signed(&draft(&[unsigned], &[owner], "over it"), owner),
            expect: Err("is not signed"),
            // Git looks at one commit, we look at all of them.
            git: Some(true),
        }
    });
}

#[test]
fn a_key_that_the_parent_does_not_list_is_refused() {
    check("unknown key", |lab, owner, other, root| Case {
        root,
        head: lab.signed(&draft(&[root], &[owner], "next"), other),
        expect: Err("its key is not in trust.toml of its parent"),
        git: Some(false),
    });
}

#[test]
fn a_commit_cannot_list_the_key_that_signs_it() {
    check("own key", |lab, owner, other, root| Case {
        root,
        head: lab.signed(&draft(&[root], &[owner, other], "me too"), other),
        expect: Err("its key is not in trust.toml of its parent"),
        git: Some(false),
    });
}

#[test]
fn a_key_counts_once_a_known_one_has_listed_it() {
    check("added key", |lab, owner, other, root| {
        let list = lab.signed(&draft(&[root], &[owner, other], "add a key"), owner);
        Case {
            root,
            head: lab.signed(&draft(&[list], &[owner, other], "first"), other),
            expect: Ok(()),
            git: None,
        }
    });
}

#[test]
fn a_key_no_longer_counts_once_it_was_removed() {
    check("removed key", |lab, owner, other, root| {
        let list = lab.signed(&draft(&[root], &[owner, other], "add a key"), owner);
        let less = lab.signed(&draft(&[list], &[owner], "remove it"), owner);
        Case {
            root,
            head: lab.signed(&draft(&[less], &[owner], "late"), other),
            expect: Err("its key is not in trust.toml of its parent"),
            git: Some(false),
        }
    });
}

#[test]
fn a_merge_needs_a_key_that_each_parent_lists() {
    check("one parent only", |lab, owner, other, root| {
        let with = lab.signed(&draft(&[root], &[owner, other], "add a key"), owner);
        let without = lab.signed(&draft(&[root], &[owner], "other work"), owner);
        Case {
            root,
            head: lab.signed(&draft(&[with, without], &[owner, other], "merge"), other),
            expect: Err("its key is not in trust.toml of its parent"),
            git: Some(false),
        }
    });
}

#[test]
fn a_merge_of_an_unsigned_branch_is_refused() {
    check("unsigned branch", |lab, owner, _, root| {
        let good = lab.signed(&draft(&[root], &[owner], "good"), owner);
        let bad = lab.write(&lab.unsigned(&draft(&[root], &[owner], "bad")));
        Case {
            root,
            head: lab.signed(&draft(&[good, bad], &[owner], "merge"), owner),
            expect: Err("is not signed"),
            // Git looks at the merge alone.
            git: Some(true),
        }
    });
}

#[test]
fn a_merge_that_brings_another_history_in_is_refused() {
    check("outside history", |lab, owner, _, root| {
        let good = lab.signed(&draft(&[root], &[owner], "good"), owner);
        let stranger = lab.signed(&draft(&[], &[owner], "elsewhere"), owner);
        Case {
            root,
            head: lab.signed(&draft(&[good, stranger], &[owner], "merge"), owner),
            expect: Err("does not descend from the root"),
            git: Some(true),
        }
    });
}

#[test]
fn a_branch_that_left_before_the_root_is_refused() {
    check("before the root", |lab, owner, _, first| {
        let root = lab.signed(&draft(&[first], &[owner], "the root"), owner);
        let aside = lab.signed(&draft(&[first], &[owner], "beside the root"), owner);
        Case {
            root,
            head: lab.signed(&draft(&[root, aside], &[owner], "merge"), owner),
            expect: Err("does not descend from the root"),
            git: Some(true),
        }
    });
}

#[test]
fn a_head_that_does_not_descend_from_the_root_is_refused() {
    check("other root", |lab, owner, _, root| Case {
        root,
        head: lab.signed(&draft(&[], &[owner], "elsewhere"), owner),
        expect: Err("is not an ancestor of"),
        git: Some(true),
    });
}

#[test]
fn a_signature_made_for_something_else_is_refused() {
    check("namespace", |lab, owner, _, root| {
        let payload = lab.unsigned(&draft(&[root], &[owner], "next"));
        let signature = lab.signature(owner, "file", &payload);
        Case {
            root,
            head: lab.write(&with_headers(&payload, &[&signature])),
            expect: Err("was made for \"file\""),
            git: Some(false),
        }
    });
}

#[test]
fn a_commit_changed_after_signing_is_refused() {
    check("tampered", |lab, owner, _, root| {
        let honest = lab.unsigned(&draft(&[root], &[owner], "next"));
        let signature = lab.signature(owner, "git", &honest);
        let changed = lab.unsigned(&draft(&[root], &[owner], "something else"));
        Case {
            root,
            head: lab.write(&with_headers(&changed, &[&signature])),
            expect: Err("does not fit its content"),
            git: Some(false),
        }
    });
}

#[test]
fn two_signatures_are_one_too_many() {
    check("two signatures", |lab, owner, other, root| {
        let payload = lab.unsigned(&draft(&[root], &[owner], "next"));
        let one = lab.signature(owner, "git", &payload);
        let two = lab.signature(other, "git", &payload);
        Case {
            root,
            head: lab.write(&with_headers(&payload, &[&one, &two])),
            expect: Err("more than one signature"),
            git: None,
        }
    });
}

#[test]
fn openpgp_is_refused_by_name() {
    check("openpgp", |lab, owner, _, root| {
        let payload = lab.unsigned(&draft(&[root], &[owner], "next"));
        let armour =
            "-----BEGIN PGP SIGNATURE-----\n\niQEzBAABCAAdFiEE\n-----END PGP SIGNATURE-----";
        Case {
            root,
            head: lab.write(&with_headers(&payload, &[armour])),
            expect: Err("OpenPGP"),
            git: Some(false),
        }
    });
}

#[test]
fn keys_of_other_kinds_sign_as_well() {
    for kind in [
        &["-t", "rsa", "-b", "3072"][..],
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "ecdsa", "-b", "521"],
    ] {
        let lab = Lab::new();
        let key = lab.key("key", kind);
        let root = lab.signed(&draft(&[], &[&key], "root"), &key);
        let head = lab.signed(&draft(&[root], &[&key], "next"), &key);
        lab.head(head);
        let verdict = lab.verify(root);
        assert!(verdict.is_ok(), "{kind:?}: {verdict:?}");
        assert!(lab.oracle(head, &[&key]), "git on {kind:?}");
    }
}

#[test]
fn a_short_rsa_key_is_refused_as_signature_and_in_the_list() {
    let lab = Lab::new();
    let (owner, _, root) = start(&lab);
    let short = lab.key("short", &["-t", "rsa", "-b", "2048"]);
    lab.head(lab.signed(&draft(&[root], &[&owner], "next"), &short));
    let error = lab.verify(root).expect_err("too short");
    assert!(chain(&error).contains("3072 is the least"), "{error}");
    // Listed by an owner: the commit itself is refused, so that the list never judges.
    lab.head(lab.signed(&draft(&[root], &[&owner, &short], "add it"), &owner));
    let error = lab.verify(root).expect_err("too short");
    assert!(matches!(error, TrustError::TrustList { .. }), "{error:?}");
}

#[test]
fn a_replaced_object_changes_nothing() {
    let lab = Lab::new();
    let (owner, _, root) = start(&lab);
    let unsigned = lab.write(&lab.unsigned(&draft(&[root], &[&owner], "bad")));
    let signed = lab.signed(&draft(&[root], &[&owner], "good"), &owner);
    let name = format!("refs/replace/{unsigned}");
    lab.repository
        .reference(&name, signed, true, "test")
        .expect("a reference");
    lab.head(unsigned);
    let error = lab.verify(root).expect_err("unsigned");
    assert!(matches!(error, TrustError::Unsigned { .. }), "{error:?}");
    assert!(!lab.oracle(unsigned, &[&owner]));
}

#[test]
fn a_graft_changes_nothing() {
    let lab = Lab::new();
    let (owner, _, root) = start(&lab);
    let stranger = lab.signed(&draft(&[], &[&owner], "elsewhere"), &owner);
    std::fs::create_dir_all(lab.repository.path().join("info")).expect("a folder");
    let graft = format!("{stranger} {root}\n");
    std::fs::write(lab.repository.path().join("info/grafts"), graft).expect("a file");
    lab.head(stranger);
    let error = lab.verify(root).expect_err("another history");
    assert!(
        matches!(error, TrustError::RootNotAncestor { .. }),
        "{error:?}"
    );
}

#[test]
fn a_shallow_clone_says_so() {
    let lab = Lab::new();
    let (owner, _, root) = start(&lab);
    let head = lab.signed(&draft(&[root], &[&owner], "next"), &owner);
    lab.head(head);
    std::fs::write(lab.repository.path().join("shallow"), format!("{head}\n")).expect("a file");
    let error = lab.verify(root).expect_err("shallow");
    assert!(matches!(error, TrustError::Shallow { .. }), "{error:?}");
    assert!(error.remedy().contains("--unshallow"));
}

#[test]
fn what_leads_out_of_the_commit_is_refused() {
    let cases: [(&str, i32, Vec<u8>, &str); 3] = [
        (
            "link.toml",
            0o120_000,
            b"/etc/passwd".to_vec(),
            "symbolic link",
        ),
        ("module", 0o160_000, Vec::new(), "submodule"),
        ("large.md", 0o100_644, vec![b'a'; (1 << 20) + 1], "1 MiB"),
    ];
    for (name, mode, content, part) in cases {
        let lab = Lab::new();
        let (owner, _, root) = start(&lab);
        let mut next: Draft<'_> = draft(&[root], &[&owner], "next");
        next.files.insert(name.to_owned(), (mode, content));
        lab.head(lab.signed(&next, &owner));
        let error = lab.verify(root).expect_err(name);
        assert!(error.to_string().contains(part), "{name}: {error}");
    }
}

#[test]
fn a_list_that_would_let_nobody_in_is_refused_with_its_commit() {
    let lab = Lab::new();
    let (owner, _, root) = start(&lab);
    let mut next = draft(&[root], &[&owner], "next");
    let broken = b"schema = 1\nsigner = []\n[recipients]\nreconciler = \"x\"\nescrow = []\n";
    next.files
        .insert("trust.toml".to_owned(), (0o100_644, broken.to_vec()));
    lab.head(lab.signed(&next, &owner));
    let error = lab.verify(root).expect_err("broken");
    assert!(matches!(error, TrustError::TrustList { .. }), "{error:?}");
}

#[test]
fn errors_name_commit_key_and_parent() {
    let lab = Lab::new();
    let (owner, other, root) = start(&lab);
    let head = lab.signed(&draft(&[root], &[&owner], "next"), &other);
    lab.head(head);
    let error = lab.verify(root).expect_err("unknown key");
    let said = error.to_string();
    assert!(said.contains(&head.to_string()), "{said}");
    assert!(said.contains(&root.to_string()), "{said}");
    assert!(said.contains("SHA256:"), "{said}");
    assert!(error.is_refusal());
}

#[test]
fn no_repository_is_not_a_refusal_and_no_empty_estate() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = holdfast::model::ids::CommitId::new("0".repeat(40));
    let error = ask(folder.path(), &root, "HEAD", &Known::none()).expect_err("nothing there");
    assert!(!error.is_refusal());
}

#[test]
fn s09_the_head_moves_to_descendants_only() {
    let lab = Lab::new();
    let (owner, _, root) = start(&lab);
    let one = lab.signed(&draft(&[root], &[&owner], "one"), &owner);
    let two = lab.signed(&draft(&[one], &[&owner], "two"), &owner);
    let side = lab.signed(&draft(&[root], &[&owner], "side"), &owner);
    let moves = |from, to| is_descendant(lab.path(), &id(from), &id(to)).expect("readable");
    assert!(moves(one, two));
    assert!(moves(one, one));
    assert!(!moves(two, one));
    assert!(!moves(two, side));
}
