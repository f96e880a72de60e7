//! Any bytes as the tree of a commit that is signed and approved.
#![no_main]

use holdfast_fuzz::history::{tree, tree_seed};
use holdfast_fuzz::plant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        plant("tree", "honest", &tree_seed());
    },
    |data: &[u8]| {
        tree(data);
    }
);
