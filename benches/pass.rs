//! How long a pass of `holdfast run` takes over many stacks with nothing to do, and how much
//! memory: the estate is resolved, everything looked at, planned, checked, and nothing begun.
//!
//! Real: resolving, the loop's own look, its questions to machines and the readers of their
//! answers. Not real: Git, the journal's file, and who answers: hosters and name server at once,
//! each machine after 20 ms, no more scripts at once than the real transport runs. With a number
//! as an argument only so many stacks. Ends with an error where a bound is not kept.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a bench lives outside, with a clock"
)]

mod bounds;
mod estate;
mod everywhere;
#[path = "../tests/it/sample.rs"]
#[allow(dead_code, reason = "the tests' sample has more than is needed here")]
mod sample;

use bounds::Bounds;
use everywhere::{Everywhere, key};
use holdfast::decide::catalogue::Catalogue;
use holdfast::decide::document::Files;
use holdfast::decide::history::History;
use holdfast::decide::resolve::resolve;
use holdfast::flow::apply::{Reporter, StepError};
use holdfast::flow::run::Work;
use holdfast::flow::session::{Book, Session, World};
use holdfast::model::desired::Desired;
use holdfast::model::ids::CommitId;
use holdfast::model::plan::Step;
use holdfast::model::trust::{Recipients, Role, Thresholds, Trust};
use holdfast::world::store::Ledger as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 5;

struct Silent;

impl Reporter for Silent {
    fn started(&self, step: &Step) {
        panic!("nothing was to be done: {}", step.id);
    }
    fn note(&self, _: &Step, _: &str) {}
    fn ended(&self, _: &Step, _: &Result<(), StepError>, _: Duration) {}
}

/// What does not change from pass to pass.
struct Estate {
    files: Files,
    commit: CommitId,
    catalogue: Catalogue,
    everywhere: Arc<Everywhere>,
}

impl Estate {
    fn of(stacks: usize) -> Self {
        let catalogue = everywhere::catalogue();
        let files = estate::files(stacks, estate::SIGNER);
        let commit = CommitId::new("0".repeat(40));
        let desired = resolve(&files, &commit, &catalogue).desired.unwrap();
        assert_eq!(desired.stacks.len(), stacks);
        let everywhere = Arc::new(Everywhere::where_all_is_well(&desired));
        let estate = Self {
            files,
            commit,
            catalogue,
            everywhere,
        };
        let session = estate.session(desired, &History::default());
        estate.everywhere.learn(&session);
        estate
    }

    fn session(&self, desired: Desired, past: &History) -> Session {
        let outside = World {
            hosters: everywhere::hosters(&self.everywhere, &desired),
            transport: self.everywhere.clone(),
            names: Some(self.everywhere.clone()),
            clock: self.everywhere.clone(),
        };
        let trust = Trust {
            signers: Vec::new(),
            roles: Role::built_in(),
            thresholds: Thresholds::default(),
            recipients: Recipients {
                reconciler: String::new(),
                escrow: Vec::new(),
            },
        };
        let standing = sample::standing(&self.commit, &trust);
        let book = Book::writing(everywhere::Remembers(self.everywhere.clone()));
        Session::new(desired, key(), outside, book, standing).with_past(past)
    }

    /// One pass, as the loop does it.
    async fn pass(&self, work: &mut Work) -> usize {
        let resolution = resolve(&self.files, &self.commit, &self.catalogue);
        let journal = everywhere::Remembers(self.everywhere.clone());
        let past = History::from_entries(&journal.entries().await.unwrap());
        let session = Arc::new(self.session(resolution.desired.unwrap(), &past));
        let found = work.look(&session, |_| ()).await.unwrap();
        let (held, gaps) = (&found.left.held, &found.left.gaps);
        assert!(held.is_empty(), "{:#?}", held[0]);
        assert!(gaps.is_empty(), "{:#?}", gaps[0]);
        assert!(found.busy.is_empty() && found.left.drift.is_empty());
        found.serving.len()
    }
}

struct Measured {
    median: Duration,
    most: u64,
    after: u64,
}

fn measure(stacks: usize) -> Measured {
    let estate = Estate::of(stacks);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (reporter, stop) = (Arc::new(Silent), CancellationToken::new());
    let mut work = Work::new(reporter, 8, Duration::from_mins(1), stop);
    let mut times = Vec::new();
    let begin = everywhere::memory("VmRSS:");
    for _ in 0..ROUNDS {
        let clock = Instant::now();
        let serving = runtime.block_on(estate.pass(&mut work));
        times.push(clock.elapsed());
        assert_eq!(serving, stacks * 3, "a machine and two names each");
    }
    times.sort();
    let measured = Measured {
        median: times[ROUNDS / 2],
        most: everywhere::memory("VmHWM:"),
        after: everywhere::memory("VmRSS:"),
    };
    println!(
        "{stacks:>6} stacks: {:>8.2} s a pass (worst {:.2} s); memory at most {} MB, {} MB before the first pass and {} MB after the last",
        measured.median.as_secs_f64(),
        times[ROUNDS - 1].as_secs_f64(),
        measured.most / 1_000_000,
        begin / 1_000_000,
        measured.after / 1_000_000,
    );
    measured
}

fn main() -> ExitCode {
    let asked = std::env::args().find_map(|word| word.parse().ok());
    if let Some(stacks) = asked {
        measure(stacks);
        return ExitCode::SUCCESS;
    }
    let mut bounds = Bounds::default();
    println!("a pass with nothing to do, {ROUNDS} rounds, the machines answer in 20 ms");
    let thousand = measure(1_000);
    bounds.keep(
        "under 5 s for 1,000 stacks",
        thousand.median < Duration::from_secs(5),
    );
    let megabytes = thousand.most / 1_000_000;
    bounds.keep(
        &format!("{megabytes} MB of memory, the simulated world with it (under 150)"),
        thousand.most < 150_000_000,
    );
    let many = measure(10_000);
    let ratio = many.median.as_secs_f64() / thousand.median.as_secs_f64();
    bounds.keep(
        &format!("ten times as many take {ratio:.1} times as long (12 at most)"),
        ratio <= 12.0,
    );
    bounds.verdict()
}
