//! Files of a folder that may hold forecasts, and whether they have changed.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How deep folders are looked into.
const DEPTH: usize = 3;

/// Endings of files that are opened.
const ENDINGS: [&str; 8] = ["nc", "nc4", "npy", "grib", "grib2", "grb", "grb2", "zarr"];

/// A file as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was changed last.
    pub changed: Option<SystemTime>,
}

impl Seen {
    /// What is in memory under a name.
    #[must_use]
    pub fn memory(name: &str) -> Self {
        Self { path: PathBuf::from(name), bytes: 0, changed: None }
    }

    /// Its name without the folders, which are not for others to know.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Its name without the ending.
    #[must_use]
    pub fn stem(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The files of a folder and the folders in it, in order. Hidden ones are left out: checkpoints are hidden, and a run whose
/// checkpoint lies beside its file is not at its end.
pub(super) fn list(folder: &Path) -> std::io::Result<Vec<Seen>> {
    let mut found = Vec::new();
    walk(folder, DEPTH, &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<Seen>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        // A file that went away meanwhile is none.
        let Ok(about) = std::fs::metadata(&path) else { continue };
        let known = path.extension().is_some_and(|end| ENDINGS.iter().any(|known| end == *known));
        let marks = ["zarr.json", ".zgroup", ".zmetadata"].map(|mark| path.join(mark));
        let store = marks.iter().find(|mark| about.is_dir() && mark.is_file());
        if about.is_dir() && store.is_none() {
            if depth > 0 {
                walk(&path, depth - 1, found)?;
            }
            continue;
        }
        if !known && store.is_none() || unfinished(&path, &name) {
            continue;
        }
        let about = store.and_then(|mark| std::fs::metadata(mark).ok()).unwrap_or(about);
        found.push(Seen { path, bytes: about.len(), changed: about.modified().ok() });
    }
    Ok(())
}

fn unfinished(path: &Path, name: &str) -> bool {
    path.with_file_name(format!(".{name}.strata")).exists()
}
