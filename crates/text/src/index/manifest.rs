//! The manifest: which files are the index. Replacing it is what makes a commit.
//!
//! `index.manifest` is a line `strata-index VERSION CRC32` and JSON. It is written under another name, brought to the
//! disk and renamed, after the files it names were. Files it doesn't name belong to nobody.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::config::IndexConfig;
use super::error::{IndexError, damaged, io};

/// Version of the format: raised when what is in files or what tokens are changes.
const FORMAT: u32 = 1;
const FILE: &str = "index.manifest";
const MARK: &str = "strata-index";

/// The files of an index.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Commits since it was made.
    pub(super) generation: u64,
    /// Number of the next file.
    pub(super) next_file: u64,
    pub(super) config: IndexConfig,
    pub(super) segments: Vec<SegmentEntry>,
}

/// A file of documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SegmentEntry {
    /// Its name in the folder.
    pub(super) file: String,
    /// Bytes.
    pub(super) length: u64,
    /// Documents of it that are gone, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) deleted: Vec<u32>,
}

impl Manifest {
    pub(super) fn path(dir: &Path) -> PathBuf {
        dir.join(FILE)
    }

    /// Reads the manifest of a folder.
    pub(super) fn read(dir: &Path) -> Result<Self, IndexError> {
        let path = Self::path(dir);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(IndexError::NotAnIndex(dir.to_owned()));
            }
            other => other.map_err(io(&path))?,
        };
        let unreadable = || damaged(&path, "its head is no head of an index");
        let text = std::str::from_utf8(&bytes).map_err(|_| unreadable())?;
        let (head, body) = text.split_once('\n').ok_or_else(unreadable)?;
        let words: Vec<&str> = head.split(' ').collect();
        let [MARK, version, crc] = words[..] else { return Err(unreadable()) };
        let found: u32 = version.parse().map_err(|_| unreadable())?;
        if found != FORMAT {
            return Err(IndexError::Format { path, found, known: FORMAT });
        }
        if format!("{:08x}", crc32fast::hash(body.as_bytes())) != crc {
            return Err(damaged(&path, "wrong checksum"));
        }
        let manifest: Self =
            serde_json::from_str(body).map_err(|e| damaged(&path, e.to_string()))?;
        // A name with a folder in it would lead out of the index.
        let plain = |name: &str| Path::new(name).file_name().is_some_and(|n| n == name);
        if !manifest.segments.iter().all(|segment| plain(&segment.file)) {
            return Err(damaged(&path, "a file name"));
        }
        Ok(manifest)
    }

    /// Takes the place of the manifest of a folder: whole, or not at all.
    pub(super) fn write(&self, dir: &Path) -> Result<(), IndexError> {
        let path = Self::path(dir);
        let draft = dir.join("index.manifest.tmp");
        let body = serde_json::to_string_pretty(self).map_err(|e| damaged(&path, e.to_string()))?;
        let text = format!("{MARK} {FORMAT} {:08x}\n{body}", crc32fast::hash(body.as_bytes()));
        let mut file = File::create(&draft).map_err(io(&draft))?;
        file.write_all(text.as_bytes()).map_err(io(&draft))?;
        file.sync_all().map_err(io(&draft))?;
        // The names of the files it speaks of must be on the disk before it is.
        sync_dir(dir)?;
        fs::rename(&draft, &path).map_err(io(&path))?;
        sync_dir(dir)
    }

    /// Removes files of the index's kind that the manifest does not name. One that can't be removed (some systems keep
    /// mapped files) waits for the next time.
    pub(super) fn sweep(&self, dir: &Path) {
        let Ok(entries) = fs::read_dir(dir) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let ours = name.ends_with(".seg") || name.ends_with(".tmp");
            if ours && !self.segments.iter().any(|segment| segment.file == name) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// A name for the next file.
    pub(super) fn next_name(&mut self) -> String {
        self.next_file += 1;
        format!("{:08}.seg", self.next_file)
    }
}

/// Brings the names of a folder to the disk.
fn sync_dir(dir: &Path) -> Result<(), IndexError> {
    if cfg!(unix) {
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(io(dir))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_manifest_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Manifest::read(dir.path()), Err(IndexError::NotAnIndex(_))));
        let segments = vec![SegmentEntry { file: "1.seg".into(), length: 9, deleted: vec![1, 4] }];
        let manifest = Manifest { generation: 3, next_file: 2, segments, ..Manifest::default() };
        manifest.write(dir.path()).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), manifest);
        let path = Manifest::path(dir.path());
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert!(Manifest::read(dir.path()).is_err(), "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert!(Manifest::read(dir.path()).is_err(), "cut at {at}");
        }
        let text = String::from_utf8(whole).unwrap().replace("strata-index 1", "strata-index 2");
        fs::write(&path, text).unwrap();
        let found = Manifest::read(dir.path());
        assert!(matches!(found, Err(IndexError::Format { found: 2, .. })));
    }
}
