//! The demo: what it shows, and who plays in it.

pub mod visitor;
