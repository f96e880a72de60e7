//! Very long histories: refused, or accepted, in bounded time and memory.

use super::keys::ANNA;
use super::lab::{Lab, NOW, chain};
use holdfast::world::git::{Known, TrustError};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Kilobytes of memory that this process ever held.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|n| n.parse().ok()).expect("a number")
}

#[test]
fn a_hundred_thousand_unsigned_commits_are_refused_in_bounded_time_and_memory() {
    let mut lab = Lab::new();
    let root = lab.root();
    let mut stream = String::from("feature done\n");
    for number in 1..=100_000 {
        let from = if number == 1 {
            root.clone()
        } else {
            format!(":{}", number - 1)
        };
        let _ = write!(
            stream,
            "commit refs/heads/main\nmark :{number}\ncommitter A <a@b> 1777593600 +0000\ndata 1\nx\nfrom {from}\n\n"
        );
    }
    stream.push_str("done\n");
    let mut child = lab
        .git()
        .args(["fast-import", "--quiet", "--done"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("git");
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(stream.as_bytes()).expect("written");
    drop(pipe);
    assert!(child.wait().expect("git").success());

    let before = peak();
    let start = Instant::now();
    let verdict = lab.verify(&root, "refs/heads/main", &Known::none(), NOW);
    let (took, grown) = (start.elapsed(), peak().saturating_sub(before));
    eprintln!("100,000 unsigned commits: {took:?}, {grown} KiB more at the peak");
    let error = verdict.expect_err("unsigned");
    assert!(
        matches!(error, TrustError::Unsigned { .. }),
        "{}",
        chain(&error)
    );
    assert!(took < Duration::from_secs(30), "{took:?}");
    // Other tests share this process; what is measured is an upper bound.
    assert!(grown < 400_000, "{grown} KiB");
}

#[test]
fn two_thousand_signed_commits_are_accepted_and_only_new_ones_are_checked_again() {
    let mut lab = Lab::new();
    let root = lab.root();
    let mut head = root.clone();
    for number in 0..2000 {
        head = lab.note(&head, &number.to_string(), &ANNA);
    }
    let start = Instant::now();
    let first = lab
        .verify(&root, &head, &Known::none(), NOW)
        .expect("accepted");
    eprintln!("2,000 signed commits: {:?}", start.elapsed());
    assert_eq!(first.checked(), 2000);
    assert!(start.elapsed() < Duration::from_mins(5));
    let next = lab.note(&head, "one more", &ANNA);
    let start = Instant::now();
    let second = lab
        .verify(&root, &next, first.seen(), NOW)
        .expect("accepted");
    eprintln!("one more: {:?}", start.elapsed());
    assert_eq!(second.checked(), 1);
    assert!(start.elapsed() < Duration::from_secs(5));
}

/// libgit2 waits forever for the rest of a loose object.
#[test]
fn an_object_that_was_cut_off_anywhere_is_told_and_not_waited_for() {
    let mut lab = Lab::new();
    let root = lab.root();
    let head = lab.note(&root, "next", &ANNA);
    let list = lab.object("blob", super::lab::everybody().as_bytes());
    for id in [head.clone(), list] {
        let path = lab.loose(&id);
        let whole = std::fs::read(&path).expect("a file");
        let mut lengths: Vec<usize> = (0..whole.len()).step_by(7).collect();
        lengths.extend(whole.len() - 5..whole.len());
        for length in lengths {
            std::fs::write(&path, &whole[..length]).expect("a file");
            let error = lab.verify(&root, &head, &Known::none(), NOW);
            let error = error.expect_err("cut off");
            assert!(!error.is_refusal(), "{length}: {}", chain(&error));
        }
        std::fs::write(&path, &whole).expect("a file");
        lab.verify(&root, &head, &Known::none(), NOW)
            .expect("whole again");
    }
}
