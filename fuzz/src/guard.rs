//! What bounds a target: the memory that one input may take, and who catches a panic.

use std::alloc::System;
use std::path::PathBuf;

use cap::Cap;

/// Bytes that one input may have allocated at a time, beyond what was allocated before it.
pub const MEMORY_BYTES: usize = 512 << 20;

/// The allocator of tests and fuzzing programs: it refuses what is beyond the bound, which ends the program.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// Runs a target on an input with the memory bound.
///
/// # Panics
/// Where the target finds something wrong.
pub fn run(target: fn(&[u8]), data: &[u8]) {
    // Other threads of a test harness may allocate at the same moment; the bound is then only a little off.
    let _ = MEMORY.set_limit(MEMORY.allocated().saturating_add(MEMORY_BYTES));
    target(data);
}

/// Prepares a fuzzing program. A panic that the library contains by itself, as those of picture decoders, is no
/// finding, so the hook that would end the program at any panic gives way to one that is silent; what gets out
/// of a target still ends it.
pub fn install() {
    std::panic::set_hook(Box::new(|about| {
        if std::env::var_os("STRATA_FUZZ_PANICS").is_some() {
            eprintln!("{about}");
        }
    }));
}

/// A file with these bytes, for what reads files; gone when it is dropped. In memory where the system offers it.
pub(crate) fn file(data: &[u8], ending: &str) -> tempfile::NamedTempFile {
    let suffix = format!(".{ending}");
    let made = tempfile::Builder::new().suffix(&suffix).tempfile_in(place());
    let file = made.expect("a temporary file can be made");
    std::fs::write(file.path(), data).expect("a temporary file can be written");
    file
}

/// An empty folder; gone when it is dropped.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(place()).expect("a temporary folder can be made")
}

fn place() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() { shared } else { std::env::temp_dir() }
}
