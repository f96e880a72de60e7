//! What is done to the machine of a drill alone.

use super::verbs::{CheckResult, read};
use super::{Contact, MachineError, Script, Transport};
use crate::model::machine::ServiceRuntime;
use crate::model::secret::Secret;
use serde::Deserialize;
use serde_json::Value;
use std::fmt::Write as _;

const ISOLATE: Script = Script {
    name: "isolate",
    text: concat!(
        include_str!("scripts/prelude.sh"),
        include_str!("scripts/isolate.sh")
    ),
};
const INTEGRITY: Script = Script {
    name: "integrity",
    text: concat!(
        include_str!("scripts/prelude.sh"),
        include_str!("scripts/integrity.sh")
    ),
};

/// A machine that begins no connection.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Isolated {
    /// What it tried to reach, and did not.
    pub tried: Vec<String>,
}

/// Keeps a drill's machine from talking to anybody, takes its keys to the repository away, and
/// tries to get out. Refuses with `not-a-drill`, `not-building`, `not-isolated`.
pub async fn isolate(
    transport: &dyn Transport,
    contact: &Contact,
) -> Result<Isolated, MachineError> {
    let nothing = Secret::new(Vec::new());
    let answer = transport.run(contact, ISOLATE, &nothing).await?;
    let last = answer.into_iter().next_back();
    let isolated = last.and_then(|mut line| line.get_mut("isolated").map(Value::take));
    read(contact, ISOLATE, isolated.unwrap_or_default())
}

/// Whether the databases' own structures are whole, each as a check of its service.
pub async fn integrity(
    transport: &dyn Transport,
    contact: &Contact,
    services: &[ServiceRuntime],
) -> Result<Vec<CheckResult>, MachineError> {
    let mut input = String::new();
    for service in services {
        for database in &service.databases {
            let (engine, name) = (database.engine.word(), &database.name);
            // Writing to a String cannot fail.
            let _ = writeln!(input, "{}\t{engine}\t{name}", service.name);
        }
    }
    if input.is_empty() {
        return Ok(Vec::new());
    }
    let answer = transport
        .run(contact, INTEGRITY, &Secret::new(input))
        .await?;
    answer
        .into_iter()
        .map(|line| read(contact, INTEGRITY, line))
        .collect()
}
