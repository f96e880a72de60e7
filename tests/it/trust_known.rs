//! What this computer accepted before: kept whole, and worth its keep.

use crate::estate_fixture::{Key, Lab, ask, draft, id};
use git2::Oid;
use holdfast::world::git::{Known, KnownError};
use std::fs;

fn start() -> (Lab, Key, Oid) {
    let lab = Lab::new();
    let owner = lab.ed25519("owner");
    let root = lab.signed(&draft(&[], &[&owner], "root"), &owner);
    (lab, owner, root)
}

#[test]
fn a_second_run_costs_the_new_commits_only() {
    let (lab, owner, root) = start();
    let chain = |from: Oid, count: usize, name: &str| {
        (0..count).fold(from, |parent, number| {
            let text = format!("{name} {number}");
            lab.signed(&draft(&[parent], &[&owner], &text), &owner)
        })
    };
    let fork = chain(root, 3, "common");
    let main = chain(fork, 4, "main");
    let verify = |head: Oid, known: &Known| {
        ask(lab.path(), &id(root), &head.to_string(), known).expect("accepted")
    };
    let first = verify(main, &Known::none());
    assert_eq!((first.checked(), first.seen().len()), (7, 7));
    let again = verify(main, first.seen());
    assert_eq!(again.checked(), 0);
    assert_eq!(again.seen(), first.seen());
    assert_eq!(again.signed(), first.signed());
    assert_eq!(again.files(), first.files());
    // A branch from before the known head, and its merge.
    let branch = chain(fork, 2, "branch");
    assert_eq!(verify(branch, first.seen()).checked(), 2);
    let merge = lab.signed(&draft(&[main, branch], &[&owner], "merge"), &owner);
    let merged = verify(merge, first.seen());
    assert_eq!((merged.checked(), merged.seen().len()), (3, 10));
    // Whatever order it grew in, it is the same knowledge.
    assert_eq!(merged.seen(), verify(merge, &Known::none()).seen());
}

#[test]
fn knowledge_of_another_root_is_none() {
    let (lab, owner, root) = start();
    let one = lab.signed(&draft(&[root], &[&owner], "one"), &owner);
    let two = lab.signed(&draft(&[one], &[&owner], "two"), &owner);
    lab.head(two);
    let known = lab.verify(root).expect("accepted").seen().clone();
    let other = ask(lab.path(), &id(one), "HEAD", &known).expect("accepted");
    assert_eq!((other.checked(), other.seen().len()), (1, 1));
}

#[test]
fn s09_the_list_of_accepted_commits_is_kept_and_damage_is_told() {
    let (lab, owner, root) = start();
    let one = lab.signed(&draft(&[root], &[&owner], "one"), &owner);
    lab.head(one);
    let known = lab.verify(root).expect("accepted").seen().clone();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state/seen");
    assert_eq!(Known::load(&path).expect("absent"), Known::none());
    known.save(&path).expect("saved");
    assert_eq!(Known::load(&path).expect("whole"), known);
    let whole = fs::read(&path).expect("a file");
    let refuse = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("a file");
        let error = Known::load(&path).expect_err("damaged");
        assert!(matches!(error, KnownError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().contains("state/seen"), "{error}");
        // Nothing overwrites what may still be mended.
        assert!(known.save(&path).is_err());
    };
    refuse(b"");
    refuse(b"holdfast seen 1\n");
    for at in 0..whole.len() {
        refuse(whole.get(..at).expect("a part"));
        let mut other = whole.clone();
        other[at] ^= 1;
        refuse(&other);
    }
}

#[test]
fn what_another_run_saved_meanwhile_stays() {
    let (lab, owner, root) = start();
    let one = lab.signed(&draft(&[root], &[&owner], "one"), &owner);
    let two = lab.signed(&draft(&[root], &[&owner], "two"), &owner);
    let seen = |head: Oid| {
        let verdict = ask(lab.path(), &id(root), &head.to_string(), &Known::none());
        verdict.expect("accepted").seen().clone()
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("seen");
    seen(one).save(&path).expect("saved");
    seen(two).save(&path).expect("saved");
    let both = Known::load(&path).expect("whole");
    assert_eq!(both.len(), 2);
    assert!(both.first_seen(&id(one)).is_some() && both.first_seen(&id(two)).is_some());
}
