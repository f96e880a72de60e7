//! The catalogue: blueprints and descriptors, read from data files.

mod blueprint;
mod coverage;
mod descriptor;
mod template;

use super::document::{Files, about_file, codes, words};
use crate::model::blueprint::Blueprint;
use crate::model::desired::Descriptor;
use crate::model::diagnostic::Diagnostic;
use crate::model::ids::BlueprintId;
use std::collections::BTreeMap;

/// What stacks can be made of.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// How applications are installed.
    pub blueprints: BTreeMap<BlueprintId, Blueprint>,
    /// Facts about hosters.
    pub descriptors: BTreeMap<String, Descriptor>,
}

/// A blueprint, or what is wrong with it.
pub type Read<T> = Result<T, Vec<Diagnostic>>;

/// Reads `stacks/blueprints/<id>/…` and `providers/<id>.toml`. What is broken
/// is left out of the catalogue and told.
pub fn catalogue(files: &Files) -> (Catalogue, Vec<Diagnostic>) {
    let mut catalogue = Catalogue::default();
    let mut findings = Vec::new();
    for (id, read) in blueprints(files, "stacks/blueprints/") {
        match read {
            Ok(blueprint) => {
                catalogue.blueprints.insert(id, blueprint);
            }
            Err(found) => findings.extend(found),
        }
    }
    for (path, bytes) in files {
        let Some(name) = path.strip_prefix("providers/") else {
            continue;
        };
        match name.strip_suffix(".toml") {
            Some(id) if words::ID.fits(id) => {
                let (descriptor, found) = descriptor::read(path, bytes, id);
                if let Some(descriptor) = descriptor {
                    catalogue
                        .descriptors
                        .insert(descriptor.id.clone(), descriptor);
                }
                findings.extend(found);
            }
            _ => findings.push(about_file(
                codes::STRAY_FILE,
                path,
                format!("`{path}` is not a descriptor"),
                "descriptors are named providers/<id>.toml",
            )),
        }
    }
    (catalogue, findings)
}

/// Reads all blueprints under a folder that ends with `/`.
pub fn blueprints(files: &Files, under: &str) -> BTreeMap<BlueprintId, Read<Blueprint>> {
    let mut folders: BTreeMap<&str, BTreeMap<&str, &[u8]>> = BTreeMap::new();
    let mut all = BTreeMap::new();
    for (path, bytes) in files {
        let Some(inside) = path.strip_prefix(under) else {
            continue;
        };
        if let Some((folder, file)) = inside.split_once('/') {
            folders.entry(folder).or_default().insert(file, bytes);
        }
    }
    for (folder, files) in folders {
        let path = format!("{under}{folder}/");
        let read = blueprint::read(&path, folder, &files);
        all.insert(BlueprintId::new(folder), read);
    }
    all
}
