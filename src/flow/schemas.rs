//! The schemas of every kind of file, this computer's configuration included, and where
//! they are written for editors.

pub use crate::decide::schema::Kind;

use super::config;
use crate::decide::schema::{KINDS, editor_rules};
use crate::model::plan::plan_schema;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The folder in an estate that `.taplo.toml` names.
pub const FOLDER: &str = ".schemas";

/// A schema that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}")]
pub struct SchemaError {
    path: PathBuf,
    source: io::Error,
}

/// Written by Holdfast itself, in JSON; people only read it.
const PLAN: Kind = Kind {
    name: "plan",
    files: "holdfast plan --format json, --out FILE",
    in_estate: false,
    make: || plan_schema().to_value(),
};

/// All kinds that have a schema: the files that people write, and the plan.
pub fn all() -> Vec<Kind> {
    let mut all = kinds();
    all.push(PLAN);
    all
}

/// All kinds of files that people write.
pub fn kinds() -> Vec<Kind> {
    let mut kinds = KINDS.to_vec();
    kinds.push(config::KIND);
    kinds
}

/// The schema as a file: the same bytes each time.
pub fn text(kind: &Kind) -> String {
    format!("{:#}\n", kind.schema())
}

/// What an estate holds for editors, by path: its own kinds, and the rules that name them.
pub fn of_estate() -> BTreeMap<String, String> {
    let own = KINDS.iter().filter(|kind| kind.in_estate);
    own.map(|kind| (format!("{FOLDER}/{}.json", kind.name), text(kind)))
        .chain([(".taplo.toml".to_owned(), editor_rules(FOLDER))])
        .collect()
}

/// The files that `--out` writes. Rules that are there already are the reader's own.
pub fn files(kinds: &[&Kind], out: &Path) -> BTreeMap<PathBuf, String> {
    let mut files: BTreeMap<PathBuf, String> = kinds
        .iter()
        .map(|kind| (out.join(format!("{}.json", kind.name)), text(kind)))
        .collect();
    let rules = out.parent().unwrap_or(Path::new("")).join(".taplo.toml");
    let folder = out.file_name().and_then(|name| name.to_str());
    if let Some(folder) = folder.filter(|_| kinds.len() > 1 && !rules.exists()) {
        files.insert(rules, editor_rules(folder));
    }
    files
}

/// Writes them; says which.
pub fn write(out: &Path, files: &BTreeMap<PathBuf, String>) -> Result<Vec<PathBuf>, SchemaError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| SchemaError { path, source }
    };
    fs::create_dir_all(out).map_err(failed(out))?;
    for (path, text) in files {
        fs::write(path, text).map_err(failed(path))?;
    }
    Ok(files.keys().cloned().collect())
}
