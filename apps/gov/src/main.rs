//! `strata-gov`: the command line.

fn main() -> std::process::ExitCode {
    strata_core::memory::share_arena();
    strata_gov::cli::main()
}
