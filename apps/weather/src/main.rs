//! `strata-weather`: the command line.

fn main() -> std::process::ExitCode {
    strata_weather::cli::main()
}
