//! What we think: pure functions from data to data. No async, no I/O, no clock, no randomness.

pub mod check;
pub mod critical_path;
pub mod derive;
pub mod first_contact;
pub mod history;
pub mod names;
pub mod plan;
pub mod point;
pub mod settle;
