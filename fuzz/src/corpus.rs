//! Where the inputs of a target lie: seeds of its own, files of other tests that serve as seeds, and what was once
//! found wrong.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Longest file taken as a seed; mutations of a longer one find less in the same time.
pub const SEED_BYTES: u64 = 64 << 10;

/// What `fuzz/targets.toml` says of a target.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Its name.
    pub name: String,
    /// What it reads.
    pub reads: String,
    /// Folders and files of the repository that are seeds beside its corpus.
    #[serde(default)]
    pub seeds: Vec<PathBuf>,
    /// How the names of those end.
    #[serde(default)]
    pub ending: String,
    /// Whether it needs the feature `apps`.
    #[serde(default)]
    pub apps: bool,
}

#[derive(Deserialize)]
struct List {
    target: Vec<About>,
}

/// All targets, in the order of the file.
///
/// # Panics
/// Where `fuzz/targets.toml` is not of its form.
#[must_use]
pub fn targets() -> Vec<About> {
    let list: List = toml::from_str(include_str!("../targets.toml")).expect("fuzz/targets.toml");
    list.target
}

/// Files that a target is run on: its corpus, the findings kept for it, and those of other tests.
#[must_use]
pub fn inputs(target: &About) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(""));
    let own =
        ["corpora", "regressions"].map(|kind| Path::new("fuzz").join(kind).join(&target.name));
    let mut files = Vec::new();
    for place in &target.seeds {
        gather(&root.join(place), &mut files);
    }
    files.retain(|file| file.to_string_lossy().ends_with(&target.ending));
    for place in own {
        gather(&root.join(place), &mut files);
    }
    files.sort();
    files
}

fn gather(place: &Path, files: &mut Vec<PathBuf>) {
    let Ok(about) = place.metadata() else { return };
    if about.is_file() {
        if about.len() <= SEED_BYTES {
            files.push(place.to_path_buf());
        }
        return;
    }
    let Ok(entries) = place.read_dir() else { return };
    for entry in entries.flatten() {
        gather(&entry.path(), files);
    }
}
