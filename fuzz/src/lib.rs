//! What the targets run is what the property tests run: the same files, included here.

#[path = "../../tests/it/robustness/bodies.rs"]
pub mod bodies;
#[path = "../../tests/it/robustness/history.rs"]
pub mod history;

use std::fs;
use std::path::Path;

/// Puts a sound input where the target looks for something to begin from.
pub fn plant(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("seeds")
        .join(target);
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(name), bytes).expect("a file");
}
