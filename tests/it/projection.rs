//! What the journal comes to, read as it grows.

use super::journal::{at, started};
use async_trait::async_trait;
use holdfast::decide::history::History;
use holdfast::flow::projection::{Projection, SetBack};
use holdfast::model::ids::{CommitId, StepId};
use holdfast::model::journal::{Entry, Event, StepResult};
use holdfast::world::store::{Entries, Journal, Place, StoreError, Tip, read_entries};
use sqlx::{Connection, SqliteConnection};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;

const NEVER: Duration = Duration::MAX;

/// A journal, and how many entries were read from it.
struct Counted {
    folder: TempDir,
    read: AtomicUsize,
}

impl Counted {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            read: AtomicUsize::new(0),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    fn read_since(&self) -> usize {
        self.read.swap(0, Ordering::Relaxed)
    }

    async fn add(&self, events: impl IntoIterator<Item = Event>) {
        let journal = Journal::open(&self.path()).await.unwrap();
        for event in events {
            journal.append(None, event, at(0)).await.unwrap();
        }
        journal.close().await;
    }

    async fn is_read_by(&self, projection: &Projection) -> Result<History, StoreError> {
        let past = projection.catch_up(self).await?;
        let all = read_entries(&self.path()).await?;
        assert_eq!(*past, History::from_entries(&all));
        Ok(History::clone(&past))
    }
}

#[async_trait]
impl Entries for Counted {
    async fn after(&self, tip: &Tip) -> Result<(Vec<Entry>, Tip), StoreError> {
        let read = Place::from(&self.path()).after(tip).await?;
        self.read.fetch_add(read.0.len(), Ordering::Relaxed);
        Ok(read)
    }
}

fn ended(step: &str) -> Event {
    Event::Ended {
        step: StepId::new(step),
        result: StepResult::Done,
        millis: 5,
    }
}

fn accepted(commit: &str) -> Event {
    Event::Accepted {
        commit: CommitId::new(commit),
    }
}

/// Past what keeps rows as they are.
async fn tamper(path: &Path, statement: &'static str) {
    let address = format!("sqlite://{}", path.display());
    let mut connection = SqliteConnection::connect(&address).await.unwrap();
    for statement in [
        "DROP TRIGGER IF EXISTS journal_is_never_changed",
        "DROP TRIGGER IF EXISTS journal_is_never_shortened",
        statement,
    ] {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_look_reads_what_is_new_and_knows_all() {
    let journal = Counted::new();
    let projection = Projection::anew_every(NEVER);
    assert_eq!(
        journal.is_read_by(&projection).await.unwrap().accepted,
        None
    );
    journal.add([accepted("a"), started("s1")]).await;
    let past = journal.is_read_by(&projection).await.unwrap();
    assert_eq!((past.heads.len(), journal.read_since()), (1, 2));
    assert!(past.unfinished.contains(&StepId::new("s1")));
    journal.add([ended("s1"), accepted("b")]).await;
    let past = journal.is_read_by(&projection).await.unwrap();
    assert_eq!((past.heads.len(), journal.read_since()), (2, 2));
    assert!(past.unfinished.is_empty());
    journal.is_read_by(&projection).await.unwrap();
    assert_eq!(journal.read_since(), 0);
    assert_eq!(projection.set_back().await, None);
}

/// More than is read at once.
#[tokio::test]
async fn a_long_journal_is_read_to_its_end() {
    let journal = Counted::new();
    journal.add([accepted("a")]).await;
    let place = Place::from(&journal.path());
    let writer = Journal::take(&place).await.unwrap();
    for number in 0..10_050 {
        let event = started(&format!("s{number}"));
        writer.append(None, event, at(number)).await.unwrap();
    }
    writer.close().await;
    let past = journal.is_read_by(&Projection::default()).await.unwrap();
    assert_eq!(past.unfinished.len(), 10_050);
    assert_eq!(journal.read_since(), 10_051);
}

#[tokio::test]
async fn s09_a_journal_that_is_another_one_now_is_read_from_its_beginning() {
    let journal = Counted::new();
    let projection = Projection::anew_every(NEVER);
    journal.add([accepted("a"), accepted("b")]).await;
    journal.is_read_by(&projection).await.unwrap();
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        let _ = std::fs::remove_file(journal.folder.path().join(name));
    }
    assert_eq!(
        journal.is_read_by(&projection).await.unwrap().heads.len(),
        0
    );
    let back = Some(SetBack { had: 2, has: 0 });
    assert_eq!(projection.set_back().await, back);
    journal
        .add([accepted("c"), accepted("d"), accepted("e")])
        .await;
    let past = journal.is_read_by(&projection).await.unwrap();
    assert_eq!(past.accepted, Some(CommitId::new("e")));
    assert_eq!(past.heads.len(), 3);
    assert_eq!(projection.set_back().await, back, "as long as it lives");
}

#[tokio::test]
async fn s09_what_was_changed_since_it_was_read_is_an_error() {
    for (seq, statement) in [
        (
            3,
            "UPDATE journal SET entry = '{}', hash = 'f' WHERE seq = 3",
        ),
        (3, "UPDATE journal SET seq = 30 WHERE seq = 3"),
    ] {
        let journal = Counted::new();
        let projection = Projection::anew_every(NEVER);
        journal.add(["a", "b", "c"].map(accepted)).await;
        journal.is_read_by(&projection).await.unwrap();
        tamper(&journal.path(), statement).await;
        let error = projection.catch_up(&journal).await.unwrap_err();
        let StoreError::Broken(broken) = error else {
            panic!("{error}");
        };
        assert_eq!(broken.seq, seq, "{broken}");
        // And so it stays.
        projection.catch_up(&journal).await.unwrap_err();
    }
}

#[tokio::test]
async fn s09_what_was_changed_far_back_is_an_error_when_all_is_read_anew() {
    let journal = Counted::new();
    let projection = Projection::anew_every(Duration::ZERO);
    journal.add(["a", "b", "c"].map(accepted)).await;
    journal.is_read_by(&projection).await.unwrap();
    tamper(
        &journal.path(),
        "UPDATE journal SET entry = replace(entry, '\"b\"', '\"x\"') WHERE seq = 2",
    )
    .await;
    let error = projection.catch_up(&journal).await.unwrap_err();
    assert!(error.to_string().contains("entry 2"), "{error}");
}
