//! Arguments in, exit code out.

use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

/// A loop waits most of its time: what a pass needed goes back to the system meanwhile.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    holdfast::show::cli::main()
}
