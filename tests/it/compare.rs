//! Where histories parted, whatever their commits' dates say.

use super::estate_fixture::{Draft, Lab, ask, draft, id};
use git2::Oid;
use holdfast::model::ids::CommitId;
use holdfast::world::git::Known;
use holdfast::world::git::compare::{Comparison, Parting};
use std::collections::{BTreeMap, BTreeSet};

const START: i64 = 1_790_000_000;

/// Commits by number, each with the numbers of its parents. Nobody signs them.
fn graph(lab: &Lab, parents: &[Vec<usize>], dated: impl Fn(usize) -> i64) -> Vec<Oid> {
    let mut made: Vec<Oid> = Vec::new();
    for (number, parents) in parents.iter().enumerate() {
        let message = format!("commit {number}");
        let draft = Draft {
            parents: parents.iter().map(|parent| made[*parent]).collect(),
            files: BTreeMap::new(),
            message: &message,
            dated: Some(dated(number)),
        };
        made.push(lab.write(&lab.unsigned(&draft)));
    }
    made
}

fn ancestors(parents: &[Vec<usize>], of: usize) -> BTreeSet<usize> {
    let mut all = BTreeSet::new();
    let mut open = vec![of];
    while let Some(number) = open.pop() {
        if all.insert(number) {
            open.extend(&parents[number]);
        }
    }
    all
}

/// All pairs of commits, against sets of ancestors.
fn agrees(lab: &Lab, parents: &[Vec<usize>], dated: impl Fn(usize) -> i64) {
    let made = graph(lab, parents, dated);
    let git = Comparison::open(lab.path()).unwrap();
    for one in 0..made.len() {
        for two in 0..made.len() {
            let (left, right) = (ancestors(parents, one), ancestors(parents, two));
            let common: BTreeSet<usize> = left.intersection(&right).copied().collect();
            let best = common.iter().filter(|number| {
                let newer =
                    |other: &usize| other != *number && ancestors(parents, *other).contains(number);
                !common.iter().any(newer)
            });
            let best: BTreeSet<CommitId> = best.map(|number| id(made[*number])).collect();
            let found = git
                .parting(&Known::none(), &id(made[one]), &id(made[two]))
                .unwrap();
            assert_eq!(found.is_none(), best.is_empty(), "{parents:?} {one} {two}");
            if let Some(found) = found {
                assert!(best.contains(&found.merge_base), "{parents:?} {one} {two}");
                assert_eq!(
                    found.moved_on,
                    right.difference(&left).count(),
                    "{parents:?} {one} {two}"
                );
            }
        }
    }
}

const DATES: [fn(usize) -> i64; 3] = [
    |_| START,
    |number| START - 1000 * i64::try_from(number).unwrap(),
    |number| START + 1000 * i64::try_from(number).unwrap(),
];

#[test]
fn where_histories_parted_does_not_depend_on_dates() {
    let lab = Lab::new();
    let line = vec![vec![], vec![0], vec![1], vec![2], vec![3]];
    let branches = vec![
        vec![],
        vec![0],
        vec![1],
        vec![2],
        vec![1],
        vec![4],
        vec![3, 5],
    ];
    let criss_cross = vec![
        vec![],
        vec![0],
        vec![0],
        vec![1, 2],
        vec![2, 1],
        vec![3],
        vec![4],
    ];
    // A shortcut past a long branch, and a second beginning.
    let shortcut = vec![
        vec![],
        vec![0],
        vec![1],
        vec![2],
        vec![3, 0],
        vec![0],
        vec![],
    ];
    for dated in DATES {
        for graph in [&line, &branches, &criss_cross, &shortcut] {
            agrees(&lab, graph, dated);
        }
    }
}

#[test]
fn where_random_histories_with_random_dates_parted() {
    let lab = Lab::new();
    for seed in 1..40_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut next = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        let parents: Vec<Vec<usize>> = (0..9)
            .map(|number| {
                let count = next(3).min(number);
                let all: BTreeSet<usize> = (0..count).map(|_| next(number)).collect();
                all.into_iter().collect()
            })
            .collect();
        let dates: Vec<i64> = (0..9)
            .map(|_| START + i64::try_from(next(5)).unwrap())
            .collect();
        agrees(&lab, &parents, |number| dates[number]);
    }
}

#[test]
fn what_was_accepted_is_not_walked_again_and_nothing_before_the_root_counts() {
    let lab = Lab::new();
    let anna = lab.ed25519("anna");
    let commit =
        |parents: &[Oid], message: &str| lab.signed(&draft(parents, &[&anna], message), &anna);
    let before = commit(&[], "before the root");
    let root = commit(&[before], "the root");
    let middle = commit(&[root], "middle");
    let head = commit(&[middle], "head");
    let side = commit(&[middle], "side");
    let stranger = commit(&[before], "stranger");
    let known = ask(lab.path(), &id(root), &head.to_string(), &Known::none()).unwrap();
    let git = Comparison::open(lab.path()).unwrap();
    let parted = |from: Oid| git.parting(known.seen(), &id(head), &id(from)).unwrap();
    let at = |merge_base: Oid, moved_on| {
        let merge_base = id(merge_base);
        Some(Parting {
            merge_base,
            moved_on,
        })
    };
    assert_eq!(parted(head), at(head, 0));
    assert_eq!(parted(middle), at(middle, 0));
    assert_eq!(parted(root), at(root, 0));
    assert_eq!(parted(side), at(middle, 1));
    assert_eq!(parted(before), None);
    assert_eq!(parted(stranger), None);
}
