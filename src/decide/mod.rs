//! What we think: pure functions from data to data. No async, no I/O, no clock, no randomness.

pub mod check;
pub mod history;
pub mod names;
pub mod plan;
pub mod settle;
