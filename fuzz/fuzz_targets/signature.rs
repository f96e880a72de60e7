//! Any bytes as the signature of an honest commit.
#![no_main]

use holdfast_fuzz::history::{signature, signature_seed};
use holdfast_fuzz::plant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        plant("signature", "honest", &signature_seed())
    },
    |data: &[u8]| {
        signature(data);
    }
);
