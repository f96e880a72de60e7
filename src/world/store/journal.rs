//! The journal on `SQLite`: durable before an append returns, append-only, chained.

use super::chain::{BrokenChain, Line, ROOT, seal, verified};
use super::lock::WriterLock;
use crate::model::ids::StackId;
use crate::model::journal::{Entry, Event};
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::path::{Path, PathBuf};
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("src/world/store/migrations");

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another Holdfast writes to it.
    #[error("{} is in use by another holdfast, process {holder}; wait for it to end", path.display())]
    InUse {
        /// The state file.
        path: PathBuf,
        /// Its process id, or "unknown".
        holder: String,
    },
    /// The lock file could not be opened or written.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database could not be opened or brought up to date.
    #[error("cannot open the journal {}", path.display())]
    Open {
        /// The state file.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// Its tables could not be made, or are from a newer Holdfast.
    #[error("cannot prepare the journal {}", path.display())]
    Migrate {
        /// The state file.
        path: PathBuf,
        /// Why.
        source: sqlx::migrate::MigrateError,
    },
    /// A line could not be read.
    #[error("cannot read the journal")]
    Read {
        /// Why.
        source: sqlx::Error,
    },
    /// A line could not be written; it is not there.
    #[error("cannot write to the journal")]
    Append {
        /// Why.
        source: sqlx::Error,
    },
    /// This session only looks.
    #[error("this session only looks; nothing is written")]
    ReadOnly,
    /// An event has no JSON form.
    #[error("cannot encode a journal entry")]
    Encode {
        /// Why.
        source: serde_json::Error,
    },
    /// It is not what was written.
    #[error(transparent)]
    Broken(#[from] BrokenChain),
}

/// Where entries are kept by one writer: durable, append-only, chained (S6, S9).
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Adds an event; it is durable when this returns.
    async fn append(
        &self,
        stack: Option<&StackId>,
        event: Event,
        at: Timestamp,
    ) -> Result<Entry, StoreError>;

    /// All entries, oldest first; a broken chain is an error, not a shorter list.
    async fn entries(&self) -> Result<Vec<Entry>, StoreError>;

    /// Says to whoever waits for it what it is needed for. A word, no promise.
    fn working_on(&self, _what: &str) {}
}

/// The journal, open for writing: there is one of these per state file and computer.
#[derive(Debug)]
pub struct Journal {
    pool: SqlitePool,
    lock: WriterLock,
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
}

async fn connect(path: &Path, options: SqliteConnectOptions) -> Result<SqlitePool, StoreError> {
    // One connection: one writer, and what it wrote is what it reads.
    SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await
        .map_err(|source| StoreError::Open {
            path: path.to_owned(),
            source,
        })
}

async fn lines(pool: &SqlitePool) -> Result<Vec<Line>, StoreError> {
    sqlx::query_as("SELECT seq, entry, hash FROM journal ORDER BY seq")
        .fetch_all(pool)
        .await
        .map_err(|source| StoreError::Read { source })
}

impl Journal {
    /// Opens or makes the journal at `path`, takes its lock, and verifies its chain.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = WriterLock::take(path)?;
        let pool = connect(
            path,
            options(path)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full),
        )
        .await?;
        MIGRATIONS
            .run(&pool)
            .await
            .map_err(|source| StoreError::Migrate {
                path: path.to_owned(),
                source,
            })?;
        let journal = Self { pool, lock };
        journal.entries().await?;
        Ok(journal)
    }

    /// Adds an event; it is on the disk when this returns (S6).
    pub async fn append(
        &self,
        stack: Option<&StackId>,
        event: Event,
        at: Timestamp,
    ) -> Result<Entry, StoreError> {
        let failed = |source| StoreError::Append { source };
        let mut writing = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        let last: Option<(i64, String)> =
            sqlx::query_as("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")
                .fetch_optional(&mut *writing)
                .await
                .map_err(failed)?;
        let (seq, previous) = last.unwrap_or((0, ROOT.to_owned()));
        let entry = Entry {
            seq: seq + 1,
            at,
            stack: stack.cloned(),
            event,
        };
        let text = serde_json::to_string(&entry).map_err(|source| StoreError::Encode { source })?;
        let hash = seal(&previous, &text);
        sqlx::query("INSERT INTO journal (seq, entry, hash) VALUES (?, ?, ?)")
            .bind(entry.seq)
            .bind(&text)
            .bind(&hash)
            .execute(&mut *writing)
            .await
            .map_err(failed)?;
        writing.commit().await.map_err(failed)?;
        Ok(entry)
    }

    /// All entries, oldest first; a broken chain is an error, not a shorter list (S9).
    pub async fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        Ok(verified(&lines(&self.pool).await?)?)
    }

    /// Whether the journal is what was written.
    pub async fn verify_chain(&self) -> Result<(), StoreError> {
        self.entries().await.map(|_| ())
    }

    /// Ends it in good order; dropping it is as safe, like a crash is.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

#[async_trait]
impl Ledger for Journal {
    async fn append(
        &self,
        stack: Option<&StackId>,
        event: Event,
        at: Timestamp,
    ) -> Result<Entry, StoreError> {
        Self::append(self, stack, event, at).await
    }

    async fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        Self::entries(self).await
    }

    fn working_on(&self, what: &str) {
        if let Err(error) = self.lock.working_on(what) {
            tracing::debug!(%error, "nobody is told what the journal is needed for");
        }
    }
}

/// All entries of the journal at `path`, for commands that only look: takes no
/// lock. No file means that nothing was ever done.
pub async fn read_entries(path: &Path) -> Result<Vec<Entry>, StoreError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let pool = connect(path, options(path).read_only(true)).await?;
    let entries = lines(&pool).await.and_then(|lines| Ok(verified(&lines)?));
    pool.close().await;
    entries
}

/// The seals of all entries at `path`, from the first: what an anchor compares.
pub async fn seals(path: &Path) -> Result<Vec<String>, StoreError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let pool = connect(path, options(path).read_only(true)).await?;
    let lines = lines(&pool).await;
    pool.close().await;
    let lines = lines?;
    verified(&lines)?;
    Ok(lines.into_iter().map(|line| line.hash).collect())
}
