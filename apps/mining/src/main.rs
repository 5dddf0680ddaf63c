//! `strata-mining`: the command line.

fn main() -> std::process::ExitCode {
    strata_mining::cli::main()
}
