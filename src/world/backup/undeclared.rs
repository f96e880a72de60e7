//! What a machine holds that nobody declares: it would be lost in a rebuild.

use super::UNDECLARED;
use super::answer::only;
use super::input::Lines;
use crate::model::machine::MachineManifest;
use crate::world::machine::{Contact, MachineError, Transport};

/// As many paths as a person reads; what is beyond is counted.
const SHOWN: usize = 100;

/// What was written on a machine that neither installing it again nor its recovery points
/// bring back, sorted: paths, directories that nobody knows (with a final slash), and what a
/// database server holds beside the declared databases. Nothing is changed on the machine.
///
/// At most 100 entries, then one that says how many more there are.
///
/// Refusals: `not-prepared`, `database-down`. Neither means that there is nothing (S1).
pub async fn undeclared(
    transport: &dyn Transport,
    machine: &Contact,
    manifest: &MachineManifest,
) -> Result<Vec<String>, MachineError> {
    let mut lines = Lines::new();
    for file in &manifest.files {
        lines = lines.text("own", &file.path);
    }
    for unit in &manifest.units {
        lines = lines.words(&["unit", unit]);
    }
    for service in &manifest.services {
        let state = service.state.iter().map(|state| &state.path);
        for path in state.chain(&service.expendable) {
            lines = lines.text("state", path);
        }
        for database in &service.databases {
            lines = lines.words(&["database", database.engine.word(), &database.name]);
        }
    }
    let answer = transport.run(machine, UNDECLARED, &lines.done()).await?;
    let found = only(&machine.machine, UNDECLARED, "undeclared", answer)?;
    Ok(bounded(found))
}

fn bounded(mut found: Vec<String>) -> Vec<String> {
    found.sort();
    if found.len() > SHOWN {
        let more = found.len() - SHOWN;
        found.truncate(SHOWN);
        found.push(format!("and {more} more"));
    }
    found
}
