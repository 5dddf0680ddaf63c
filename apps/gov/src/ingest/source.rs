//! Where documents come from: files, folders and patterns; files of many records are read record by record.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::Sha256;
use strata_core::stream::{Source, SourceError};
use strata_text::document::Extract;
use strata_text::read::{self, Format, HEAD, ReadLimits, Records};

use super::IngestError;

/// One step of reading.
#[derive(Debug)]
pub(super) enum Item {
    /// A file of one document or few, to be read by a worker.
    File(Arc<FileRef>),
    /// The same in memory.
    Bytes(Arc<FileRef>, Vec<u8>),
    /// A record of a file of many.
    Record(Arc<FileRef>, u64, Box<Extract>),
    /// A record, or the rest of a file, that cannot be read.
    Broken(Arc<FileRef>, u64, String, String),
}

/// A file.
#[derive(Debug)]
pub(super) struct FileRef {
    /// Where it is.
    pub(super) path: PathBuf,
    /// What documents say of where they came from: the folder that was asked for, and the path below it.
    pub(super) name: String,
    /// Bytes.
    pub(super) bytes: u64,
}

/// Bytes of a record that is no more than one, and of a file of a document: little of most formats is text.
const USUAL: usize = 64 << 10;
const USUAL_FILE: usize = 1 << 20;

impl Item {
    /// How many usual records it is worth: long texts share a chunk with few others, so that memory is bounded by bytes.
    fn cost(&self) -> usize {
        1 + match self {
            Self::File(file) => usize::try_from(file.bytes).unwrap_or(usize::MAX) / USUAL_FILE,
            Self::Bytes(_, bytes) => bytes.len() / USUAL_FILE,
            Self::Record(_, _, extract) => extract.text.len() / USUAL,
            Self::Broken(..) => 0,
        }
    }
}

/// Files, in order.
pub(super) struct Files {
    files: std::vec::IntoIter<Arc<FileRef>>,
    open: Option<(Arc<FileRef>, Records<'static>, u64)>,
    limits: ReadLimits,
    total: u64,
    passed: u64,
    within: u64,
}

impl Files {
    pub(super) fn new(files: Vec<Arc<FileRef>>, limits: ReadLimits) -> Self {
        let total = files.iter().map(|file| file.bytes).sum();
        Self { files: files.into_iter(), open: None, limits, total, passed: 0, within: 0 }
    }
}

impl Source for Files {
    type Record = Item;

    fn next_record(&mut self) -> Result<Option<Item>, SourceError> {
        loop {
            if let Some((file, records, count)) = &mut self.open {
                if let Some(record) = records.next() {
                    *count += 1;
                    let (file, number) = (Arc::clone(file), *count);
                    return Ok(Some(match record {
                        Ok(extract) => {
                            self.within += extract.text.len() as u64;
                            Item::Record(file, number, Box::new(extract))
                        }
                        Err(problem) => Item::Broken(file, number, problem.code, problem.message),
                    }));
                }
                self.passed += file.bytes;
                (self.open, self.within) = (None, 0);
            }
            let Some(file) = self.files.next() else { return Ok(None) };
            if !has_many_records(&file.path) {
                self.passed += file.bytes;
                return Ok(Some(Item::File(file)));
            }
            match read::open_with(&file.path, &self.limits, None) {
                Ok(records) => self.open = Some((file, records, 0)),
                Err(error) => {
                    self.passed += file.bytes;
                    let (code, message) = (error.code().to_owned(), error.to_string());
                    return Ok(Some(Item::Broken(file, 0, code, message)));
                }
            }
        }
    }

    // Nothing is resumed by counting rows: the index knows what it has.
    fn digest(_: &Item, _: &mut Sha256) {}

    fn cost(record: &Item) -> usize {
        record.cost()
    }

