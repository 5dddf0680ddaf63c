//! Where the shared data lies, and how a test says that it was skipped without it.

use std::path::{Path, PathBuf};

/// The folder of shared data and models: `STRATA_SHARED`, else `shared/` beside the workspace.
/// `None` when there is none; a test then calls [`skip`] and returns.
#[must_use]
pub fn shared_dir() -> Option<PathBuf> {
    let given = std::env::var_os("STRATA_SHARED").filter(|v| !v.is_empty()).map(PathBuf::from);
    let dir = given.or_else(|| {
        let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        crate_dir.ancestors().nth(3).map(|above| above.join("shared"))
    })?;
    dir.is_dir().then_some(dir)
}

/// Says on standard error why a test was skipped, in the one form the test runner counts.
pub fn skip(why: &str) {
    eprintln!("skipped: {why}");
}
