//! What people see: the command line, views of plans and results, the demo.

pub mod cli;
pub mod demo;
pub mod diagnostics;
pub mod exit;
mod lab_estate;
pub mod lab_progress;
pub mod progress;
pub mod prompt;
pub mod runbook;
mod say;
pub mod service;
pub mod views;
mod window;
