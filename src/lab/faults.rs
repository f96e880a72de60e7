//! Outages of a hoster's interface, chosen by `holdfast lab outage`.
//!
//! The choice is one small JSON file of the lab, `faults.json`, read afresh
//! for each request: the command line and the daemon need no other channel,
//! and a restart of the daemon keeps the outage.
//!
//! ```json
//! {"hetzner": {"mode": "slow", "delay_ms": 3000, "rate": 0.5}}
//! ```

use super::files::write_atomically;
use super::fleet::FleetError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// In which way an interface fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// HTTP 503 for everything.
    #[serde(rename = "503")]
    Unavailable,
    /// Takes the request and never answers.
    #[serde(rename = "hang")]
    Hang,
    /// HTTP 429, as if the hourly limit were used up.
    #[serde(rename = "429")]
    TooMany,
    /// HTTP 500.
    #[serde(rename = "500")]
    Broken,
    /// Answers rightly, but only after the delay.
    #[serde(rename = "slow")]
    Slow,
    /// Works, but has no server left: every order, and every change of a type, ends with 412.
    #[serde(rename = "full")]
    Full,
}

/// An outage as it stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// In which way the interface fails.
    pub mode: Mode,
    /// For [`Mode::Slow`]: how long each answer waits, in milliseconds.
    #[serde(default = "default_delay")]
    pub delay_ms: u64,
    /// The share of requests that are hit, 0 to 1; hits are spread evenly.
    #[serde(default = "default_rate")]
    pub rate: f64,
}

fn default_delay() -> u64 {
    2_000
}

fn default_rate() -> f64 {
    1.0
}

impl Outage {
    /// Every request fails in this way; `slow` waits two seconds.
    pub fn of(mode: Mode) -> Self {
        Self {
            mode,
            delay_ms: default_delay(),
            rate: default_rate(),
        }
    }
}

/// The outages of one lab. Cheap to clone; clones count requests together.
#[derive(Debug, Clone)]
pub struct Faults {
    path: PathBuf,
    asked: Arc<AtomicU64>,
}

impl Faults {
    /// The handle on the file at `path`, which need not exist.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            asked: Arc::default(),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The outage that hits *this* request to the hoster's interface, if any.
    ///
    /// Counts the request, so ask once for each. An unreadable file is no outage:
    /// faults come from a person's command, never from an accident.
    pub fn strike(&self, hoster: &str) -> Option<Outage> {
        let outage = self.standing(hoster)?;
        let count = self.asked.fetch_add(1, Ordering::Relaxed);
        hits(outage.rate, count).then_some(outage)
    }

    /// The outage that stands for a hoster, without counting a request.
    pub fn standing(&self, hoster: &str) -> Option<Outage> {
        self.all().get(hoster).copied()
    }

    /// All outages that stand, by hoster.
    pub fn all(&self) -> BTreeMap<String, Outage> {
        std::fs::read(&self.path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// Begins an outage, or ends it with `None`.
    pub fn set(&self, hoster: &str, outage: Option<Outage>) -> Result<(), FleetError> {
        let mut all = self.all();
        match outage {
            Some(outage) => all.insert(hoster.to_owned(), outage),
            None => all.remove(hoster),
        };
        write_atomically(&self.path, &all)
    }
}

/// Whether the request number `count` is among the share `rate`, spread evenly:
/// a rate of 0.25 hits every fourth.
pub fn hits(rate: f64, count: u64) -> bool {
    #[allow(clippy::cast_precision_loss)] // counts of requests stay far below 2^52
    let at = |n: u64| (n as f64 * rate.clamp(0.0, 1.0)).floor();
    at(count + 1) > at(count)
}
