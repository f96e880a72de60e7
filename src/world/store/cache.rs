//! Recovery points as they were seen last, beside the journal. Written by each look, believed
//! by nobody who plans: what comes back has a type of its own.

use super::StoreError;
use crate::model::ids::{PointId, StackId};
use crate::model::remembered::{Remembered, RememberedPoint};
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
        .connect_with(options.filename(path).busy_timeout(Duration::from_secs(5)))
        .await
        .map_err(|source| StoreError::Open {
            path: path.to_owned(),
            source,
        })
}

/// Writes down what was seen of these stacks; others stay as they were. What is there and cannot
/// be used is begun anew.
pub async fn remember(state: &Path, seen: &[Remembered]) -> Result<(), StoreError> {
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

async fn remember_in(path: &Path, seen: &[Remembered]) -> Result<(), StoreError> {
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
            path: path.to_owned(),
            source,
        })?;
    let written = write(&pool, seen).await;
    pool.close().await;
    written
}

async fn write(pool: &SqlitePool, seen: &[Remembered]) -> Result<(), StoreError> {
    let failed = |source| StoreError::Append { source };
    let mut writing = pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    for stack in seen {
        let points =
            serde_json::to_string(&stack.points).map_err(|source| StoreError::Encode { source })?;
        sqlx::query(
            "INSERT INTO points (stack, seen_at, chosen, points) VALUES (?, ?, ?, ?)
             ON CONFLICT (stack) DO UPDATE SET
                 seen_at = excluded.seen_at, chosen = excluded.chosen, points = excluded.points
             WHERE excluded.seen_at >= points.seen_at",
        )
        .bind(stack.stack.as_str())
        .bind(stack.seen_at.to_string())
        .bind(stack.chosen.as_ref().map(PointId::as_str))
        .bind(points)
        .execute(&mut *writing)
        .await
        .map_err(failed)?;
    }
    writing.commit().await.map_err(failed)
}

/// Stack, when, chosen, points.
type Row = (String, String, Option<String>, String);

/// What was seen of each stack, the last time that it could be seen.
pub async fn remembered(state: &Path) -> Result<Vec<Remembered>, StoreError> {
    let path = path(state);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let pool = connect(&path, SqliteConnectOptions::new().read_only(true)).await?;
    let rows: Result<Vec<Row>, _> =
        sqlx::query_as("SELECT stack, seen_at, chosen, points FROM points ORDER BY stack")
            .fetch_all(&pool)
            .await;
    pool.close().await;
    let rows = rows.map_err(|source| StoreError::Read { source })?;
    // A row that cannot be read is as good as none: the next look writes it again.
    Ok(rows
        .into_iter()
        .filter_map(|(stack, seen_at, chosen, points)| {
            Some(Remembered {
                stack: StackId::new(stack),
                seen_at: seen_at.parse().ok()?,
                points: serde_json::from_str::<Vec<RememberedPoint>>(&points).ok()?,
                chosen: chosen.map(PointId::new),
            })
        })
        .collect())
}
