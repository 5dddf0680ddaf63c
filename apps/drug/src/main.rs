//! `strata-drug`: the command line of drug molecule screening.

use std::process::ExitCode;

/// Molecules are many small allocations, made on one thread and freed on another: a twentieth of a screen's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    strata_drug::cli::main()
}
