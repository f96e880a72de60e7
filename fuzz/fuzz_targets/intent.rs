//! Any bytes in place of one file of an estate; the first byte says which.
#![no_main]

use holdfast_fuzz::bodies::{PLACES, intent, seed};
use holdfast_fuzz::plant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        for (number, place) in (0_u8..).zip(PLACES) {
            plant("intent", &number.to_string(), &[&[number][..], &seed(place)].concat());
        }
    },
    |data: &[u8]| {
        if let Some((first, bytes)) = data.split_first() {
            intent(PLACES[usize::from(*first) % PLACES.len()], bytes);
        }
    }
);
