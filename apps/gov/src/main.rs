//! `strata-gov`: the command line.

/// Records are made on one thread and freed on another, which glibc's allocator answers with a lock: a fifth of the time
/// of taking documents in.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    strata_core::memory::share_arena();
    strata_gov::cli::main()
}
