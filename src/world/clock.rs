//! What time it is, and how long things take, as an outside thing.

use async_trait::async_trait;
use jiff::Timestamp;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// A source of the present moment.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Since a moment that stays the same, by a clock that nobody sets: for measuring.
    fn elapsed(&self) -> Duration {
        static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGIN.elapsed()
    }

    /// Waits as long.
    async fn wait(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

/// The computer's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
