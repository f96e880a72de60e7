//! What was promised, and whether it is so.

use std::process::ExitCode;

/// Counts what is not kept.
#[derive(Default)]
pub struct Bounds {
    broken: usize,
}

impl Bounds {
    /// One bound, said either way.
    pub fn keep(&mut self, what: &str, kept: bool) {
        println!("  {} {what}", if kept { "kept:" } else { "NOT KEPT:" });
        self.broken += usize::from(!kept);
    }

    /// Fails when anything is not kept.
    pub fn verdict(&self) -> ExitCode {
        if self.broken == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
