//! A file that is seen under its name only when it is whole.

use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::{Path, PathBuf};

/// Writes to `NAME.tmp`, then renames. Dropped without [`AtomicFile::commit`] it leaves nothing. The
/// temporary name is fixed, so that a killed run leaves at most one such file, which the next run
/// writes over.
#[derive(Debug)]
pub struct AtomicFile {
    file: BufWriter<File>,
    temporary: PathBuf,
    path: PathBuf,
    committed: bool,
}

impl AtomicFile {
    /// Starts a file.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        let file = BufWriter::with_capacity(1 << 16, File::create(&temporary)?);
        Ok(Self { file, temporary, path: path.to_path_buf(), committed: false })
    }

    /// Writes everything to the disk and puts the file in its place.
    ///
    /// # Errors
    /// Where the disk is full or the rename is refused.
    pub fn commit(mut self) -> Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        std::fs::rename(&self.temporary, &self.path)?;
        self.committed = true;
        // The rename itself must survive a power cut; not every system can open a folder for that.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

/// Writes a file that is seen only when it is whole.
///
/// # Errors
/// As [`AtomicFile::create`], [`Write::write_all`] and [`AtomicFile::commit`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes)?;
    file.commit()
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.committed {
            // What cannot be removed is written over by the next run.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, buffer: &[u8]) -> Result<usize> {
        self.file.write(buffer)
    }

    fn flush(&mut self) -> Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_committed_file_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.csv");
        let left = || std::fs::read_dir(dir.path()).unwrap().count();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert_eq!(left(), 1);
        drop(file);
        assert_eq!(left(), 0);
        write_whole(&path, b"whole").unwrap();
        assert_eq!((left(), std::fs::read(&path).unwrap()), (1, b"whole".to_vec()));
    }
}
