//! Any bytes as the ledger of accepted commits.
#![no_main]

use holdfast_fuzz::history::{ledger, ledger_seed};
use holdfast_fuzz::plant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        plant("ledger", "two", &ledger_seed())
    },
    |data: &[u8]| {
        ledger(data)
    }
);
