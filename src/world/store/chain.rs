//! The hash chain over the journal's lines (S9). Pure.

use crate::model::journal::Entry;
use sha2::{Digest, Sha256};

/// Before the first line.
pub(super) const ROOT: &str = "";

/// A line as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Line {
    pub seq: i64,
    pub entry: String,
    pub hash: String,
}

/// The journal is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal's chain is broken at entry {seq}: {reason}")]
pub struct BrokenChain {
    /// First entry that does not fit.
    pub seq: i64,
    /// What does not fit.
    pub reason: String,
}

/// The seal of a line.
pub(super) fn seal(previous: &str, entry: &str) -> String {
    let digest = Sha256::new()
        .chain_update(previous)
        .chain_update(entry)
        .finalize();
    hex::encode(digest)
}

/// Reads all lines in order, each checked against the one before.
pub(super) fn verified(lines: &[Line]) -> Result<Vec<Entry>, BrokenChain> {
    let mut previous = ROOT;
    let mut entries = Vec::with_capacity(lines.len());
    for (expected, line) in (1_i64..).zip(lines) {
        let broken = |reason: String| BrokenChain {
            seq: expected,
            reason,
        };
        if line.seq != expected {
            return Err(broken(format!("entry {} stands there", line.seq)));
        }
        if seal(previous, &line.entry) != line.hash {
            return Err(broken("its hash does not match".to_owned()));
        }
        let entry: Entry =
            serde_json::from_str(&line.entry).map_err(|e| broken(format!("unreadable: {e}")))?;
        if entry.seq != expected {
            return Err(broken(format!("it says that it is entry {}", entry.seq)));
        }
        previous = &line.hash;
        entries.push(entry);
    }
    Ok(entries)
}
