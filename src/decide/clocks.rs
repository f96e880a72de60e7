//! Clocks of machines against ours. Points carry the time of the machine that took them, and a
//! certificate is judged by the clock of whoever looks at it.

use jiff::{SignedDuration, Timestamp};

/// From here on a difference is told.
const TOLD_FROM: SignedDuration = SignedDuration::from_secs(30);

/// How far a clock is ahead of ours (negative: behind), if it said `said` somewhere between our
/// question and the answer. Zero where the way there and back may explain the difference.
pub fn ahead(said: Timestamp, asked: Timestamp, answered: Timestamp) -> SignedDuration {
    if said > answered {
        said.duration_since(answered)
    } else if said < asked {
        said.duration_since(asked)
    } else {
        SignedDuration::ZERO
    }
}

/// In words, if it is worth telling.
pub fn told(ahead_ms: i64) -> Option<String> {
    let ahead = SignedDuration::from_millis(ahead_ms);
    let way = if ahead.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    let by = crate::model::units::show_duration(ahead.abs());
    (ahead.abs() >= TOLD_FROM).then(|| format!("it is {by} {way} ours"))
}