    fn fraction(&self) -> Option<f64> {
        // Of a file of records what was taken of it is known only by its texts.
        let within = self.open.as_ref().map_or(0, |(file, ..)| self.within.min(file.bytes));
        (self.total > 0).then(|| ((self.passed + within) as f64 / self.total as f64).min(1.0))
    }
}

/// Whether a file is read record by record; what cannot be looked into is left to the reader, which says why.
fn has_many_records(path: &Path) -> bool {
    let mut head = Vec::with_capacity(HEAD);
    let read = File::open(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    read.is_ok()
        && matches!(
            read::detect(&name, &head),
            Format::Json | Format::JsonLines | Format::Csv | Format::Gzip | Format::Text
        )
}

/// One file in memory.
pub(super) struct Upload {
    item: Option<Item>,
}

impl Upload {
    pub(super) fn new(name: &str, bytes: &[u8]) -> Self {
        let length = bytes.len() as u64;
        let file = FileRef { path: PathBuf::from(name), name: name.to_owned(), bytes: length };
        Self { item: Some(Item::Bytes(Arc::new(file), bytes.to_vec())) }
    }
}

impl Source for Upload {
    type Record = Item;

    fn next_record(&mut self) -> Result<Option<Item>, SourceError> {
        Ok(self.item.take())
    }

    fn digest(_: &Item, _: &mut Sha256) {}
}

/// The files of paths: a file, all files of a folder and those below it (not hidden ones), or a pattern. Sorted, each once.
///
/// # Errors
/// A path where nothing is.
pub fn list(paths: &[PathBuf]) -> Result<Vec<(PathBuf, String)>, IngestError> {
    let mut found = Vec::new();
    for path in paths {
        let before = found.len();
        if path.is_dir() {
            walk(&above(path), path, &mut found)?;
        } else if path.is_file() {
            found.push((path.clone(), name_of(path)));
        } else if let Ok(matches) = glob::glob(&path.to_string_lossy()) {
            for file in matches.flatten().filter(|file| file.is_file()) {
                let name = name_of(&file);
                found.push((file, name));
            }
        }
        if found.len() == before {
            return Err(IngestError::Nothing { path: path.clone() });
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn walk(base: &Path, dir: &Path, found: &mut Vec<(PathBuf, String)>) -> Result<(), IngestError> {
    let io = |source| IngestError::Io { path: dir.to_path_buf(), source };
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let entry = entry.map_err(io)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // A link could lead in a circle; a linked file is a file.
        let kind = entry.file_type().map_err(io)?;
        if kind.is_dir() {
            walk(base, &path, found)?;
        } else if path.is_file() {
            let full = std::fs::canonicalize(&path).map_err(io)?;
            let name = slashed(full.strip_prefix(base).unwrap_or(&full));
            found.push((path, name));
        }
    }
    Ok(())
}

/// The folder above a folder: documents are known by the folder's own name and what is below it, from wherever it is named.
fn above(dir: &Path) -> PathBuf {
    let full = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_path_buf());
    full.parent().map_or(full.clone(), Path::to_path_buf)
}

/// A file as documents give it: its folder's name and its own.
fn name_of(file: &Path) -> String {
    let full = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
    let base = full.parent().and_then(Path::parent);
    slashed(base.and_then(|base| full.strip_prefix(base).ok()).unwrap_or(&full))
}

/// With slashes on every system.
fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_files_and_patterns() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(at("laws/old")).unwrap();
        for name in ["laws/a.txt", "laws/old/b.txt", "laws/.hidden", "c.md"] {
            std::fs::write(at(name), "x").unwrap();
        }
        let names = |paths: &[PathBuf]| -> Vec<String> {
            list(paths).unwrap().into_iter().map(|(_, name)| name).collect()
        };
        assert_eq!(names(&[at("laws")]), ["laws/a.txt", "laws/old/b.txt"]);
        assert_eq!(names(&[at("laws/old/../")]), ["laws/a.txt", "laws/old/b.txt"]);
        assert_eq!(names(&[at("laws/*.txt")]), ["laws/a.txt"]);
        let folder = dir.path().canonicalize().unwrap();
        let own = folder.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(names(&[at("c.md"), at("c.md")]), [format!("{own}/c.md")]);
        let error = list(&[at("none")]).unwrap_err().to_string();
        assert!(error.contains("none"), "{error}");
    }
}
