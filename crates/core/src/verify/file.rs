//! Reading a model's file: once, whole, from a plain file that is nobody else's by another name, and
//! only if size and SHA-256 are the card's. What was hashed is what is returned.

use std::fmt::Write as _;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::card::ModelFile;

/// A file that must not or cannot be used.
#[derive(Debug, Error)]
#[error("{}: {kind}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: FileKind,
}

/// What is wrong with a file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileKind {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is a symbolic link (or, on Windows, another reparse point).
    #[error(
        "is a symbolic link, which could be turned to another file after it was checked; put a \
         copy of the file in its place"
    )]
    SymbolicLink,
    /// It has another name in the file system.
    #[error(
        "has {names} names (hard links), so that it could be changed under another; put a copy in \
         its place: cp FILE FILE.copy && mv FILE.copy FILE"
    )]
    HardLink {
        /// Number of names.
        names: u64,
    },
    /// It is a folder, device, pipe or socket.
    #[error("is not a regular file")]
    NotRegular,
    /// Another file took its place while it was being opened.
    #[error("was replaced while it was being opened; try again when nothing writes there")]
    Replaced,
    /// Its size isn't the card's.
    #[error("has {found} bytes, the card says {expected}; fetch it again, or correct the card")]
    Size {
        /// The card's size.
        expected: u64,
        /// The file's.
        found: u64,
    },
    /// Its digest isn't the card's.
    #[error(
        "has the SHA-256 {found}, the card says {expected}; fetch it again, or correct the card"
    )]
    Digest {
        /// The card's digest.
        expected: String,
        /// The file's.
        found: String,
    },
    /// It is larger than the caps allow.
    #[error("has {bytes} bytes, more than the {limit} allowed")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The cap.
        limit: u64,
    },
}

/// A file's bytes, which have the digest its card gives. Cloning shares them.
#[derive(Debug, Clone)]
pub struct VerifiedFile {
    /// Plain name.
    pub name: String,
    /// SHA-256 of the bytes, in lower-case hexadecimal.
    pub sha256: String,
    bytes: Arc<Vec<u8>>,
}

impl VerifiedFile {
    /// The bytes, shared: for whoever must keep them alive.
    #[must_use]
    pub fn shared(&self) -> Arc<Vec<u8>> {
        Arc::clone(&self.bytes)
    }
}

impl Deref for VerifiedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads the file at `path`, which the card describes as `file`.
pub(super) fn read(path: &Path, file: &ModelFile, limit: u64) -> Result<VerifiedFile, FileError> {
    read_checked(path, file, limit).map_err(|kind| FileError { path: path.to_owned(), kind })
}

fn read_checked(path: &Path, file: &ModelFile, limit: u64) -> Result<VerifiedFile, FileKind> {
    let (handle, found) = open(path)?;
    // Sizes are compared first: a wrong one is known without reading, and it caps the reading.
    if found.len() != file.bytes {
        return Err(FileKind::Size { expected: file.bytes, found: found.len() });
    }
    if file.bytes > limit {
        return Err(FileKind::TooLarge { bytes: file.bytes, limit });
    }
    let bytes = read_whole(handle, file.bytes)?;
    if bytes.len() as u64 != file.bytes {
        return Err(FileKind::Size { expected: file.bytes, found: bytes.len() as u64 });
    }
    let sha256 = sha256_hex(&bytes);
    if sha256 != file.sha256 {
        return Err(FileKind::Digest { expected: file.sha256.clone(), found: sha256 });
    }
    Ok(VerifiedFile { name: file.path.clone(), sha256, bytes: Arc::new(bytes) })
}

/// Compares the file at `path` with what the card says, as [`read`] does, as a stream.
pub(super) fn check(path: &Path, file: &ModelFile) -> Result<(), FileError> {
    let checked = || -> Result<(), FileKind> {
        let (handle, found) = open(path)?;
        if found.len() != file.bytes {
            return Err(FileKind::Size { expected: file.bytes, found: found.len() });
        }
        let found = sha256_of(handle.take(file.bytes))?;
        if found == file.sha256 {
            return Ok(());
        }
        Err(FileKind::Digest { expected: file.sha256.clone(), found })
    };
    checked().map_err(|kind| FileError { path: path.to_owned(), kind })
}

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a stream, in lower-case hexadecimal.
///
/// # Errors
/// Where it cannot be read.
pub fn sha256_of(mut bytes: impl Read) -> io::Result<String> {
    let (mut digest, mut block) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match bytes.read(&mut block) {
            Ok(0) => return Ok(hex(&digest.finalize())),
            Ok(some) => digest.update(&block[..some]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn read_whole(handle: File, bytes: u64) -> Result<Vec<u8>, FileKind> {
    let mut buffer = Vec::new();
    let size = usize::try_from(bytes)
        .map_err(|_| io::Error::other("it is larger than this machine's address space"))?;
    buffer.try_reserve_exact(size).map_err(|_| {
        io::Error::new(io::ErrorKind::OutOfMemory, format!("no memory for its {size} bytes"))
    })?;
    handle.take(bytes.saturating_add(1)).read_to_end(&mut buffer)?;
    Ok(buffer)
}

/// Opens a regular file that is neither a symbolic nor a hard link.
fn open(path: &Path) -> Result<(File, Metadata), FileKind> {
    let named = fs::symlink_metadata(path)?;
    if named.file_type().is_symlink() {
        return Err(FileKind::SymbolicLink);
    }
    if !named.is_file() {
        return Err(FileKind::NotRegular);
    }
    let mut options = OpenOptions::new();
    options.read(true);
    no_follow(&mut options);
    let handle = match options.open(path) {
        Ok(handle) => handle,
        Err(error) if is_link_error(&error) => return Err(FileKind::SymbolicLink),
        Err(error) => return Err(error.into()),
    };
    // From here on only the open file counts, whatever happens to its name.
    let opened = handle.metadata()?;
    if !opened.is_file() {
        return Err(FileKind::NotRegular);
    }
    same_file(&named, &opened)?;
    Ok((handle, opened))
}

#[cfg(unix)]
fn no_follow(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    // Not blocking: a pipe put there in between must not hang the open.
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
}

#[cfg(windows)]
fn no_follow(options: &mut OpenOptions) {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
}

#[cfg(unix)]
fn is_link_error(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ELOOP)
}

#[cfg(not(unix))]
fn is_link_error(_: &io::Error) -> bool {
    false
}

#[cfg(unix)]
fn same_file(named: &Metadata, opened: &Metadata) -> Result<(), FileKind> {
    use std::os::unix::fs::MetadataExt;
    if (named.dev(), named.ino()) != (opened.dev(), opened.ino()) {
        return Err(FileKind::Replaced);
    }
    if opened.nlink() > 1 {
        return Err(FileKind::HardLink { names: opened.nlink() });
    }
    Ok(())
}

/// Windows tells a file's number of names only to unstable Rust; the digest still holds there.
#[cfg(not(unix))]
fn same_file(named: &Metadata, opened: &Metadata) -> Result<(), FileKind> {
    if named.len() == opened.len() { Ok(()) } else { Err(FileKind::Replaced) }
}
