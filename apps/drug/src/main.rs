//! `strata-drug`: the command line of drug molecule screening.

use std::process::ExitCode;

fn main() -> ExitCode {
    strata_drug::cli::main()
}
