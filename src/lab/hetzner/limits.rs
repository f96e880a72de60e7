//! The budget of requests: so many an hour, refilled evenly.
//!
//! "3600 requests per hour and per Project … will increase by 1 every second"
//! (Hetzner Cloud reference, Rate Limiting). Requests without a valid token are
//! limited as well, on a budget of their own.

use axum::http::{HeaderMap, HeaderValue};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const HOUR: f64 = 3600.0;

/// What is left, as of the last request.
#[derive(Debug, Clone, Copy)]
struct Level {
    left: f64,
    at: Instant,
}

/// One budget. Bursts up to the whole hour's worth are allowed.
#[derive(Debug)]
pub struct Budget {
    per_hour: u32,
    level: Mutex<Level>,
}

/// The budget after one request was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// False: there was nothing left for this request.
    pub granted: bool,
    /// Requests an hour.
    pub limit: u32,
    /// Whole requests left.
    pub remaining: u32,
    /// Until the budget is *full* again (not: until one more request fits).
    pub full_in: Duration,
}

impl Budget {
    /// A full budget of `per_hour` requests.
    pub fn new(per_hour: u32, now: Instant) -> Self {
        let level = Level {
            left: f64::from(per_hour),
            at: now,
        };
        Self {
            per_hour,
            level: Mutex::new(level),
        }
    }

    /// Takes one request, if one is left.
    pub fn take(&self, now: Instant) -> Standing {
        let limit = f64::from(self.per_hour);
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let refilled = now.saturating_duration_since(level.at).as_secs_f64() * limit / HOUR;
        let left = (level.left + refilled).min(limit);
        let granted = left >= 1.0;
        let left = if granted { left - 1.0 } else { left };
        *level = Level { left, at: now };
        let full_in = if limit > 0.0 {
            Duration::from_secs_f64((limit - left) * HOUR / limit)
        } else {
            Duration::from_hours(1)
        };
        Standing {
            granted,
            limit: self.per_hour,
            remaining: whole(left),
            full_in,
        }
    }
}

/// `left` is between 0 and a `u32`, so nothing but the fraction is lost.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(left: f64) -> u32 {
    left as u32
}

impl Standing {
    /// Adds `RateLimit-Limit`, `-Remaining` and `-Reset` (UNIX time).
    pub fn write(&self, headers: &mut HeaderMap, now: jiff::Timestamp) {
        let whole_seconds = self.full_in.as_secs() + u64::from(self.full_in.subsec_nanos() > 0);
        let full_in = i64::try_from(whole_seconds).unwrap_or(i64::MAX);
        let reset = now.as_second().saturating_add(full_in);
        headers.insert("ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("ratelimit-remaining", HeaderValue::from(self.remaining));
        headers.insert("ratelimit-reset", HeaderValue::from(reset));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_empties_and_refills_by_one_each_second() {
        let start = Instant::now();
        let budget = Budget::new(3600, start);
        for _ in 0..3600 {
            assert!(budget.take(start).granted);
        }
        let empty = budget.take(start);
        assert!(!empty.granted);
        assert_eq!(
            (empty.remaining, empty.full_in),
            (0, Duration::from_hours(1))
        );
        let later = budget.take(start + Duration::from_secs(10));
        assert_eq!((later.granted, later.remaining), (true, 9));
    }
}
