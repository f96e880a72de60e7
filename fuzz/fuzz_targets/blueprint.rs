//! Any bytes as a blueprint of the catalogue.
#![no_main]

use holdfast_fuzz::bodies::{built_in_file, seed};
use holdfast_fuzz::plant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        plant("blueprint", "notes", &seed("blueprints/notes/blueprint.toml"))
    },
    |data: &[u8]| {
        built_in_file("stacks/blueprints/notes/blueprint.toml", data)
    }
);
