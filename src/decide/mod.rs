//! What we think: pure functions from data to data. No async, no I/O, no clock, no randomness.

pub mod derive;
pub mod first_contact;
