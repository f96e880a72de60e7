//! Tests on real machines of the lab. They need root, Linux and the lab's tools, so
//! `cargo test` leaves them out; run them with
//! `cargo test --test e2e -- --test-threads=1`.
#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs
)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests live outside, where things are touched"
)]

mod attack;
mod backup;
mod backup_move;
mod clients;
mod closed_window;
mod contents;
mod crossing;
mod damage;
mod demo;
mod drill;
mod editors;
mod evidence;
mod exit_kit;
mod kills;
mod lab;
mod lost;
mod luck;
mod one_file_back;
mod operators_pages;
#[path = "../pages/mod.rs"]
mod pages;
mod rescue;
mod run;
mod several;
mod sick;
mod size;
mod support;
mod zombie;
