//! What an attacker, or an accident, can put into the repository, and what is said to it.
//!
//! Each case is built object by object and put to Holdfast and to `git verify-commit`, which
//! is handed the same list of keys. Git looks at one signature of one commit; wherever the
//! two differ, Holdfast must be the stricter one, and the case must say why. The table is
//! also a page of the reference.

mod approvals;
mod history;
mod keys;
mod kinds;
mod lab;
mod lists;
mod many;
mod merges;
mod objects;
mod page;
mod roles;
mod signatures;
mod times;
mod trees;

use holdfast::model::ids::CommitId;
use holdfast::world::git::{Known, is_descendant};
use lab::{Id, Lab, NOW, chain};
use std::time::{Duration, Instant};

/// One row of the table.
pub struct Case {
    /// What is tried.
    pub name: &'static str,
    /// How the repository is made.
    pub how: &'static str,
    pub build: fn(&mut Lab) -> Attack,
    pub ours: Ours,
    /// Does `git verify-commit` call the head's signature good?
    pub git: bool,
    /// Why Holdfast refuses what Git calls good; empty where they agree.
    pub because: &'static str,
}

/// What Holdfast must say.
#[derive(Debug, Clone, Copy)]
pub enum Ours {
    Accepted,
    /// The error's variant, and words of its chain of messages.
    Refused(&'static str, &'static str),
}

/// A repository as the attacker left it.
pub struct Attack {
    pub root: Id,
    /// What is asked about; Git is asked about the same.
    pub head: Id,
    pub known: Known,
    pub now: i64,
    /// The head that was accepted before (S9).
    pub before: Option<Id>,
}

impl Attack {
    /// On a computer that has seen nothing yet.
    pub fn fresh(root: Id, head: Id) -> Self {
        Self {
            root,
            head,
            known: Known::none(),
            now: NOW,
            before: None,
        }
    }

    /// On a computer that accepted other commits before.
    pub fn knowing(mut self, known: Known) -> Self {
        self.known = known;
        self
    }

    pub fn after(mut self, before: Id) -> Self {
        self.before = Some(before);
        self
    }
}

/// All subjects with their cases, in the order of the page.
pub const SUBJECTS: [(&str, &[Case]); 10] = [
    ("The signature", signatures::CASES),
    ("The kind of key", kinds::CASES),
    ("Time and revocation", times::CASES),
    ("History", history::CASES),
    ("Merges", merges::CASES),
    ("Roles and the list itself", roles::CASES),
    ("Approvals", approvals::CASES),
    ("A list that is not one", lists::CASES),
    ("Objects", objects::CASES),
    ("Files and folders", trees::CASES),
];

/// The verdict in words: `Ok`, or variant and messages.
fn verdict(lab: &Lab, attack: &Attack) -> Result<(), (String, String)> {
    let commit = lab
        .verify(&attack.root, &attack.head, &attack.known, attack.now)
        .map_err(|error| {
            assert!(!error.remedy().is_empty(), "{error}");
            let debug = format!("{error:?}");
            let variant = debug.split([' ', '(', '{']).next().unwrap_or_default();
            (variant.to_owned(), chain(&error))
        })?;
    assert_eq!(commit.id().as_str(), attack.head);
    if let Some(before) = &attack.before {
        let follows = is_descendant(&lab.path(), &CommitId::new(before.clone()), commit.id());
        if !follows.expect("readable") {
            let words = "the head moved back or aside".to_owned();
            return Err(("MovedBack".to_owned(), words));
        }
    }
    Ok(())
}

/// A case that takes longer is named.
const SLOW: Duration = Duration::from_secs(1);

/// What is wrong with a row, if anything.
fn fault(case: &Case) -> Option<String> {
    let mut lab = Lab::new();
    if case.how.starts_with("SHA-256") {
        lab = Lab::sha256();
    }
    let start = Instant::now();
    let attack = (case.build)(&mut lab);
    let ours = verdict(&lab, &attack);
    let git = lab.oracle(&attack.head);
    if start.elapsed() > SLOW {
        eprintln!("{}: {:?}", case.name, start.elapsed());
    }
    let mut faults = Vec::new();
    match (&ours, case.ours) {
        (Ok(()), Ours::Accepted) => {}
        (Err((variant, words)), Ours::Refused(wanted, part))
            if variant == wanted && words.contains(part) => {}
        (said, wanted) => faults.push(format!("says {said:?}, not {wanted:?}")),
    }
    if git != case.git {
        faults.push(format!("git says {git}, not {}", case.git));
    }
    if ours.is_ok() && !git {
        faults.push("Holdfast accepts what git refuses".to_owned());
    }
    if ours.is_err() && git && case.because.is_empty() {
        faults.push("stricter than git, and no reason given".to_owned());
    }
    if ours.is_err() != git && !case.because.is_empty() {
        faults.push("no difference to explain".to_owned());
    }
    (!faults.is_empty()).then(|| format!("{}: {}", case.name, faults.join("; ")))
}

fn check(cases: &[Case]) {
    let start = Instant::now();
    let faults: Vec<String> = cases.iter().filter_map(fault).collect();
    eprintln!("{} cases in {:?}", cases.len(), start.elapsed());
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn signatures_that_do_not_count() {
    check(signatures::CASES);
}

#[test]
fn keys_of_every_kind() {
    check(kinds::CASES);
}

#[test]
fn expired_early_and_revoked_keys() {
    check(times::CASES);
}

#[test]
fn s09_histories_that_are_not_the_one_that_was_trusted() {
    check(history::CASES);
}

#[test]
fn merges_that_bring_more_than_they_say() {
    check(merges::CASES);
}

#[test]
fn roles_that_reach_too_far() {
    check(roles::CASES);
}

#[test]
fn approvals_that_do_not_count() {
    check(approvals::CASES);
}

#[test]
fn lists_that_let_nobody_in() {
    check(lists::CASES);
}

#[test]
fn malformed_objects() {
    check(objects::CASES);
}

#[test]
fn files_and_folders_that_lead_elsewhere() {
    check(trees::CASES);
}

#[test]
fn the_table_is_large_and_no_row_stands_twice() {
    let all = || SUBJECTS.iter().flat_map(|(_, cases)| cases.iter());
    let names: std::collections::BTreeSet<&str> = all().map(|case| case.name).collect();
    assert_eq!(names.len(), all().count());
    assert!(names.len() >= 60, "only {} cases", names.len());
    let refused = all().filter(|case| matches!(case.ours, Ours::Refused(..)));
    assert!(refused.count() >= 50);
}
