//! The `.part` file: bytes on their way, their running digest, the lock, and the step that makes them the file.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::digest::hash_into;
use crate::{Digest, FetchError, Progress, Result};

/// A part file, open and locked by this process.
pub(crate) struct Part {
    file: File,
    path: PathBuf,
    dest: PathBuf,
    state: Sha256,
    len: u64,
}

/// What a server said identifies the version of the file it was sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) url: String,
    pub(crate) validator: String,
}

impl Part {
    /// Opens `<dest>.part` with what an earlier call left in it, waiting for any other process that holds it.
    pub(crate) fn open(dest: &Path, wait: Duration, progress: &mut dyn Progress) -> Result<Self> {
        let path = beside(dest, ".part");
        let file = lock(&path, dest, wait, progress)?;
        let mut part = Self { file, path, dest: dest.to_owned(), state: Sha256::new(), len: 0 };
        part.len = hash_into(&mut part.file, &mut part.state)
            .map_err(FetchError::io("read", &part.path))?;
        Ok(part)
    }

    /// Bytes held.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The digest of the bytes held.
    pub(crate) fn digest(&self) -> Digest {
        Digest::finish(self.state.clone())
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(FetchError::io("write", &self.path))?;
        self.state.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Forgets the bytes held and what is known of where they came from.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .map_err(FetchError::io("empty", &self.path))?;
        self.state = Sha256::new();
        self.len = 0;
        remove(&self.note_path())
    }

    /// Flushes the bytes to the disk and gives them their name, replacing an older file in one step.
    pub(crate) fn finish(self) -> Result<()> {
        self.file.sync_all().map_err(FetchError::io("flush", &self.path))?;
        std::fs::rename(&self.path, &self.dest).map_err(FetchError::io("replace", &self.dest))?;
        sync_folder(&self.dest)?;
        remove(&self.note_path())
    }

    /// Removes the part file and its note.
    pub(crate) fn delete(self) -> Result<()> {
        remove(&self.note_path())?;
        remove(&self.path)
    }

    /// Leaves the bytes for a later call; an empty part is removed.
    pub(crate) fn keep(self) -> Result<()> {
        if self.len == 0 {
            return self.delete();
        }
        self.file.sync_all().map_err(FetchError::io("flush", &self.path))
    }

    /// The version that the bytes held belong to, where the server named one.
    pub(crate) fn note(&self) -> Option<Note> {
        let text = std::fs::read_to_string(self.note_path()).ok()?;
        let (url, validator) = text.trim_end_matches('\n').split_once('\n')?;
        let clean = |s: &str| !s.is_empty() && !s.contains(char::is_control);
        (clean(url) && clean(validator))
            .then(|| Note { url: url.to_owned(), validator: validator.to_owned() })
    }

    /// Writes down the version; `None` forgets it.
    pub(crate) fn set_note(&self, note: Option<&Note>) -> Result<()> {
        let path = self.note_path();
        match note {
            None => remove(&path),
            Some(note) => std::fs::write(&path, format!("{}\n{}\n", note.url, note.validator))
                .map_err(FetchError::io("write", &path)),
        }
    }

    fn note_path(&self) -> PathBuf {
        beside(&self.dest, ".part.version")
    }
}

fn beside(dest: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(dest.as_os_str());
    name.push(suffix);
    PathBuf::from(name)
}

/// Opens and locks the part file. The file may be renamed or removed by the process we waited for, so the lock
/// counts only when the name still leads to the file that was locked.
fn lock(path: &Path, dest: &Path, wait: Duration, progress: &mut dyn Progress) -> Result<File> {
    let start = Instant::now();
    let mut told = false;
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(FetchError::io("open", path))?;
        match file.try_lock() {
            Ok(()) if still_named(&file, path) => return Ok(file),
            Ok(()) => continue,
            Err(TryLockError::Error(error)) => return Err(FetchError::io("lock", path)(error)),
            Err(TryLockError::WouldBlock) => {}
        }
        if start.elapsed() >= wait {
            return Err(FetchError::Busy { dest: dest.to_owned(), waited: wait });
        }
        if !told {
            progress.waiting();
            told = true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(unix)]
fn still_named(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(a), Ok(b)) => a.dev() == b.dev() && a.ino() == b.ino(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn still_named(_file: &File, path: &Path) -> bool {
    path.exists()
}

/// Makes a rename lasting: the folder's entry reaches the disk too.
fn sync_folder(dest: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        let folder = dest.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|f| f.sync_all()).map_err(FetchError::io("flush", folder))?;
    }
    #[cfg(not(unix))]
    let _ = dest;
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FetchError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Silent;

    const NO_WAIT: Duration = Duration::ZERO;

    #[test]
    fn bytes_survive_to_the_next_call() {
        let folder = tempfile::tempdir().unwrap();
        let dest = folder.path().join("x");
        let mut part = Part::open(&dest, NO_WAIT, &mut Silent).unwrap();
        part.write(b"hello ").unwrap();
        let note = Note { url: "http://h/x".into(), validator: "\"v1\"".into() };
        part.set_note(Some(&note)).unwrap();
        part.keep().unwrap();

        let mut part = Part::open(&dest, NO_WAIT, &mut Silent).unwrap();
        assert_eq!((part.len(), part.note()), (6, Some(note)));
        part.write(b"world").unwrap();
        assert_eq!(part.digest(), Digest::of(b"hello world"));
        part.finish().unwrap();
        assert_eq!(std::fs::read(&dest).unwrap(), b"hello world");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn restart_forgets_bytes_digest_and_version() {
        let folder = tempfile::tempdir().unwrap();
        let mut part = Part::open(&folder.path().join("x"), NO_WAIT, &mut Silent).unwrap();
        part.write(b"wrong").unwrap();
        part.set_note(Some(&Note { url: "u".into(), validator: "v".into() })).unwrap();
        part.restart().unwrap();
        part.write(b"ok").unwrap();
        assert_eq!((part.len(), part.digest(), part.note()), (2, Digest::of(b"ok"), None));
    }

    #[test]
    fn a_second_holder_waits_and_then_gives_up() {
        let folder = tempfile::tempdir().unwrap();
        let dest = folder.path().join("x");
        let held = Part::open(&dest, NO_WAIT, &mut Silent).unwrap();
        let second = Part::open(&dest, Duration::from_millis(60), &mut Silent);
        assert!(matches!(second, Err(FetchError::Busy { .. })));
        drop(held);
        assert!(Part::open(&dest, NO_WAIT, &mut Silent).is_ok());
    }

    #[test]
    fn a_holder_that_deletes_frees_the_next_one_on_a_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let dest = folder.path().join("x");
        let mut held = Part::open(&dest, NO_WAIT, &mut Silent).unwrap();
        held.write(b"bad").unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| Part::open(&dest, Duration::from_secs(5), &mut Silent));
            std::thread::sleep(Duration::from_millis(120));
            held.delete().unwrap();
            let part = waiter.join().unwrap().unwrap();
            assert_eq!(part.len(), 0);
            assert!(beside(&dest, ".part").exists());
        });
    }

    #[test]
    fn a_spoilt_note_is_no_note() {
        let folder = tempfile::tempdir().unwrap();
        let part = Part::open(&folder.path().join("x"), NO_WAIT, &mut Silent).unwrap();
        for text in ["", "one line", "u\n", "\nv", "u\nv\r\nX-Evil: 1"] {
            std::fs::write(part.note_path(), text).unwrap();
            assert_eq!(part.note(), None, "{text:?}");
        }
    }
}
