//! The files of the catalogue, as they were when this binary was built.

use include_dir::{Dir, include_dir};
use std::collections::BTreeMap;

static BLUEPRINTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/stacks/blueprints");
static PROVIDERS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/providers");

/// All files, by their path in the source: `stacks/blueprints/…`, `providers/…`.
pub fn embedded() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    collect(&BLUEPRINTS, "stacks/blueprints", &mut files);
    collect(&PROVIDERS, "providers", &mut files);
    files
}

fn collect(dir: &Dir<'_>, under: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for file in dir.files() {
        if let Some(path) = file.path().to_str() {
            files.insert(format!("{under}/{path}"), file.contents().to_vec());
        }
    }
    for inner in dir.dirs() {
        collect(inner, under, files);
    }
}
