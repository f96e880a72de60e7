//! Why what is remembered cannot be used.

use super::chain::BrokenChain;
use crate::model::lease::Lease;
use crate::world::secrets::SecretError;
use jiff::Timestamp;
use std::path::PathBuf;

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
    /// Another Holdfast, maybe on another computer, has what only one may have.
    #[error(
        "the journal at {place} is in use by another holdfast, {}, since {}; it may write until {}, and longer while it lives: wait for it to end",
        lease.holder, second(lease.since), second(lease.until)
    )]
    Leased {
        /// The database.
        place: String,
        /// Who has it, since when, until when.
        lease: Lease,
    },
    /// What this process held has ended; another may hold it now. Nothing it wanted to write is
    /// there.
    #[error(
        "this process has lost the right to write to the journal at {place}: it could not renew its lease in time; nothing further was done"
    )]
    LeaseLost {
        /// The database.
        place: String,
    },
    /// The lock file could not be opened or written.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file that says where the database is.
    #[error("[store] postgresql")]
    Connection(#[from] SecretError),
    /// What stands in it.
    #[error("[store] postgresql: {}: {why}", path.display())]
    Address {
        /// The file.
        path: PathBuf,
        /// In words that do not repeat it: it may hold a password.
        why: String,
    },
    /// The database could not be opened or reached.
    #[error("cannot open the journal at {place}")]
    Open {
        /// The state file, or the database.
        place: String,
        /// Why.
        source: sqlx::Error,
    },
    /// Its tables could not be made, or are from a newer Holdfast.
    #[error("cannot prepare the journal at {place}")]
    Migrate {
        /// The state file, or the database.
        place: String,
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
    /// Who holds a claim could not be asked, or not be changed.
    #[error("cannot ask the journal at {place} who may write")]
    Claim {
        /// The database.
        place: String,
        /// Why.
        source: sqlx::Error,
    },
    /// This computer's own journal and the shared one tell of two histories.
    #[error(
        "{} is not the beginning of the shared journal: this computer wrote alone while others shared; look which is true, and move the file away", file.display()
    )]
    Forked {
        /// This computer's own.
        file: PathBuf,
    },
    /// This session only looks.
    #[error("this session only looks; nothing is written")]
    ReadOnly,
    /// An event has no JSON form, or a request is none.
    #[error("cannot encode a journal entry")]
    Encode {
        /// Why.
        source: serde_json::Error,
    },
    /// It is not what was written.
    #[error(transparent)]
    Broken(#[from] BrokenChain),
}

fn second(at: Timestamp) -> String {
    at.strftime("%F %T UTC").to_string()
}
