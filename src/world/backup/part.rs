//! Parts of points: what they hold at a path, and one part beside the live data.

use super::answer::{SeenGap, kind_of, only};
use super::input::Lines;
use super::{AT_PATH, RETRIEVE, RETRIEVE_DATABASE};
use crate::model::blueprint::Engine;
use crate::model::gap::Gap;
use crate::model::ids::{PointId, StackId};
use crate::model::secret::Secret;
use crate::model::units::Bytes;
use crate::world::machine::{Contact, MachineError, Transport};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Something that a point holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Absolute, as it was on production. Bytes that are no UTF-8 stand as U+FFFD.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Of a regular file.
    pub size: Bytes,
    /// When its content last changed.
    pub mtime: Timestamp,
    /// The lower twelve bits: permissions, setuid, setgid, sticky.
    pub mode: u32,
    /// Owner's name, or number where it had none.
    pub user: String,
    /// Group's name, or number where it had none.
    pub group: String,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A pipe, a device, whatever else there is.
    #[serde(other)]
    Other,
}

/// What one point holds at a path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AtPath {
    /// What is there; `None`: nothing.
    pub here: Option<Entry>,
    /// How much lies directly in it, if it is a folder.
    pub inside: u64,
    /// The first two thousand of these.
    pub entries: Vec<Entry>,
}

/// What one point told of a path.
#[derive(Deserialize)]
struct Told {
    point: PointId,
    gap: Option<SeenGap>,
    #[serde(flatten)]
    kept: serde_json::Value,
}

/// What each of these points holds at a path, asked where they are kept. One that cannot be read
/// is a gap, and says nothing of the others.
///
/// Refusals: `repository-missing`, `wrong-password`.
pub async fn at_path(
    transport: &dyn Transport,
    backup: &Contact,
    stack: &StackId,
    password: &Secret,
    path: &str,
    points: &[PointId],
) -> Result<BTreeMap<PointId, Result<AtPath, Gap>>, MachineError> {
    let mut lines = Lines::new()
        .words(&["stack", stack.as_str()])
        .secret(&["password"], password)
        .text("path", path);
    for point in points {
        lines = lines.words(&["point", point.as_str()]);
    }
    let answer = transport.run(backup, AT_PATH, &lines.done()).await?;
    only::<bool>(&backup.machine, AT_PATH, "done", answer.clone())?;
    let told = answer
        .into_iter()
        .filter_map(|mut line| line.get_mut("at_path").map(serde_json::Value::take))
        .map(|line| {
            let told: Told = serde_json::from_value(line)?;
            let kept = match told.gap {
                Some(gap) => Err(Gap::new(
                    kind_of(&gap.code),
                    format!("point {}", told.point.short()),
                    gap.reason,
                )),
                None => Ok(serde_json::from_value(told.kept)?),
            };
            Ok((told.point, kept))
        });
    let told: Result<_, serde_json::Error> = told.collect();
    told.map_err(|error| MachineError::Unreadable {
        machine: backup.machine.clone(),
        script: AT_PATH.name,
        detail: error.to_string(),
    })
}

/// What is brought back, and where to.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// From which point.
    pub point: &'a PointId,
    /// Absolute, as it was on production.
    pub path: &'a str,
    /// A path that is not there yet.
    pub to: &'a str,
    /// Folders of live data: nothing is brought back into them.
    pub state: &'a [String],
}

/// What was brought back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Retrieved {
    /// Where it is now.
    pub to: String,
    /// Regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: Bytes,
    /// Milliseconds on the machine.
    pub millis: u64,
}

/// Brings a file or a folder of a point back beside the live data.
///
/// Refusals: `exists` and `live-data` (S4), `no-such-folder`, `not-writable`, `not-in-point`, `disk-full`, and
/// those of reaching the repository. After any of them nothing is there that was not before.
pub async fn retrieve(
    transport: &dyn Transport,
    machine: &Contact,
    wanted: Wanted<'_>,
) -> Result<Retrieved, MachineError> {
    let mut lines = Lines::new()
        .words(&["point", wanted.point.as_str()])
        .text("path", wanted.path)
        .text("to", wanted.to);
    for state in wanted.state {
        lines = lines.text("state", state);
    }
    let answer = transport.run(machine, RETRIEVE, &lines.done()).await?;
    only(&machine.machine, RETRIEVE, "retrieved", answer)
}

/// Which database is brought back, and under which name.
#[derive(Debug, Clone, Copy)]
pub struct WantedDatabase<'a> {
    /// From which point.
    pub point: &'a PointId,
    /// What it is a database of.
    pub engine: Engine,
    /// Its name on production.
    pub database: &'a str,
    /// This table alone.
    pub table: Option<&'a str>,
    /// The name of a database that is not there yet.
    pub to: &'a str,
}

/// A database that was brought back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RetrievedDatabase {
    /// Its name now.
    pub to: String,
    /// Tables in it.
    pub tables: u64,
    /// Their rows.
    pub rows: u64,
    /// Milliseconds on the machine.
    pub millis: u64,
}

/// Loads a database of a point, or one table of it, into a new database beside the live one.
///
/// Refusals: `exists` (S4), `bad-name`, `not-in-point`, `database-down`, `database-load`,
/// `disk-full`, and those of reaching the repository. After any of them no new database is left.
pub async fn retrieve_database(
    transport: &dyn Transport,
    machine: &Contact,
    wanted: WantedDatabase<'_>,
) -> Result<RetrievedDatabase, MachineError> {
    let mut lines = Lines::new()
        .words(&["point", wanted.point.as_str()])
        .words(&["engine", wanted.engine.word()])
        .words(&["database", wanted.database])
        .text("to", wanted.to);
    if let Some(table) = wanted.table {
        lines = lines.text("table", table);
    }
    let answer = transport
        .run(machine, RETRIEVE_DATABASE, &lines.done())
        .await?;
    only(&machine.machine, RETRIEVE_DATABASE, "retrieved", answer)
}
