//! What people see: the command line, views of plans and results.

pub mod cli;
pub mod demo;
