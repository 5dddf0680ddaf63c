//! Replacing a file that holds secrets: whole or not at all, by one process at a time, and never
//! readable by more people than before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A change under way. The new content is written beside the file and takes its place at the end;
/// until then, the name of the new one being taken keeps other processes out.
#[derive(Debug)]
pub(super) struct Change {
    target: PathBuf,
    beside: PathBuf,
    file: File,
    done: bool,
}

impl Change {
    /// Begins to change the file at `path`, which need not exist.
    pub(super) fn begin(path: &Path) -> io::Result<Self> {
        // What a link points to is replaced, not the link.
        let target = match fs::canonicalize(path) {
            Ok(target) => target,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(error),
        };
        let mut name = target.file_name().map(ToOwned::to_owned).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the path does not end in a file's name")
        })?;
        name.push(".new");
        let beside = target.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&beside).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!(
                    "another process is changing it; if none is, one was killed: delete {}",
                    beside.display()
                ),
            ),
            _ => error,
        })?;
        Ok(Self { target, beside, file, done: false })
    }

    /// Puts `content` in the file's place.
    pub(super) fn commit(mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)?;
        self.keep_access()?;
        self.file.sync_all()?;
        fs::rename(&self.beside, &self.target)?;
        self.done = true;
        // The name is on the disk when its folder is; a system that cannot sync folders is left be.
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    /// Leaves the file to its owner and, where it had one that may read, its group: the server that
    /// reads it seldom runs as the user who edits it.
    #[cfg(unix)]
    fn keep_access(&self) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
        let old = match fs::metadata(&self.target) {
            Ok(old) => old,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let new = self.file.metadata()?;
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            fchown(&self.file, Some(old.uid()), Some(old.gid()))?;
        }
        let mode = 0o600 | (old.permissions().mode() & 0o040);
        self.file.set_permissions(fs::Permissions::from_mode(mode))
    }

    #[cfg(not(unix))]
    fn keep_access(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_file(&self.beside);
        }
    }
}
