//! Any bytes as a hoster's descriptor.
#![no_main]

use holdfast_fuzz::bodies::built_in_file;
use holdfast_fuzz::plant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        plant("descriptor", "hetzner", include_bytes!("../../providers/hetzner.toml"))
    },
    |data: &[u8]| {
        built_in_file("providers/hetzner.toml", data)
    }
);
