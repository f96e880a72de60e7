//! A plan as a file: what was shown is what is executed, so nothing in it is passed over.

use crate::model::plan::{PLAN_SCHEMA, Plan};
use serde_json::Value;

/// Largest plan file that is read, in bytes.
pub const LIMIT: usize = 64 << 20;

/// Why a file is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// Too long to be read.
    #[error("the file has {bytes} bytes; plans have at most {LIMIT}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not JSON, or not a plan's.
    #[error("the file is no plan")]
    Malformed(#[source] serde_json::Error),
    /// No version in it.
    #[error("the file is no plan: it has no number plan_schema")]
    NoVersion,
    /// Another version's.
    #[error(
        "the plan has schema {found}, and this holdfast knows {PLAN_SCHEMA}; plan again with this version"
    )]
    Version {
        /// As found.
        found: u64,
    },
    /// Something in it that we would pass over.
    #[error("{at} is not known in a plan; nothing in a plan is passed over")]
    Unknown {
        /// Where, as a JSON pointer.
        at: String,
    },
}

/// The file's bytes.
pub fn write(plan: &Plan) -> Result<Vec<u8>, PlanFileError> {
    let mut bytes = serde_json::to_vec_pretty(plan).map_err(PlanFileError::Malformed)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a plan, strictly: the known version, every field known, nothing too long.
pub fn read(bytes: &[u8]) -> Result<Plan, PlanFileError> {
    if bytes.len() > LIMIT {
        return Err(PlanFileError::TooLarge { bytes: bytes.len() });
    }
    let value: Value = serde_json::from_slice(bytes).map_err(PlanFileError::Malformed)?;
    let version = value.get("plan_schema").and_then(Value::as_u64);
    match version {
        None => return Err(PlanFileError::NoVersion),
        Some(found) if found != u64::from(PLAN_SCHEMA) => {
            return Err(PlanFileError::Version { found });
        }
        Some(_) => {}
    }
    let plan: Plan = serde_json::from_value(value.clone()).map_err(PlanFileError::Malformed)?;
    // Flattened parts cannot refuse unknown fields by themselves; what comes out again can tell.
    let again = serde_json::to_value(&plan).map_err(PlanFileError::Malformed)?;
    match differs(&value, &again) {
        Some(at) => Err(PlanFileError::Unknown { at }),
        None => Ok(plan),
    }
}

/// Where the first is not the second, as a JSON pointer.
fn differs(one: &Value, other: &Value) -> Option<String> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => one
            .iter()
            .find_map(|(key, value)| {
                let inner = other
                    .get(key)
                    .map_or(Some(String::new()), |o| differs(value, o));
                inner.map(|rest| format!("/{key}{rest}"))
            })
            .or_else(|| {
                let missing = other.keys().find(|key| !one.contains_key(*key))?;
                Some(format!("/{missing}"))
            }),
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let mut pairs = one.iter().zip(other).enumerate();
            pairs.find_map(|(at, (one, other))| {
                differs(one, other).map(|rest| format!("/{at}{rest}"))
            })
        }
        _ => (one != other).then(String::new),
    }
}
