//! Any bytes as a plan to be executed.
#![no_main]

use holdfast_fuzz::bodies::plan_file;
use holdfast_fuzz::plant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        plant("plan", "version", b"{\"plan_schema\": 1}");
    },
    |data: &[u8]| {
        plan_file(data);
    }
);
