//! Finding a file by its digest anywhere below a folder.

use std::path::{Path, PathBuf};

use crate::{Digest, FetchError, Result, hash_file};

/// How deep below the folder is looked, so that a wrong folder (`/`) does not run for ever.
const DEPTH: usize = 12;

/// The path of a file below `dir` with this size and digest; `None` when there is none. Links are not followed.
///
/// # Errors
/// [`FetchError::Io`] when `dir` itself cannot be read. What cannot be read below it is passed over.
pub fn locate(dir: &Path, bytes: Option<u64>, sha256: &Digest) -> Result<Option<PathBuf>> {
    std::fs::read_dir(dir).map_err(FetchError::io("read", dir))?;
    let mut folders = vec![(dir.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        // In order of name, so that of two equal files the same one is found each time.
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && depth < DEPTH {
                folders.push((entry.path(), depth + 1));
            } else if kind.is_file() && has_size(&entry, bytes) {
                match hash_file(&entry.path()) {
                    Ok((_, digest)) if digest == *sha256 => return Ok(Some(entry.path())),
                    _ => {}
                }
            }
        }
    }
    Ok(None)
}

fn has_size(entry: &std::fs::DirEntry, bytes: Option<u64>) -> bool {
    match (bytes, entry.metadata()) {
        (None, _) => true,
        (Some(want), Ok(meta)) => meta.len() == want,
        (Some(_), Err(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_by_content_not_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(folder.path().join("same-size"), b"yyy").unwrap();
        std::fs::write(deep.join("other-name"), b"xxx").unwrap();
        let digest = Digest::of(b"xxx");
        let found = locate(folder.path(), Some(3), &digest).unwrap();
        assert_eq!(found, Some(deep.join("other-name")));
        assert_eq!(locate(folder.path(), None, &digest).unwrap(), found);
        assert_eq!(locate(folder.path(), Some(4), &digest).unwrap(), None);
        assert_eq!(locate(folder.path(), Some(3), &Digest::of(b"zzz")).unwrap(), None);
        assert!(locate(&folder.path().join("none"), None, &digest).is_err());
    }
}
