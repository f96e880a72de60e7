//! What a journal is after years: as many entries as there would be of backups and of readings.

use super::founding;
use holdfast::flow::config::Config;
use holdfast::model::ids::{StackId, StepId};
use holdfast::model::journal::{Entry, Event, StepResult};
use holdfast::world::store::{Place, seals};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, SqliteConnection};
use std::path::Path;

/// Adds so many days to the journal there: each with a backup and a reading of every stack, begun
/// and ended. All at once, since only what is read is measured. Gives how many entries there are.
pub fn live(dir: &Path, stacks: usize, days: u32) -> i64 {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(add(dir, stacks, days))
}

async fn add(dir: &Path, stacks: usize, days: u32) -> i64 {
    let config = Config::load(&founding::estate(dir), None).unwrap();
    let Place::File(path) = &config.journal else {
        panic!("it is a file");
    };
    let there = seals(&config.journal, &[]).await.unwrap();
    let (mut seq, seal) = there.last().unwrap();
    let mut seal = seal.clone();
    let address = format!("sqlite://{}", path.display());
    let mut connection = SqliteConnection::connect(&address).await.unwrap();
    let mut all = connection.begin().await.unwrap();
    let end = super::now();
    for day in (1..=days).rev() {
        let at = end - SignedDuration::from_hours(24 * i64::from(day));
        for stack in (0..stacks).map(|number| StackId::new(format!("customer-{number:04}"))) {
            for event in events(&stack) {
                seq += 1;
                let line = line(seq, at, &stack, event);
                let digest = Sha256::new().chain_update(&seal).chain_update(&line);
                seal = hex::encode(digest.finalize());
                sqlx::query("INSERT INTO journal (seq, entry, hash) VALUES ($1, $2, $3)")
                    .bind(seq)
                    .bind(line)
                    .bind(&seal)
                    .execute(&mut *all)
                    .await
                    .unwrap();
            }
        }
    }
    all.commit().await.unwrap();
    connection.close().await.unwrap();
    seq
}

fn events(stack: &StackId) -> impl Iterator<Item = Event> {
    let step = |verb: &str| StepId::new(format!("{stack}.{verb}.{stack}-e1"));
    let both = ["backup", "read"].map(|verb| {
        let started = Event::Started {
            step: step(verb),
            action: format!("{verb} {stack}-e1"),
            repair: false,
            head: None,
            mends: Vec::new(),
        };
        let ended = Event::Ended {
            step: step(verb),
            result: StepResult::Done,
            millis: 21_000,
        };
        [started, ended]
    });
    both.into_iter().flatten()
}

fn line(seq: i64, at: Timestamp, stack: &StackId, event: Event) -> String {
    let stack = Some(stack.clone());
    let entry = Entry {
        seq,
        at,
        stack,
        event,
    };
    serde_json::to_string(&entry).unwrap()
}
