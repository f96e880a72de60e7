//! Recovery points as they were seen last, beside the journal. Written by each look, believed
//! by nobody who plans: what comes back has a type of its own.

use super::StoreError;
use crate::model::ids::StackId;
use crate::model::remembered::{Remembered, RememberedPoint, Written};
use serde_json::value::RawValue;
use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::path::{Path, PathBuf};
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("src/world/store/cache");

/// Its file, beside the journal at `state`.
fn path(state: &Path) -> PathBuf {
    state.with_file_name("seen-points.sqlite")
}

async fn connect(path: &Path, options: SqliteConnectOptions) -> Result<SqlitePool, StoreError> {
    SqlitePoolOptions::new()
        .max_connections(1)
        // As in `place`: nobody looks after idle connections.
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.filename(path).busy_timeout(Duration::from_secs(5)))
        .await
        .map_err(|source| StoreError::Open {
            place: path.display().to_string(),
            source,
        })
}

/// Writes down what was seen of these stacks; others stay as they were. What is there and cannot
/// be used is begun anew.
pub async fn remember(
    state: &Path,
    seen: &[(Remembered, Vec<RememberedPoint>)],
) -> Result<(), StoreError> {
    let path = path(state);
    match remember_in(&path, seen).await {
        Err(StoreError::Open { .. } | StoreError::Migrate { .. }) => {
            for ending in ["", "-wal", "-shm"] {
                let mut file = path.as_os_str().to_owned();
                file.push(ending);
                // What is not there need not go; what cannot go is told by the second try.
                let _ = std::fs::remove_file(file);
            }
            remember_in(&path, seen).await
        }
        done => done,
    }
}

async fn remember_in(
    path: &Path,
    seen: &[(Remembered, Vec<RememberedPoint>)],
) -> Result<(), StoreError> {
    // A cache may be lost: it need not be on the disk when this returns.
    let options = SqliteConnectOptions::new()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off);
    let pool = connect(path, options).await?;
    MIGRATIONS
        .run(&pool)
        .await
        .map_err(|source| StoreError::Migrate {
            place: path.display().to_string(),
            source,
        })?;
    let written = write(&pool, seen).await;
    pool.close().await;
    written
}

async fn write(
    pool: &SqlitePool,
    seen: &[(Remembered, Vec<RememberedPoint>)],
) -> Result<(), StoreError> {
    let failed = |source| StoreError::Append { source };
    let unsayable = |source| StoreError::Encode { source };
    let mut writing = pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    for (stack, points) in seen {
        sqlx::query(
            "INSERT INTO seen (stack, seen_at, glance, points) VALUES (?, ?, ?, ?)
             ON CONFLICT (stack) DO UPDATE SET
                 seen_at = excluded.seen_at, glance = excluded.glance, points = excluded.points
             WHERE excluded.seen_at >= seen.seen_at",
        )
        .bind(stack.stack.as_str())
        .bind(stack.seen_at.to_string())
        .bind(serde_json::to_string(&stack.glance).map_err(unsayable)?)
        .bind(serde_json::to_string(points).map_err(unsayable)?)
        .execute(&mut *writing)
        .await
        .map_err(failed)?;
    }
    writing.commit().await.map_err(failed)
}

/// Stack, when, in short.
type Row = (String, String, String);

/// What was seen of each stack, the last time that it could be seen.
pub async fn remembered(state: &Path) -> Result<Vec<Remembered>, StoreError> {
    let rows: Vec<Row> = read(state, "SELECT stack, seen_at, glance FROM seen").await?;
    Ok(rows.into_iter().filter_map(in_short).collect())
}

/// The same, with all points.
pub async fn remembered_in_full(state: &Path) -> Result<Vec<(Remembered, Written)>, StoreError> {
    let rows: Vec<(String, String, String, String)> =
        read(state, "SELECT stack, seen_at, glance, points FROM seen").await?;
    let whole = |(stack, seen_at, glance, points)| {
        let points = RawValue::from_string(points).ok()?;
        Some((in_short((stack, seen_at, glance))?, points))
    };
    Ok(rows.into_iter().filter_map(whole).collect())
}

/// A row that cannot be read is as good as none: the next look writes it again.
fn in_short((stack, seen_at, glance): Row) -> Option<Remembered> {
    Some(Remembered {
        stack: StackId::new(stack),
        seen_at: seen_at.parse().ok()?,
        glance: serde_json::from_str(&glance).ok()?,
    })
}

/// All rows; none where nothing was written yet, or not in this form.
async fn read<T>(state: &Path, query: &'static str) -> Result<Vec<T>, StoreError>
where
    T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> + Send + Unpin,
{
    let path = path(state);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let pool = connect(&path, SqliteConnectOptions::new().read_only(true)).await?;
    let rows = sqlx::query_as(query).fetch_all(&pool).await;
    pool.close().await;
    match rows {
        Err(sqlx::Error::Database(error)) => {
            tracing::warn!(%error, "what was seen last cannot be read; the next look writes it again");
            Ok(Vec::new())
        }
        rows => rows.map_err(|source| StoreError::Read { source }),
    }
}
