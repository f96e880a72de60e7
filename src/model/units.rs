//! Amounts with their units written out, as people write them in the estate.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A number of bytes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// Why a text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// A number without a unit.
    #[error("{text:?} has no unit; write for example {example:?}")]
    Bare {
        /// As written.
        text: String,
        /// What it could be.
        example: String,
    },
    /// Not a number, or a unit nobody knows.
    #[error("{text:?} is not {what}; write for example {example:?}")]
    Malformed {
        /// As written.
        text: String,
        /// "a size", "a duration".
        what: &'static str,
        /// What would be right.
        example: &'static str,
    },
}

impl Bytes {
    /// Reads `"8 GiB"`, `"512 MiB"`, `"160 GB"`; a bare number is an error.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let malformed = || UnitError::Malformed {
            text: text.to_owned(),
            what: "a size",
            example: "8 GiB",
        };
        let (number, unit) = split(text).ok_or_else(malformed)?;
        let factor: u64 = match unit {
            "" => {
                return Err(UnitError::Bare {
                    text: text.to_owned(),
                    example: format!("{number} GiB"),
                });
            }
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            "kB" | "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            _ => return Err(malformed()),
        };
        number.checked_mul(factor).map(Self).ok_or_else(malformed)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"];
        let mut whole = self.0;
        let mut rest = 0;
        let mut unit = 0;
        while whole >= 1024 && unit + 1 < units.len() {
            rest = whole % 1024;
            whole /= 1024;
            unit += 1;
        }
        if unit == 0 || rest * 10 / 1024 == 0 {
            write!(f, "{whole} {}", units[unit])
        } else {
            write!(f, "{whole}.{} {}", rest * 10 / 1024, units[unit])
        }
    }
}

/// Reads `"24h"`, `"30d"`, `"90m"`, `"45s"`, `"2w"`; a bare number is an error.
pub fn parse_duration(text: &str) -> Result<SignedDuration, UnitError> {
    let malformed = || UnitError::Malformed {
        text: text.to_owned(),
        what: "a duration",
        example: "24h",
    };
    let (number, unit) = split(text).ok_or_else(malformed)?;
    let seconds: u64 = match unit {
        "" => {
            return Err(UnitError::Bare {
                text: text.to_owned(),
                example: format!("{number}h"),
            });
        }
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(malformed()),
    };
    number
        .checked_mul(seconds)
        .and_then(|s| i64::try_from(s).ok())
        .map(SignedDuration::from_secs)
        .ok_or_else(malformed)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, unit.trim()))
}

/// `2m 05s`, `1h 12m`, `3d 4h`: for people.
pub fn show_duration(duration: SignedDuration) -> String {
    let s = duration.as_secs().unsigned_abs();
    match s {
        0..60 => format!("{s}s"),
        60..3_600 => format!("{}m {:02}s", s / 60, s % 60),
        3_600..86_400 => format!("{}h {:02}m", s / 3_600, s % 3_600 / 60),
        _ => format!("{}d {}h", s / 86_400, s % 86_400 / 3_600),
    }
}
