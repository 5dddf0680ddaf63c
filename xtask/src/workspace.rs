//! Where the workspace is and which files belong to it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Folders that never hold sources.
const SKIPPED: [&str; 6] = ["target", ".git", ".venv", "__pycache__", "node_modules", ".strata"];

/// The workspace's root: the folder above this crate's.
pub(crate) fn root() -> Result<PathBuf> {
    // cargo sets the variable for `cargo xtask`; without it the built-in path serves.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let root = manifest.parent().context("xtask lies at the root of the file system")?;
    if !root.join("Cargo.toml").is_file() {
        bail!("{} is not the workspace: run `cargo xtask` inside it", root.display());
    }
    Ok(root.to_owned())
}

/// Files of the workspace, relative to `root`, sorted: what git tracks or would track, or else all there is.
pub(crate) fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = if root.join(".git").exists() { git_files(root)? } else { walk(root)? };
    files.sort();
    files.dedup();
    Ok(files)
}

fn git_files(root: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout)
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(PathBuf::from)
            // Deleted and not yet committed.
            .filter(|path| root.join(path).is_file())
            .collect()),
        // No git on this machine, or a checkout it refuses: the folder itself tells.
        _ => walk(root),
    }
}

fn walk(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            let path = entry.path();
            let skipped = SKIPPED.iter().any(|name| entry.file_name() == *name);
            if kind.is_dir() && !skipped {
                folders.push(path);
            } else if kind.is_file() {
                found.push(path.strip_prefix(root)?.to_owned());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_found_and_holds_this_file() {
        let root = root().unwrap();
        assert!(files(&root).unwrap().contains(&PathBuf::from("xtask/src/workspace.rs")));
    }

    #[test]
    fn without_git_the_folder_is_walked_past_build_output() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["a/b.rs", "target/c.rs", "d.md"] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        assert_eq!(files(folder.path()).unwrap(), [Path::new("a/b.rs"), Path::new("d.md")]);
    }
}
