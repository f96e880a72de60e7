//! Any bytes as a sealed secret.
#![no_main]

use holdfast_fuzz::bodies::{sealed, sealed_seed};
use holdfast_fuzz::plant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        plant("sealed", "one", &sealed_seed())
    },
    |data: &[u8]| {
        sealed(data)
    }
);
