//! The journal: durable, chained, append-only, one writer.

use super::postgres::Database;
use holdfast::model::ids::{CommitId, StackId, StepId};
use holdfast::model::journal::{Entry, Event, StepResult};
use holdfast::world::store::{BrokenChain, Entries as _, Journal, Place, StoreError, read_entries};
use jiff::Timestamp;
use sqlx::{Connection, SqliteConnection};
use std::path::Path;
use tempfile::TempDir;

/// A journal's home: the same holds in each.
enum Home {
    File(TempDir),
    Shared(Database),
}

impl Home {
    async fn each() -> [Self; 2] {
        let file = tempfile::tempdir().unwrap();
        [Self::File(file), Self::Shared(Database::new().await)]
    }

    fn place(&self) -> Place {
        match self {
            Self::File(folder) => Place::File(folder.path().join("state.db")),
            Self::Shared(database) => database.place(),
        }
    }

    async fn raw(&self, statement: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::File(folder) => raw(&folder.path().join("state.db"), statement).await,
            Self::Shared(database) => database.raw(statement).await,
        }
    }

    /// What whoever owns the database can do.
    async fn lift_its_guards(&self) {
        let statements: &[&'static str] = match self {
            Self::File(_) => &[
                "DROP TRIGGER journal_is_never_changed",
                "DROP TRIGGER journal_is_never_shortened",
            ],
            Self::Shared(_) => &["ALTER TABLE journal DISABLE TRIGGER ALL"],
        };
        for statement in statements {
            self.raw(statement).await.unwrap();
        }
    }
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + second).unwrap()
}

pub fn started(step: &str) -> Event {
    Event::Started {
        step: StepId::new(step),
        action: format!("create {step}"),
        repair: false,
        head: None,
        mends: Vec::new(),
    }
}

async fn three(place: &Place) -> Vec<Entry> {
    let journal = Journal::open(place).await.unwrap();
    let commit = Event::Accepted {
        commit: CommitId::new("c0ffee"),
    };
    let acme = StackId::new("acme");
    let ended = Event::Ended {
        step: StepId::new("s1"),
        result: StepResult::Unknown {
            reason: "no answer".to_owned(),
        },
        millis: 5,
    };
    let entries = vec![
        journal.append(None, commit, at(0)).await.unwrap(),
        journal
            .append(Some(&acme), started("s1"), at(1))
            .await
            .unwrap(),
        journal.append(Some(&acme), ended, at(2)).await.unwrap(),
    ];
    assert_eq!(journal.entries().await.unwrap(), entries);
    journal.close().await;
    entries
}

async fn raw(path: &Path, statement: &'static str) -> Result<(), sqlx::Error> {
    let address = format!("sqlite://{}", path.display());
    let mut connection = SqliteConnection::connect(&address).await.unwrap();
    let done = sqlx::query(statement).execute(&mut connection).await;
    connection.close().await.unwrap();
    done.map(|_| ())
}

#[tokio::test]
async fn s06_what_was_appended_is_there_after_opening_again() {
    for home in Home::each().await {
        let place = home.place();
        assert_eq!(read_entries(&place).await.unwrap(), []);
        let entries = three(&place).await;
        assert_eq!(entries.iter().map(|e| e.seq).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(read_entries(&place).await.unwrap(), entries);
        let journal = Journal::open(&place).await.unwrap();
        let next = journal.append(None, started("s2"), at(3)).await.unwrap();
        assert_eq!(next.seq, 4);
        // Looking needs no lock.
        assert_eq!(read_entries(&place).await.unwrap().len(), 4);
        journal.verify_chain().await.unwrap();
    }
}

#[tokio::test]
async fn s06_an_append_survives_a_writer_that_just_vanishes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let journal = Journal::open(&path).await.unwrap();
    journal.append(None, started("s1"), at(0)).await.unwrap();
    // What a crash leaves: the files as they are right now, nothing closed.
    let crashed = folder.path().join("crashed.db");
    std::fs::copy(&path, &crashed).unwrap();
    std::fs::copy(
        folder.path().join("state.db-wal"),
        folder.path().join("crashed.db-wal"),
    )
    .unwrap();
    let after = Journal::open(&crashed).await.unwrap();
    assert_eq!(after.entries().await.unwrap().len(), 1);
}

#[tokio::test]
async fn s09_update_and_delete_are_refused_by_the_database() {
    for home in Home::each().await {
        let entries = three(&home.place()).await;
        let mut statements = vec![
            "UPDATE journal SET entry = '{}' WHERE seq = 2",
            "DELETE FROM journal WHERE seq = 3",
            "INSERT INTO journal (seq, entry, hash) VALUES (9, '{}', '')",
        ];
        if matches!(home, Home::Shared(_)) {
            statements.push("TRUNCATE journal");
        }
        for statement in statements {
            let error = home.raw(statement).await.unwrap_err().to_string();
            assert!(error.contains("the journal"), "{statement}: {error}");
        }
        assert_eq!(read_entries(&home.place()).await.unwrap(), entries);
    }
}

#[tokio::test]
async fn s09_a_changed_or_missing_entry_breaks_the_chain() {
    let cases = [
        (
            "UPDATE journal SET entry = replace(entry, 's1', 's7') WHERE seq = 2",
            2,
        ),
        ("UPDATE journal SET hash = 'cafe' WHERE seq = 1", 1),
        ("DELETE FROM journal WHERE seq = 1", 1),
        ("DELETE FROM journal WHERE seq = 2", 2),
    ];
    for (statement, seq) in cases {
        for home in Home::each().await {
            let place = home.place();
            three(&place).await;
            home.lift_its_guards().await;
            home.raw(statement).await.unwrap();
            let error = Journal::open(&place).await.unwrap_err();
            let StoreError::Broken(BrokenChain { seq: found, .. }) = error else {
                panic!("{statement}: {error}");
            };
            assert_eq!(found, seq, "{statement}");
            assert!(matches!(
                read_entries(&place).await,
                Err(StoreError::Broken(_))
            ));
        }
    }
}

#[tokio::test]
async fn s06_a_second_writer_is_refused_and_told_who_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let first = Journal::open(&path).await.unwrap();
    let error = Journal::open(&path).await.unwrap_err().to_string();
    let pid = std::process::id();
    assert!(
        error.ends_with(&format!(
            "another holdfast, process {pid}; wait for it to end"
        )),
        "{error}"
    );
    drop(first); // as a crash would
    Journal::open(&path).await.unwrap();
}
