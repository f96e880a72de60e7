//! Where the journal is: a file of this computer, or a `PostgreSQL` database that reconcilers
//! share. The same statements go to both.

use super::StoreError;
use crate::world::secrets::private;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AnyConnection, AnyPool, ConnectOptions as _, Connection as _, Executor as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Once;
use std::time::Duration;

static SQLITE: Migrator = sqlx::migrate!("src/world/store/migrations/sqlite");
static POSTGRESQL: Migrator = sqlx::migrate!("src/world/store/migrations/postgresql");

/// How long it may take until a database answers.
const CONNECTS: Duration = Duration::from_secs(5);

/// What holds for a file's connection that may write: on the disk when a statement returns.
const OF_A_FILE: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000";

/// The same of a database. A client that stands still must not keep a lock.
const OF_A_DATABASE: &str = "SET synchronous_commit = on;
    SET default_transaction_isolation = 'read committed';
    SET idle_in_transaction_session_timeout = '5s'; SET lock_timeout = '10s';
    SET statement_timeout = '60s'; SET client_min_messages = warning";

/// Where the journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `SQLite`, for one computer.
    File(PathBuf),
    /// `PostgreSQL`, for several: the file that holds its address and password.
    Shared(PathBuf),
}

impl From<&Path> for Place {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<&PathBuf> for Place {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}

impl From<&Self> for Place {
    fn from(place: &Self) -> Self {
        place.clone()
    }
}

/// What is done there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Look,
    Write,
}

/// A place, and how it is reached.
#[derive(Clone)]
pub(super) struct Address {
    /// For people; without user and password.
    pub shown: String,
    shared: bool,
    options: AnyConnectOptions,
}

impl Place {
    /// Nothing was ever written there, as far as this computer can tell.
    pub(super) fn is_missing(&self) -> bool {
        match self {
            Self::File(path) => !path.exists(),
            Self::Shared(_) => false,
        }
    }

    /// Reads how it is reached. A password comes from its file alone (S13).
    pub(super) fn address(&self, access: Access) -> Result<Address, StoreError> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let (shown, url) = match self {
            Self::File(path) => (path.display().to_string(), of_file(path, access)),
            Self::Shared(file) => {
                let text = private(file)?;
                let malformed = |why: String| StoreError::Address {
                    path: file.clone(),
                    why,
                };
                let text = text.expose_text().map(str::trim);
                let text = text.ok_or_else(|| malformed("not text".to_owned()))?;
                (database(text).map_err(malformed)?, text.to_owned())
            }
        };
        let options = AnyConnectOptions::from_str(&url).map_err(|source| StoreError::Open {
            place: shown.clone(),
            source,
        })?;
        Ok(Address {
            shown,
            shared: matches!(self, Self::Shared(_)),
            // What is written is nobody's business but the journal's.
            options: options.disable_statement_logging(),
        })
    }
}

/// A path may hold whatever means something in an address.
fn of_file(path: &Path, access: Access) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut url = "sqlite://".to_owned();
    for byte in absolute.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                url.push(char::from(*byte));
            }
            other => url.push_str(&format!("%{other:02X}")),
        }
    }
    url.push_str(match access {
        Access::Look => "?mode=ro",
        Access::Write => "?mode=rwc",
    });
    url
}

/// Which database an address means, for people. Over a network only where nobody in between can
/// read or pretend: what stands there decides about machines.
fn database(url: &str) -> Result<String, String> {
    let example = "postgresql://user:password@host/database?sslmode=verify-full";
    if !["postgresql://", "postgres://"]
        .iter()
        .any(|s| url.starts_with(s))
    {
        return Err(format!(
            "no address of a PostgreSQL database, such as {example}"
        ));
    }
    // What the parser says may repeat what it read.
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| format!("cannot be read as an address, such as {example}"))?;
    let name = options.get_database().unwrap_or(options.get_username());
    if let Some(socket) = options.get_socket() {
        return Ok(format!("{}, database {name}", socket.display()));
    }
    let host = options.get_host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let local = host.starts_with('/')
        || bare == "localhost"
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    if !local && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
        return Err(format!(
            "{host} is another computer: write sslmode=verify-full, and sslrootcert=FILE where its certificate is of your own authority"
        ));
    }
    Ok(format!("{host}:{}, database {name}", options.get_port()))
}

/// Makes or updates the tables there: before the first question who leads.
pub async fn prepare(place: &Place) -> Result<(), StoreError> {
    let address = place.address(Access::Write)?;
    let pool = address.open(Access::Write).await?;
    let done = address.prepare(&pool).await;
    pool.close().await;
    done
}

impl Address {
    fn failed(&self, source: sqlx::Error) -> StoreError {
        StoreError::Open {
            place: self.shown.clone(),
            source,
        }
    }

    /// One connection: one writer, and what it wrote is what it reads.
    pub async fn open(&self, access: Access) -> Result<AnyPool, StoreError> {
        let setting = self.setting(access);
        AnyPoolOptions::new()
            .max_connections(1)
            // No task that looks after idle connections: that of sqlx 0.9.0 may spin for ever
            // (its issue 3645), and there is but one.
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(if self.shared { CONNECTS } else { CONNECTS * 6 })
            .after_connect(move |connection, _| {
                Box::pin(async move { connection.execute(setting).await.map(|_| ()) })
            })
            .connect_with(self.options.clone())
            .await
            .map_err(|source| self.failed(source))
    }

    /// A connection of its own.
    pub async fn connect(&self) -> Result<AnyConnection, sqlx::Error> {
        let mut connection = AnyConnection::connect_with(&self.options).await?;
        connection.execute(self.setting(Access::Write)).await?;
        Ok(connection)
    }

    fn setting(&self, access: Access) -> &'static str {
        match (self.shared, access) {
            (true, _) => OF_A_DATABASE,
            (false, Access::Write) => OF_A_FILE,
            (false, Access::Look) => "PRAGMA busy_timeout = 10000",
        }
    }

    /// Brings its tables up to date.
    pub async fn prepare(&self, pool: &AnyPool) -> Result<(), StoreError> {
        let migrations = if self.shared { &POSTGRESQL } else { &SQLITE };
        let done = migrations.run(pool).await;
        done.map_err(|source| StoreError::Migrate {
            place: self.shown.clone(),
            source,
        })
    }

    /// Whether there is such a table: before the first writer there is none.
    pub async fn has(&self, pool: &AnyPool, table: &str) -> Result<bool, StoreError> {
        let question = if self.shared {
            "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass($1)"
        } else {
            "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1"
        };
        let count: i64 = sqlx::query_scalar(question)
            .bind(table)
            .fetch_one(pool)
            .await
            .map_err(|source| StoreError::Read { source })?;
        Ok(count > 0)
    }
}
