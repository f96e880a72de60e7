//! The hash chain over the journal's lines (S9). Pure.

use crate::model::journal::Entry;
use sha2::{Digest, Sha256};

/// Before the first line.
pub(super) const ROOT: &str = "";

/// How far a journal was read: the number of the last entry, and its seal. Before the first, at
/// its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tip {
    /// Number of the last entry that was read; 0: none was.
    pub seq: i64,
    /// Its seal, in hexadecimal digits.
    pub seal: String,
}

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

/// Reads lines in order, each checked against the one before. They begin with the one that was
/// read last, which must be what it was.
pub(super) fn verified(tip: &Tip, lines: &[Line]) -> Result<(Vec<Entry>, Tip), BrokenChain> {
    let mut new = lines;
    if tip.seq > 0 {
        let another = |line: &Line| line.seq != tip.seq || line.hash != tip.seal;
        if lines.first().is_none_or(another) {
            return Err(BrokenChain {
                seq: tip.seq,
                reason: "it is not what it was when it was read before".to_owned(),
            });
        }
        new = &lines[1..];
    }
    let mut tip = tip.clone();
    let mut entries = Vec::with_capacity(new.len());
    for line in new {
        entries.push(follows(&tip, line)?);
        tip.seq = line.seq;
        tip.seal.clone_from(&line.hash);
    }
    Ok((entries, tip))
}

/// The entry of a line that stands behind `tip`.
pub(super) fn follows(tip: &Tip, line: &Line) -> Result<Entry, BrokenChain> {
    let expected = tip.seq + 1;
    let broken = |reason: String| BrokenChain {
        seq: expected,
        reason,
    };
    if line.seq != expected {
        return Err(broken(format!("entry {} stands there", line.seq)));
    }
    let previous = if tip.seq > 0 { tip.seal.as_str() } else { ROOT };
    if seal(previous, &line.entry) != line.hash {
        return Err(broken("its hash does not match".to_owned()));
    }
    let entry: Entry =
        serde_json::from_str(&line.entry).map_err(|e| broken(format!("unreadable: {e}")))?;
    if entry.seq != expected {
        return Err(broken(format!("it says that it is entry {}", entry.seq)));
    }
    Ok(entry)
}

/// A journal that has entries, and not the first.
pub(super) fn no_first() -> BrokenChain {
    BrokenChain {
        seq: 1,
        reason: "it is not there".to_owned(),
    }
}
