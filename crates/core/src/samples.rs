//! Where the samples of the scenarios are: in the repository's `datasets`, beside or above the program or this folder.

use std::path::{Path, PathBuf};

/// A sample that is nowhere.
#[derive(Debug, thiserror::Error)]
#[error(
    "the sample {sample} is not on this machine: give a SOURCE of your own, or run inside a copy of the repository"
)]
pub struct NoSample {
    sample: String,
}

/// A sample by its path in the repository.
///
/// # Errors
/// [`NoSample`]
pub fn find(sample: &str) -> Result<PathBuf, NoSample> {
    let here = std::env::current_dir().ok();
    let program = std::env::current_exe().ok();
    let starts = [here.as_deref(), program.as_deref().and_then(Path::parent)];
    let found = starts
        .into_iter()
        .flatten()
        .flat_map(Path::ancestors)
        .map(|folder| folder.join(sample))
        .find(|path| path.exists());
    // Messages and results are shorter with a path from here.
    let short = |path: PathBuf| {
        let below = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
        below.map_or_else(|| path.clone(), Path::to_path_buf)
    };
    found.map(short).ok_or_else(|| NoSample { sample: sample.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_found_above_and_absence_is_said() {
        assert!(find("config/default.toml").expect("in the repository").is_file());
        assert!(find("datasets/none").unwrap_err().to_string().contains("datasets/none"));
    }
}
