//! How long whole commands take, and how much memory, side by side with what people use today:
//! `holdfast check`, `holdfast plan --base`, and the verification of a long history, against
//! `terraform plan` and `git verify-commit` in the same run. Ends with an error where a bound is
//! not kept. Needs git, ssh-keygen and GNU time; terraform is optional.
#![allow(clippy::print_stdout, missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::cast_precision_loss, reason = "for people")]
#![allow(clippy::disallowed_methods, reason = "it has a clock")]

mod bounds;
mod estate;
mod whole;

use bounds::Bounds;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;
use whole::{Estate, Measured, ROUNDS, SAMPLE, best, measure, milliseconds, succeed};

const COMMITS: usize = 10_000;

fn main() -> ExitCode {
    let dir = tempfile::tempdir().unwrap();
    let mut bounds = Bounds::default();

    println!("check: an estate from its packed repository, nothing known, best of {ROUNDS}");
    let small = Estate::new(dir.path().join("small"), 1_000);
    let large = Estate::new(dir.path().join("large"), 10_000);
    let thousand = small.best(&["check"], &[0]);
    let all = large.best(&["check"], &[0]);
    println!("   1,000 stacks   {thousand}");
    println!("  10,000 stacks   {all}");
    bounds.keep(
        "10,000 stacks within 1.5 s",
        all.time < Duration::from_millis(1_500),
    );
    bounds.keep("10,000 stacks within 300 MB", all.memory < 300_000_000);
    let ratio = all.time.as_secs_f64() / thousand.time.as_secs_f64();
    bounds.keep(
        &format!("ten times the stacks take {ratio:.1} times as long (under 11)"),
        ratio < 11.0,
    );

    println!("\nplan --base: one stack of 10,000 changed");
    large.change(
        "stacks/customer-4711.toml",
        "title = \"Wiki 4711\"",
        "title = \"Wiki of 4711\"",
    );
    let one = large.best(&["plan", "--base", "HEAD~1"], &[2]);
    println!("  {one}");
    bounds.keep("within 300 ms", one.time < Duration::from_millis(300));

    println!("\nplan --base: 1,000 stacks, nothing to do");
    small.change("README.md", "\n", "\n\n");
    let nothing = small.best(&["plan", "--base", "HEAD~1"], &[0]);
    println!("  holdfast plan    {nothing}");
    match terraform(&dir.path().join("terraform")) {
        Some(plan) => {
            println!("  terraform plan   {plan}   (1,000 terraform_data resources)");
            let ratio = plan.time.as_secs_f64() / nothing.time.as_secs_f64();
            bounds.keep(
                &format!("{ratio:.0} times faster than terraform (20 or more)"),
                ratio >= 20.0,
            );
            let share = nothing.memory as f64 / plan.memory as f64;
            bounds.keep(
                &format!("{share:.2} of terraform's memory (less than 1)"),
                share < 1.0,
            );
        }
        None => println!("  terraform is not on this machine: not compared"),
    }
    small.change(
        "hosters.toml",
        "schema = 1\n",
        "schema = 1 # a comment, but in a file that all stacks share\n",
    );
    let every = small.best(&["plan", "--base", "HEAD~1"], &[0]);
    println!("  a shared file touched, so that each stack is planned anew: {every}");

    println!("\nverify: {COMMITS} signed commits");
    let long = Estate::new(dir.path().join("long"), 100);
    long.grow(COMMITS);
    let first = long.best(&["check"], &[0]);
    println!(
        "  holdfast, all           {first}, {:.3} ms a commit",
        milliseconds(first.time) / COMMITS as f64
    );
    let git = long.verify_with_git();
    println!(
        "  git verify-commit       {git:.1} ms a commit ({SAMPLE} of the same commits in one call)"
    );
    let ratio = git / (milliseconds(first.time) / COMMITS as f64);
    bounds.keep(
        &format!("{ratio:.0} times faster than git (15 or more)"),
        ratio >= 15.0,
    );
    long.remember();
    let again = long.best_with_memory(&["check"], &[0]);
    println!("  holdfast, known head    {again}");
    long.grow(10);
    let ten = long.once(&["check"], &[0], true);
    println!("  holdfast, ten new       {ten}");
    let share = again.time.as_secs_f64() / first.time.as_secs_f64();
    bounds.keep(
        &format!("a known head costs {share:.2} of the first run (under 0.2)"),
        share < 0.2,
    );
    bounds.verdict()
}

/// `terraform plan` of 1,000 resources that are there; `None` without terraform.
fn terraform(dir: &Path) -> Option<Measured> {
    Command::new("terraform").arg("version").output().ok()?;
    fs::create_dir_all(dir).unwrap();
    let mut text = String::new();
    for n in 0..1_000 {
        let _ = writeln!(
            text,
            "resource \"terraform_data\" \"customer_{n:04}\" {{\n  input = \"Wiki {n}\"\n}}"
        );
    }
    fs::write(dir.join("main.tf"), text).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new("terraform");
        command
            .args(arguments)
            .current_dir(dir)
            .env("CHECKPOINT_DISABLE", "1");
        command
    };
    succeed(&mut run(&["init", "-input=false", "-no-color"]));
    succeed(&mut run(&[
        "apply",
        "-auto-approve",
        "-input=false",
        "-no-color",
    ]));
    Some(best(|| {
        measure(&mut run(&["plan", "-input=false", "-no-color"]), &[0])
    }))
}
