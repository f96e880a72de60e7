//! The one integration binary: a module for each subject.

// A test may panic, and says why it was skipped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod changes;
mod derive;
mod lab_hetzner;
mod manifest;
mod real_machine;
mod s13_secrets;
mod sample;
