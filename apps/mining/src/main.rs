//! `strata-mining`: the command line.

fn main() -> std::process::ExitCode {
    strata_core::memory::share_arena();
    strata_mining::cli::main()
}
