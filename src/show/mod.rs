//! What people see: the command line, views of plans and results, the demo.

pub mod cli;
pub mod demo;
pub mod exit;
pub mod progress;
pub mod views;
