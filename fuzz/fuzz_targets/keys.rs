//! Any bytes as the list of keys that judges commits.
#![no_main]

use holdfast_fuzz::bodies::{list_of_keys, seed};
use holdfast_fuzz::plant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        plant("keys", "one", &seed("trust.toml"))
    },
    |data: &[u8]| {
        list_of_keys(data)
    }
);
