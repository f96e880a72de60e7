//! Any bytes as a commit object.
#![no_main]

use holdfast_fuzz::history::{commit, commit_seed};
use holdfast_fuzz::plant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        plant("commit", "honest", &commit_seed())
    },
    |data: &[u8]| {
        commit(data)
    }
);
