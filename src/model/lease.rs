//! A right that ends by itself: who may write to what several reconcilers share, and until when.

use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// From one renewal to the end, by the store's clock.
pub const LASTS: Duration = Duration::from_secs(20);

/// The holder asks for more this often.
pub const RENEWS: Duration = Duration::from_secs(4);

/// Whoever waits for a lease asks this often: with [`LASTS`], a takeover is done within 30 s.
pub const ASKS: Duration = Duration::from_secs(3);

/// The holder itself counts on so much less than the store grants: what it has just begun is
/// over before anybody takes over.
pub const SPARE: Duration = Duration::from_secs(5);

/// What may be held by one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// Which of several loops acts; held between its passes too.
    Leader,
    /// Who writes to the journal: the leader's loop during a pass, or a person's command.
    Writer,
}

impl Claim {
    /// As it stands in the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Writer => "writer",
        }
    }
}

/// Who holds a claim, or held it last. All times are by the store's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lease {
    /// The fencing token: higher with each new holder.
    pub token: i64,
    /// The computer and the process.
    pub holder: String,
    /// When it was taken.
    pub since: Timestamp,
    /// Nobody else takes it before.
    pub until: Timestamp,
}
