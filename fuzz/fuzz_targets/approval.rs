//! Any bytes as the approval of an honest commit.
#![no_main]

use holdfast_fuzz::history::{approval, approval_seed};
use holdfast_fuzz::plant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        plant("approval", "honest", &approval_seed())
    },
    |data: &[u8]| {
        approval(data);
    }
);
