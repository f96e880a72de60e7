//! What we think: pure functions from data to data. No async, no I/O, no clock, no randomness.

pub mod adoption;
pub mod authority;
pub mod catalogue;
pub mod changes;
pub mod check;
pub mod critical_path;
pub mod derive;
pub mod document;
pub mod first_contact;
pub mod history;
pub mod init;
pub mod layout;
pub mod manifest;
pub mod names;
pub mod new_stack;
pub mod plan;
pub mod point;
pub mod promises;
pub mod resolve;
pub mod schema;
pub mod settle;
pub mod succession;
