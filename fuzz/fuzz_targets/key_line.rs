//! Any text as one public key.
#![no_main]

use holdfast_fuzz::bodies::{SIGNER, key_line};
use holdfast_fuzz::plant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        plant("key_line", "ed25519", SIGNER.as_bytes())
    },
    |data: &[u8]| {
        if let Ok(line) = std::str::from_utf8(data) {
            key_line(line);
        }
    }
);
